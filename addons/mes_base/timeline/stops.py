# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Stops: what they are, and how one keeps its identity when late facts change its shape.

A stop is a maximal unbroken stretch of *delay* in the effective timeline (watched, in a shift, an order runs,
nothing planned, no set-up, not running), whatever its codes: adjacent codes are one stop with several
causes. It crosses hours, days and shifts that touch. Everything else bounds it: running, a break or
another planned stop, set-up, a stretch without an order or without data, the end of shift time. A machine that
stands before and after a break therefore has two stops.

A stop is *open* while its end was not seen: it reaches ``now``, or nobody watched what came next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .model import DELAY, NO_DATA, Key, Run, Shift, Slice

StopKind: TypeAlias = Literal["unplanned", "minor", "undetermined"]
_SIDES = {"starved": "upstream", "blocked": "downstream"}


@dataclass(frozen=True, slots=True)
class Cause:
    """A part of a stop in which state, code, interlock and reasons (a person's, the machine's) stay the same."""

    start: int
    end: int
    state: str | None
    code: str | None
    interlock: str | None
    reason: Key | None
    machine_reason: Key | None = None

    @property
    def side(self) -> str:
        """Where the cause lies: a starved machine waits for upstream, a blocked one for downstream."""
        return _SIDES.get(self.interlock or "", "machine")


@dataclass(frozen=True, slots=True)
class StopSpan:
    """One stop. ``shift``, ``mode`` and ``runs`` (orders) are those in which it began."""

    start: int
    end: int
    open: bool
    causes: tuple[Cause, ...]
    shift: Shift | None
    mode: str | None
    runs: tuple[Run, ...] = ()

    @property
    def ms(self) -> int:
        """Length so far, milliseconds."""
        return self.end - self.start

    @property
    def codes(self) -> tuple[str, ...]:
        """The machine's stop codes in order of appearance, each once."""
        return tuple(dict.fromkeys(cause.code for cause in self.causes if cause.code is not None))

    @property
    def reason(self) -> Key | None:
        """The reason that a person gave to most of it, the first if equal; None if nobody gave one."""
        return _longest((cause.reason, cause.end - cause.start) for cause in self.causes)

    @property
    def machine_reason(self) -> Key | None:
        """The reason that follows from what the machine said during most of it; None if none does."""
        return _longest((cause.machine_reason, cause.end - cause.start) for cause in self.causes)

    @property
    def effective_reason(self) -> Key | None:
        """A person's reason, or else the machine's."""
        return self.machine_reason if self.reason is None else self.reason

    def kind(self, threshold_ms: int) -> StopKind:
        """What the stop counts as: rule 7, by its whole length.

        Minor is a *closed* stop shorter than the threshold; an open one may still grow.
        """
        if self.ms >= threshold_ms:
            return "unplanned"
        return "undetermined" if self.open else "minor"


@dataclass(frozen=True, slots=True)
class KnownStop:
    """A stop as it is stored: ``end`` None while it is open."""

    id: Key
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The stop with ``id`` is now ``stop``; the stops ``merged`` have become part of it."""

    id: Key
    stop: StopSpan
    merged: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Created:
    """``stop`` is new; ``origins`` are the stored stops it was split from, if any."""

    stop: StopSpan
    origins: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Retired:
    """The stop with ``id`` is no more: part of the stop kept under ``into``, or (None) no stop at all."""

    id: Key
    into: Key | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the stored stops."""

    keep: tuple[Kept, ...]
    create: tuple[Created, ...]
    retire: tuple[Retired, ...]


def derive(slices: Sequence[Slice]) -> list[StopSpan]:
    """The stops of consecutive slices. One at the very end is open: give slices beyond it to know better."""
    stops: list[StopSpan] = []
    gathered: list[Slice] = []
    for piece in slices:
        if piece.category == DELAY:
            gathered.append(piece)
        elif gathered:
            stops.append(_stop(gathered, is_open=piece.category == NO_DATA))
            gathered = []
    if gathered:
        stops.append(_stop(gathered, is_open=True))
    return stops


def match(old: Iterable[KnownStop], new: Iterable[StopSpan]) -> Plan:
    """Which stored stop each derived stop is.

    The pair with the greatest overlap finds each other first (then the earlier new, the earlier old, the
    smaller id). A stored stop without a partner has been merged into the new stop that it overlaps
    most, or is gone. A new stop without a partner is created, with those it was split from as origins.
    Every new stop therefore carries, as id, merged or origin, every stored stop that it overlaps, and
    nothing depends on the order of either list. Give both lists over a span that no stop crosses.
    """
    olds = sorted(old, key=lambda stop: (stop.start, str(stop.id)))
    news = sorted(new, key=lambda stop: stop.start)
    pairs = sorted(_overlaps(olds, news), key=lambda pair: (-pair[2], pair[1], pair[0]))
    old_of: dict[int, int] = {}
    new_of: dict[int, int] = {}
    relatives: dict[int, list[int]] = {}
    host_of: dict[int, int] = {}
    for old_index, new_index, _ms in pairs:
        relatives.setdefault(new_index, []).append(old_index)
        host_of.setdefault(old_index, new_index)
        if old_index not in new_of and new_index not in old_of:
            new_of[old_index], old_of[new_index] = new_index, old_index
    keep, create = [], []
    for new_index, stop in enumerate(news):
        kin = [index for index in sorted(relatives.get(new_index, [])) if index != old_of.get(new_index)]
        if new_index in old_of:
            keep.append(Kept(olds[old_of[new_index]].id, stop, tuple(olds[index].id for index in kin)))
        else:
            create.append(Created(stop, tuple(olds[index].id for index in kin)))
    retire = []
    for old_index, known in enumerate(olds):
        if old_index not in new_of:
            host = host_of.get(old_index)
            retire.append(Retired(known.id, None if host is None else olds[old_of[host]].id))
    return Plan(tuple(keep), tuple(create), tuple(retire))


def _stop(gathered: Sequence[Slice], *, is_open: bool) -> StopSpan:
    """One stop out of its slices."""
    first = gathered[0]
    causes: list[Cause] = []
    for piece in gathered:
        cause = Cause(
            piece.start, piece.end, piece.state, piece.code, piece.interlock, piece.reason, piece.machine_reason
        )
        if causes and cause == replace(causes[-1], start=cause.start, end=cause.end):
            causes[-1] = replace(causes[-1], end=cause.end)
        else:
            causes.append(cause)
    return StopSpan(first.start, gathered[-1].end, is_open, tuple(causes), first.shift, first.mode, first.runs)


def _longest(parts: Iterable[tuple[Key | None, int]]) -> Key | None:
    """The key with the greatest sum, the first if equal; None if there is none."""
    sums: dict[Key, int] = {}
    for key, ms in parts:
        if key is not None:
            sums[key] = sums.get(key, 0) + ms
    return max(sums, key=lambda key: sums[key], default=None)


def _overlaps(olds: Sequence[KnownStop], news: Sequence[StopSpan]) -> list[tuple[int, int, int]]:
    """Every pair that shares time: place of the old, place of the new, milliseconds shared."""
    found = []
    first = 0
    for old_index, known in enumerate(olds):
        while first < len(news) and news[first].end <= known.start:
            first += 1
        for new_index in range(first, len(news)):
            stop = news[new_index]
            if known.end is not None and stop.start >= known.end:
                break
            end = stop.end if known.end is None else min(known.end, stop.end)
            if end > max(known.start, stop.start):
                found.append((old_index, new_index, end - max(known.start, stop.start)))
    return found
