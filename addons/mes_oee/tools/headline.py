"""The figures of a machine at a glance."""

from collections.abc import Mapping
from typing import NamedTuple

from ..kpi import Figure


class Headline(NamedTuple):
    """The figures of a machine's present shift: plain fractions, None where the engine refuses.

    ``shift`` is its name with its business date; ``refusal`` the engine's code for the missing OEE.
    """

    shift: str | None = None
    availability: float | None = None
    performance: float | None = None
    quality: float | None = None
    oee: float | None = None
    coverage: float | None = None
    refusal: str | None = None


NOTHING = Headline()


def headline(shift: str | None, figures: Mapping[str, Figure]) -> Headline:
    """The headline of a shift's figures."""
    oee = figures["oee"]
    return Headline(
        shift,
        value(figures["availability"]),
        value(figures["effectiveness"]),
        value(figures["quality"]),
        value(oee),
        None if oee.coverage is None else float(oee.coverage),
        oee.refusal,
    )


def value(figure: Figure) -> float | None:
    """The figure as a float, None if it is refused."""
    return None if figure.value is None else float(figure.value)
