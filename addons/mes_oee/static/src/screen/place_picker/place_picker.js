import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";

const INDENT = "\u2003";

/** Where: sites, areas, lines and machines as one list, indented; the native one, for keys and thumbs. */
export class PlacePicker extends Component {
    static template = "mes_oee.PlacePicker";
    static props = {
        /** Answer of mes.screen.places: in the order of the plant. */
        places: Array,
        /** Key of the chosen place such as "line-7"; "": none of them. */
        value: String,
        onPick: Function,
        label: { type: String, optional: true },
        /** Kinds that are listed; all without it. */
        kinds: { type: Array, optional: true },
        /** Words for no choice; without them there is none. */
        anyWord: { type: String, optional: true },
    };

    get pickerLabel() {
        return this.props.label || _t("Place");
    }

    get options() {
        const { places, kinds } = this.props;
        const shown = kinds ? places.filter((place) => kinds.includes(place.kind)) : places;
        const least = Math.min(...shown.map((place) => place.depth));
        return shown.map((place) => ({
            key: place.key,
            text: INDENT.repeat(place.depth - least) + place.name,
        }));
    }
}
