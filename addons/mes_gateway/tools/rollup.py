"""Which minutes of which tags must be rolled up: pure. All times are integer milliseconds, UTC."""

from collections.abc import Iterable
from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 3_600_000

Span = tuple[int, int, int]
"""(tag, from, until)."""


@dataclass(slots=True)
class Stretch:
    """Minutes ``first..until`` (until exclusive) within the hour that begins at ``hour``, of some tags."""

    hour: int
    first: int
    until: int
    tags: set[int]


def stretches(keys: Iterable[tuple[int, int]]) -> list[Stretch]:
    """The minutes that values at these (tag, time) count in, one stretch an hour.

    A single value at a full minute counts in the minute that begins; a summary that ends there, in the
    one before. So a full minute touches both.
    """
    hours: dict[int, Stretch] = {}
    for tag, at in keys:
        first = (at - 1) // MINUTE_MS * MINUTE_MS
        last = at // MINUTE_MS * MINUTE_MS
        _add(hours, tag, last)
        if first != last:
            _add(hours, tag, first)
    return list(hours.values())


def _add(hours: dict[int, Stretch], tag: int, minute: int) -> None:
    hour = minute // HOUR_MS * HOUR_MS
    found = hours.get(hour)
    if found is None:
        hours[hour] = Stretch(hour, minute, minute + MINUTE_MS, {tag})
        return
    found.tags.add(tag)
    if minute < found.first:
        found.first = minute
    elif minute >= found.until:
        found.until = minute + MINUTE_MS


def spans(marks: Iterable[Stretch]) -> list[Span]:
    """The minutes to make anew: one span a tag and hour, in order."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for mark in marks:
        for tag in mark.tags:
            first, until = found.get((tag, mark.hour), (mark.first, mark.until))
            found[tag, mark.hour] = (min(first, mark.first), max(until, mark.until))
    return [(tag, *found[tag, hour]) for tag, hour in sorted(found)]


def hours_of(minutes: Iterable[Span]) -> list[Span]:
    """The whole hours that these spans touch; each of them lies within one hour."""
    hours = sorted({(tag, first // HOUR_MS * HOUR_MS) for tag, first, _until in minutes})
    return [(tag, hour, hour + HOUR_MS) for tag, hour in hours]


def split(minutes: Iterable[Span], floors: tuple[int, int]) -> tuple[list[Span], list[Span], list[Span]]:
    """Spans whose raw values are all there, those that only have minutes, those that only have hours: by the
    times from which raw values and minutes are complete."""
    raw_from, minute_from = floors
    kept: tuple[list[Span], list[Span], list[Span]] = ([], [], [])
    for span in minutes:
        kept[0 if span[1] >= raw_from else 1 if span[1] >= minute_from else 2].append(span)
    return kept
