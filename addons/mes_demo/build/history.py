"""The invented past as facts, through the one writer that machines' facts go through too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.rows import CountRow, EvidenceRow, LiveRow, StateRow

from ..demoplant import MachineHistory, invent, layout
from .master import Plant, breaks_between

DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Past:
    """Numbers of facts written, since when (ms) the open order runs, and the index of its product."""

    states: int
    counts: int
    open_since: int
    open_product: int


def ensure_past(env: Any, plant: Plant, now: int, days: int) -> Past | None:
    """Write ``days`` of history up to ``now`` unless the machines have facts already."""
    ids = [machine.id for machine in plant.machines.values()]
    if days <= 0 or env["mes.state.point"].search_count([("workcenter_id", "in", ids)], limit=1):
        return None
    start = now - days * DAY_MS
    past = invent(start, now, breaks_between(plant.rhythm, start, now), len(plant.products))
    writer = env["mes.fact.writer"]
    states = counts = 0
    for machine in past.machines:
        workcenter = plant.machines[machine.machine.unit]
        state_rows = list(_state_rows(workcenter, machine))
        count_rows = list(_count_rows(env, workcenter, machine))
        writer.write_facts(states=state_rows, counts=count_rows, evidence=_evidence_rows(workcenter, machine))
        for version in (0, 1):
            writer.write_live([_live_row(workcenter, machine, version)])
        states, counts = states + len(state_rows), counts + len(count_rows)
    _write_runs(env, plant, past.runs)
    since, _until, product = past.runs[-1]
    return Past(states, counts, since, product)


def settle(env: Any, plant: Plant) -> None:
    """Make stops and rollups now, so that the first look at the demo finds them."""
    stops = env["mes.stop"]
    while marks := env["mes.dirty.span"]._take("stop"):
        stops._fold(marks)
    while env["mes.oee.refresh"]._fold():
        continue
    env["mes.oee.refresh"]._advance()


def _state_rows(workcenter: Any, machine: MachineHistory) -> Iterator[StateRow]:
    raw_of = {state: raw for raw, state in layout.STATE_MAP.items()}
    yield StateRow(
        workcenter.id, "mode", machine.spans[0].start, "1", "production",
        map_revision=layout.MAP_REVISION, recv=machine.spans[0].start, stream=layout.STREAM,
    )  # fmt: skip
    for span in machine.spans:
        yield StateRow(
            workcenter.id, "state", span.start, raw_of[span.state], span.state, span.code, span.interlock,
            layout.MAP_REVISION, recv=span.start, stream=layout.STREAM,
        )  # fmt: skip


def _count_rows(env: Any, workcenter: Any, machine: MachineHistory) -> Iterator[CountRow]:
    counters = env["mes.counter"]._ensure([(workcenter.id, name, name, "pcs") for name in machine.counts])
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
    edges = [start, *(edge for blind in machine.blind for edge in blind), end]
    watched = zip(edges[::2], edges[1::2], strict=True)
    return [EvidenceRow(workcenter.id, layout.STREAM, begin, until) for begin, until in watched]


def _live_row(workcenter: Any, machine: MachineHistory, version: int) -> LiveRow:
    """Version 0 at the begin of the last state, so that it is known since when; version 1 at its end."""
    last = machine.spans[-1]
    at = last.end if version else last.start
    totals = {name: points[-1][1] for name, points in machine.counts.items()}
    return LiveRow(
        workcenter.id, last.state, "production", last.code, last.interlock, totals,
        version=version, at=at, recv=at, stream=layout.STREAM,
    )  # fmt: skip


def _write_runs(env: Any, plant: Plant, runs: list[tuple[int, int, int]]) -> None:
    """The closed orders of the past; the last run belongs to the open order."""
    env["mes.order.run"].create(
        [
            {
                "workcenter_id": plant.line.id,
                "company_id": plant.line.company_id.id,
                "product_id": plant.products[product].id,
                "at_from": clock.from_ms(start),
                "at_until": clock.from_ms(end),
                "recorded_at": clock.from_ms(start),
                "origin": "rule",
            }
            for start, end, product in runs[:-1]
        ]
    )
