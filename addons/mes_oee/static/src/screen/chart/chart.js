import { Component, onWillStart, onWillUnmount, useEffect, useRef } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";

/**
 * A chart by the library that Odoo ships. The picture is for the eyes; `label` says it in words.
 *
 * Colours: `config` may be a function; it gets the theme's colours and is asked again when the theme
 * changes, so that a chart follows light and dark as everything else.
 */
export class Chart extends Component {
    static template = "mes_oee.Chart";
    static props = {
        /** Chart.js configuration, or (colors) => configuration. */
        config: { type: [Object, Function] },
        label: String,
        height: { type: Number, optional: true },
    };

    setup() {
        this.canvas = useRef("canvas");
        this.chart = null;
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => this.draw(),
            () => [this.props.config]
        );
        useEffect(
            (screen) => {
                const observer = new MutationObserver(() => this.draw());
                if (screen) {
                    observer.observe(screen, { attributeFilter: ["data-theme"] });
                }
                return () => observer.disconnect();
            },
            () => [this.canvas.el.closest("[data-theme]")]
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    draw() {
        const { config } = this.props;
        this.chart?.destroy();
        this.chart = new window.Chart(
            this.canvas.el,
            typeof config === "function" ? config(themeColors(this.canvas.el)) : config
        );
    }
}

/** @returns {{ink, quiet, line, paper, ground, well, accent: string}} the theme where the element stands */
export function themeColors(element) {
    const style = getComputedStyle(element);
    const names = ["ink", "quiet", "line", "paper", "ground", "well", "accent"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--mes-${name}`).trim()]));
}
