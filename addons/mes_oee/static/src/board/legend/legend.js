import { Component } from "@odoo/owl";
import { STATES } from "@mes_base/palette/states";

/** What the colours mean, in words: the last line of the board. */
export class Legend extends Component {
    static template = "mes_oee.Legend";
    static props = {};

    get states() {
        return Object.entries(STATES)
            .filter(([kind]) => kind !== "off")
            .map(([kind, state]) => ({ kind, ...state }));
    }
}
