import { Component } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";

/** A way to log in for who was logged out; in a tab of its own, so that nothing typed on this one is lost. */
export class LogIn extends Component {
    static template = "mes_oee.LogIn";
    static props = {};

    get address() {
        const { pathname, search } = browser.location;
        return `/web/login?redirect=${encodeURIComponent(pathname + search)}`;
    }
}
