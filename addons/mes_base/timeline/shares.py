# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Dividing what is whole: pieces over the slices of an interval, time and pieces over runs at once.

Both are additive: however a span is cut, the parts of its parts are the parts of the whole. So an hour's row, a
shift's sum and a figure over any window agree to the last piece.

* :func:`spread` divides in order. What lies before a cut is the whole number nearest to its exact part (a half
  goes before): the largest remainder between the two sides of that cut, whatever other cuts there are.
* :func:`turns` divides among runs. Pieces take turns by their number on the machine's counter, and
  milliseconds by theirs: with shares 2 : 1 the runs get A B A, A B A, … No run is favoured however little
  there is to divide, and the answer depends on nothing but the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from .model import Run

FINEST = 1000
"""A round of turns is never longer than this; finer shares are rounded to a thousandth."""


def spread(whole: int, weights: Sequence[int]) -> list[int]:
    """``whole`` indivisible pieces over consecutive parts in proportion to ``weights``.

    The parts sum to ``whole``, and none has another sign. Without any weight all of it goes to the first.
    """
    twice = 2 * sum(weights)
    if twice <= 0:
        return [whole if place == 0 else 0 for place in range(len(weights))]
    parts: list[int] = []
    passed = given = 0
    for weight in weights:
        passed += weight
        due = (2 * whole * passed + twice // 2) // twice
        parts.append(due - given)
        given = due
    return parts


def weights_of(runs: Sequence[Run]) -> tuple[int, ...]:
    """The shares of the runs as the smallest whole numbers; a share of zero or less is nothing.

    If no run has any share, all have the same.
    """
    shares = [max(Fraction(run.share), Fraction(0)) for run in runs]
    if not any(shares):
        return (1,) * len(runs)
    scale = lcm(*(share.denominator for share in shares))
    weights = [int(share * scale) for share in shares]
    if sum(weights) // gcd(*weights) > FINEST:
        weights = spread(FINEST, weights)
    common = gcd(*weights)
    return tuple(weight // common for weight in weights)


def turns(weights: tuple[int, ...], first: int, last: int) -> list[int]:
    """How many of the pieces (or milliseconds) numbered ``first`` to ``last - 1`` each run gets.

    ``last`` below ``first`` (a total that fell) takes back what was given.
    """
    return [after - before for before, after in zip(_given(weights, first), _given(weights, last), strict=True)]


def _given(weights: tuple[int, ...], number: int) -> list[int]:
    """What each run has got of the first ``number`` pieces."""
    rounds, rest = divmod(number, sum(weights))
    return [rounds * weight + part for weight, part in zip(weights, _round(weights)[rest], strict=True)]


@lru_cache(maxsize=64)
def _round(weights: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """What each run has got after 0, 1, 2 … pieces of a round: the turn is always of who is most behind."""
    size = sum(weights)
    given = [0] * len(weights)
    steps = [tuple(given)]
    for number in range(1, size + 1):
        behind = max(range(len(weights)), key=lambda place: number * weights[place] - size * given[place])
        given[behind] += 1
        steps.append(tuple(given))
    return tuple(steps)
