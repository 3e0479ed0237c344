# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Reason rules: what a machine says of itself while it stands becomes a reason, the first rule that fits.

Nothing is stored: rules are applied whenever a timeline is read, so a corrected rule holds for the past as well
and no late fact can leave a stale reason behind. A person's word always beats them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from .intervals import active
from .model import Key, ReasonRule
from .rules import RUNNING


class Rules:
    """The rules of one machine in their order, asked by what it says; equal questions are answered from memory."""

    __slots__ = ("_known", "_rules", "asks_raw")

    def __init__(self, rules: Iterable[ReasonRule]) -> None:
        self._rules = tuple(rules)
        self._known: dict[tuple[object, ...], ReasonRule | None] = {}
        self.asks_raw = any(rule.bits for rule in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def steps(self) -> list[tuple[int, frozenset[Key]]]:
        """When the set of rules with an open window changes: (time, ids of those open from then on)."""
        spans = [(span.start, span.end, rule.id) for rule in self._rules for span in rule.windows or ()]
        return [(time, frozenset(holding)) for time, holding in active(spans)]

    def match(
        self,
        state: str | None,
        code: str | None,
        interlock: str | None,
        raw: str | None,
        mode: str | None,
        products: tuple[Key | None, ...],
        open_windows: frozenset[Key],
    ) -> ReasonRule | None:
        """The first rule that fits; None while the machine runs, where its state is unknown, or if none does."""
        if state is None or state == RUNNING:
            return None
        question = (state, code, interlock, raw, mode, products, open_windows)
        if question not in self._known:
            word = _word(raw)
            self._known[question] = next(
                (
                    rule
                    for rule in self._rules
                    if (rule.windows is None or rule.id in open_windows)
                    and (not rule.codes or (code is not None and _any_fits(rule.codes, code)))
                    and rule.bits & word == rule.bits
                    and (not rule.states or state in rule.states)
                    and (not rule.interlocks or interlock in rule.interlocks)
                    and (not rule.modes or mode in rule.modes)
                    and (not rule.products or any(product in rule.products for product in products))
                ),
                None,
            )
        return self._known[question]


@lru_cache(maxsize=4096)
def _any_fits(patterns: tuple[str, ...], code: str) -> bool:
    """Whether the code is one of the patterns, which tell upper from lower case."""
    return any(fnmatchcase(code, pattern) for pattern in patterns)


def _word(raw: str | None) -> int:
    """The raw word as a number; 0 if it is none, so that no bit is set."""
    try:
        return int(raw or "0", 0)
    except ValueError:
        return 0
