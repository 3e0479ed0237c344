"""Eight hours of one machine of which every figure can be worked out by hand."""

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, MONDAY, feed_counts, feed_states, make_reason


def eight_hours(case):
    """Half an hour of set-up, a breakdown of an hour (failure, code 17), a minor stop of 30 s, else running.

    A piece sells for 3, costs 1 and ideally takes 2 s; the machine costs 60 an hour. In the first ten minutes
    after the set-up 300 are made, 30 of them rejects; in the rest 10 000 and 100.
    """
    case.product.write({"list_price": 3.0, "standard_price": 1.0})
    case.machine.write({"costs_hour": 60.0, "mes_startup_minutes": 10})
    case.reason = make_reason(case.env, "Motor", mes_code="17", mes_failure=True)
    case.run = case.full_day(hours=8, ideal=2.0)
    start, end = MONDAY + 30 * MINUTE, MONDAY + 8 * HOUR
    feed_states(
        case.env,
        case.machine,
        [
            (MONDAY, "setup"), (start, "running"),
            (MONDAY + 2 * HOUR, "down", "17"), (MONDAY + 3 * HOUR, "running"),
            (MONDAY + 4 * HOUR, "idle"), (MONDAY + 4 * HOUR + 30_000, "running"), (end, "idle"),
        ],
    )  # fmt: skip
    feed_counts(case.env, case.machine, [(MONDAY, 0), (start, 0), (start + 10 * MINUTE, 300), (end, 10_300)])
    feed_counts(case.env, case.machine, [(start, 0), (start + 10 * MINUTE, 30), (end, 130)], "reject")
