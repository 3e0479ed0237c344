"""Measurements, parameters, alarms, material, units and clocks: what they tell, and what survives a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scene import CODE, companions, tag, told
from scene import Scene as Everything

from iot_bridge.clock import from_rfc3339, to_rfc3339
from iot_bridge.events import Event, Sample
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.signals.clockwatch import LOOKS, SkewWatch, WallWatch
from iot_bridge.signals.machine import Proposal
from iot_bridge.signals.measurement import extended, opened
from iot_bridge.testing import START_MS, ManualClock, make_samples, make_tag


class Scene(Everything):
    """Without evidence."""

    def store(self, draft: Proposal | None) -> list[Event]:
        return [event for event in super().store(draft) if event.kind != "evidence"]


SUMMARY = ("min", "max", "mean", "n")


def test_window_tells_min_max_and_mean_at_its_end() -> None:
    scene = Scene(tag("temp", "measurement", window_ms=2000, unit="C", scale=0.1))
    events = [event for n in range(9) for event in scene.poll(500 if n else 100, temp=n * 10)]
    assert told(events, "measurement", *SUMMARY) == [(0.0, 3.0, 1.5, 4), (4.0, 7.0, 5.5, 4)]
    assert [event.at - START_MS for event in events] == [2000, 4000]
    assert [event.fields["from"] for event in events] == [to_rfc3339(START_MS), to_rfc3339(START_MS + 2000)]
    assert events[0].fields["unit"] == "C" and events[0].fields["name"] == "temp"


def test_silent_window_is_told_without_another_value(outbox: Outbox) -> None:
    """A pushed value that does not change any more."""
    clock = ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags([tag("temp", "measurement", window_ms=2000)])
        watch = asyncio.create_task(pipeline.watch_stale())
        await pipeline.feed(make_samples(clock, {f"{CODE}/temp": 7}))
        clock.advance(4000)
        looks = pipeline.progress
        while pipeline.progress < looks + 2:
            await asyncio.sleep(0.01)
        assert outbox.last == 1
        clock.advance(1)
        while outbox.last < 2:
            await asyncio.sleep(0.01)
        watch.cancel()

    asyncio.run(asyncio.wait_for(scene(), 60))
    batch = outbox.read(10)
    assert batch is not None
    last = json.loads(batch.events[-1][1])
    assert (last["kind"], last["n"], last["at"]) == ("measurement", 1, to_rfc3339(START_MS))


def test_window_ends_with_the_loss_or_the_clock() -> None:
    scene = Scene(tag("temp", "measurement", window_ms=60_000))
    scene.poll(500, temp=1)
    scene.poll(500, temp=3)
    (event,) = scene.loss()
    assert (event.fields["mean"], event.fields["n"], event.at) == (2.0, 2, START_MS + 1000)
    scene.poll(500, temp=5)
    scene.clock.step_wall(-3_600_000)
    (event,) = scene.poll(500, temp=7)
    assert (event.fields["n"], event.at) == (1, START_MS + 1500)


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(-1e6, 1e6)), min_size=1, max_size=80))
def test_windows_hold_every_value_once(values: list[tuple[int, float]]) -> None:
    now, window, out = 1_000_000, None, []
    for pause, value in values:
        now += pause
        if window is not None and window.holds(now):
            window = extended(window, now, now, value)
            continue
        if window is not None:
            out.append(window)
        window = opened(now, now, value, 2000)
    assert window is not None
    out.append(window)
    assert sum(one.n for one in out) == len(values)
    for one in out:
        assert one.start < one.last <= one.end and one.end - one.start == 2000
        fields = one.fields()
        assert fields["min"] <= fields["mean"] <= fields["max"]


def test_text_is_a_parameter() -> None:
    setpoint = tag("setpoint", "parameter", batch_tag="batch", unit="C")
    scene = Scene(tag("recipe", "measurement", type="string"), setpoint, *companions("batch"))
    events = scene.poll(recipe="Cola 0.5", setpoint=80, batch="B1")
    assert [event.fields for event in events] == [
        {"name": "recipe", "value": "Cola 0.5"},
        {"name": "setpoint", "value": 80, "unit": "C", "batch": "B1"},
    ]
    assert scene.poll(500, recipe="Cola 0.5", setpoint=80, batch="B1") == []
    assert told(scene.poll(500, batch="B2"), "parameter", "batch") == ["B2"]
    assert told(scene.poll(500, setpoint=True), "parameter", "value") == [True]


def test_values_that_are_none_are_not_told() -> None:
    scene = Scene(tag("temp", "measurement", scale=1e308), tag("p", "parameter"))
    assert scene.poll(temp=float("nan"), p=float("inf")) == []
    assert scene.poll(500, temp=1e300, p=None) == []


def test_bits_of_a_word_are_many_alarms() -> None:
    alarm_map = {"0": "E01", "5": {"code": "E06", "severity": "high", "text": "Guard open"}}
    scene = Scene(tag("word", "alarm", alarm_map=alarm_map, severity="low"))
    assert scene.poll(word=0) == []
    events = scene.poll(500, word=0b100001)
    assert [event.fields for event in events] == [
        {"code": "E01", "active": True, "severity": "low"},
        {"code": "E06", "active": True, "severity": "high", "text": "Guard open"},
    ]
    assert told(scene.poll(500, word=0b100010), "alarm", "code", "active") == [("E01", False)]
    scene.restart(60_000)
    assert told(scene.poll(word=0), "alarm", "code", "active") == [("E06", False)], "it went while the bridge was down"


def test_value_is_the_alarms_code() -> None:
    scene = Scene(tag("number", "alarm"))
    assert told(scene.poll(number=17), "alarm", "code", "active") == [("17", True)]
    assert told(scene.poll(500, number=23), "alarm", "code", "active") == [("17", False), ("23", True)]
    assert told(scene.poll(500, number=0), "alarm", "code", "active") == [("23", False)]
    assert told(scene.poll(500, number="E-STOP"), "alarm", "code", "active") == [("E-STOP", True)]


def test_feeder_loads_unloads_and_remembers() -> None:
    scene = Scene(tag("lot", "material", position="F1", quantity_tag="left"), *companions("left"))
    events = scene.poll(left=500, lot="L1")
    assert events[0].fields == {"lot": "L1", "action": "load", "position": "F1", "quantity": 500.0}
    scene.restart(1000)
    assert scene.poll(left=450, lot="L1") == [], "it was told before"
    assert told(scene.poll(500, left=600, lot="L2"), "material", "lot", "action", "quantity") == [
        ("L1", "unload", None), ("L2", "load", 600.0)]  # fmt: skip
    assert told(scene.poll(500, left=0, lot=""), "material", "lot", "action") == [("L2", "unload")]


def test_consumption_is_told_by_its_trigger() -> None:
    scene = Scene(tag("lot", "material", action="consume", trigger_tag="strokes", quantity_tag="weight"),
                  *companions("strokes", "weight"))  # fmt: skip
    scene.poll(lot="L1", strokes=0, weight=2.5)
    assert told(scene.poll(500, lot="L1", strokes=1, weight=2.5), "material", "lot", "action", "quantity") == [
        ("L1", "consume", 2.5)]  # fmt: skip
    assert scene.poll(500, lot="L1", strokes=1, weight=2.7) == []
    assert len(scene.poll(500, lot="L1", strokes=2, weight=2.7)) == 1


def test_units_pass_with_action_and_result() -> None:
    scene = Scene(tag("serial", "unit", action_tag="gate", action_map={"1": "out", "2": "reject"}, result_tag="test"),
                  *companions("gate", "test"))  # fmt: skip
    assert scene.poll(serial="S1", gate=1, test="ok") == [], "the first is the baseline: nobody knows since when"
    events = scene.poll(500, serial="S2", gate=2, test="leak")
    assert events[0].fields == {"serial": "S2", "action": "reject", "result": "leak"}
    scene.restart(1000)
    assert scene.poll(serial="S2", gate=2, test="leak") == []
    (event,) = scene.poll(500, serial="S3", gate=9, test="")
    assert event.fields == {"serial": "S3", "action": "out"} and "not in action_map" in scene.findings[-1]


def test_unit_by_trigger_passes_twice_with_one_serial() -> None:
    scene = Scene(tag("serial", "unit", action="in", trigger_tag="strobe"), *companions("strobe"))
    scene.poll(serial="S1", strobe=4)
    assert told(scene.poll(500, serial="S1", strobe=5), "unit", "serial", "action") == [("S1", "in")]
    assert scene.poll(500, serial="S1", strobe=0) == []
    assert len(scene.poll(500, serial="S1", strobe=5)) == 1


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: tag("t", "measurement", deadband=1.0, window_ms=1000), "remove one"),
        (lambda: tag("t", "measurement", type="string", window_ms=1000), "no mean"),
        (lambda: tag("t", "alarm", type="bool"), "needs a code"),
        (lambda: tag("t", "alarm", code="A", alarm_map={"1": "B"}), "keep one"),
        (lambda: tag("t", "alarm", alarm_map={"64": "B"}), "0 to 63"),
        (lambda: tag("t", "alarm", alarm_map={"1": "B", "2": "B"}), "its own"),
        (lambda: tag("t", "material", action="out"), "load or consume"),
        (lambda: tag("t", "material", trigger_tag="x"), "action: consume"),
        (lambda: tag("t", "unit", action="load"), "in, out or to reject"),
        (lambda: tag("t", "unit", action_tag="x"), "belong together"),
        (lambda: tag("t", "unit", action_tag="x", action_map={"1": "fly"}), "knows no fly"),
        (lambda: tag("t", "measurement", scale=float("nan")), "finite"),
    ],
)
def test_tags_that_can_not_work_say_the_mend(made: Callable[[], Any], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        made()


EVERYTHING = [
    tag("state", "state", map={"1": "running", "on": "idle"}, code_tag="c1"),
    tag("mode", "mode", map={"1": "production"}),
    tag("total", "counter", max_rate=10.0, modulus=1000),
    tag("kwh", "energy", meter="m", max_rate=1.0, unit="kWh"),
    tag("temp", "measurement", unit="C"),
    tag("mean", "measurement", window_ms=1000),
    tag("text", "measurement", type="string"),
    tag("par", "parameter", batch_tag="c1"),
    tag("alarm", "alarm", alarm_map={"0": {"code": "A", "text": "t", "severity": "s"}}),
    tag("lot", "material", quantity_tag="c1", position="p"),
    tag("serial", "unit", result_tag="c1"),
    tag("beat", "heartbeat"),
    *companions("c1"),
]
ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=70), st.integers(0, 3))


@given(st.lists(st.dictionaries(st.sampled_from([one.tag for one in EVERYTHING]), ANY), max_size=12), st.booleans())
def test_whatever_the_values_are_events_fit_the_contract(
    validate: Callable[[str, Mapping[str, Any]], None], cycles: list[dict[str, Any]], historical: bool
) -> None:
    """No value of any type breaks a signal, and nothing leaves that the schema forbids."""
    scene = Everything(*EVERYTHING)
    for cycle in cycles:
        scene.clock.advance(700)
        now = scene.clock.now_ms()
        samples = [Sample(name, value, now, now, now, historical=historical) for name, value in cycle.items()]
        for event in [*scene.feed(samples), *(scene.loss() if 17 in cycle.values() else [])]:
            validate("event", {"seq": 1, **json.loads(event.body())})


def test_wall_clock_steps_are_found_once_each() -> None:
    """P17: an hour, a day, backwards, 2038; a slewing clock is none."""
    watch, mono = WallWatch(), 0
    now = START_MS
    found = []
    for step in (0, 20, 3_600_000, 0, -86_400_000, 0, 400 * 86_400_000_0, 0, 500):
        now, mono = now + 100 + step, mono + 100
        found.append(watch.look(now, mono))
    assert found == [None, None, 3600.0, None, -86_400.0, None, 3_456_000.0 * 100, None, None]


def test_skew_is_found_ahead_at_once_and_behind_by_many() -> None:
    watch = SkewWatch()

    def look(*off: int) -> float | None:
        return watch.look([Sample("t", 1, START_MS + ms, 0, START_MS) for ms in off])

    assert look(-5, -100_000) is None
    assert look(600_000) == 600.0 and look(600_200) is None
    for _ in range(LOOKS - 1):
        assert look(-30) is None
    assert look(-30) == -600.0
    behind = [look(-9_000) for _ in range(LOOKS)]
    assert behind == [None] * (LOOKS - 1) + [-9.0]
    assert SkewWatch().look([]) is None


def test_clock_set_under_the_pipeline(outbox: Outbox) -> None:
    """No negative duration anywhere, a clock event, and the total stays true."""
    clock = ManualClock()
    tags = [make_tag(CODE), make_tag(CODE, "total", signal="counter")]
    steps = [3_600_000, -3_600_000, 86_400_000, -86_400_000, 15 * 365 * 86_400_000, -1]

    async def scene() -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(tags)
        watch = asyncio.create_task(pipeline.watch_stale())
        count = 0
        for step in steps:
            for _ in range(4):
                clock.advance(500)
                count += 3
                await pipeline.feed(make_samples(clock, {f"{CODE}/state": 1, f"{CODE}/total": count}))
            looks = pipeline.progress
            while pipeline.progress < looks + 2:
                await asyncio.sleep(0.01)
            clock.step_wall(step)
        watch.cancel()

    asyncio.run(asyncio.wait_for(scene(), 60))
    batch = outbox.read(1000)
    assert batch is not None
    events = json.loads(batch.to_json("L"))["events"]
    assert [event["step_s"] for event in events if event["kind"] == "clock"] == [step / 1000 for step in steps[:5]]
    for event in events:
        if event["kind"] == "evidence":
            times = [from_rfc3339(event[name]) for name in ("from", "at", "until")]
            assert times == sorted(times) and times[2] - times[0] < 60_000
    counts = [event for event in events if event["kind"] == "count"]
    assert counts[-1]["total"] == 3 * 23 and all(event["decision"] == "step" for event in counts[1:])
