"""Signals: what samples become, with time in the test's hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge.clock import from_rfc3339, to_rfc3339
from iot_bridge.events import Event
from iot_bridge.signals.evidence import Evidence, flush, seen
from iot_bridge.signals.machine import Machine
from iot_bridge.testing import START_MS, ManualClock, make_samples, make_tag

CODE = "T/A/L1/M1"
TAGS = [
    make_tag(CODE, code_tag=f"{CODE}/code", interlock_tag=f"{CODE}/lock"),
    make_tag(CODE, "code", signal="companion", register=1),
    make_tag(CODE, "lock", signal="companion", register=2),
    make_tag(CODE, "mode", signal="mode", map={"1": "production", "2": "changeover"}),
    make_tag(CODE, "total", signal="counter"),
    make_tag(CODE, "temp", signal="measurement", type="float32", deadband=0.5, scale=0.1, offset=-10, unit="C"),
    make_tag(CODE, "jam", signal="alarm", type="bool", code="JAM"),
]


class Scene:
    """A machine, a clock and what it has sent."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.machine = Machine(CODE, TAGS, "boot-1")

    def poll(self, dropped: bool = False, **values: Any) -> list[Event]:
        """One cycle, stored; short names of tags as keywords."""
        samples = make_samples(self.clock, {f"{CODE}/{name}": value for name, value in values.items()})
        proposal = self.machine.propose(samples, dropped)
        self.machine.state = proposal.state
        return proposal.events

    def loss(self) -> list[Event]:
        proposal = self.machine.propose_loss(self.clock.now_ms())
        if proposal is None:
            return []
        self.machine.state = proposal.state
        return proposal.events


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def test_first_cycle_sends_evidence_and_a_baseline_of_everything() -> None:
    scene = Scene()
    events = scene.poll(state=1, code=0, lock=0, mode=1, total=50, temp=300.0, jam=False)
    assert kinds(events) == ["evidence", "state", "mode", "count", "measurement"]
    evidence, state, mode, count, measurement = events
    assert evidence.fields == {"from": to_rfc3339(START_MS), "until": to_rfc3339(START_MS + 5000)}
    assert state.fields == {"raw": 1, "state": "running", "map": 1, "code": None, "interlock": None}
    assert mode.fields == {"raw": 1, "mode": "production", "map": 0}
    assert (count.fields["decision"], count.fields["total"]) == ("first", 0)
    assert measurement.fields == {"name": "temp", "value": 20.0, "unit": "C"}


def test_nothing_changed_nothing_is_sent_but_evidence() -> None:
    scene = Scene()
    values: dict[str, Any] = {"state": 1, "code": 0, "lock": 0, "mode": 1, "total": 50, "temp": 300.0, "jam": False}
    scene.poll(**values)
    sent = []
    for _ in range(20):
        scene.clock.advance(500)
        sent += scene.poll(**values)
    assert kinds(sent) == ["evidence"] * 4
    spans = [(event.fields["from"], event.fields["until"]) for event in sent]
    assert [from_rfc3339(start) for start, _ in spans] == [START_MS + n for n in (0, 2500, 5000, 7500)]
    assert from_rfc3339(spans[-1][1]) == START_MS + 10_000 + 5000


def test_state_code_and_interlock_make_a_point_each() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    scene.clock.advance(100)
    (down,) = scene.poll(state=3, code=17, lock=0)
    assert down.fields["code"] == "17" and down.at == START_MS + 100
    (code,) = scene.poll(state=3, code=23, lock=0)
    assert (code.fields["state"], code.fields["code"]) == ("down", "23")
    (idle,) = scene.poll(state=2, code=0, lock=1)
    assert (idle.fields["state"], idle.fields["interlock"]) == ("idle", "starved")
    assert scene.poll(state=2, code=0, lock=1) == []


def test_state_is_sent_again_at_its_time_after_a_gap() -> None:
    """The same state before and after an outage: no evidence between, a new point after."""
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    scene.clock.advance(1000)
    scene.poll(state=1, code=0, lock=0)
    assert [event.fields["until"] for event in scene.loss()] == [to_rfc3339(START_MS + 6000)]
    scene.clock.advance(60_000)
    assert scene.loss() == [] and scene.machine.state.lost
    evidence, state = scene.poll(state=1, code=0, lock=0)
    assert (evidence.fields["from"], state.at) == (to_rfc3339(START_MS + 61_000), START_MS + 61_000)


def test_short_loss_within_the_stale_limit_keeps_the_span() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    scene.clock.advance(1000)
    scene.poll(state=1, code=0, lock=0)
    assert len(scene.loss()) == 1
    scene.clock.advance(4000)
    (evidence,) = scene.poll(state=1, code=0, lock=0)
    assert evidence.fields["from"] == to_rfc3339(START_MS + 1000)


def test_stale_is_declared_by_time_alone() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    scene.clock.advance(5000)
    assert scene.loss() == [] and not scene.machine.state.lost
    scene.clock.advance(1)
    scene.loss()
    assert scene.machine.state.lost


def test_unmapped_raw_value_is_sent_once_and_is_no_evidence() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    sent = []
    for _ in range(12):
        scene.clock.advance(500)
        sent += scene.poll(state=99, code=0, lock=0)
    assert kinds(sent) == ["state"] and sent[0].fields["state"] is None and sent[0].fields["raw"] == 99
    assert not scene.machine.state.evidence.holds(scene.clock.now_ms(), 5000)
    assert kinds(scene.poll(state=1, code=0, lock=0)) == ["evidence", "state"]


def test_unreadable_state_is_no_evidence() -> None:
    scene = Scene()
    assert scene.poll(state=None, code=0, lock=0, mode=1) != []
    assert scene.machine.state.evidence.last_good is None


def test_restart_goes_on_from_the_stored_counter() -> None:
    """Parts made while the bridge was dead are booked by the next one."""
    scene = Scene()
    scene.poll(total=50)
    scene.clock.advance(1000)
    (count,) = [event for event in scene.poll(total=53) if event.kind == "count"]
    assert count.fields["delta"] == 3
    restarted = Scene()
    restarted.clock.advance(20_000)
    restarted.machine.remember(scene.machine.state.counters)
    (count,) = [event for event in restarted.poll(total=90) if event.kind == "count"]
    assert (count.fields["decision"], count.fields["delta"], count.fields["total"]) == ("step", 37, 40)


def test_counter_memories_are_stored_with_every_event_of_the_machine() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0, total=50)
    scene.clock.advance(3000)
    proposal = scene.machine.propose(
        make_samples(scene.clock, {f"{CODE}/state": 1, f"{CODE}/code": 0, f"{CODE}/lock": 0, f"{CODE}/total": 50})
    )
    assert kinds(proposal.events) == ["evidence"]
    assert proposal.memories[f"{CODE}/total"].at == START_MS + 3000


def test_counter_that_gives_no_count_is_not_used() -> None:
    scene = Scene()
    scene.poll(total=50)
    for bad in (-1, 1.5, 2**40):
        samples = make_samples(scene.clock, {f"{CODE}/total": bad})
        proposal = scene.machine.propose(samples)
        assert proposal.events == [] and "no count" in proposal.findings[0]


def test_deadband_and_alarm() -> None:
    scene = Scene()
    scene.poll(temp=300.0, jam=False)
    assert scene.poll(temp=304.0, jam=False) == []
    (measurement,) = scene.poll(temp=306.0, jam=False)
    assert measurement.fields["value"] == 306.0 * 0.1 - 10
    (alarm,) = scene.poll(temp=306.0, jam=True)
    assert alarm.fields == {"code": "JAM", "active": True}
    assert [event.fields["active"] for event in scene.poll(jam=False)] == [False]


@pytest.mark.parametrize("mapped", ["setup", "idle"])
def test_changed_map_sends_the_state_again(mapped: str) -> None:
    scene = Scene()
    scene.poll(state=2, code=0, lock=0, total=50)
    new = Machine(CODE, [make_tag(CODE, map={"2": mapped}, map_revision=2), *TAGS[1:]], "boot-1")
    new.state = scene.machine.carried_to(new, {})
    (event,) = new.propose(make_samples(scene.clock, {f"{CODE}/state": 2})).events
    assert (event.fields["state"], event.fields["map"]) == (mapped, 2)
    assert f"{CODE}/total" in new.state.counters


def test_wall_clock_set_back_begins_a_new_span() -> None:
    scene = Scene()
    scene.poll(state=1, code=0, lock=0)
    scene.clock.step_wall(-3_600_000)
    evidence, state = scene.poll(state=1, code=0, lock=0)
    assert evidence.at == state.at == START_MS - 3_600_000


@given(st.lists(st.tuples(st.integers(1, 9000), st.booleans()), max_size=60))
def test_evidence_covers_every_good_read_and_never_reaches_beyond_its_limit(steps: list[tuple[int, bool]]) -> None:
    """Whatever the pauses and losses: the spans are exactly the union of [read, read + limit), when flushed."""
    stale, memory, now = 5000, Evidence(), 0
    sent: list[tuple[int, int]] = []
    reads = []
    for pause, lost in steps:
        now += pause
        memory, spans, _ = seen(memory, now, stale, 2500)
        reads.append(now)
        if lost:
            memory, more = flush(memory, stale)
            spans = [*spans, *more]
        for span in spans:
            assert span.start <= span.at <= now and span.until == span.at + stale
        sent += [(span.start, span.until) for span in spans]
    memory, rest = flush(memory, stale)
    sent += [(span.start, span.until) for span in rest]
    covered = union(sent)
    assert covered == union([(read, read + stale) for read in reads])


def union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merged spans; touching ones are one (a read exactly at the limit still holds)."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
