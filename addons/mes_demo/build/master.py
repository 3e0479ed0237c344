"""Master data: site, area, line, machines, shifts, reasons, products, ideal cycles, counters, people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from odoo.addons.mes_base.tools import clock

from ..demoplant import layout
from .records import ensure

# Facts may be as old as this before the calendar of the demo begins.
CALENDAR_DAYS = 60
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Plant:
    """The records of the demo plant; ``machines`` by unit code, ``rhythm`` in hours after a shift's begin."""

    site: Any
    line: Any
    machines: dict[str, Any]
    products: list[Any]
    rhythm: tuple[float, ...]


def ensure_plant(env: Any, now: int) -> Plant:
    """Everything that is there before a machine reports."""
    company = env.company
    site = ensure(
        env, "mes.site", {"company_id": company.id, "code": layout.SITE["code"]},
        {"name": layout.SITE["name"], "tz": layout.SITE["tz"]},
    )  # fmt: skip
    area = ensure(
        env, "mes.area", {"site_id": site.id, "code": layout.AREA["code"]}, {"name": layout.AREA["name"]}
    )
    line = _ensure_workcenter(env, area, layout.LINE_CODE, layout.LINE["name"], {"mes_level": "line"})
    machines = {
        machine.unit: _ensure_workcenter(
            env, area, machine.code, machine.name,
            {"mes_level": "unit", "mes_line_id": line.id, "sequence": 10 + index, "mes_stale_ms": layout.STALE_MS},
        )
        for index, machine in enumerate(layout.MACHINES)
    }
    if not line.mes_bottleneck_id:
        line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": machines[layout.BOTTLENECK].id})
    products = [_ensure_product(env, product) for product in layout.PRODUCTS]
    _ensure_reasons(env)
    _ensure_cycles(env, line, machines)
    return Plant(site, line, machines, products, _ensure_shifts(env, site, now))


def _ensure_workcenter(env: Any, area: Any, code: str, name: str, values: dict[str, Any]) -> Any:
    key = {"company_id": area.company_id.id, "mes_code": code}
    return ensure(env, "mrp.workcenter", key, {"name": name, "mes_area_id": area.id, **values})


def _ensure_product(env: Any, product: dict[str, str]) -> Any:
    return ensure(
        env, "product.product", {"default_code": product["code"]},
        {"name": product["name"], "type": "consu", "is_storable": True},
    )  # fmt: skip


def _ensure_reasons(env: Any) -> None:
    """What the machines' stop codes mean, as reasons under two heads."""
    company = env.company
    loss_type = env.ref("mrp.productivity_loss_type_availability", raise_if_not_found=False)
    loss_type = loss_type or env["mrp.workcenter.productivity.loss.type"].search([], limit=1)
    for head, failure, codes in (
        ("Minor stops of the line", False, [m.minor for m in layout.MACHINES]),
        ("Faults of the line", True, [m.faults for m in layout.MACHINES]),
    ):
        parent = ensure(
            env, "mrp.workcenter.productivity.loss", {"company_id": company.id, "name": head},
            {"loss_id": loss_type.id, "mes_failure": failure},
        )  # fmt: skip
        for code, text in (pair for table in codes for pair in table.items()):
            ensure(
                env, "mrp.workcenter.productivity.loss", {"company_id": company.id, "mes_code": str(code)},
                {"name": text, "parent_id": parent.id, "loss_id": loss_type.id, "mes_failure": failure},
            )  # fmt: skip


def _ensure_cycles(env: Any, line: Any, machines: dict[str, Any]) -> None:
    """Ideal cycles and counters; the line's cycle is that of its slowest machine."""
    slowest = max(machine.ideal_s for machine in layout.MACHINES)
    seconds = {line: slowest, **{machines[m.unit]: m.ideal_s for m in layout.MACHINES}}
    for workcenter, cycle in seconds.items():
        ensure(
            env, "mes.ideal.cycle", {"workcenter_id": workcenter.id, "product_id": False},
            {"seconds": cycle, "source": "nameplate", "date_from": clock.EPOCH},
        )  # fmt: skip
    env["mes.counter"]._ensure(
        [(machine.id, name, name, "pcs") for machine in machines.values() for name in ("total", "reject")]
    )


def _ensure_shifts(env: Any, site: Any, now: int) -> tuple[float, ...]:
    """Three shifts round the clock, every day; the rhythm of breaks."""
    key = {"company_id": site.company_id.id, "name": "Three shifts, every day"}
    pattern = env["mes.shift.pattern"].search([(f, "=", v) for f, v in key.items()], limit=1)
    if pattern:
        first = pattern.shift_ids.sorted("start_hour")[:1]
        return tuple(b.start_hour - first.start_hour for b in first.break_ids.sorted("start_hour"))
    rhythm = quiet_rhythm(now)
    pattern = env["mes.shift.pattern"].create(
        {**key, "shift_ids": [(0, 0, _shift_values(shift, rhythm)) for shift in layout.SHIFTS]}
    )
    since = clock.from_ms(now).date() - timedelta(days=CALENDAR_DAYS)
    ensure(env, "mes.shift.assignment", {"site_id": site.id}, {"pattern_id": pattern.id, "date_from": since})
    return rhythm


def _shift_values(shift: dict[str, Any], rhythm: tuple[float, ...]) -> dict[str, Any]:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    breaks = [
        {"name": "Break", "start_hour": (shift["start"] + offset) % 24, "minutes": layout.BREAK_MINUTES}
        for offset in rhythm
    ]
    return {
        "name": shift["name"], "code": shift["code"], "start_hour": shift["start"], "end_hour": shift["end"],
        "break_ids": [(0, 0, values) for values in breaks], **dict.fromkeys(days, True),
    }  # fmt: skip


def quiet_rhythm(now: int) -> tuple[float, ...]:
    """The rhythm with no break near ``now`` (ms): who opens the demo wants to see it run."""
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(layout.SITE["tz"]))
    into_shift = (local.hour + local.minute / 60 - layout.SHIFTS[0]["start"]) % 8

    def next_break(rhythm: tuple[float, ...]) -> float:
        length = layout.BREAK_MINUTES / 60
        return min((offset + length - into_shift) % 8 for offset in rhythm)

    return max(layout.BREAK_RHYTHMS, key=next_break)


def breaks_between(rhythm: tuple[float, ...], start: int, end: int) -> list[tuple[int, int]]:
    """The breaks of the demo's calendar over [start, end), ms, on the site's clock."""
    zone = ZoneInfo(layout.SITE["tz"])
    day = datetime.fromtimestamp(start / 1000, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(end / 1000, zone).date()
    found = []
    while day <= last:
        for hour in ((shift["start"] + offset) % 24 for shift in layout.SHIFTS for offset in rhythm):
            minutes = round(hour * 60)
            begin = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
            at = int(begin.timestamp() * 1000)
            if start <= at < end:
                found.append((at, min(end, at + layout.BREAK_MINUTES * 60_000)))
        day += timedelta(days=1)
    return sorted(found)


def ensure_users(env: Any) -> list[dict[str, str]]:
    """One person a role; the password is the login: a demo on this machine, nothing else."""
    people = []
    for person in layout.USERS:
        group = env.ref(person["group"])
        more = env.ref(person["more"]) if person.get("more") else group
        ensure(
            env, "res.users", {"login": person["login"]},
            {
                "name": person["name"], "password": person["login"], "tz": layout.SITE["tz"],
                "company_id": env.company.id, "company_ids": [(6, 0, env.company.ids)],
                "group_ids": [(6, 0, (group | more).ids)],
            },
        )  # fmt: skip
        people.append({"login": person["login"], "password": person["login"], "role": group.name})
    return people
