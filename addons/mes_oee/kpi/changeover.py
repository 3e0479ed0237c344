# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Changeovers: set-up between the runs of two orders, read off the timeline, against a target from → to.

A changeover begins with the first set-up after an order's production and ends with the next production of
another order; what lies between (a break, a stop, time without an order) interrupts it and does not count. Set-up
within one order's run is an adjustment and no changeover.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .totals import Key


class RunLike(Protocol):
    """What is asked of an order run."""

    @property
    def id(self) -> Key: ...
    @property
    def product(self) -> Key | None: ...


class SliceLike(Protocol):
    """What is asked of a slice."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def category(self) -> str: ...
    @property
    def runs(self) -> Sequence[RunLike]: ...


@dataclass(frozen=True, slots=True)
class Changeover:
    """From ``start`` to ``end`` (None: not yet over) with ``setup_ms`` of set-up.

    ``before`` and ``after`` are the products of the order that ran before and of the next one, None where unknown.
    """

    start: int
    end: int | None
    setup_ms: int
    before: Key | None
    after: Key | None


@dataclass(frozen=True, slots=True)
class Target:
    """How long a changeover may take where all that is given holds; None holds always.

    ``before`` and ``after`` are products, ``*_category`` categories of products; ``place`` a machine, a line or a
    class of machines, ``place_rank`` how narrow that is (0: anywhere).
    """

    id: Key
    ms: int
    before: Key | None = None
    before_category: Key | None = None
    after: Key | None = None
    after_category: Key | None = None
    place: Key | None = None
    place_rank: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A changeover as targets are asked for it.

    The categories of both products from the narrowest to the widest; ``places`` by their rank.
    """

    before: Key | None
    before_categories: tuple[Key, ...]
    after: Key | None
    after_categories: tuple[Key, ...]
    places: tuple[tuple[int, Key], ...]


def best(targets: Iterable[Target], asked: Asked) -> Target | None:
    """The most specific target that holds.

    The pair of products counts before the place: a product beats a category, a narrow category a wide one, any
    of them an empty field, both sides added up; then the narrower place, then the target entered first.
    """
    fitting = [(_rank(target, asked), target) for target in targets]
    known = [(rank, target) for rank, target in fitting if rank is not None]
    return max(known, key=lambda one: one[0])[1] if known else None


def _rank(target: Target, asked: Asked) -> tuple[int, int] | None:
    """How specific a target is for what is asked; None if it does not hold. Equal ones keep their order."""
    before = _side(target.before, target.before_category, asked.before, asked.before_categories)
    after = _side(target.after, target.after_category, asked.after, asked.after_categories)
    if before is None or after is None:
        return None
    if target.place_rank and (target.place_rank, target.place) not in asked.places:
        return None
    return before + after, target.place_rank


def _side(product: Key | None, category: Key | None, asked: Key | None, categories: Sequence[Key]) -> int | None:
    """How specific one side is: a product 1000, a category the more the narrower, nothing given 0."""
    if product is not None:
        return 1000 if product == asked else None
    if category is not None:
        return 500 - categories.index(category) if category in categories else None
    return 0


def changeovers(slices: Sequence[SliceLike]) -> list[Changeover]:
    """The changeovers of consecutive slices, in order; the last one may go on."""
    found: list[Changeover] = []
    last: RunLike | None = None
    coming: RunLike | None = None
    start, setup_ms = None, 0
    for piece in slices:
        run = piece.runs[0] if piece.runs else None
        if piece.category == "production" and run is not None:
            if start is not None and not _same(last, run):
                found.append(_made(start, piece.start, setup_ms, last, run))
            last, coming, start, setup_ms = run, None, None, 0
            continue
        if run is not None and not _same(last, run):
            coming = run
        if piece.category == "setup":
            start = piece.start if start is None else start
            setup_ms += piece.end - piece.start
    if start is not None and (coming is not None or not _runs_on(slices, last)):
        found.append(_made(start, None, setup_ms, last, coming))
    return found


def _runs_on(slices: Sequence[SliceLike], last: RunLike | None) -> bool:
    """Whether the order that was made last still runs at the end: then its set-up is an adjustment."""
    return last is not None and any(_same(last, run) for run in slices[-1].runs)


def _same(one: RunLike | None, other: RunLike) -> bool:
    return one is not None and one.id == other.id


def _made(start: int, end: int | None, setup_ms: int, last: RunLike | None, coming: RunLike | None) -> Changeover:
    return Changeover(start, end, setup_ms, last.product if last else None, coming.product if coming else None)
