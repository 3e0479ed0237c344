# Part of Gemba MES. License LGPL-3.0 or later.
"""The calls beside the batch: hello, live and tags."""

from dataclasses import dataclass, field
from typing import Any

from . import envelope, fields
from .errors import Refused, Verdict
from .kinds import INTERLOCKS, MODES, STATES
from .limits import INT8, MAX_LIVE_COUNTS

_MAX_MACHINES = 10_000
_TEXT_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Hello:
    """What a bridge has: its stream's epoch and the sequence numbers in its outbox."""

    stream: str
    epoch: str
    first: int
    last: int
    supersedes: str | None
    bridge: str


@dataclass(frozen=True, slots=True)
class LiveMachine:
    """The latest values of one machine. Times in milliseconds; ``state`` None means no data."""

    code: str
    at: int
    state: str | None
    mode: str | None
    stop_code: str | None
    interlock: str | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Live:
    """One call of the live lane. ``at`` is the bridge's own clock, None when it did not say."""

    stream: str
    epoch: str | None
    version: int
    at: int | None
    machines: list[LiveMachine]
    refused: dict[str, Verdict] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TagsRequest:
    """A bridge asks for the tags of its gateway."""

    stream: str


def read_hello(text: object) -> Hello:
    """The hello in ``text``; raises CallRefused."""
    call = envelope.load(text)
    envelope.version_one(call, required=False)
    bridge = call.get("bridge", "")
    if type(bridge) is not str or not envelope.is_storable(bridge):
        raise envelope.invalid("bridge must be a text with the version of the bridge's software.")
    return Hello(
        stream=envelope.stream_code(call),
        epoch=envelope.epoch(call),
        first=envelope.whole(call, "first", 1),
        last=envelope.whole(call, "last", 0),
        supersedes=envelope.epoch(call, "supersedes") if "supersedes" in call else None,
        bridge=bridge[:_TEXT_LENGTH],
    )


def read_tags_request(text: object) -> TagsRequest:
    """The request in ``text``; raises CallRefused."""
    return TagsRequest(stream=envelope.stream_code(envelope.load(text)))


def read_live(text: object) -> Live:
    """The live call in ``text``; raises CallRefused when its head does not hold. A machine that breaks
    the contract is left out and named in ``refused``: the others stay live."""
    call = envelope.load(text)
    machines = call.get("machines")
    if type(machines) is not dict or len(machines) > _MAX_MACHINES:
        raise envelope.invalid(f"machines must be an object with at most {_MAX_MACHINES} machines by code.")
    health = call.get("health", {})
    if type(health) is not dict or not envelope.is_storable(health):
        raise envelope.invalid("health must be an object.")
    live = Live(
        stream=envelope.stream_code(call),
        epoch=envelope.epoch(call) if "epoch" in call else None,
        version=envelope.whole(call, "version", 0),
        at=_heartbeat(call),
        machines=[],
        health=health,
    )
    for code, machine in machines.items():
        try:
            live.machines.append(_live_machine(code, machine))
        except Refused as refusal:
            live.refused[code] = Verdict(0, refusal.code, refusal.message)
    return live


def _heartbeat(call: envelope.JsonObject) -> int | None:
    """The bridge's own time in milliseconds."""
    try:
        return fields.moment(call, "at") if "at" in call else None
    except Refused as refusal:
        raise envelope.invalid(refusal.message) from None


def _live_machine(code: str, machine: object) -> LiveMachine:
    if type(machine) is not dict:
        raise Refused("malformed", "A machine's live values must be an object.")
    if not envelope.is_storable([code, machine]):
        raise Refused("bad_value", "A text holds a NUL or half a character: mend the sender.")
    fields.require(machine, ("at", "state"))
    return LiveMachine(
        code=code,
        at=fields.moment(machine, "at"),
        state=_optional_word(machine, "state", STATES),
        mode=_optional_word(machine, "mode", MODES),
        stop_code=_optional_text(machine, "code"),
        interlock=_optional_word(machine, "interlock", INTERLOCKS),
        counts=_counts(machine),
    )


def _optional_word(machine: fields.Event, name: str, words: frozenset[str]) -> str | None:
    return None if machine.get(name) is None else fields.word(machine, name, words)


def _optional_text(machine: fields.Event, name: str) -> str | None:
    return None if machine.get(name) is None else fields.text(machine, name, _TEXT_LENGTH, shortest=0)


def _counts(machine: fields.Event) -> dict[str, int]:
    """Running totals by counter name."""
    counts = machine.get("counts", {})
    if type(counts) is not dict:
        raise Refused("bad_type", "counts must be an object of whole numbers.")
    if len(counts) > MAX_LIVE_COUNTS or any(len(name) > _TEXT_LENGTH for name in counts):
        raise Refused(
            "bad_value", f"counts names at most {MAX_LIVE_COUNTS} counters of at most {_TEXT_LENGTH} characters each."
        )
    return {name: fields.integer(counts, name, 0, INT8) for name in counts}
