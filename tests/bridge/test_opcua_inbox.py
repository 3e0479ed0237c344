"""Notifications and reads of the same nodes: what the pipeline is told is right, whichever comes first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_bridge.drivers.opcua.inbox import Inbox
from iot_bridge.drivers.opcua.stamps import Stamper
from iot_bridge.drivers.opcua.values import NOWHERE, Reading
from iot_bridge.drivers.stamps import Skew
from iot_bridge.events import Sample
from iot_bridge.signals.counter import Booking, CounterMemory, CounterSpec, Doubt, book
from iot_bridge.signals.counter import Reading as Count
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS, ManualClock, make_tag

AHEAD_MS = 7_000  # the device's clock
STATE, CODE, TOTAL, BOOT = "T/M/state", "T/M/code", "T/M/total", "T/M/boot"
TAGS = [
    make_tag("T/M", "state", code_tag=CODE),
    make_tag("T/M", "code", signal="companion"),
    make_tag("T/M", "total", signal="counter", type="uint32", reset_flag_tag=BOOT),
    make_tag("T/M", "boot", signal="companion"),
    make_tag("T/M", "speed", signal="measurement"),
]


class Desk:
    """An inbox, its clock, and a device whose clock is ahead."""

    def __init__(self, policy: Any = "corrected", limit: int = 1000, tags: list[Tag] = TAGS) -> None:
        self.clock = ManualClock()
        self.stamper = Stamper(policy)
        self.urgent = 0
        self.inbox = Inbox(
            tags, self.stamper, self.clock, limit, wake=lambda: None, urgent=self._hurry, slack={"T/M/speed": 2.0}
        )
        self.inbox.live = {tag.tag for tag in tags}
        self.stamper.skew.observe(START_MS + AHEAD_MS, START_MS)

    def _hurry(self) -> None:
        self.urgent += 1

    def of(self, value: Any, ago_ms: int = 0, quality: Any = "good") -> Reading:
        """What the device says of a value that came ``ago_ms`` ago."""
        return Reading(value, quality, self.clock.now_ms() + AHEAD_MS - ago_ms)

    def read(self, values: dict[str, Reading], patience_s: float | None = None) -> None:
        self.inbox.answered(list(values.items()), self.clock.now_ms(), self.clock.mono_ms(), patience_s)

    def told(self) -> list[list[Sample]]:
        out = []
        while (samples := self.inbox.take()) is not None:
            out.append(samples)
        return out

    def values(self, name: str) -> list[Any]:
        return [sample.value for samples in self.told() for sample in samples if sample.tag == name]


def first(desk: Desk, **values: Any) -> None:
    """The first read of a session."""
    start = {STATE: 2, CODE: 0, TOTAL: 100, BOOT: 1, "T/M/speed": 0.0} | values
    desk.read({name: desk.of(value, ago_ms=3_600_000) for name, value in start.items()})
    desk.told()
    desk.clock.advance(1000)


def test_first_value_holds_since_it_was_read_not_since_its_old_stamp() -> None:
    desk = Desk()
    desk.read({STATE: desk.of(2, ago_ms=3_600_000)})
    (samples,) = desk.told()
    assert [(s.value, s.at) for s in samples] == [(2, START_MS)]


@pytest.mark.parametrize(("policy", "offset"), [("corrected", 0), ("source", AHEAD_MS)])
def test_change_bears_its_own_time_on_the_clock_asked_for(policy: str, offset: int) -> None:
    desk = Desk(policy)
    first(desk)
    desk.inbox.notified([(STATE, desk.of(1, ago_ms=180)), (STATE, desk.of(3, ago_ms=40))])
    now = desk.clock.now_ms()
    told = [s for samples in desk.told() for s in samples if s.tag == STATE]
    assert [(s.value, s.at - now - offset, s.recv) for s in told] == [(1, -180, now), (3, -40, now)]
    assert [s.mono - desk.clock.mono_ms() for s in told] == [-180, -40]


def test_bridges_clock_keeps_order_and_distances_of_what_comes_together() -> None:
    desk = Desk("bridge")
    first(desk)
    desk.inbox.notified([(STATE, desk.of(1, ago_ms=900)), (STATE, desk.of(3, ago_ms=700))])
    told = [s for samples in desk.told() for s in samples if s.tag == STATE]
    assert [(s.value, s.at - desk.clock.now_ms()) for s in told] == [(1, -200), (3, 0)]


def test_equal_read_is_the_proof_that_it_holds_at_the_reads_time() -> None:
    desk = Desk()
    first(desk)
    left = desk.clock.now_ms()
    desk.read({STATE: desk.of(2, ago_ms=3_601_000)}, patience_s=1.0)
    (samples,) = desk.told()
    assert {s.tag: (s.value, s.at) for s in samples} == {STATE: (2, left), CODE: (0, left)}


def test_read_that_differs_waits_for_its_notification_which_tells_what_was_between() -> None:
    desk = Desk()
    first(desk)
    desk.read({STATE: desk.of(1, ago_ms=10)}, patience_s=1.0)
    assert desk.told() == []
    desk.inbox.notified([(STATE, desk.of(3, ago_ms=60)), (STATE, desk.of(1, ago_ms=10))])
    assert desk.values(STATE) == [3, 1]
    assert desk.inbox.heal(99.0) == [] and desk.inbox.healed == 0


def test_read_is_believed_when_no_notification_comes_and_the_item_is_suspect() -> None:
    desk = Desk()
    first(desk)
    desk.clock.advance(500)
    desk.read({STATE: desk.of(1, ago_ms=200)}, patience_s=1.0)
    assert desk.inbox.heal(0.9) == []
    desk.clock.advance(1000)
    assert desk.inbox.heal(1.0) == [STATE]
    (samples,) = desk.told()
    assert samples[0].value == 1 and samples[0].at == desk.clock.now_ms() - 1200
    assert desk.inbox.healed == 1
    # Its notification arrives after all: said already.
    desk.inbox.notified([(STATE, desk.of(3, ago_ms=1300)), (STATE, desk.of(1, ago_ms=1200))])
    assert desk.told() == []


def test_companions_go_with_their_owner_and_move_it() -> None:
    desk = Desk()
    first(desk)
    desk.inbox.notified([(STATE, desk.of(3, ago_ms=20)), (CODE, desk.of(411, ago_ms=20))])
    (samples,) = desk.told()
    assert {s.tag: s.value for s in samples} == {STATE: 3, CODE: 411}
    desk.clock.advance(1000)
    desk.inbox.notified([(CODE, desk.of(402, ago_ms=20))])
    (samples,) = desk.told()
    assert {s.tag: (s.value, s.at - desk.clock.now_ms()) for s in samples} == {STATE: (3, -20), CODE: (402, -20)}


def test_bad_value_is_none_and_uncertain_is_said() -> None:
    desk = Desk()
    first(desk)
    desk.inbox.notified([("T/M/speed", desk.of(None)), (STATE, desk.of(1, quality="uncertain"))])
    told = {s.tag: (s.value, s.quality) for samples in desk.told() for s in samples}
    assert told["T/M/speed"] == (None, "good") and told[STATE] == (1, "uncertain")


def test_node_that_is_not_there_is_none_alone() -> None:
    desk = Desk()
    desk.read({STATE: NOWHERE, "T/M/speed": desk.of(1.5)})
    assert {s.tag: s.value for samples in desk.told() for s in samples} == {STATE: None, "T/M/speed": 1.5}


def test_read_within_the_deadband_is_no_news_and_beyond_it_the_item_is_suspect() -> None:
    desk = Desk()
    first(desk)
    for value, suspects in ((2.0, []), (2.1, ["T/M/speed"]), (None, ["T/M/speed"])):
        desk.read({"T/M/speed": desk.of(value)}, patience_s=0.0)
        assert desk.inbox.heal(0.0) == suspects


def test_full_inbox_counts_and_asks_for_a_read_that_heals() -> None:
    desk = Desk(limit=5)
    first(desk)
    for value in range(101, 111):
        desk.clock.advance(10)
        desk.inbox.notified([(TOTAL, desk.of(value))])
    assert desk.inbox.overflowed == 5 and desk.inbox.owes_read and desk.urgent
    assert desk.values(TOTAL) == [101, 102, 103, 104, 105]
    desk.clock.advance(100)
    desk.read({TOTAL: desk.of(110, ago_ms=100)}, patience_s=0.0)
    desk.inbox.heal(0.0)
    assert desk.values(TOTAL) == [110]


def test_what_could_not_be_stored_is_news_again() -> None:
    desk = Desk()
    first(desk)
    desk.inbox.notified([(STATE, desk.of(1))])
    (samples,) = desk.told()
    desk.inbox.forget(s.tag for s in samples)
    assert desk.inbox.owes_read
    desk.read({STATE: desk.of(1, ago_ms=500)}, patience_s=5.0)
    assert desk.values(STATE) == [1]


def test_overflow_at_the_server_asks_for_a_read() -> None:
    desk = Desk()
    first(desk)
    desk.inbox.notified([(TOTAL, desk.of(101)._replace(overflow=True))])
    assert desk.inbox.owes_read and desk.urgent


def test_device_clock_set_back_stops_nothing() -> None:
    desk = Desk()
    first(desk)
    desk.inbox.notified([(STATE, desk.of(1))])
    desk.clock.advance(1000)
    an_hour_ago = desk.of(3, ago_ms=3_600_000)
    desk.inbox.notified([(STATE, an_hour_ago)])
    told = [s for samples in desk.told() for s in samples if s.tag == STATE]
    assert [(s.value, s.at) for s in told] == [(1, desk.clock.now_ms() - 1000), (3, desk.clock.now_ms())]
    desk.clock.advance(1000)
    desk.inbox.notified([(STATE, desk.of(1, ago_ms=3_600_000))])
    assert [s.at for s in desk.told()[0] if s.tag == STATE] == [desk.clock.now_ms()]


def test_offset_is_that_of_the_freshest_stamp_and_forgets() -> None:
    skew = Skew()
    for delay in (900, 30, 400):
        skew.observe(START_MS + AHEAD_MS - delay, START_MS)
    assert skew.offset_ms == AHEAD_MS - 30
    skew.observe(START_MS + 60_000 + 500, START_MS + 60_000)
    assert skew.offset_ms == 500


# -- a call and the value it calls

SERIAL, TRIGGER, RESULT = "T/M/serial", "T/M/trigger", "T/M/result"
UNITS = [
    make_tag("T/M", "serial", signal="unit", type="string", trigger_tag=TRIGGER, result_tag=RESULT),
    make_tag("T/M", "trigger", signal="companion"),
    make_tag("T/M", "result", signal="companion"),
]


def units() -> Desk:
    desk = Desk(tags=UNITS)
    desk.read({SERIAL: desk.of("a"), TRIGGER: desk.of(1), RESULT: desk.of("ok")})
    desk.told()
    desk.clock.advance(1000)
    return desk


def test_pieces_told_together_are_told_apart_by_their_stamps() -> None:
    desk = units()
    desk.inbox.notified(
        [
            (TRIGGER, desk.of(2, ago_ms=90)), (TRIGGER, desk.of(3, ago_ms=20)),
            (SERIAL, desk.of("b", ago_ms=90)), (SERIAL, desk.of("c", ago_ms=20)), (RESULT, desk.of("bad", ago_ms=20)),
        ]
    )  # fmt: skip
    told = [{s.tag: s.value for s in samples} for samples in desk.told()]
    assert told == [
        {SERIAL: "b", TRIGGER: 2, RESULT: "ok"},
        {SERIAL: "c", TRIGGER: 3, RESULT: "bad"},
    ]


def test_call_that_comes_before_its_value_is_read_with_it() -> None:
    desk = units()
    desk.inbox.notified([(TRIGGER, desk.of(2))])
    assert desk.told() == [] and desk.inbox.verify == {SERIAL, TRIGGER, RESULT} and desk.urgent
    desk.read({SERIAL: desk.of("b"), TRIGGER: desk.of(2), RESULT: desk.of("bad")})
    assert [{s.tag: s.value for s in samples} for samples in desk.told()] == [{SERIAL: "b", TRIGGER: 2, RESULT: "bad"}]
    desk.clock.advance(50)
    desk.inbox.notified([(SERIAL, desk.of("b", ago_ms=50)), (RESULT, desk.of("bad", ago_ms=50))])
    assert desk.told() == []


# -- any order of what two sources say


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Steps: time passes, the device counts, changes its state, publishes so many of its changes, is read."""
    kinds = st.sampled_from(["wait", "count", "state", "publish", "read", "read", "heal", "take"])
    return draw(st.lists(st.tuples(kinds, st.integers(1, 5)), max_size=60))


@settings(max_examples=300, deadline=None)
@given(stories(), st.sampled_from(["bridge", "source", "corrected"]))
def test_any_interleaving_keeps_order_and_ends_at_the_truth(story: list[tuple[str, int]], policy: str) -> None:
    """Counts never fall, no time runs back, one sample a tag and delivery, and the last word is the device's."""
    desk = Desk(policy)
    device: dict[str, Any] = {TOTAL: 100, STATE: 0}
    first(desk, **device)
    queue: list[tuple[str, Reading]] = []
    present = {name: desk.of(value, ago_ms=3_600_000) for name, value in device.items()}
    out: list[list[Sample]] = []
    changed: list[int] = []
    late = False

    def change(name: str, value: int) -> None:
        desk.clock.advance(1)
        present[name] = desk.of(value)
        queue.append((name, present[name]))

    for kind, amount in story:
        if kind == "wait":
            desk.clock.advance(amount * 40)
        elif kind == "count":
            change(TOTAL, present[TOTAL].value + amount)  # type: ignore[operator]
        elif kind == "state":
            change(STATE, (present[STATE].value + 1) % 4)  # type: ignore[operator]
            changed.append(present[STATE].value)  # type: ignore[arg-type]
        elif kind == "publish":
            desk.clock.advance(amount)
            desk.inbox.notified(queue[:amount])
            del queue[:amount]
        elif kind == "read":
            desk.read(dict(present), patience_s=1.0)
        elif kind == "heal" and amount == 5:
            late = True
            desk.inbox.heal(2.0)
        else:
            out += desk.told()
    desk.inbox.notified(queue)
    desk.clock.advance(10)
    desk.read(dict(present), patience_s=0.0)
    desk.inbox.heal(3.0)
    out += desk.told()

    for samples in out:
        assert len({s.tag for s in samples}) == len(samples)
    for name in (TOTAL, STATE):
        series = [s for samples in out for s in samples if s.tag == name]
        for before, after in pairwise(series):
            assert after.at >= before.at and after.mono >= before.mono
            assert after.at > before.at or after.value == before.value
        assert series[-1].value == present[name].value
    counts = [s.value for samples in out for s in samples if s.tag == TOTAL]
    assert counts == sorted(counts)
    if not late:
        states = [s.value for samples in out for s in samples if s.tag == STATE]
        steps = [after for before, after in zip([0, *states], states) if after != before]
        assert steps == changed


# -- a reset is told apart from two notifications that come apart


def booked(deliveries: list[list[Sample]], raw: int, flag: int) -> int:
    """What the counter model books of these deliveries after the baseline."""
    spec = CounterSpec(modulus=2**32, max_rate=10.0)
    memory = CounterMemory(raw, START_MS, 1_000_000, "b", 0, 0, flag)
    doubt = None
    for samples in deliveries:
        by_tag = {s.tag: s for s in samples}
        if TOTAL not in by_tag:
            continue
        count, boot = by_tag[TOTAL], by_tag.get(BOOT)
        flagged = int(boot.value or 0) if boot else None
        outcome = book(spec, memory, Count(int(count.value or 0), count.at, count.mono, "b", flagged), doubt)
        doubt = outcome if isinstance(outcome, Doubt) else None
        if not isinstance(outcome, Doubt):
            memory = outcome.memory
            assert not (isinstance(outcome, Booking) and outcome.alarm), outcome
    return memory.total


@pytest.mark.parametrize("order", [[TOTAL, BOOT], [BOOT, TOTAL]])
@pytest.mark.parametrize("apart", [True, False])
def test_reset_books_what_was_counted_whichever_notification_comes_first(order: list[str], apart: bool) -> None:
    """The device restarts at 100 (boot 1 -> 2) and has counted 3 since."""
    desk = Desk()
    first(desk)
    now = {TOTAL: desk.of(3), BOOT: desk.of(2)}
    deliveries: list[list[Sample]] = []
    read_verified: Callable[[], None] = lambda: desk.read({n: now[n] for n in sorted(desk.inbox.verify)})  # noqa: E731
    if apart:
        for name in order:
            desk.inbox.notified([(name, now[name])])
            deliveries += desk.told()
            desk.clock.advance(100)
            if desk.inbox.verify:
                read_verified()
            deliveries += desk.told()
    else:
        desk.inbox.notified([(name, now[name]) for name in order])
        assert desk.inbox.verify == {TOTAL, BOOT} and desk.urgent
        read_verified()
        deliveries += desk.told()
    assert booked(deliveries, raw=100, flag=1) == 3
