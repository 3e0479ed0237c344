# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The words of the timeline: what goes in (:class:`History`) and what comes out (:class:`Slice`).

Every time is an integer of milliseconds since the Unix epoch, UTC; every span is half-open,
``[start, end)``. Everything here is immutable and compares by value.

``History`` is one machine's facts as they were recorded, in any order. ``Slice`` is a stretch of its
effective timeline in which nothing changes. Between them stands :func:`timeline.overlay.overlay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from typing import Any, Literal, TypeAlias

Key: TypeAlias = int | str
"""An identity that only the caller understands: a database id, or a code."""

Category: TypeAlias = Literal["not_scheduled", "no_data", "planned", "setup", "no_order", "production", "delay"]
"""What a slice counts as: the first of the rules of :mod:`timeline.rules` that fits."""

NOT_SCHEDULED: Category = "not_scheduled"
NO_DATA: Category = "no_data"
PLANNED: Category = "planned"
SETUP: Category = "setup"
NO_ORDER: Category = "no_order"
PRODUCTION: Category = "production"
DELAY: Category = "delay"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The half-open span ``[start, end)``. It may be empty, never negative."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"span ends at {self.end}, before its start {self.start}: swap them")

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class StatePoint:
    """From ``at`` on, a lane (state or mode) has ``value``, until the lane's next point.

    State values: running, idle, down, setup, maintenance. Mode values: production, changeover,
    maintenance, cleaning, trial, manual. ``code`` is the machine's own stop code, ``interlock``
    starved or blocked, ``raw`` what the controller said.
    """

    at: int
    value: str
    code: str | None = None
    interlock: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class CountPoint:
    """At ``at`` the counter's running total (over all its epochs) was ``total`` counter units.

    ``decision`` (step, rollover, reset, gap, first) tells how the step *into* this point was booked;
    where it was a judgement, the true step lay within ``low``..``high`` units.
    """

    at: int
    total: int
    epoch: int = 0
    decision: str = "step"
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of the machine with its points.

    ``role``: total, good, reject (authoritative) or check (compared with the total, never booked).
    ``pieces_per_unit`` turns counter units into pieces. ``tolerance`` is the number of pieces by
    which a check may differ from the total over a window.
    """

    name: str
    role: str
    points: tuple[CountPoint, ...] = ()
    pieces_per_unit: Fraction = Fraction(1)
    tolerance: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """An order ran on the machine from ``start`` to ``end`` (None: still runs).

    Runs may overlap; ``share`` then says how time and pieces divide (only the ratio counts).
    """

    start: int
    end: int | None
    id: Key
    product: Key | None = None
    share: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Override:
    """What a person said about a span (``end`` None: until further notice).

    ``reason`` and ``state`` may each be absent: without a state the machine's own stays.
    ``planned`` and ``setup`` are the flags of the reason. Of overlapping overrides the one with the
    greatest ``(recorded_at, id)`` wins as a whole.
    """

    start: int
    end: int | None
    recorded_at: int
    id: Key
    reason: Key | None = None
    state: str | None = None
    planned: bool = False
    setup: bool = False


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """IF the machine says this, THEN that is the reason, as long as no person gave one.

    Every condition that is given must hold; an empty one always does. ``codes`` are shell-style patterns of the
    machine's stop code, ``bits`` must all be set in the state's raw word, ``windows`` are the spans in which the
    rule holds at all (None: always). ``planned`` and ``setup`` are the flags of the reason.
    """

    id: Key
    reason: Key
    planned: bool = False
    setup: bool = False
    codes: tuple[str, ...] = ()
    bits: int = 0
    states: tuple[str, ...] = ()
    interlocks: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    products: tuple[Key, ...] = ()
    windows: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A break inside a shift; only if ``stops`` is its time a planned stop, else work goes on."""

    start: int
    end: int
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Shift:
    """One occurrence of a shift. ``key`` tells it from every other of the calendar, ``crew`` is who works it."""

    start: int
    end: int
    key: str
    business_date: date
    breaks: tuple[Break, ...] = ()
    name: str = ""
    crew: Key | None = None

    @property
    def span(self) -> Span:
        """The whole shift, breaks included."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which length on a stop is more than a minor one, milliseconds; ``by_mode`` where a mode has its own."""

    default_ms: int = 60_000
    by_mode: tuple[tuple[str, int], ...] = ()

    def of(self, mode: str | None) -> int:
        """The threshold in ``mode``."""
        return dict(self.by_mode).get(mode or "", self.default_ms)

    @property
    def greatest(self) -> int:
        """A stop of this length is no minor one in any mode."""
        return max([self.default_ms, *(ms for _mode, ms in self.by_mode)])


@dataclass(frozen=True, slots=True)
class History:
    """All facts of one machine that bear on a window, in any order.

    What must be loaded for exact figures over a window:

    * states and modes: from the last point at or before the window, and for states from the last
      ``running`` point before it to the first ``running`` point after it (a stop that crosses an edge);
    * counts: from the last point at or before the window to the first at or after its end;
    * evidence, runs, overrides, shifts: whatever overlaps that stretch. ``evidence`` holds the spans of
      all sources, they may overlap. ``line_runs`` are the runs of the line, used wherever the machine
      has none of its own;
    * rules: all that are in force for the machine, the first that fits holds.
    """

    states: tuple[StatePoint, ...] = ()
    modes: tuple[StatePoint, ...] = ()
    evidence: tuple[Span, ...] = ()
    runs: tuple[Run, ...] = ()
    line_runs: tuple[Run, ...] = ()
    overrides: tuple[Override, ...] = ()
    shifts: tuple[Shift, ...] = ()
    counters: tuple[Counter, ...] = ()
    rules: tuple[ReasonRule, ...] = ()
    tz: str = "UTC"

    def to_dict(self) -> dict[str, Any]:
        """A plain structure of lists, strings and integers that JSON can carry."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> History:
        """The inverse of :meth:`to_dict`. Missing lists are empty; an unknown name is a ``ValueError``."""
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"history has unknown parts {sorted(unknown)}: remove or rename them")
        made: dict[str, Any] = {
            name: tuple(_make(kind, item) for item in data.get(name, ())) for name, kind in _PARTS.items()
        }
        return cls(tz=data.get("tz", "UTC"), **made)


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the effective timeline in which nothing changes.

    ``state`` is the effective state (a person's if an override gives one, else ``machine_state``), None
    if it was never told. ``watched``: some source was really read. ``runs`` are the orders that ran,
    own or inherited. ``rule`` is the reason rule that fits what the machine says while it stands.
    ``category`` is the rule that fits, see :mod:`timeline.rules`.
    """

    start: int
    end: int
    category: Category
    state: str | None
    machine_state: str | None
    mode: str | None
    code: str | None
    interlock: str | None
    watched: bool
    shift: Shift | None
    on_break: bool
    runs: tuple[Run, ...]
    override: Override | None
    rule: ReasonRule | None = None

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return self.end - self.start

    @property
    def reason(self) -> Key | None:
        """The reason that a person gave, if any."""
        return self.override.reason if self.override else None

    @property
    def machine_reason(self) -> Key | None:
        """The reason that follows from what the machine says, if any."""
        return self.rule.reason if self.rule else None

    @property
    def effective_reason(self) -> Key | None:
        """A person's reason, or else the machine's."""
        return self.machine_reason if self.reason is None else self.reason


def _plain(value: Any) -> Any:
    """``value`` as JSON can carry it; a field that has its default is left out."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Span, StatePoint, CountPoint, Counter, Run, Override, ReasonRule, Break, Shift)):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _make(kind: type[Any], data: Mapping[str, Any]) -> Any:
    """One fact of class ``kind`` out of :func:`_plain`'s mapping."""
    made = dict(data)
    for name, convert in _CONVERT.items():
        if name in made:
            made[name] = convert(made[name])
    return kind(**made)


def _points(items: Iterable[Mapping[str, Any]]) -> tuple[CountPoint, ...]:
    return tuple(CountPoint(**item) for item in items)


def _breaks(items: Iterable[Mapping[str, Any]]) -> tuple[Break, ...]:
    return tuple(Break(**item) for item in items)


def _windows(items: Iterable[Mapping[str, Any]] | None) -> tuple[Span, ...] | None:
    return None if items is None else tuple(Span(**item) for item in items)


_CONVERT: dict[str, Any] = {
    "share": Fraction,
    "pieces_per_unit": Fraction,
    "business_date": date.fromisoformat,
    "points": _points,
    "breaks": _breaks,
    "windows": _windows,
    **dict.fromkeys(("codes", "states", "interlocks", "modes", "products"), tuple),
}
_PARTS: dict[str, type[Any]] = {
    "states": StatePoint,
    "modes": StatePoint,
    "evidence": Span,
    "runs": Run,
    "line_runs": Run,
    "overrides": Override,
    "shifts": Shift,
    "counters": Counter,
    "rules": ReasonRule,
}
