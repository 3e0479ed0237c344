"""State and mode from maps, PackML, bits and thresholds; heartbeat; companions that come alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scene import CODE, Scene, companions, tag, told

from iot_bridge.events import Sample
from iot_bridge.signals import packml
from iot_bridge.signals.threshold import Limits, Side, decide
from iot_bridge.testing import START_MS, make_samples

MAP = {"1": "running", "2": "idle", "3": "down"}


def state(**fields: Any) -> Any:
    return tag("state", "state", **{"map": {}, **fields})


def test_texts_are_raw_values_too() -> None:
    scene = Scene(state(map={"RUN": "running", "STOP": "down"}))
    assert told(scene.poll(state="RUN"), "state", "raw", "state") == [("RUN", "running")]
    assert told(scene.poll(500, state="???"), "state", "raw", "state") == [("???", None)]
    assert told(scene.poll(500, state="x" * 99), "state", "raw") == ["x" * 64]
    assert scene.poll(500, state="") == []


@pytest.mark.parametrize(
    ("model", "execute", "held", "suspended"), [("packml_packtags", 6, 11, 5), ("packml_opc30060", 4, 15, 12)]
)
def test_packml_numbers_states_by_its_source(model: str, execute: int, held: int, suspended: int) -> None:
    """V15: Suspended with the interlock starved is idle, starved."""
    scene = Scene(state(state_model=model, interlock_tag="lock"), *companions("lock"))
    assert told(scene.poll(state=execute, lock=0), "state", "raw", "state") == [(execute, "running")]
    assert told(scene.poll(500, state=held, lock=0), "state", "state") == ["down"]
    assert told(scene.poll(500, state=suspended, lock=1), "state", "state", "interlock") == [("idle", "starved")]
    assert told(scene.poll(500, state="Execute", lock=0), "state", "state") == ["running"]


def test_the_state_may_tell_its_interlock_itself() -> None:
    """A map in which a value says state and interlock: the tag names itself as the interlock's."""
    own = {"map": {"1": "running", "5": "idle", "6": "idle"}, "interlock_tag": "state"}
    scene = Scene(state(**own, interlock_map={"5": "starved", "6": "blocked"}))
    said = [told(scene.poll(500, state=raw), "state", "state", "interlock") for raw in (1, 5, 6, 1)]
    assert said == [[("running", None)], [("idle", "starved")], [("idle", "blocked")], [("running", None)]]


def test_packml_knows_every_state_in_both_numberings() -> None:
    for numbers in packml.NUMBERINGS.values():
        assert set(numbers.values()) == set(packml.MEANING) and len(numbers) == 17


def test_packml_is_overridden_by_the_tags_map() -> None:
    scene = Scene(state(state_model="packml_packtags", map={"Held": "idle", "99": "setup"}))
    assert told(scene.poll(state=11), "state", "state") == ["idle"]
    assert told(scene.poll(500, state=99), "state", "state") == ["setup"]
    assert told(scene.poll(500, state=6), "state", "state") == ["running"]


def test_packml_unit_modes_and_the_users_own() -> None:
    scene = Scene(tag("mode", "mode", state_model="packml_packtags", map={"5": "cleaning"}))
    assert [told(scene.poll(500, mode=raw), "mode", "mode") for raw in (1, 2, 3, 5)] == [
        ["production"], ["maintenance"], ["manual"], ["cleaning"]]  # fmt: skip


def test_first_true_bit_says_the_state() -> None:
    bits = [[3, "down"], ["0x0006", "setup"], [0, "running"], ["*", "idle"]]
    scene = Scene(state(bits=bits))
    said = [told(scene.poll(500, state=raw), "state", "raw", "state") for raw in (0b1, 0b1001, 0b101, 0b10000, 0)]
    assert said == [[(1, "running")], [(9, "down")], [(5, "setup")], [(0, "idle")], []]


def test_bits_of_several_tags() -> None:
    bits = [[f"{CODE}/fault", "down"], [0, "running"], ["*", "idle"]]
    scene = Scene(state(bits=bits, type="bool"), *companions("fault"))
    assert told(scene.poll(state=True, fault=False), "state", "raw", "state") == [(2, "running")]
    assert told(scene.poll(500, state=True, fault=True), "state", "raw", "state") == [(3, "down")]
    assert told(scene.poll(500, fault=False), "state", "state") == ["running"]
    assert told(scene.poll(500, state=False), "state", "state") == ["idle"]


def test_no_true_bit_is_no_data() -> None:
    scene = Scene(state(bits=[[0, "running"]]))
    assert told(scene.poll(state=0), "state", "state") == [None]
    assert scene.machine.state.evidence.last_good is None


THRESHOLD = {"on_above": 10.0, "off_below": 4.0, "hold_on_ms": 1000, "hold_off_ms": 2000}


def test_current_with_hysteresis_and_hold_times() -> None:
    """The change is told when it has held, at the time at which it began."""
    scene = Scene(state(**THRESHOLD))
    assert told(scene.poll(state=0.0), "state", "raw", "state") == [("off", "idle")]
    # Between the limits nothing changes; one value above is a peak.
    for value in (7.0, 12.0, 7.0):
        assert told(scene.poll(500, state=value), "state", "state") == []
    assert told(scene.poll(500, state=12.0), "state", "state") == []
    began = scene.clock.now_ms()
    assert told(scene.poll(500, state=11.0), "state", "state") == []
    (on,) = [event for event in scene.poll(500, state=11.0) if event.kind == "state"]
    assert (on.at, on.fields["raw"], on.fields["state"]) == (began, "on", "running")
    for _ in range(4):
        assert told(scene.poll(500, state=3.0), "state", "state") == []
    (off,) = [event for event in scene.poll(500, state=3.0) if event.kind == "state"]
    assert off.at == scene.clock.now_ms() - 2000 and off.fields["state"] == "idle"
    assert scene.machine.state.point is not None and scene.machine.state.point.at == off.at


def test_threshold_after_a_loss_decides_at_once() -> None:
    scene = Scene(state(**THRESHOLD, map={"off": "down"}))
    scene.poll(state=20.0)
    scene.poll(500, state=1.0)
    scene.clock.advance(60_000)
    scene.loss()
    (event,) = [event for event in scene.poll(state=1.0) if event.kind == "state"]
    assert (event.fields["state"], event.at) == ("down", scene.clock.now_ms())


@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 20)), min_size=1, max_size=60))
def test_threshold_never_turns_early_nor_late(steps: list[tuple[int, float]]) -> None:
    """Whenever the side is on, no stretch of hold_off_ms below the limit lies behind it, and vice versa."""
    limits, side, now = Limits(10, 4, 1000, 2000), None, 0
    beyond_since: dict[bool, int | None] = {True: None, False: None}
    for pause, value in steps:
        now += pause
        for on, beyond in ((True, value >= 10), (False, value <= 4)):
            since = beyond_since[on]
            beyond_since[on] = (now if since is None else since) if beyond else None
        before = side
        side = decide(limits, side, value, now, False)
        for on, hold in ((True, 1000), (False, 2000)):
            since = beyond_since[on]
            if since is not None and now - since >= hold:
                assert side.on == on
        if before is not None and side.on != before.on:
            since = beyond_since[side.on]
            assert side.since == since and since > before.since


def test_crossing_is_counted_anew_when_the_clock_is_set_back() -> None:
    side = decide(Limits(10, 4, 1000, 0), Side(False, 0), 12, 5000, False)
    side = decide(Limits(10, 4, 1000, 0), side, 12, 100, False)
    assert side == Side(False, 0, 100)


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({}, "map is missing"),
        ({"map": {"1": "flying"}}, "knows no flying"),
        ({"map": {"x" * 65: "down"}}, "at most 64"),
        ({"on_above": 1.0}, "come in pairs"),
        ({"on_above": 1.0, "off_below": 2.0}, "exchange"),
        ({"on_above": 2.0, "off_below": 1.0, "map": {"1": "running"}}, '"on" and "off"'),
        ({"on_above": 2.0, "off_below": 1.0, "state_model": "packml_packtags"}, "keep one"),
        ({"bits": [[64, "down"]]}, "no bit number"),
        ({"bits": [["*", "down"], [1, "idle"]]}, "put it last"),
        ({"bits": [[1, "asleep"]]}, "word of"),
        ({"bits": [["0xZZ", "down"]]}, "no bit number"),
        ({"bits": [[1, "down"]], "map": MAP}, "remove map"),
        ({"map": MAP, "interlock_map": {"1": "bored"}}, "starved"),
    ],
)
def test_state_tags_that_can_not_work_say_the_mend(fields: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        state(**fields)


def test_companion_that_comes_alone_completes_the_state() -> None:
    """Pushed values come one by one: the code belongs to the state that was told before it."""
    scene = Scene(state(map=MAP, code_tag="code"), *companions("code"))
    assert told(scene.poll(state=3), "state", "code") == [None]
    (event,) = scene.poll(300, code=17)
    assert (event.fields["state"], event.fields["code"], event.at) == ("down", "17", START_MS + 300)
    (event,) = scene.poll(300, state=1)
    assert event.fields["code"] == "17"
    assert told(scene.poll(300, code="  "), "state", "code") == [None]


def test_several_values_of_one_tag_in_one_delivery() -> None:
    """A queue of a subscription: every change is told, at its own time."""
    scene = Scene(state(map=MAP))
    scene.poll(state=1)
    base = make_samples(scene.clock, {f"{CODE}/state": 3})[0]
    samples = [replace(base, at=base.at + n * 100, value=value) for n, value in enumerate([3, 1, 2, 1])]
    events = scene.feed(samples)
    assert told(events, "state", "state") == ["down", "running", "idle", "running"]
    assert [event.at - START_MS for event in events] == [0, 100, 200, 300]


def test_heartbeat_that_stands_still_is_no_data() -> None:
    """The gateway goes on answering, the controller behind it hangs."""
    scene = Scene(state(map=MAP), tag("beat", "heartbeat"))
    scene.poll(state=1, beat=7)
    assert scene.machine.state.evidence.last_good is None
    assert told(scene.poll(500, state=1, beat=8), "state", "state") == ["running"]
    for _ in range(11):
        scene.poll(500, state=1, beat=8)
    scene.loss()
    assert scene.machine.state.lost
    scene.poll(500, state=1, beat=None)
    assert scene.machine.state.lost, "an unreadable heartbeat is none"
    assert scene.poll(500, state=1, beat=8) == []
    events = scene.poll(500, state=1, beat=9)
    assert [event.kind for event in events] == ["evidence", "state"] and not scene.machine.state.lost


def test_everything_is_told_again_after_a_loss_even_in_another_cycle() -> None:
    """Mode and measurement are polled apart from the state that shows the machine to be there."""
    scene = Scene(state(map=MAP), tag("mode", "mode", map={"1": "production"}), tag("temp", "measurement"))
    scene.poll(state=1)
    scene.poll(mode=1, temp=20)
    scene.clock.advance(60_000)
    scene.loss()
    scene.poll(state=1)
    assert [event.kind for event in scene.poll(mode=1, temp=20)] == ["mode", "measurement"]
    assert scene.poll(500, mode=1, temp=20) == []


def test_quality_of_the_source_goes_with_the_event() -> None:
    scene = Scene(state(map=MAP))
    samples = [Sample(f"{CODE}/state", 1, START_MS, 0, START_MS, "uncertain")]
    assert [event.quality for event in scene.feed(samples) if event.kind == "state"] == ["uncertain"]


@pytest.mark.parametrize("at", [-1, 10**15])
def test_time_that_no_calendar_has_is_the_receive_time(at: int) -> None:
    scene = Scene(state(map=MAP))
    for event in scene.feed([Sample(f"{CODE}/state", 1, at, 0, START_MS)]):
        assert event.at == START_MS and event.body()


def test_what_is_not_stored_did_not_happen() -> None:
    """A draft that is thrown away (disk full) is made again from the next cycle."""
    scene = Scene(state(map=MAP), tag("total", "counter", modulus=65536, max_rate=10.0))
    scene.poll(state=1, total=5)
    scene.clock.advance(500)
    lost = scene.machine.propose(make_samples(scene.clock, {f"{CODE}/state": 3, f"{CODE}/total": 7}))
    assert len(lost.events) == 2
    events = scene.poll(500, state=3, total=8)
    assert told(events, "state", "state") == ["down"] and told(events, "count", "delta") == [3]


HISTORY = [(0, 3), (1000, 1), (2000, 2)]


def test_historical_samples_are_told_but_move_nothing_live() -> None:
    scene = Scene(state(map=MAP), tag("jam", "alarm", type="bool", code="JAM"))
    scene.poll(state=1, jam=False)
    point, evidence = scene.machine.state.point, scene.machine.state.evidence
    old = START_MS - 100_000
    samples = [Sample(f"{CODE}/state", value, old + ms, 0, START_MS, historical=True) for ms, value in HISTORY]
    samples.append(Sample(f"{CODE}/jam", True, old, 0, START_MS, historical=True))
    events = scene.feed(samples)
    assert told(events, "state", "state") == ["down", "running", "idle"]
    assert told(events, "alarm", "code") == []
    assert [event.at - old for event in events if event.kind == "state"] == [0, 1000, 2000]
    assert (scene.machine.state.point, scene.machine.state.evidence) == (point, evidence)
    assert scene.poll(500, state=1, jam=False) == []
