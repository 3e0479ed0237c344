"""The host's side of Sparkplug B in memory: sequences, births, deaths, aliases, history. Time is a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_bridge.drivers.mqtt.payload import Findings
from iot_bridge.drivers.sparkplug import datatypes
from iot_bridge.drivers.sparkplug.host import ASK_QUIET_S, HOLD_S, Gone, Host, Told
from iot_bridge.drivers.sparkplug.node import REORDER_S
from iot_bridge.drivers.sparkplug.payload import Metric, Payload, encode
from iot_bridge.drivers.sparkplug.topics import Source

NODE = Source("G", "N")
DEVICE = Source("G", "N", "D")
NAMES = ("State", "Total", "Note")
TYPES = {"State": 3, "Total": 8, "Note": 12}
AT = 1_795_341_600_000


@dataclass
class Bench:
    """A host that listens to one node with one device, and the node's numbering."""

    notes: Mapping[str, str] = field(default_factory=dict)
    asked: list[Source] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    seq: int = 0
    now: float = 100.0
    first_alias: int = 1
    host: Host = field(init=False)

    def __post_init__(self) -> None:
        wanted = {DEVICE: frozenset(NAMES), NODE: frozenset({"Uptime"})}
        self.host = Host(wanted, "sparkplug/c", self.notes, self.asked.append, Findings(self.found.append))

    def send(self, message: str, source: Source, metrics: list[Metric], seq: int | None = -1) -> list[Any]:
        """One message; seq -1: the next number, None: without a number."""
        if seq == -1:
            seq, self.seq = self.seq % 256, self.seq + 1
        return self.host.message(source.topic(message), encode(Payload(AT, metrics, seq)), self.now)

    def birth(self, bdseq: int = 0, device: bool = True, values: Mapping[str, Any] | None = None) -> list[Any]:
        self.seq = 0
        uptime = datatypes.put(Metric(name="Uptime", alias=99), 1, 8)
        told = self.send("BIRTH", NODE, [datatypes.put(Metric(name="bdSeq"), bdseq, 4), uptime])
        return told + (self.device_birth(values) if device else [])

    def device_birth(self, values: Mapping[str, Any] | None = None) -> list[Any]:
        present = {"State": 1, "Total": 0, "Note": "", **(values or {})}
        metrics = [
            datatypes.put(Metric(name=name, alias=self.first_alias + index), present[name], TYPES[name])
            for index, name in enumerate(NAMES)
        ]
        return self.send("BIRTH", DEVICE, metrics)

    def data(self, name: str = "Total", value: Any = 1, seq: int | None = -1, **more: Any) -> list[Any]:
        metric = datatypes.put(Metric(**more), value, TYPES[name])
        metric.alias, metric.datatype = self.first_alias + NAMES.index(name), None
        return self.send("DATA", DEVICE, [metric], seq)

    def death(self, bdseq: int = 0) -> list[Any]:
        return self.send("DEATH", NODE, [datatypes.put(Metric(name="bdSeq"), bdseq, 4)], None)


def values(events: list[Any]) -> dict[str, Any]:
    """What was told, by metric."""
    return {reading.metric: reading.value for event in events if isinstance(event, Told) for reading in event.readings}


def proof(events: list[Any]) -> bool:
    """Whether the last thing told proves the rest."""
    return isinstance(events[-1], Told) and events[-1].proof


def test_a_birth_tells_everything_and_proves_it() -> None:
    bench = Bench()
    told = bench.birth(values={"State": -3, "Total": 2**63, "Note": "x"})
    assert values(told) == {"Uptime": 1, "State": -3, "Total": 2**63, "Note": "x"}
    assert all(event.proof for event in told)


def test_data_by_alias_alone_proves_what_it_does_not_tell() -> None:
    bench = Bench()
    bench.birth()
    told = bench.data("Total", 5)
    assert values(told) == {"Total": 5} and proof(told)
    assert told[0].source == DEVICE


def test_a_message_of_the_node_proves_nothing_of_its_device() -> None:
    bench = Bench()
    bench.birth()
    told = bench.send("DATA", NODE, [Metric(alias=99, member="long", value=2)])
    assert [event.source for event in told] == [NODE]


def test_the_sequence_counts_node_and_device_messages_together_and_wraps() -> None:
    bench = Bench()
    bench.birth()
    for count in range(600):
        told = bench.data(value=count) if count % 3 else bench.send("DATA", NODE, [Metric(alias=99)])
        assert proof(told), count
    assert bench.asked == [] and bench.found == []


def test_a_gap_asks_for_a_birth_and_ends_the_proof_until_it_comes() -> None:
    bench = Bench()
    bench.birth()
    bench.seq += 100
    told = bench.data(value=7)
    assert values(told) == {"Total": 7} and not proof(told)
    assert bench.asked == [NODE]
    assert not proof(bench.data(value=8))
    assert proof(bench.birth())
    assert proof(bench.data(value=9))


def test_one_missing_message_is_waited_for_a_moment() -> None:
    bench = Bench()
    bench.birth()
    bench.seq += 1
    assert bench.data(value=7) == []
    bench.now += REORDER_S / 2
    assert bench.host.tick(bench.now) == [] and bench.asked == []
    bench.now += REORDER_S
    told = bench.host.tick(bench.now)
    assert values(told) == {"Total": 7} and not proof(told)
    assert bench.asked == [NODE]


def test_messages_that_overtake_one_another_are_put_in_order() -> None:
    bench = Bench()
    bench.birth()
    assert bench.data(value=3, seq=4) == []
    assert bench.data(value=2, seq=3) == []
    told = bench.data(value=1, seq=2)
    assert [reading.value for event in told for reading in event.readings] == [1, 2, 3]
    assert proof(told) and bench.asked == []


def asking_times(bench: Bench, seconds: float, births: bool) -> list[float]:
    """When births are asked for while each message comes with a gap; births: they are given too."""
    times = []
    for _ in range(round(seconds * 10)):
        before = len(bench.asked)
        bench.seq += 100
        bench.data()
        if len(bench.asked) > before:
            times.append(bench.now)
            if births:
                bench.birth()
        bench.now += 0.1
    return times


@pytest.mark.parametrize("births", [False, True])
def test_nobody_is_hammered_with_requests(births: bool) -> None:
    bench = Bench()
    bench.birth()
    pauses = [round(after - before) for before, after in pairwise(asking_times(bench, 200, births))]
    assert pauses[:5] == [1, 2, 4, 8, 16] and set(pauses[5:]) == {16}
    bench.birth()
    bench.now += ASK_QUIET_S + 17
    # What was quiet for a while is asked quickly again.
    pauses = [round(after - before) for before, after in pairwise(asking_times(bench, 10, births))]
    assert pauses == [1, 2, 4]


def test_a_death_of_the_node_takes_its_devices_along() -> None:
    bench = Bench()
    bench.birth(bdseq=4)
    assert set(bench.death(bdseq=4)) == {Gone(NODE), Gone(DEVICE)}


def test_the_death_of_an_earlier_connection_is_not_this_ones() -> None:
    bench = Bench()
    bench.birth(bdseq=5)
    assert bench.death(bdseq=4) == []
    assert proof(bench.data())


def test_a_death_without_a_known_birth_counts_and_asks() -> None:
    bench = Bench()
    assert set(bench.death(bdseq=9)) == {Gone(NODE), Gone(DEVICE)}
    assert bench.asked == [NODE]


def test_after_its_death_a_nodes_data_prove_nothing_before_a_birth() -> None:
    bench = Bench()
    bench.birth()
    bench.death()
    assert bench.data(value=5) == []  # waits for the birth that is asked for
    assert bench.asked == [NODE]
    told = bench.birth(bdseq=1)
    assert values(told)["Total"] == 0 and proof(told)


def test_the_death_of_a_device_leaves_its_node() -> None:
    bench = Bench()
    bench.birth()
    assert bench.send("DEATH", DEVICE, []) == [Gone(DEVICE)]
    assert proof(bench.send("DATA", NODE, []))
    assert proof(bench.device_birth())


def test_a_device_is_unproven_until_it_is_born_in_this_session() -> None:
    bench = Bench()
    bench.birth()
    bench.birth(bdseq=1, device=False)
    assert bench.data(value=3) == []
    assert bench.asked == [NODE]


def test_remembered_aliases_are_used_once_a_birth_confirms_them() -> None:
    first = Bench()
    first.birth()
    notes = first.host.take_notes()
    kept = json.loads(notes["sparkplug/c/G/N/D"] or "")["metrics"]
    assert kept == [["Note", 3, 12], ["State", 1, 3], ["Total", 2, 8]]
    again = Bench(notes={key: text or "" for key, text in notes.items()})
    again.host.connected(again.now)
    assert again.asked == [NODE]
    again.seq = 77
    assert again.data(value=41) == []
    assert again.data(value=42) == []
    told = again.birth(values={"Total": 43})
    totals = [r.value for event in told for r in event.readings if r.metric == "Total"]
    assert totals == [41, 42, 43]
    assert all(r.quality == "good" for event in told for r in event.readings)


def test_remembered_aliases_that_have_changed_are_not_used() -> None:
    first = Bench()
    first.birth()
    again = Bench(notes={key: text or "" for key, text in first.host.take_notes().items()})
    again.host.connected(again.now)
    assert again.data("State", 3) == []
    again.first_alias = 2  # what was State's neighbour is now State
    told = again.birth(values={"Total": 5})
    assert [r.value for event in told for r in event.readings if r.metric == "State"] == [1]
    assert any("aliases changed" in sentence for sentence in again.found)


def test_without_an_answer_remembered_aliases_give_uncertain_values() -> None:
    first = Bench()
    first.birth()
    again = Bench(notes={key: text or "" for key, text in first.host.take_notes().items()})
    again.host.connected(again.now)
    assert again.data(value=41) == []
    again.now += HOLD_S + 0.1
    told = again.host.tick(again.now)
    assert values(told) == {"Total": 41} and not proof(told)
    assert told[0].readings[0].quality == "uncertain"
    # From then on nobody is made to wait.
    assert values(again.data(value=42)) == {"Total": 42}


def test_notes_come_once_and_again_when_something_changes() -> None:
    bench = Bench()
    bench.birth()
    assert set(bench.host.take_notes()) == {"sparkplug/c/G/N", "sparkplug/c/G/N/D"}
    bench.birth()
    assert bench.host.take_notes() == {}
    bench.first_alias = 50
    bench.birth()
    assert set(bench.host.take_notes()) == {"sparkplug/c/G/N/D"}


def test_a_broken_note_is_none() -> None:
    bench = Bench(notes={"sparkplug/c/G/N/D": "{}", "sparkplug/c/G/N": "no"})
    assert values(bench.birth())["State"] == 1


def test_history_is_history_and_proves_nothing_by_itself() -> None:
    bench = Bench()
    bench.birth()
    told = bench.data("Total", 90, timestamp=AT - 60_000, is_historical=True)
    assert [(r.value, r.historical, r.time_ms) for r in told[0].readings] == [(90, True, AT - 60_000)]


def test_in_its_sequence_the_last_value_counts_whatever_its_time() -> None:
    bench = Bench()
    bench.birth()
    bench.data("State", 2, timestamp=AT + 5000)
    # It changed before the message was made, or even before the birth; or the clock was set.
    for before in (AT + 4000, AT - 1000, AT - 600_000):
        assert [r.historical for r in bench.data("State", 3, timestamp=before)[0].readings] == [False]


def test_a_value_that_comes_too_late_is_history() -> None:
    bench = Bench()
    bench.birth()
    missing = bench.seq
    bench.seq += 1
    assert bench.data("State", 2, timestamp=AT + 5000) == []
    bench.now += REORDER_S
    assert values(bench.host.tick(bench.now)) == {"State": 2}
    late = bench.data("State", 1, seq=missing, timestamp=AT + 4000)
    assert [(r.value, r.historical) for r in late[0].readings] == [(1, True)] and not proof(late)
    # From before a birth: its number fits nowhere.
    bench.birth()
    stale = bench.data("State", 7, seq=100, timestamp=AT - 500)
    assert [(r.value, r.historical) for r in stale[0].readings] == [(7, True)]
    # After a gap, what is newer is news.
    fresh = bench.data("State", 8, seq=200, timestamp=AT + 9000)
    assert [(r.value, r.historical) for r in fresh[0].readings] == [(8, False)]


def test_null_and_quality() -> None:
    bench = Bench()
    bench.birth()
    assert values(bench.data("State", None)) == {"State": None}
    for code, value, quality in ((0, None, "good"), (500, None, "good"), (64, 4, "uncertain"), (192, 4, "good")):
        told = bench.data("State", 4, properties={"Quality": code})
        assert [(r.value, r.quality) for r in told[0].readings] == [(value, quality)], code


def test_what_no_tag_can_take_is_said_once() -> None:
    bench = Bench()
    bench.birth()
    for _ in range(3):
        told = bench.send("DATA", DEVICE, [Metric(name="Note", datatype=16, member="dataset", value=b"x")])
        assert values(told) == {"Note": None}
    assert len(bench.found) == 1 and "DataSet" in bench.found[0]


def test_an_unknown_alias_is_said_and_asked_for() -> None:
    bench = Bench()
    bench.birth()
    bench.send("DATA", DEVICE, [Metric(alias=4711, member="int", value=1)])
    assert bench.asked == [NODE] and "4711" in bench.found[0]


def test_strangers_cost_nothing() -> None:
    bench = Bench()
    for number in range(1000):
        other = Source("G", f"X{number}", "D")
        assert bench.host.message(other.topic("BIRTH"), encode(Payload(AT, [Metric(name="a")], 0)), 1.0) == []
        bench.send("BIRTH", Source("G", "N", f"D{number}"), [Metric(name="a", datatype=3)])
    assert len(bench.host.nodes) <= 1
    assert all(len(node.tables) <= 2 for node in bench.host.nodes.values())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_lost_or_overtaken_no_stale_value_is_proven(data: st.DataObject) -> None:
    """The truth is what the node had sent by then. Beside a proof nothing that is told may differ from it."""
    bench = Bench()
    truth: dict[str, Any] = {"State": 1, "Total": 0}
    then: dict[int, dict[str, Any]] = {}  # each value is sent once: what held when it was
    told: dict[str, Any] = {}
    delayed: list[tuple[int, str, int]] = []
    proofs = 0

    def take(events: list[Any]) -> None:
        nonlocal proofs
        for event in events:
            if isinstance(event, Told) and event.source == DEVICE:
                told.update({r.metric: r.value for r in event.readings if not r.historical})
                if event.proof:
                    proofs += 1
                    expected = then.get(event.readings[0].value, truth) if len(event.readings) == 1 else truth
                    assert {name: told[name] for name in truth} == expected

    take(bench.birth())
    for count in range(10, 10 + data.draw(st.integers(1, 60))):
        step = data.draw(st.sampled_from(["send", "send", "send", "lose", "delay", "deliver", "tick", "birth"]))
        name = data.draw(st.sampled_from(sorted(truth)))
        if step == "birth":
            delayed.clear()
            take(bench.host.tick(bench.now))
            take(bench.birth(values=truth))
        elif step == "deliver" and delayed:
            seq, late_name, late = delayed.pop(0)
            take(bench.data(late_name, late, seq=seq))
        elif step == "tick":
            bench.now += 1
            take(bench.host.tick(bench.now))
        elif step in ("send", "lose", "delay"):
            truth[name] = count
            then[count] = dict(truth)
            if step == "send":
                take(bench.data(name, count))
            else:
                if step == "delay":
                    delayed.append((bench.seq % 256, name, count))
                bench.seq += 1
    assert proofs
