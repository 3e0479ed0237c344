import { onMounted, onWillUnmount } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";

const PACE_MS = 1000;

/**
 * The backlog follows the floor: a stop leaves it when its reason has arrived in the figures, a moment after
 * somebody gave it here or anywhere else. Nothing is read again under somebody who has ticked rows.
 */
export class BacklogController extends ListController {
    setup() {
        super.setup();
        this.bus = useService("bus_service");
        this.heard = () => {
            this.waiting ??= browser.setTimeout(() => this.readAgain(), PACE_MS);
        };
        onMounted(() => {
            this.bus.addChannel("mes_floor");
            this.bus.subscribe("mes.floor", this.heard);
        });
        onWillUnmount(() => {
            this.bus.unsubscribe("mes.floor", this.heard);
            browser.clearTimeout(this.waiting);
        });
    }

    async readAgain() {
        this.waiting = null;
        if (!this.model.root.selection.length) {
            await this.model.load();
        }
    }
}

registry.category("views").add("mes_backlog", { ...listView, Controller: BacklogController });
