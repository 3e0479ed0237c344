import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { ReasonPicker } from "@mes_base/reason_picker/reason_picker";

/**
 * The tiles of the reason picker in the form of an explanation: a tap on one fills the form in and sends it.
 * The form has `stop_id`, `workcenter_id`, `loss_id`, `comment` and a button `action_explain`.
 */
export class ReasonTiles extends Component {
    static template = "mes_base.ReasonTiles";
    static components = { ReasonPicker };
    static props = { ...standardWidgetProps };

    get workcenterId() {
        return this.props.record.data.workcenter_id?.id || 0;
    }

    get stopId() {
        return this.props.record.data.stop_id?.id || null;
    }

    /** What is refused (somebody was faster, the period is closed) is said by the client, and the form stays. */
    async pick(reason, comment) {
        const { record } = this.props;
        await record.update({
            loss_id: { id: reason.id, display_name: reason.name },
            comment: comment || record.data.comment || false,
        });
        await this.env.onClickViewButton({
            clickParams: { type: "object", name: "action_explain" },
            getResParams: () => ({
                context: record.context,
                evalContext: record.evalContext,
                resModel: record.resModel,
                resId: record.resId,
                resIds: record.resIds,
            }),
        });
    }
}

registry.category("view_widgets").add("mes_reason_tiles", { component: ReasonTiles });
