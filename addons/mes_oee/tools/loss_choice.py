"""What somebody chose on the screen of losses, as it came from the browser, made sure of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import kpi

SPANS = ("shift", "today", "yesterday", "week", "last7", "last30", "month", "any")
COMPARES = ("before", "none", "any")
UNITS = ("ms", "pieces", "money")
# What a Pareto is drawn by, and how ``mes.oee`` calls it.
DIMENSIONS = {
    "reason": "reason",
    "machine": "machine",
    "product": "product",
    "shift": "shift_name",
    "crew": "crew",
    "code": "code",
}
# Speed and rejects have no reason of their own: they are parted by what the figures know.
OF_FIGURES = ("machine", "product", "shift", "crew")
IDS = frozenset({"reason", "machine", "product", "crew"})
STOPS = ("unplanned", "minor", "undetermined")
LOST_TIME = ("setup", "no_order", *STOPS)
NO_LOSS = ("not_scheduled", "no_data", "planned")
NONE = "-"
"""How "none" (nobody gave a reason, no product ran) is written in an address."""


class Filter(NamedTuple):
    """One step of the way down: only this step of the waterfall, this reason, this machine, …"""

    kind: str
    value: int | str | None


class Choice(NamedTuple):
    """All choices of the screen; ``since`` to ``until`` (ms) only if ``span`` is any, as the other pair.

    ``without_stops``: of standing time only what is no stop, as the hours that are listed beside the single stops.
    """

    place: str = ""
    span: str = "last7"
    since: int = 0
    until: int = 0
    compare: str = "before"
    other_since: int = 0
    other_until: int = 0
    unit: str = "ms"
    by: str = "reason"
    drill: tuple[Filter, ...] = ()
    without_stops: bool = False

    @property
    def steps(self) -> tuple[str, ...]:
        """The waterfall's steps that were tapped, those of a big loss together; empty: none was."""
        found = next((one.value for one in self.drill if one.kind == "step"), None)
        steps = () if found is None else kpi.SIX.get(str(found), (str(found),))
        return tuple(one for one in steps or LOST_TIME if one not in STOPS) if self.without_stops else steps

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The way down without the step."""
        return tuple(one for one in self.drill if one.kind != "step")

    @property
    def tells_apart(self) -> bool:
        """Whether time without a reason is of several kinds: set-ups beside stops that nobody explained."""
        return len(self.steps) != 1 and all(step in LOST_TIME for step in self.steps)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """By what the chosen step can be parted."""
        return tuple(DIMENSIONS) if all(step in (*LOST_TIME, *NO_LOSS) for step in self.steps) else OF_FIGURES

    @property
    def parted_by(self) -> str:
        """By what it is parted: as chosen, or by machine where that is not known."""
        return self.by if self.by in self.dimensions else "machine"


def choice(raw: Mapping[str, Any]) -> Choice:
    """The choices out of an address; what is missing is the default.

    :raises ValueError: something is no choice; the message is the name of it
    """
    if not isinstance(raw, Mapping):
        raise ValueError("choice")
    drill = tuple(_filter(one) for one in raw.get("drill") or ())
    if len({one.kind for one in drill}) != len(drill):
        raise ValueError("drill")
    made = Choice(
        str(raw.get("place") or ""),
        _one_of(raw, "span", SPANS, "last7"),
        *(_ms(raw, name) for name in ("since", "until")),
        _one_of(raw, "compare", COMPARES, "before"),
        *(_ms(raw, name) for name in ("other_since", "other_until")),
        _one_of(raw, "unit", UNITS, "ms"),
        _one_of(raw, "by", DIMENSIONS, "reason"),
        drill,
    )
    if any(one.kind not in made.dimensions for one in made.filters):
        raise ValueError("drill")
    return made


def _one_of(raw: Mapping[str, Any], name: str, known: Any, default: str) -> str:
    found = raw.get(name) or default
    if found not in known:
        raise ValueError(name)
    return str(found)


def _ms(raw: Mapping[str, Any], name: str) -> int:
    found = raw.get(name) or 0
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < 2**53:
        raise ValueError(name)
    return int(found)


def _filter(raw: Any) -> Filter:
    """One step of the way down, ``[kind, value as text]``."""
    if not isinstance(raw, (list, tuple)) or len(raw) != 2:
        raise ValueError("drill")
    kind, value = str(raw[0]), str(raw[1])
    if kind == "step":
        if value not in kpi.STEPS and value not in kpi.SIX:
            raise ValueError("step")
        return Filter(kind, value)
    if kind not in DIMENSIONS:
        raise ValueError("drill")
    if value == NONE:
        return Filter(kind, None)
    if kind in IDS:
        if not (value.isascii() and value.isdecimal() and len(value) < 10):
            raise ValueError(kind)
        return Filter(kind, int(value))
    return Filter(kind, value)
