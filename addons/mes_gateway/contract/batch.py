# Part of Gemba MES. License LGPL-3.0 or later.
"""A batch: its head, its sequence, and its events as rows.

Sequence rules (EVENTS, ARCHITECTURE 4): events and declared ``dropped`` ranges cover ``from..to``
exactly and in rising order. Against the number already applied a batch *continues* (``from`` is at
most ``applied + 1`` and ``to`` lies beyond: what is known is passed over), or is *known* (all of it
was applied), or comes *too early* (something is missing before it: nothing changes).
"""

from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from . import envelope, fields
from .errors import Refused, Verdict, missing, shown
from .kinds import HOT, QUALITIES, check_cold
from .limits import CLOCK_WAS_SET_MS, FUTURE_TOLERANCE_MS, INT8, MAX_EVENTS, MAX_KIND_LENGTH, PAST_LIMIT_MS
from .plant import Plant
from .rows import COLUMNS, Row
from .times import parse_time


class Standing(Enum):
    """How a batch stands to what is applied."""

    CONTINUES = "continues"
    KNOWN = "known"
    TOO_EARLY = "too_early"


class Dropped(NamedTuple):
    """Sequence numbers that will never come, inclusive, with the sender's reason."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose head and sequence hold. ``events`` pairs every event with its number."""

    stream: str
    epoch: str
    first: int
    last: int
    dropped: tuple[Dropped, ...]
    events: list[tuple[int, Any]]
    suspicious: bool
    """Whether some text may be unstorable, so that each event must be looked at."""

    def standing(self, applied: int) -> Standing:
        """How this batch stands to the last number ``applied`` of its stream."""
        if self.last <= applied:
            return Standing.KNOWN
        return Standing.CONTINUES if self.first <= applied + 1 else Standing.TOO_EARLY

    def fresh(self, applied: int) -> list[tuple[int, Any]]:
        """The events beyond ``applied``."""
        if self.first > applied:
            return self.events
        return [pair for pair in self.events if pair[0] > applied]


def read_batch(text: object) -> Batch:
    """The batch in ``text``; raises CallRefused when its head or its sequence does not hold."""
    call = envelope.load(text)
    envelope.version_one(call, required=True)
    first, last = envelope.whole(call, "from", 1), envelope.whole(call, "to", 1)
    if first > last:
        raise envelope.invalid(f"from is {first} and to is {last}; a batch runs upwards.")
    events = call.get("events")
    if type(events) is not list:
        raise envelope.invalid("events is missing or no list; an empty batch has an empty list.")
    if len(events) > MAX_EVENTS:
        raise envelope.invalid(f"the batch has {len(events)} events; send at most {MAX_EVENTS} a call.")
    dropped = _dropped(call, first, last)
    return Batch(
        stream=envelope.stream_code(call),
        epoch=envelope.epoch(call),
        first=first,
        last=last,
        dropped=dropped,
        events=_numbered(events, first, last, dropped),
        suspicious=envelope.may_hold_unstorable(str(text)),
    )


def _dropped(call: envelope.JsonObject, first: int, last: int) -> tuple[Dropped, ...]:
    """The declared holes, sorted, inside the batch and apart from each other."""
    ranges = call.get("dropped", [])
    if type(ranges) is not list or len(ranges) > MAX_EVENTS:
        raise envelope.invalid(f"dropped must be a list of at most {MAX_EVENTS} ranges.")
    dropped = sorted(_one_dropped(item) for item in ranges)
    for before, after in pairwise(dropped):
        if after.first <= before.last:
            raise envelope.invalid(f"the dropped ranges {before.first}.. and {after.first}.. overlap.")
    if dropped and not (first <= dropped[0].first and dropped[-1].last <= last):
        raise envelope.invalid(f"a dropped range lies outside {first}..{last}.")
    return tuple(dropped)


def _one_dropped(item: object) -> Dropped:
    if type(item) is not dict:
        raise envelope.invalid("a dropped range must be an object with from, to and reason.")
    first, last, reason = envelope.whole(item, "from", 1), envelope.whole(item, "to", 1), item.get("reason")
    if first > last:
        raise envelope.invalid(f"the dropped range {first}..{last} runs backwards.")
    if type(reason) is not str or not reason or not envelope.is_storable(reason):
        raise envelope.invalid(f"the dropped range {first}..{last} has no reason; say why it is lost.")
    return Dropped(first, last, reason)


def _numbered(
    events: list[Any], first: int, last: int, dropped: tuple[Dropped, ...]
) -> list[tuple[int, Any]]:
    """Every event with its number. An event without a usable number stands where it stands: it gets the
    number that is due, so that its verdict can be told and the rest goes on."""
    due = first
    holes = iter(dropped)
    hole = next(holes, None)
    numbered = []
    for event in events:
        while hole is not None and hole.first == due:
            due, hole = hole.last + 1, next(holes, None)
        number = event.get("seq") if type(event) is dict else None
        if type(number) is float and number.is_integer():
            number = int(number)
        if type(number) is int and number != due:
            raise envelope.invalid(
                f"number {due} should come next, not {number}; numbers rise without a hole, "
                "and what is lost is declared in dropped."
            )
        numbered.append((due, event))
        due += 1
    while hole is not None and hole.first == due:
        due, hole = hole.last + 1, next(holes, None)
    if due != last + 1:
        raise envelope.invalid(
            f"the events end at {due - 1}, but the batch says {last}; declare what is lost in dropped."
        )
    return numbered


class Bad(NamedTuple):
    """An event that is set aside, with the verdict."""

    verdict: Verdict
    event: Any


@dataclass(slots=True)
class Decoded:
    """What became of a batch's events."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {kind: [] for kind in HOT})
    handed: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    """Kind -> numbered events for a handler of another room."""
    pending: list[tuple[int, Any]] = field(default_factory=list)
    """Numbered events whose kind has no handler yet."""
    bad: list[Bad] = field(default_factory=list)

    def set_aside(self, seq: int, event: Any, refusal: Refused) -> None:
        """Keep an event that can't be applied, with the reason."""
        self.bad.append(Bad(Verdict(seq, refusal.code, refusal.message), event))


def decode(
    events: list[tuple[int, Any]],
    plant: Plant,
    now: int,
    *,
    suspicious: bool = False,
    future_tolerance: int = FUTURE_TOLERANCE_MS,
    past_limit: int = PAST_LIMIT_MS,
) -> Decoded:
    """The rows of numbered ``events``. ``now``, ``future_tolerance`` and ``past_limit`` are milliseconds.
    Never raises for the contents of an event: what breaks a rule is set aside in ``bad`` and the rest
    goes on."""
    decoded = Decoded()
    rows, machines, latest = decoded.rows, plant.machines, now + future_tolerance
    earliest = max(CLOCK_WAS_SET_MS, now - past_limit)
    for seq, event in events:
        try:
            if suspicious and not envelope.is_storable(event):
                raise Refused("bad_value", "A text holds a NUL or half a character: mend the sender.")
            kind, equipment, quality = event["kind"], event["equipment"], event["quality"]
            try:
                at = parse_time(event["at"])
            except ValueError:
                at = fields.moment(event, "at")
            machine = machines.get(equipment)
            if (
                machine is None
                or at > latest
                or at < earliest
                or type(event["seq"]) is not int
                or quality not in QUALITIES
            ):
                machine = _checked(event, plant, at, earliest, latest)
            recv = fields.moment(event, "recv") if "recv" in event else None
            if "tag" in event and (type(event["tag"]) is not str or not event["tag"]):
                fields.text(event, "tag")
            common = (seq, machine, at, recv, quality)
            reader = HOT.get(kind)
            if reader is not None:
                rows[kind].append(reader(event, common, plant))
            else:
                _hand_on(decoded, plant, seq, event)
        except Refused as refusal:
            decoded.set_aside(seq, event, refusal)
        except KeyError as error:
            decoded.set_aside(seq, event, missing(error.args[0]))
        except TypeError:
            shape = _shapeless(event)
            if shape is None:
                raise
            decoded.set_aside(seq, event, shape)
    return decoded


def _checked(event: fields.Event, plant: Plant, at: int, earliest: int, latest: int) -> int:
    """The machine of an event that is not plainly right; raises Refused with what is wrong."""
    fields.integer(event, "seq", 1, INT8)
    fields.word(event, "quality", QUALITIES)
    equipment = fields.text(event, "equipment", 255)
    machine = plant.machines.get(equipment)
    if machine is None and event["kind"] == "command_result":
        machine = 0  # it names its command; what it was for may be gone from the bridge
    if machine is None:
        raise Refused(
            "unknown_equipment",
            f"No machine {shown(equipment)} at this gateway's site: create a work center with this code, "
            "or mend the tag, and replay.",
        )
    if at < CLOCK_WAS_SET_MS:
        raise Refused("clock_not_set", f"at is {shown(event['at'])}: the source's clock was never set.")
    if at < earliest:
        raise Refused(
            "too_old",
            f"at is {shown(event['at'])}, longer ago than the gateway takes: set the clock of the source and "
            "correct the time; or, if it is right, raise the gateway's limit; then replay.",
        )
    if at > latest:
        raise Refused(
            "in_future",
            f"at is {shown(event['at'])}, ahead of the server's clock: set the clock of the source, or "
            "declare its time source as PLC corrected; then correct the time and replay.",
        )
    return machine


def _hand_on(decoded: Decoded, plant: Plant, seq: int, event: fields.Event) -> None:
    """An event of a kind that another room handles, or will."""
    kind = fields.text(event, "kind", MAX_KIND_LENGTH)
    check_cold(event, kind)
    if kind in plant.handled:
        decoded.handed.setdefault(kind, []).append((seq, event))
    else:
        decoded.pending.append((seq, event))


def _shapeless(event: object) -> Refused | None:
    """Why an event broke a look-up: no object at all, or a list or object where a text belongs. None
    says that it did not, so that the fault is ours."""
    if type(event) is not dict:
        return Refused("malformed", f"The event is {shown(event)}; it must be an object.")
    for name in ("kind", "equipment", "quality"):
        try:
            fields.text(event, name)
        except Refused as refusal:
            return refusal
    return None


def suspect_counts(counts: list[Row]) -> list[Row]:
    """The count rows whose delta must be compared with what is stored: the first of each counter in
    time, and those that do not fit the row before them in this batch."""
    suspects = []
    previous_counter = previous_total = -1
    for row in sorted(counts, key=_BY_COUNTER_AND_TIME):
        counter, total, delta, decision = row[_COUNTER], row[_TOTAL], row[_DELTA], row[_DECISION]
        if decision != "first" and (counter != previous_counter or total - previous_total != delta):
            suspects.append(row)
        previous_counter, previous_total = counter, total
    return suspects


def is_conserved(row: Row, before: tuple[int, int] | None, dropped: tuple[Dropped, ...]) -> bool:
    """Whether a count row fits ``before``, the (total, seq) stored for the instant before it. Nothing
    before it, or a declared hole in between, leaves nothing to compare."""
    if before is None:
        return True
    total, seq = before
    if any(seq < hole.first <= row[0] for hole in dropped):
        return True
    return bool(row[_TOTAL] - total == row[_DELTA])


_COUNTER, _TOTAL, _DELTA, _DECISION = (
    COLUMNS["count"].index(name) for name in ("counter", "total", "delta", "decision")
)
_BY_COUNTER_AND_TIME = itemgetter(_COUNTER, 2, 0)
