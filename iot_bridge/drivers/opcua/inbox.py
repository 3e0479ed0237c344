"""What the server said, in the order in which the pipeline takes it. No I/O.

Two sources speak of the same nodes: notifications (every change, some time later) and reads (only what is
now, at once). Rules that keep the two from contradicting each other:

- A read that shows what was said last is the proof that it still holds: said again, with the read's time.
- A read that shows something else waits for its notification, which brings what was in between; only when none
  comes in time is the read believed, and the item is suspect.
- What a believed read has overtaken is not said again when its notification arrives late.
- A counter that fell, or whose reset flag changed, is read together with the flag: two notifications that
  come apart would look like a reset that was none. The same for a trigger or a sequence number that comes without
  the value it calls.

A delivery holds one sample a tag at most. A tag and its companions (stop code, interlock, reset flag) go together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...clock import Clock
from ...events import Sample, Value
from ...tags.model import Tag
from ..stamps import JITTER_MS
from .stamps import Stamper
from .values import Reading

# Signals that are made of their companions too.
SHAPED = frozenset({"state", "mode", "alarm"})
# A notification that a read has overtaken is at most so much older.
OVERTAKEN_MS = 10_000


@dataclass(slots=True)
class _Last:
    """What was last said of a tag. at, mono: of the sample; by_read: a read was believed, not a notification."""

    tag: Tag
    reading: Reading | None = None
    at: int = 0
    mono: int = 0
    by_read: bool = False


@dataclass(frozen=True, slots=True)
class _Pending:
    """A read that no notification has explained yet; real seconds until it is believed."""

    reading: Reading
    left: int
    mono: int
    until_s: float


class Inbox:
    """See the module.

    limit: samples that may wait; what comes beyond is counted, and a full read is owed. wake: there is something
    to take. urgent: a read is owed, of ``verify`` or of all. slack: tag -> by how much a node may differ from what
    was notified last.
    """

    def __init__(
        self,
        tags: Sequence[Tag],
        stamper: Stamper,
        clock: Clock,
        limit: int,
        wake: Callable[[], None],
        urgent: Callable[[], None],
        slack: Mapping[str, float] | None = None,
    ) -> None:
        self.stamper = stamper
        # Tags whose monitored item lives: others are known by reads alone.
        self.live: set[str] = set()
        # Tags that must be read together, now.
        self.verify: set[str] = set()
        self.overflowed = 0
        self.healed = 0
        self.owes_read = False
        self._clock = clock
        self._limit = limit
        self._wake, self._urgent = wake, urgent
        self._slack = slack or {}
        self._last = {tag.tag: _Last(tag) for tag in tags}
        self._pending: dict[str, _Pending] = {}
        self._rounds: deque[dict[str, Sample]] = deque()
        self._waiting = 0
        self._told: dict[str, Sample] = {}
        self._companions = {
            tag.tag: [name for name in tag.companions if name in self._last] for tag in tags if tag.companions
        }
        # Whose companion makes them be looked at again; whose value a companion calls; whose reset it shows.
        self._owners = _owners(tags, lambda tag: tag.companions if tag.signal in SHAPED else _calling(tag))
        self._called = _owners(tags, _calling)
        self._counters = _owners(tags, lambda tag: [tag.reset_flag_tag])
        self._grouped = {*self._companions, *self._owners}

    # -- what the server says

    def notified(self, told: Sequence[tuple[str, Reading]]) -> None:
        """One publishing of a subscription."""
        now, mono = self._clock.now_ms(), self._clock.mono_ms()
        newest = max((one.stamp for _, one in told if one.stamp is not None), default=None)
        if newest is not None:
            self.stamper.skew.observe(newest, now)
        names = {name for name, _ in told}
        if len(names) < len(told):
            # A server lists item by item; what happened first comes first.
            told = sorted(told, key=lambda pair: pair[1].stamp or now)
        for name, reading in told:
            last = self._last[name]
            if reading.overflow:
                self._owe()
            if name in self.verify or _is_old(last, reading):
                continue
            self._pending.pop(name, None)
            if self._must_verify(last, reading, names):
                continue
            at = self._event_at(last, reading, now, newest)
            self._put(last, reading, at, mono - self.stamper.age_ms(reading.stamp, now, newest), now)

    def answered(
        self, told: Sequence[tuple[str, Reading]], left: int, mono: int, until_s: float | None = None
    ) -> None:
        """A read that left at ``left`` (plant ms), ``mono``. until_s: how long a difference may wait for its
        notification; None: it is believed at once."""
        now = self._clock.now_ms()
        if self._rounds and self._rounds[-1]:
            self._rounds.append({})
        for name, reading in told:
            last = self._last[name]
            sure = until_s is None or last.reading is None or name not in self.live or name in self.verify
            self.verify.discard(name)
            if last.reading is not None and self._holds(last, reading):
                self._pending.pop(name, None)
                self._put(last, last.reading, self.stamper.at_read(left), mono, now, by_read=last.by_read)
            elif sure:
                self._believe(last, reading, left, mono)
            elif until_s is not None and name not in self._pending:
                self._pending[name] = _Pending(reading, left, mono, until_s)

    def heal(self, now_s: float) -> list[str]:
        """Believe the reads that waited long enough; returns their tags."""
        due = [name for name, one in self._pending.items() if one.until_s <= now_s]
        for name in due:
            one = self._pending.pop(name)
            self.healed += 1
            if not self._must_verify(self._last[name], one.reading, due):
                self._believe(self._last[name], one.reading, one.left, one.mono)
        return due

    def forget(self, names: Iterable[str]) -> None:
        """These could not be stored: what is read next is news again."""
        for name in names:
            self._last[name].reading = None
            self._told.pop(name, None)
        self._owe()

    def end(self) -> None:
        """The link is gone: nothing is live, nothing pending."""
        self.live.clear()
        self.verify.clear()
        self._pending.clear()

    # -- what the pipeline takes

    def take(self) -> list[Sample] | None:
        """The next samples, one a tag at most; None when there is nothing."""
        while self._rounds:
            found = self._rounds.popleft()
            if found:
                self._waiting -= len(found)
                self._join(found)
                self._told.update(found)
                return list(found.values())
        return None

    def _join(self, found: dict[str, Sample]) -> None:
        for name in [name for name in found if name in self._grouped]:
            for owner in self._owners.get(name, ()):
                self._add(found, owner, found[name])
        for name in [name for name in found if name in self._companions]:
            for companion in self._companions[name]:
                self._add(found, companion, found[name])

    def _add(self, found: dict[str, Sample], name: str, beside: Sample) -> None:
        known = self._told.get(name)
        if name not in found and known is not None:
            found[name] = replace(known, at=beside.at, mono=beside.mono, recv=beside.recv)

    # -- inside

    def _must_verify(self, last: _Last, reading: Reading, told: Collection[str]) -> bool:
        """Whether what belongs together is to be read together instead; ``told``: what came with this."""
        before = last.reading.value if last.reading is not None else None
        if before is None or reading.value is None:
            return False
        name, flag = last.tag.tag, last.tag.reset_flag_tag
        together: set[str] = set()
        if flag in self._last and _fell(before, reading.value):
            together = {name, str(flag)}
        elif reading.value != before:
            together.update(self._counters.get(name, ()))
            called = self._called.get(name, ())
            if any(owner not in told for owner in called):
                together.update(called, *(self._companions[owner] for owner in called))
        if not together:
            return False
        self.verify |= {name, *together}
        self._urgent()
        return True

    def _owe(self) -> None:
        self.owes_read = True
        self._urgent()

    def _holds(self, last: _Last, reading: Reading) -> bool:
        """Whether a read shows what was said last: the server says nothing of changes within a deadband."""
        known = last.reading
        if known is None or known.quality != reading.quality:
            return False
        slack = self._slack.get(last.tag.tag)
        if slack is None or not (_is_number(known.value) and _is_number(reading.value)):
            return known.value == reading.value
        return abs(float(known.value) - float(reading.value)) <= slack  # type: ignore[arg-type]

    def _event_at(self, last: _Last, reading: Reading, now: int, newest: int | None) -> int:
        if last.reading is None or last.reading.value is None:
            # When it came to be so, nobody watched.
            return self.stamper.at_read(now)
        at = self.stamper.at_event(reading.stamp, now, newest)
        if self.stamper.policy == "corrected" and at < last.at - JITTER_MS:
            # The device's clock was set back: what we know of its offset is void.
            self.stamper.skew.forget()
            return now
        return at

    def _believe(self, last: _Last, reading: Reading, left: int, mono: int) -> None:
        at = self.stamper.at_read(left)
        if last.reading is not None and last.reading.value is not None and reading.stamp is not None:
            at = min(at, max(last.at + 1, self.stamper.at_event(reading.stamp, left, None)))
        self._put(last, reading, at, mono, self._clock.now_ms(), by_read=True)

    def _put(self, last: _Last, reading: Reading, at: int, mono: int, recv: int, by_read: bool = False) -> None:
        name = last.tag.tag
        if self._waiting >= self._limit:
            self.overflowed += 1
            self._owe()
            return
        at = self.stamper.in_order(last.tag.equipment, at)
        if last.reading is not None and last.at - JITTER_MS <= at <= last.at and not _is_same(last.reading, reading):
            # Two values of one tag never bear one time.
            at = self.stamper.in_order(last.tag.equipment, last.at + 1)
        last.reading, last.at, last.by_read = reading, at, by_read
        last.mono = mono = max(mono, last.mono)
        if not self._rounds or name in self._rounds[-1]:
            self._rounds.append({})
        self._rounds[-1][name] = Sample(name, reading.value, at, mono, recv, reading.quality)
        self._waiting += 1
        self._wake()


def _owners(tags: Iterable[Tag], companions: Callable[[Tag], Iterable[str | None]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in tags:
        for name in companions(tag):
            if name is not None:
                found.setdefault(name, []).append(tag.tag)
    return found


def _calling(tag: Tag) -> list[str | None]:
    """Companions whose change says that there is something new."""
    return [tag.sequence_tag, tag.trigger_tag]


def _fell(before: Value, after: Value) -> bool:
    return not isinstance(before, str) and not isinstance(after, str) and after < before


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _is_same(one: Reading, other: Reading) -> bool:
    return one.value == other.value and one.quality == other.quality


def _is_old(last: _Last, reading: Reading) -> bool:
    """Said already, or overtaken by a read that was believed."""
    known = last.reading
    if known is None or known.stamp is None or reading.stamp is None:
        return False
    if known.stamp == reading.stamp:
        return _is_same(known, reading)
    return last.by_read and 0 < known.stamp - reading.stamp < OVERTAKEN_MS
