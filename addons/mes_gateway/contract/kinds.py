# Part of Gemba MES. License LGPL-3.0 or later.
"""The fields of each kind of event.

The five kinds that make up nearly all traffic have a reader by hand: it tests the usual case in line.
The others are a table of checks; their events are handed on as they are.
"""

from collections.abc import Callable

from . import fields
from .errors import Refused, shown
from .fields import Event
from .limits import EVIDENCE_REACH_MS, INT4, INT8, MAX_ALARM_CODE_LENGTH, MAX_SOURCE_LENGTH, PAST_LIMIT_MS
from .plant import Plant
from .rows import Row

STATES = frozenset({"running", "idle", "down", "setup", "maintenance"})
MODES = frozenset({"production", "changeover", "maintenance", "cleaning", "trial", "manual"})
INTERLOCKS = frozenset({"starved", "blocked"})
DECISIONS = frozenset({"step", "rollover", "reset", "gap", "first"})
QUALITIES = frozenset({"good", "uncertain", "estimated"})
RESULTS = frozenset({"done", "refused", "failed", "expired", "unknown", "mismatch"})
_CODE_LENGTH = 64

Common = tuple[int, int, int, int | None, str]
"""What every row begins with: seq, machine, at, recv, quality."""

ReadKind = Callable[[Event, Common, Plant], Row]


def _mapped(event: Event, field: str, words: frozenset[str]) -> str:
    """The mapped value of a raw one; null says that the map has no entry for it."""
    if event[field] is None:
        raise Refused(
            "unmapped",
            f"The raw value {event['raw']} is not in the tag's map: complete the map, "
            f"set {field} here, and replay.",
        )
    return fields.word(event, field, words)


def _read_state(event: Event, common: Common, plant: Plant) -> Row:
    raw = event["raw"]
    if type(raw) is not int or not -INT8 <= raw <= INT8:
        raw = _raw(event)
    revision = event["map"]
    if type(revision) is not int or not 0 <= revision <= INT4:
        revision = fields.integer(event, "map", 0, INT4)
    code = event.get("code")
    if code is not None and (type(code) is not str or len(code) > _CODE_LENGTH):
        code = fields.text(event, "code", _CODE_LENGTH, shortest=0)
    interlock = event.get("interlock")
    if interlock is not None:
        interlock = fields.word(event, "interlock", INTERLOCKS)
    state = event["state"]
    if type(state) is not str or state not in STATES:
        state = _mapped(event, "state", STATES)
    return (*common, raw, state, code, interlock, revision)


def _raw(event: Event) -> int | str:
    """The raw value of a state or mode: a whole number, or the text that the source gives."""
    if type(event["raw"]) is str:
        return fields.text(event, "raw", _CODE_LENGTH)
    return fields.integer(event, "raw", -INT8 - 1, INT8)


def _read_mode(event: Event, common: Common, plant: Plant) -> Row:
    raw = _raw(event)
    revision = fields.integer(event, "map", 0, INT4) if "map" in event else None
    return (*common, raw, _mapped(event, "mode", MODES), None, None, revision)


def _read_count(event: Event, common: Common, plant: Plant) -> Row:
    epoch = event["counter_epoch"]
    if type(epoch) is not int or not 0 <= epoch <= INT4:
        epoch = fields.integer(event, "counter_epoch", 0, INT4)
    raw = event["raw"]
    if type(raw) is not int or not 0 <= raw <= INT8:
        raw = fields.integer(event, "raw", 0, INT8)
    total = event["total"]
    if type(total) is not int or not 0 <= total <= INT8:
        total = fields.integer(event, "total", 0, INT8)
    delta = event["delta"]
    if type(delta) is not int or not 0 <= delta <= INT8:
        delta = fields.integer(event, "delta", 0, INT8)
    decision = event["decision"]
    if type(decision) is not str or decision not in DECISIONS:
        decision = fields.word(event, "decision", DECISIONS)
    low, high = fields.bounds(event) if "bounds" in event else (None, None)
    return (*common, _counter(event, plant), epoch, raw, total, delta, decision, low, high)


def _counter(event: Event, plant: Plant) -> int:
    """The id of the event's counter."""
    name = event["counter"]
    if type(name) is not str:
        fields.text(event, "counter")
    counter = plant.counters.get((event["equipment"], name))
    if counter is None:
        fields.text(event, "counter", _CODE_LENGTH)
        raise Refused(
            "unknown_counter",
            f"The machine {shown(event['equipment'])} has no counter {shown(name)}: "
            "add it to the machine, or mend the tag, and replay.",
        )
    return counter


def _read_evidence(event: Event, common: Common, plant: Plant) -> Row:
    start, end = fields.moment(event, "from"), fields.moment(event, "until")
    at = common[2]
    if not start <= at <= end:
        raise Refused("bad_value", "Evidence must hold from <= at <= until; check the source's clock.")
    if at - start > PAST_LIMIT_MS:
        raise Refused("bad_value", "Evidence of more than a year in one span is no evidence: check the source's clock.")
    if end - at > EVIDENCE_REACH_MS:
        raise Refused(
            "bad_value", "Evidence may reach one stale limit beyond `at`, and no further than an hour."
        )
    return (*common, start, end)


def _read_measurement(event: Event, common: Common, plant: Plant) -> Row:
    value = event.get("value")
    if type(value) is not float or not -1e308 < value < 1e308:
        value = fields.number(event, "value") if "value" in event else None
    if "from" not in event and "mean" not in event and "n" not in event:
        summary: Row = (None, None, None, None, None)
    else:
        summary = _summary(event)
    if value is None and summary[2] is None:
        raise Refused("malformed", "A measurement needs the field value, or mean with its summary.")
    if "min" in event or "max" in event:
        summary = (*_extremes(event), *summary[2:])
    unit = fields.text(event, "unit", shortest=0) if "unit" in event else None
    return (*common, _tag(event, plant), value, *summary, unit)


def _summary(event: Event) -> Row:
    """min, max (left empty), mean, n, from of a summarised measurement."""
    return (
        None,
        None,
        fields.number(event, "mean") if "mean" in event else None,
        fields.integer(event, "n", 1, INT8) if "n" in event else None,
        fields.moment(event, "from") if "from" in event else None,
    )


def _extremes(event: Event) -> tuple[float | None, float | None]:
    """min and max of a summarised measurement."""
    least = fields.number(event, "min") if "min" in event else None
    most = fields.number(event, "max") if "max" in event else None
    return least, most


def _tag(event: Event, plant: Plant) -> int:
    """The id of the measurement's tag, named in full by `tag` or by equipment and `name`."""
    name = fields.text(event, "name") if "name" in event else None
    full = event.get("tag") or f"{event['equipment']}/{name}"
    tag = plant.tags.get(full)
    if tag is None:
        raise Refused(
            "unknown_tag",
            f"This gateway has no measurement tag {shown(full)}: add it to the gateway's tags, "
            "then replay.",
        )
    return tag


HOT: dict[str, ReadKind] = {
    "state": _read_state,
    "mode": _read_mode,
    "count": _read_count,
    "evidence": _read_evidence,
    "measurement": _read_measurement,
}
"""Kind -> its reader. Anything else is checked by COLD, if listed there, and handed on."""

_TEXT: fields.Check = fields.text
_FREE_TEXT: fields.Check = lambda event, field: fields.text(event, field, shortest=0)  # noqa: E731



def _command(event: Event, field: str) -> object:
    """The number of a command, also as a text."""
    value = fields.one_of_types(str, int)(event, field)
    return fields.text(event, field, _CODE_LENGTH, shortest=0) if type(value) is str else value


COLD: dict[str, tuple[dict[str, fields.Check], dict[str, fields.Check]]] = {
    "alarm": (
        {"code": lambda event, field: fields.text(event, field, MAX_ALARM_CODE_LENGTH), "active": fields.truth},
        {"severity": fields.one_of_types(str, int), "text": _FREE_TEXT},
    ),
    "parameter": (
        {"name": _TEXT, "value": fields.one_of_types(str, int, float, bool)},
        {"unit": _FREE_TEXT, "batch": _FREE_TEXT},
    ),
    "energy": (
        {
            "meter": _TEXT,
            "counter_epoch": lambda event, field: fields.integer(event, field, 0, INT4),
            "total": fields.at_least(0),
        },
        {
            "unit": _FREE_TEXT,
            "raw": fields.at_least(0),
            "delta": fields.at_least(0),
            "decision": lambda event, field: fields.word(event, field, DECISIONS),
            "bounds": fields.number_bounds,
        },
    ),
    "material": (
        {
            "lot": _TEXT,
            "action": lambda event, field: fields.word(event, field, ("load", "unload", "consume")),
        },
        {"position": _FREE_TEXT, "quantity": fields.at_least(0)},
    ),
    "unit": (
        {
            "serial": _TEXT,
            "action": lambda event, field: fields.word(event, field, ("in", "out", "reject")),
        },
        {"result": _FREE_TEXT},
    ),
    "command_result": (
        {"command": _command, "status": lambda event, field: fields.word(event, field, RESULTS)},
        {
            "read_back": fields.one_of_types(str, int, float, bool, type(None)),
            "message": _FREE_TEXT,
        },
    ),
    "clock": (
        {"step_s": fields.number, "source": lambda event, field: fields.text(event, field, MAX_SOURCE_LENGTH)},
        {},
    ),
}
"""Kind -> (required fields, optional fields), each with its check."""


def check_cold(event: Event, kind: str) -> None:
    """Raise Refused when an event of a table kind breaks its table; other kinds pass as they are."""
    required, optional = COLD.get(kind, ({}, {}))
    fields.require(event, required)
    for field, check in required.items():
        check(event, field)
    for field, check in optional.items():
        if field in event:
            check(event, field)
