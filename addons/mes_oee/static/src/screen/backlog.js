/** @returns {string} as domains want instants */
function toServer(ms) {
    return luxon.DateTime.fromMillis(ms, { zone: "utc" }).toFormat("yyyy-MM-dd HH:mm:ss");
}

/**
 * Open the list "To Explain" of some machines.
 *
 * @param {Object} actions the action service
 * @param {{machines: number[], from: number, until: number, name: string}} of the span in ms; whose stops they are
 */
export async function openBacklog(actions, { machines, from, until, name }) {
    const action = await actions.loadAction("mes_base.mes_stop_to_explain_action");
    const domain = [
        ["needs_reason", "=", true],
        ["workcenter_id", "in", machines],
        ["at_from", "<", toServer(until)],
        "|",
        ["at_until", "=", false],
        ["at_until", ">", toServer(from)],
    ];
    return actions.doAction({ ...action, domain, name: `${action.name}: ${name}` });
}
