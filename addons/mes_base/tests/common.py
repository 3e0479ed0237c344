"""Builders for tests of this and of dependent rooms: a plant in a few lines.

Each builder takes the environment first, so that benchmarks and shells can use it as well;
``MesCase`` is a TransactionCase with one site, area, line and machine. Times are integer
milliseconds since the epoch, UTC.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from odoo.fields import Command
from odoo.tests import TransactionCase

from ..tools import clock
from ..tools.clock import At
from ..tools.rows import CountRow, EvidenceRow, Outcome, StateRow

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Monday 2 March 2026, 00:00 UTC: far from any change of clocks.
MONDAY = 1772409600000

ROLES = {
    "operator": "mes_base.group_mes_operator",
    "supervisor": "mes_base.group_mes_supervisor",
    "engineer": "mes_base.group_mes_engineer",
    "gateway": "mes_base.group_mes_gateway",
}
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
EVERY_DAY = (*WORKDAYS, "saturday", "sunday")


def at_time(records, ms: int):
    """The same records or environment model with the plant clock standing at ``ms``."""
    return records.with_context(mes_now_ms=At(ms))


def make_company(env, name: str = "Other company"):
    """A company that the present user may work in too."""
    company = env["res.company"].create({"name": name})
    env.user.write({"company_ids": [Command.link(company.id)]})
    return company


def make_user(env, role: str, login: str | None = None, company=None, **values):
    """A user with one MES role: operator, supervisor, engineer or gateway."""
    company = company or env.company
    login = login or f"{role}-{company.id}-{env['res.users'].search_count([])}"
    return env["res.users"].create(
        {
            "name": login,
            "login": login,
            "company_id": company.id,
            "company_ids": [Command.set(company.ids)],
            "group_ids": [Command.set([env.ref(ROLES[role]).id])],
            **values,
        }
    )


def make_site(env, code: str = "S1", tz: str = "UTC", company=None, **values):
    """A site."""
    company = company or env.company
    return env["mes.site"].create({"name": code.title(), "code": code, "tz": tz, "company_id": company.id, **values})


def make_area(env, site, code: str = "A1", **values):
    """An area of a site."""
    return env["mes.area"].create({"name": code.title(), "code": code, "site_id": site.id, **values})


def make_line(env, area, code: str = "L1", **values):
    """A line of an area."""
    return make_work_center(env, area, code, mes_level="line", **values)


def make_work_center(env, area, code: str = "M1", line=None, **values):
    """A machine of an area, on a line if one is given; its code is site/area[/line]/code."""
    return env["mrp.workcenter"].create(
        {
            "name": code.title(),
            "code": code,
            "mes_level": "unit",
            "mes_area_id": area.id,
            "mes_line_id": line.id if line else False,
            "company_id": area.company_id.id,
            "resource_calendar_id": area.company_id.resource_calendar_id.id,
            **values,
        }
    )


def make_shift_pattern(
    env,
    place,
    shifts: Sequence[tuple] = (("D", 0, 24),),
    days: Iterable[str] = EVERY_DAY,
    date_from: str | date = "2020-01-01",
    name: str = "Pattern",
):
    """A shift pattern valid for a site, area or work center from a date.

    ``shifts``: (code, start hour, end hour[, [(break start hour, minutes), ...]]), local time.
    """
    days = set(days)
    field = {"mes.site": "site_id", "mes.area": "area_id", "mrp.workcenter": "workcenter_id"}[place._name]
    return env["mes.shift.pattern"].create(
        {
            "name": name,
            "company_id": place.company_id.id,
            "shift_ids": [
                Command.create(
                    {
                        "name": code,
                        "code": code,
                        "start_hour": start,
                        "end_hour": end,
                        "break_ids": [
                            Command.create({"start_hour": hour, "minutes": minutes})
                            for hour, minutes in (breaks[0] if breaks else ())
                        ],
                        **{day: day in days for day in EVERY_DAY},
                    }
                )
                for code, start, end, *breaks in shifts
            ],
            "assignment_ids": [Command.create({field: place.id, "date_from": date_from})],
        }
    )


def make_crew(env, code: str = "A", company=None, **values):
    """A crew."""
    return env["mes.crew"].create(
        {"name": f"Crew {code}", "code": code, "company_id": (company or env.company).id, **values}
    )


def make_product(env, name: str = "Bottle", **values):
    """A storable product."""
    return env["product.product"].create({"name": name, "type": "consu", "is_storable": True, **values})


def make_workorder(env, workcenter, product=None, quantity: float = 100, **values):
    """A work order of a confirmed manufacturing order with one operation on the work center."""
    product = product or make_product(env)
    production = env["mrp.production"].create(
        {
            "product_id": product.id,
            "product_qty": quantity,
            "company_id": workcenter.company_id.id,
            "workorder_ids": [
                Command.create(
                    {
                        "name": "Run",
                        "workcenter_id": workcenter.id,
                        "product_uom_id": product.uom_id.id,
                        "duration_expected": 60,
                        **values,
                    }
                )
            ],
        }
    )
    production.action_confirm()
    return production.workorder_ids


def make_run(env, workcenter, product, start, end=None, **values):
    """An order run in ms, end None: still open."""
    return env["mes.order.run"].create(
        {
            "workcenter_id": workcenter.id,
            "product_id": product.id,
            "at_from": clock.from_ms(start),
            "at_until": clock.from_ms(end) if end is not None else False,
            **values,
        }
    )


def make_counter(env, workcenter, name: str = "total", role: str | None = None, **values):
    """A counter of a work center; the role is the name where that is a role."""
    return env["mes.counter"].create(
        {
            "workcenter_id": workcenter.id,
            "name": name,
            "role": role or (name if name in ("total", "good", "reject") else "check"),
            **values,
        }
    )


def make_reason(env, name: str, **values):
    """A stop reason."""
    category = env.ref("mrp.category_availability")
    return env["mrp.workcenter.productivity.loss"].create({"name": name, "loss_id": category.id, **values})


def make_class(env, code: str = "FILLER", **values):
    """An equipment class for every company."""
    return env["mes.equipment.class"].create({"name": code.title(), "code": code, **values})


def make_reason_rule(env, reason, name: str = "Rule", **values):
    """A reason rule that holds from the beginning, for all machines unless told otherwise."""
    return env["mes.reason.rule"].create({"name": name, "loss_id": reason.id, "date_from": False, **values})


def set_ideal_cycle(env, workcenter, seconds: float, product=None, from_ms: int = 0, **values):
    """The ideal cycle of a product (None: any) on a work center from a time."""
    return env["mes.ideal.cycle"].create(
        {
            "workcenter_id": workcenter.id,
            "product_id": product.id if product else False,
            "date_from": clock.from_ms(from_ms),
            "seconds": seconds,
            **values,
        }
    )


def feed_states(env, workcenter, points: Iterable[tuple], lane: str = "state", **origin) -> Outcome:
    """Enter change points: (ms, value[, code[, interlock]]); ``origin``: stream, seq, priority."""
    first_seq = origin.pop("seq", 1)
    return env["mes.fact.writer"].write_states(
        [
            StateRow(
                workcenter.id,
                lane,
                at,
                value,
                value,
                *[*rest, None, None][:2],
                **{"stream": "TEST", **origin},
                seq=first_seq + index,
            )
            for index, (at, value, *rest) in enumerate(points)
        ]
    )


def feed_counts(
    env, workcenter, points: Iterable[tuple[int, int]], name: str = "total", epoch: int = 1, **origin
) -> Outcome:
    """Enter counter readings: (ms, running total); the counter is made when missing."""
    first_seq = origin.pop("seq", 1)
    counter = env["mes.counter"]._ensure([(workcenter.id, name, None, None)])[workcenter.id, name]
    return env["mes.fact.writer"].write_counts(
        [
            CountRow(counter, epoch, at, total, total, **{"stream": "TEST", **origin}, seq=first_seq + index)
            for index, (at, total) in enumerate(points)
        ]
    )


def feed_evidence(env, workcenter, spans: Iterable[tuple[int, int]], stream: str = "TEST") -> Outcome:
    """Enter spans in which the machine was watched: (from ms, until ms)."""
    return env["mes.fact.writer"].write_evidence(
        [EvidenceRow(workcenter.id, stream, start, end) for start, end in spans]
    )


class MesCase(TransactionCase):
    """One site (UTC), area, line and machine S1/A1/L1/M1 on which tests build."""

    @classmethod
    def setUpClass(cls):
        """Build the plant once for the class."""
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True})
        cls.site = make_site(cls.env)
        cls.area = make_area(cls.env, cls.site)
        cls.line = make_line(cls.env, cls.area)
        cls.machine = make_work_center(cls.env, cls.area, line=cls.line)
        cls.product = make_product(cls.env)
