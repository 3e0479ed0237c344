import { Component, onWillDestroy, onWillStart, useState, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** The word that the server replaces by the channels this user may hear. */
const CHANNEL = "mes_command";
const MESSAGE = "mes.command";

/**
 * Keeps an open command's form up to date: when the bridge takes the command or answers it, the
 * record is read anew. Shows nothing.
 */
export class CommandLive extends Component {
    static template = xml`<span class="o_mes_command_live d-none" t-att-data-heard="state.heard"/>`;
    static props = { ...standardWidgetProps };

    setup() {
        this.bus = useService("bus_service");
        this.state = useState({ heard: 0 });
        this.onMessage = this.onMessage.bind(this);
        onWillStart(() => {
            this.bus.subscribe(MESSAGE, this.onMessage);
            this.bus.addChannel(CHANNEL);
        });
        onWillDestroy(() => {
            this.bus.unsubscribe(MESSAGE, this.onMessage);
            this.bus.deleteChannel(CHANNEL);
        });
    }

    async onMessage({ ids }) {
        const record = this.props.record;
        if (ids.includes(record.resId) && record.data.state !== "draft") {
            await record.load();
            this.state.heard++;
        }
    }
}

registry.category("view_widgets").add("mes_command_live", { component: CommandLive });
