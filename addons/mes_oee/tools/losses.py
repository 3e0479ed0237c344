"""What the service of losses hands out, and the same as plain values for screens."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from .. import kpi


class Lost(NamedTuple):
    """One loss: milliseconds, pieces not made or made in vain, money in the company's currency, stops begun.

    ``key`` has one value for each name it was grouped by, ``name`` is the step or the loss ("" in a Pareto).
    Pieces and money are exact fractions: round them where they are shown.
    """

    key: tuple
    name: str
    ms: int
    pieces: Fraction
    money: Fraction
    count: int

    def plain(self) -> dict[str, Any]:
        """The same as JSON can carry it: pieces and money as numbers to two digits."""
        return {
            "key": list(self.key),
            "name": self.name,
            "ms": self.ms,
            "pieces": round(float(self.pieces), 2),
            "money": round(float(self.money), 2),
            "count": self.count,
        }


class Breakdown(NamedTuple):
    """The time of one group taken apart, see ``kpi.waterfall``.

    ``lost`` sums to ``calendar_ms`` in a waterfall. ``complete``: all pieces had an ideal cycle.
    ``priced``: every product that was to be made earns something and has an ideal cycle.
    """

    key: tuple
    lost: list[Lost]
    calendar_ms: int
    complete: bool
    priced: bool
    currency_id: int
    method: str
    as_of: int
    pending_hours: int

    def plain(self) -> dict[str, Any]:
        """The same as JSON can carry it."""
        return {**self._asdict(), "key": list(self.key), "lost": [one.plain() for one in self.lost]}


def in_steps(key: tuple, whole: Mapping[str, kpi.Loss]) -> list[Lost]:
    """The waterfall's steps, whose milliseconds sum to calendar time."""
    shown = kpi.shown_ms(whole)
    return [Lost(key, step, shown[step], one.pieces, one.money, one.stops) for step, one in whole.items()]


def in_six(key: tuple, whole: Mapping[str, kpi.Loss]) -> list[Lost]:
    """The six big losses; each in the milliseconds that the waterfall shows for it."""
    shown = kpi.shown_ms(whole)
    return [
        Lost(key, name, sum(shown[step] for step in kpi.SIX[name]), one.pieces, one.money, one.stops)
        for name, one in kpi.six(whole).items()
    ]
