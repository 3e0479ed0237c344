"""The invented past as facts, through the one writer that machines' facts go through too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.rows import CountRow, EvidenceRow, LiveRow, StateRow

from ..demoplant import layout
from ..demoplant.alarms import AlarmChange, invent_alarms
from ..demoplant.past import DAY, MachineHistory, Run
from ..demoplant.plant import invent_plant
from ..demoplant.words import Word, invent_words
from .master import Plant
from .shifts import rhythm_of


@dataclass(frozen=True, slots=True)
class Past:
    """What was written: numbers of facts; the runs of orders, in order; what people said; and, to be entered once
    there is a gateway, the alarms.
    """

    states: int
    counts: int
    runs: tuple[Run, ...]
    words: tuple[Word, ...]
    alarms: tuple[AlarmChange, ...]


def ensure_past(env: Any, plant: Plant, now: int, days: int) -> Past | None:
    """Write ``days`` of history up to ``now`` for the cells whose machines have no facts yet."""
    fresh = [cell for cell in plant.cells if days > 0 and not _has_facts(env, plant, cell)]
    if not fresh:
        return None
    start = now - days * DAY
    rhythms = {cell.code: rhythm_of(env, plant, cell, start, now) for cell in fresh}
    invented = invent_plant(fresh, start, now, rhythms)
    machines = [machine for history in invented.values() for machine in history.machines]
    states = counts = 0
    for machine in machines:
        written = _write(env, plant.places[machine.machine.code], machine)
        states, counts = states + written[0], counts + written[1]
    runs = [run for history in invented.values() for run in history.runs]
    return Past(states, counts, tuple(runs), tuple(invent_words(machines, now)), tuple(invent_alarms(machines)))


def _has_facts(env: Any, plant: Plant, cell: Any) -> bool:
    ids = [plant.places[machine.code].id for machine in cell.machines]
    return bool(env["mes.state.point"].search_count([("workcenter_id", "in", ids)], limit=1))


def _write(env: Any, workcenter: Any, machine: MachineHistory) -> tuple[int, int]:
    """Store the facts of one machine; how many states and counts."""
    writer = env["mes.fact.writer"]
    states = list(_state_rows(workcenter, machine))
    counts = list(_count_rows(env, workcenter, machine))
    writer.write_facts(states=states, counts=counts, evidence=_evidence_rows(workcenter, machine))
    for version in (0, 1):
        writer.write_live([_live_row(workcenter, machine, version)])
    return len(states), len(counts)


def settle(env: Any) -> None:
    """Make stops and rollups now, so that the first look at the demo finds them."""
    stops = env["mes.stop"]
    while marks := env["mes.dirty.span"]._take("stop"):
        stops._fold(marks)
    while env["mes.oee.refresh"]._fold():
        continue
    while env["mes.oee.refresh"]._advance():
        continue


def _state_rows(workcenter: Any, machine: MachineHistory) -> Iterator[StateRow]:
    raw_of = {state: raw for raw, state in layout.STATE_MAP.items()}
    raw_of_mode = {mode: raw for raw, mode in layout.MODE_MAP.items()}
    common = {"map_revision": layout.MAP_REVISION, "stream": layout.STREAM}
    for at, mode in machine.modes:
        yield StateRow(workcenter.id, "mode", at, raw_of_mode[mode], mode, recv=at, **common)
    for span in machine.spans:
        yield StateRow(
            workcenter.id, "state", span.start, raw_of[span.state], span.state, span.code, span.interlock,
            recv=span.start, **common,
        )  # fmt: skip


def _count_rows(env: Any, workcenter: Any, machine: MachineHistory) -> Iterator[CountRow]:
    units = machine.machine.units
    counters = env["mes.counter"]._ensure([(workcenter.id, name, name, units[name]) for name in machine.counts])
    for name, points in machine.counts.items():
        before = 0
        for at, total in points:
            yield CountRow(
                counters[(workcenter.id, name)], 0, at, machine.raw(name, total), total, total - before,
                "first" if at == points[0][0] else "step", recv=at, stream=layout.STREAM,
            )  # fmt: skip
            before = total


def _evidence_rows(workcenter: Any, machine: MachineHistory) -> list[EvidenceRow]:
    start, end = machine.spans[0].start, machine.spans[-1].end
    edges = [start, *(edge for blind in sorted(machine.blind) for edge in blind), end]
    watched = zip(edges[::2], edges[1::2], strict=True)
    return [EvidenceRow(workcenter.id, layout.STREAM, begin, until) for begin, until in watched]


def _live_row(workcenter: Any, machine: MachineHistory, version: int) -> LiveRow:
    """Version 0 at the begin of the last state, so that it is known since when; version 1 at its end."""
    last = machine.spans[-1]
    at = last.end if version else last.start
    totals = {name: points[-1][1] for name, points in machine.counts.items()}
    return LiveRow(
        workcenter.id, last.state, machine.modes[-1][1], last.code, last.interlock, totals,
        version=version, at=at, recv=at, stream=layout.STREAM,
    )  # fmt: skip


def write_words(env: Any, plant: Plant, words: tuple[Word, ...]) -> None:
    """What people said about stops, as if they had said it then."""
    losses = env["mrp.workcenter.productivity.loss"].search(
        [("mes_code", "in", list({word.reason for word in words})), ("company_id", "in", (env.company.id, False))]
    )
    by_code = {loss.mes_code: loss.id for loss in losses}
    who = env["res.users"].search([("login", "=", "operator")], limit=1)
    env["mes.state.override"].create(
        [
            {
                "workcenter_id": plant.places[word.machine].id,
                "at_from": clock.from_ms(word.start),
                "at_until": clock.from_ms(word.end),
                "loss_id": by_code[word.reason],
                "comment": word.comment,
                "recorded_at": clock.from_ms(word.recorded),
                "user_id": who.id,
            }
            for word in words
        ]
    )
