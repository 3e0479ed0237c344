import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";

const LOGGED_OUT = "odoo.http.SessionExpiredException";
const CONFLICT = "odoo.addons.mes_base.exceptions.StopConflict";

function isNamed(error, name) {
    return [error.exceptionName, error.data?.name].includes(name);
}

/** @returns {boolean} whether a request was refused because nobody is logged in (any more) */
export function isLoggedOut(error) {
    return isNamed(error, LOGGED_OUT);
}

/** @returns {boolean} whether somebody else has meanwhile said something about the same stop */
export function isConflict(error) {
    return isNamed(error, CONFLICT);
}

/**
 * What went wrong, in words for the person in front of the screen.
 *
 * @param {Error} error of a request
 * @returns {string} a sentence or two
 */
export function problemOf(error) {
    if (isLoggedOut(error)) {
        return _t("You are no longer logged in. Log in again in another tab and go on here: what you typed stays.");
    }
    if (error instanceof ConnectionLostError) {
        return _t("The server does not answer.");
    }
    return error.data?.message || error.message || String(error);
}
