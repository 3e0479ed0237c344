"""Property 5 through a whole machine: with fast paths, disks that are full, restarts and outages, what is booked
is true where it can be known, else the flagged bounds hold the truth. For every way of counting."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from scene import CODE, companions, tag

from iot_bridge.signals.machine import Machine, Proposal
from iot_bridge.testing import ManualClock, make_samples

POLL_MS = 400
RATE = 10.0
TAGS = [
    tag("state", "state", map={"1": "running", "2": "down"}),
    tag("roll", "counter", counter="roll", max_rate=RATE, modulus=500, poll_ms=POLL_MS),
    tag("set", "counter", counter="set", max_rate=RATE, modulus=10**6, counting="resetting", poll_ms=POLL_MS),
    tag("bit", "counter", counter="bit", max_rate=1.0, counting="pulse", table="coil", type="bool", poll_ms=POLL_MS),
    tag("rec", "counter", counter="rec", max_rate=50.0, counting="handshake", sequence_tag="seq", ack_tag="ack"),
    tag("two1", "counter", counter="two", max_rate=RATE, modulus=500, cavity=1, factor=3, poll_ms=POLL_MS),
    tag("two2", "counter", counter="two", max_rate=RATE, modulus=500, cavity=2, poll_ms=POLL_MS),
    *companions("seq", "ack"),
]
NAMES = ("roll", "set", "bit", "rec", "two")


class Plant(RuleBasedStateMachine):
    """A device with a counter of each kind, a bridge in front of it, and the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.state = 1
        self.raw = {"roll": 490, "set": 100, "bit": 0, "two1": 495, "two2": 0}
        # The record shown: it stays there when it was acknowledged.
        self.record = 9
        self.sequence = self.acknowledged = 7
        # Made since it was last told, by counter.
        self.untold = dict.fromkeys(NAMES, 0)
        self.totals = dict.fromkeys(NAMES, 0)
        self.memories: dict[str, Any] = {}
        self.notes: dict[str, str] = {}
        self.machine = Machine(CODE, TAGS, "boot-1")
        self.poll()
        self.poll()

    # -- the device

    def make(self, ms: int, share: float) -> None:
        most = int(RATE * ms / 1000 * share)
        for name, modulus in (("roll", 500), ("set", 10**6), ("two1", 500), ("two2", 500)):
            self.raw[name] = (self.raw[name] + most) % modulus
        self.untold["roll"] += most
        self.untold["set"] += most
        self.untold["two"] += 4 * most

    def pass_time(self, ms: int, share: float = 0.5) -> None:
        self.clock.advance(ms)
        self.make(ms, share)

    # -- the bridge

    def cycle(self) -> list[Any]:
        """What one poll finds."""
        values: dict[str, Any] = {"state": self.state, **self.raw, "bit": bool(self.raw["bit"])}
        values |= {"rec": self.record, "seq": self.sequence, "ack": self.acknowledged}
        return make_samples(self.clock, {f"{CODE}/{name}": value for name, value in values.items()})

    def store(self, draft: Proposal) -> None:
        """Commit, then look whether it was true."""
        told = {event.fields["counter"]: event for event in draft.events if event.kind == "count"}
        counts = [event for event in draft.events if event.kind == "count"]
        assert len(counts) == len(told) or {event.fields["decision"] for event in counts} > {"first"}
        self.machine.adopt(draft)
        self.memories.update(draft.memories)
        for event in counts:
            self.check(event.fields["counter"], event)
        waiting = {key.rsplit("/", 1)[1].split("#")[0] for key in draft.state.doubts}
        for name in NAMES:
            if name not in told and name not in waiting:
                assert self.untold[name] == 0, name
        for name, value in draft.writes:
            assert name == f"{CODE}/ack"
            self.acknowledged = value

    def check(self, name: str, event: Any) -> None:
        fields, truth = event.fields, self.untold[name]
        if fields["decision"] == "first":
            return
        if "bounds" in fields:
            low, high = fields["bounds"]
            assert low <= truth and (high is None or truth <= high), (name, fields, truth)
            assert low <= fields["delta"] and (high is None or fields["delta"] <= high)
        else:
            assert fields["delta"] == truth, (name, fields, truth)
        assert fields["total"] == self.totals[name] + fields["delta"]
        self.totals[name], self.untold[name] = fields["total"], 0

    @rule()
    def poll(self) -> None:
        self.clock.advance(POLL_MS)
        self.store(self.machine.propose(self.cycle()))

    @rule(share=st.floats(0, 1), times=st.integers(1, 6))
    def run(self, share: float, times: int) -> None:
        for _ in range(times):
            self.pass_time(POLL_MS, share)
            self.store(self.machine.propose(self.cycle()))

    @rule(share=st.floats(0, 1))
    def disk_is_full(self, share: float) -> None:
        """Read, but not stored: it did not happen."""
        self.pass_time(POLL_MS, share)
        self.machine.propose(self.cycle())

    @rule(ms=st.integers(1500, 300_000), share=st.floats(0, 1), pulses=st.floats(0, 1))
    def outage(self, ms: int, share: float, pulses: float) -> None:
        """Nobody looks; whatever can be made is made."""
        self.settle()
        lost = self.machine.propose_loss(self.clock.now_ms())
        if lost is not None:
            self.machine.adopt(lost)
        self.pass_time(ms, share)
        self.untold["bit"] += int(pulses * ms / 1000)
        self.raw["bit"] = 0
        self.poll()

    @rule()
    def restart_of_the_bridge(self) -> None:
        self.settle()
        self.machine = Machine(CODE, TAGS, "boot-1")
        self.machine.remember(self.memories)
        self.poll()

    @rule()
    def pulse(self) -> None:
        """High and low each outlast a poll."""
        self.settle()
        self.raw["bit"] = 1
        self.untold["bit"] += 1
        self.poll()
        self.poll()
        self.raw["bit"] = 0
        self.poll()

    @rule(value=st.integers(0, 30), share=st.floats(0, 1))
    def somebody_sets_it_to_zero(self, value: int, share: float) -> None:
        """Seen by two polls, as the model asks for."""
        self.settle()
        if self.raw["set"] < 40:
            return
        self.raw["set"] = 0
        self.pass_time(POLL_MS, share)
        self.store(self.machine.propose(self.cycle()))
        self.poll()

    @rule(quantity=st.integers(0, 40))
    def record_is_shown(self, quantity: int) -> None:
        """The device shows the next one only when the last was acknowledged."""
        if self.acknowledged != self.sequence:
            self.poll()
        self.record = quantity
        self.sequence = (self.sequence + 1) % 65536
        self.untold["rec"] += quantity
        self.poll()

    @rule()
    def machine_turns(self) -> None:
        self.state = 3 - self.state
        self.poll()

    @rule(tag=st.sampled_from(["roll", "set"]))
    def torn_read(self, tag: str) -> None:
        """Garbage far beyond the rate, once."""
        self.settle()
        self.clock.advance(POLL_MS)
        samples = self.cycle()
        torn = {"roll": (self.raw["roll"] + 250) % 500, "set": self.raw["set"] + 100_000}[tag]
        bad = [make_samples(self.clock, {s.tag: torn})[0] if s.tag == f"{CODE}/{tag}" else s for s in samples]
        self.store(self.machine.propose(bad))
        self.poll()

    def settle(self) -> None:
        """Nothing open."""
        self.poll()
        self.poll()


TestEveryKind = Plant.TestCase
TestEveryKind.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
