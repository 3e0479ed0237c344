"""Which of many choices is the most probable, when little is known about the case at hand."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Choice = TypeVar("Choice", bound=Hashable)

# What wider experience weighs, in cases of one's own: after two of its own a machine is believed as much.
STRENGTH = 2.0


def probabilities(
    choices: Iterable[Choice], levels: Sequence[Mapping[Choice, int]], strength: float = STRENGTH
) -> dict[Choice, float]:
    """The probability of each choice, from counts at ever narrower levels (widest first); they sum to 1.

    Additive (Laplace) smoothing, level upon level: before anything was counted all choices are alike; at each
    level the probability is ``(count + strength * p of the wider level) / (all counts + strength)``. So a level
    with many cases decides by itself, one with few follows the wider one, and an empty one changes nothing.
    Counts of what is no choice are left out.
    """
    wanted = list(dict.fromkeys(choices))
    found = dict.fromkeys(wanted, 1 / len(wanted)) if wanted else {}
    for counts in levels:
        total = sum(counts.get(choice, 0) for choice in wanted)
        found = {
            choice: (counts.get(choice, 0) + strength * wider) / (total + strength) for choice, wider in found.items()
        }
    return found
