# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Which of the nine buckets each slice falls in: the first of the seven rules that fits.

Rules 1 to 6 and "else a delay" need nothing but the instant; the timeline has applied them (a slice's
``category``), because stops and counts rest on them too. Here stands what is left: the times' names in ISO
22400-2, and rule 7, which needs the whole stop that a delay belongs to.

=============  =====  ===================================================================
bucket         time   meaning
=============  =====  ===================================================================
not_scheduled         outside the shifts
no_data               in a shift, nobody watched
planned        PDOT   break, planned reason, mode cleaning, maintenance or trial
setup          AUST   set-up, changeover
no_order       ADOT   no order ran
production     APT    running
minor          ADET   a closed stop, shorter than the threshold of its machine and mode
undetermined   ADET   a stop whose end was not seen, as yet shorter than that
unplanned      ADET   every other stop
=============  =====  ===================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias, TypeVar, get_args

from .totals import Settings

Bucket: TypeAlias = Literal[
    "not_scheduled",
    "no_data",
    "planned",
    "setup",
    "no_order",
    "production",
    "unplanned",
    "minor",
    "undetermined",
]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
_OF_CATEGORY: dict[str, Bucket] = {
    "not_scheduled": "not_scheduled",
    "no_data": "no_data",
    "planned": "planned",
    "setup": "setup",
    "no_order": "no_order",
    "production": "production",
}


class StopLike(Protocol):
    """What rule 7 asks of a stop."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def open(self) -> bool: ...
    @property
    def mode(self) -> str | None: ...
    def kind(self, threshold_ms: int) -> Literal["unplanned", "minor", "undetermined"]: ...


_Stop = TypeVar("_Stop", bound=StopLike)


class Piece(Protocol):
    """What the rules ask of a slice."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def category(self) -> str: ...


def stop_bucket(stop: StopLike, settings: Settings) -> Bucket:
    """Rule 7: minor, undetermined or unplanned, by the stop's whole length."""
    return stop.kind(settings.threshold(stop.mode))


def bucket_of(piece: Piece, stop: StopLike | None, settings: Settings) -> Bucket:
    """The bucket of a slice; ``stop`` is the one it is part of, if it is a delay.

    :raises ValueError: a delay without its stop.
    """
    if piece.category in _OF_CATEGORY:
        return _OF_CATEGORY[piece.category]
    if stop is None or not (stop.start <= piece.start and piece.end <= stop.end):
        raise ValueError(f"the delay {piece.start}..{piece.end} has no stop: derive the stops from the same slices")
    return stop_bucket(stop, settings)


def buckets(slices: Sequence[Piece], stops: Sequence[StopLike], settings: Settings) -> list[Bucket]:
    """The bucket of each slice; both in order of time, the stops whole."""
    return [bucket_of(piece, stop, settings) for piece, stop in zip(slices, stops_beside(slices, stops), strict=True)]


def stops_beside(slices: Sequence[Piece], stops: Sequence[_Stop]) -> list[_Stop | None]:
    """For each slice the first stop that ends after its beginning; it is a delay's own."""
    found: list[_Stop | None] = []
    place = 0
    for piece in slices:
        while place < len(stops) and stops[place].end <= piece.start:
            place += 1
        found.append(stops[place] if place < len(stops) else None)
    return found
