"""Arithmetic of times and spans, in integer milliseconds; spans are half-open [start, end)."""

from collections.abc import Iterable

Ms = int
OpenSpan = tuple[Ms, Ms | None]


def clusters(times: Iterable[Ms], gap: Ms) -> list[tuple[Ms, Ms]]:
    """First and last of each group of times in which neighbours are at most ``gap`` apart."""
    found: list[tuple[Ms, Ms]] = []
    for at in sorted(times):
        if found and at - found[-1][1] <= gap:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def merge(spans: Iterable[OpenSpan], gap: Ms = 0) -> list[OpenSpan]:
    """The spans in order, those that overlap or lie at most ``gap`` apart as one; None: no end."""
    found: list[OpenSpan] = []
    for start, end in sorted(spans, key=lambda span: span[0]):
        if not found:
            found.append((start, end))
            continue
        last_start, last_end = found[-1]
        if last_end is None:
            break
        if start - last_end <= gap:
            found[-1] = (last_start, None if end is None else max(last_end, end))
        else:
            found.append((start, end))
    return found


def subtract(span: tuple[Ms, Ms], holes: Iterable[tuple[Ms, Ms]]) -> list[tuple[Ms, Ms]]:
    """What is left of ``span`` outside ``holes`` (in any order, overlaps allowed)."""
    start, end = span
    left: list[tuple[Ms, Ms]] = []
    for hole_start, hole_end in sorted(holes):
        if hole_start > start:
            left.append((start, min(hole_start, end)))
        start = max(start, hole_end)
        if start >= end:
            break
    if start < end:
        left.append((start, end))
    return [(one, two) for one, two in left if one < two]


def absorb(
    stored: Iterable[tuple[int, Ms, Ms]], wanted: Iterable[tuple[Ms, Ms]]
) -> tuple[list[tuple[Ms, Ms]], list[tuple[int, Ms, Ms]], list[int]]:
    """How disjoint stored spans (id, start, end) take in ``wanted``: (inserts, updates, deleted ids).

    ``stored`` must hold every stored span that overlaps or touches a wanted one.
    """
    known = sorted(stored, key=lambda piece: (piece[1], piece[2]))
    everything: list[OpenSpan] = [(start, end) for _id, start, end in known]
    everything += list(wanted)
    upcoming = iter(known)
    piece = next(upcoming, None)
    inserts: list[tuple[Ms, Ms]] = []
    updates: list[tuple[int, Ms, Ms]] = []
    deletes: list[int] = []
    for start, open_end in merge(everything):
        end = start if open_end is None else open_end
        kept: list[tuple[int, Ms, Ms]] = []
        while piece is not None and piece[1] < end:
            kept.append(piece)
            piece = next(upcoming, None)
        if not kept:
            inserts.append((start, end))
        elif kept[0][1:] != (start, end):
            updates.append((kept[0][0], start, end))
        deletes += [one[0] for one in kept[1:]]
    return inserts, updates, deletes
