"""Whatever a device does: what is booked is true where it can be known, else the bounds hold the truth."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from iot_bridge.signals.counter import CounterMemory, CounterSpec, Doubt, Reading, Same, book

MODULUS = 1000
RATE = 10.0


class Device(RuleBasedStateMachine):
    """A counter with resets, rollovers, torn reads, outages, clock steps, restarts and reboots."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = CounterSpec(MODULUS, RATE, tolerance=2, policy="flag", outage_ms=2000)
        self.raw = 995
        self.boot_flag = 1
        self.mono = 0
        self.offset = 10_000_000
        self.boot = 0
        self.true_since_booking = 0
        self.stepped = False
        self.memory: CounterMemory | None = None
        self.doubt: Doubt | None = None
        self.poll()

    # -- the device

    def run_for(self, ms: int, share: float) -> None:
        made = int(RATE * ms / 1000 * share)
        self.mono += ms
        self.raw = (self.raw + made) % MODULUS
        self.true_since_booking += made

    def reading(self, raw: int) -> Reading:
        return Reading(raw, self.mono + self.offset, self.mono, f"boot-{self.boot}", self.boot_flag)

    # -- the bridge

    def look(self, raw: int) -> None:
        outcome = book(self.spec, self.memory, self.reading(raw), self.doubt)
        self.doubt = outcome if isinstance(outcome, Doubt) else None
        if isinstance(outcome, Doubt):
            return
        if isinstance(outcome, Same):
            assert self.true_since_booking == 0
        elif outcome.decision == "first":
            assert outcome.delta == 0
        elif outcome.bounds is None:
            assert outcome.delta == self.true_since_booking
        else:
            low, high = outcome.bounds
            assert low <= self.true_since_booking and (high is None or self.true_since_booking <= high)
            assert low <= outcome.delta and (high is None or outcome.delta <= high)
        before = self.memory.total if self.memory else 0
        self.memory = outcome.memory
        assert self.memory.total - before == (0 if isinstance(outcome, Same) else outcome.delta)
        self.true_since_booking = 0

    @rule()
    def poll(self) -> None:
        self.stepped = False
        self.look(self.raw)

    @rule(ms=st.integers(1, 2000), share=st.floats(0, 1))
    def runs(self, ms: int, share: float) -> None:
        self.run_for(ms, share)

    @rule(ms=st.integers(2000, 400_000), share=st.floats(0, 1))
    def outage(self, ms: int, share: float) -> None:
        self.run_for(ms, share)

    @rule()
    def restart_of_the_bridge(self) -> None:
        self.doubt = None

    @precondition(lambda self: not self.stepped)
    @rule(ms=st.integers(0, 60_000))
    def reboot_of_the_bridge(self, ms: int) -> None:
        """The monotonic clock starts anew, the wall clock is right."""
        self.run_for(ms, 0.5)
        self.doubt = None
        self.boot += 1
        self.offset += self.mono - 17
        self.mono = 17

    @precondition(lambda self: self.memory is None or self.memory.boot_id == f"boot-{self.boot}")
    @rule(ms=st.integers(-86_400_000, 86_400_000))
    def wall_clock_is_set(self, ms: int) -> None:
        self.offset += ms
        self.stepped = True

    @rule()
    def reset_with_evidence(self) -> None:
        self.raw = 0
        self.boot_flag += 1

    @rule(value=st.integers(0, MODULUS - 1))
    def torn_read(self, value: int) -> None:
        """Garbage that the rate can show to be garbage."""
        assert self.memory is not None
        if self.memory.boot_id != f"boot-{self.boot}" or self.memory.flag != self.boot_flag:
            return
        allowance = RATE * (self.mono - self.memory.mono) / 1000 + self.spec.tolerance
        if (value - self.memory.raw) % MODULUS > allowance and not self.doubt:
            self.look(value)
            self.poll()

    @rule(share=st.floats(0, 1))
    def silent_reset(self, share: float) -> None:
        """Far from the modulus, seen by two polls; flagged, never silent."""
        assert self.memory is not None
        self.poll()
        self.poll()
        last = self.memory.raw
        if not 20 < last < MODULUS - 40:
            return
        self.raw = 0
        self.run_for(500, share)
        self.look(self.raw)
        assert isinstance(self.doubt, Doubt)
        epoch = self.memory.epoch
        self.mono += 500
        self.look(self.raw)
        assert self.memory.epoch == epoch + 1


TestCounterModel = Device.TestCase
TestCounterModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
