"""A machine's slices as the lanes of the timeline screen: few numbers, nothing that matters hidden."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from odoo.addons.mes_base.timeline import Slice

from .ribbon import RibbonSpan

# The order in which kinds are numbered on the way to the browser (keys of the palette).
KINDS = ("off", "no_data", "running", "planned", "setup", "maintenance", "minor", "idle", "down")
# What stands, the worst last: of several stops within a pixel the worst gives its colour to the mark.
STANDING = ("minor", "idle", "down")
# So many pixels a group of bars may be wide; a bar as wide as that always stays.
GROUP_PIXELS = 3


class Bar(NamedTuple):
    """A span of a lane, ms; ``kind`` is a key of the palette, ``text`` what is written on it."""

    start: int
    end: int
    kind: str
    text: str = ""

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return self.end - self.start


class Mark(NamedTuple):
    """``count`` stops of ``ms`` together, begun in [start, end), for which the bars have no room."""

    start: int
    end: int
    kind: str
    count: int
    ms: int


def ribbon_bars(spans: Iterable[RibbonSpan], now: int) -> list[Bar]:
    """The spans of a ribbon as bars; one that is still so ends now."""
    ends = ((span, now if span["end"] is None else span["end"]) for span in spans)
    return [Bar(span["start"], end, span["kind"], span["label"]) for span, end in ends if end > span["start"]]


def machine_bars(slices: Sequence[Slice]) -> list[Bar]:
    """What the machine itself said, whatever people say: state and code."""
    bars: list[Bar] = []
    for piece in slices:
        kind = (piece.machine_state or "no_data") if piece.watched else "no_data"
        text = piece.interlock or piece.code or ""
        _append(bars, Bar(piece.start, piece.end, kind, "" if kind in ("running", "no_data") else text))
    return bars


def spans_of(slices: Iterable[Slice], value: Callable[[Slice], Hashable | None]) -> list[tuple[int, int, Any]]:
    """The stretches in which ``value`` of the slices stays the same, without those in which it is None."""
    found: list[tuple[int, int, Any]] = []
    for piece in slices:
        told = value(piece)
        if told is None:
            continue
        if found and found[-1][1] == piece.start and found[-1][2] == told:
            found[-1] = (found[-1][0], piece.end, told)
        else:
            found.append((piece.start, piece.end, told))
    return found


def coarse(bars: Sequence[Bar], pixel_ms: int) -> tuple[list[Bar], list[Mark]]:
    """The bars for a view in which a pixel is ``pixel_ms`` long, and marks for the stops that have no bar.

    A stop as wide as a pixel keeps its bar, and so does whatever is as wide as a few. Narrower neighbours
    become one bar of the kind that has most of their time: so the picture stays true to time. The stops among
    them are marks: so none is hidden. A lane of bars that touch has then a bar or two a pixel, however much
    happened.
    """
    if pixel_ms <= 1:
        return list(bars), []
    merged: list[Bar] = []
    marks: list[Mark] = []
    group: list[Bar] = []

    def close() -> None:
        if group:
            bar, mark = _together(group)
            _append(merged, bar)
            if mark:
                marks.append(mark)
            group.clear()

    for bar in bars:
        if bar.ms >= (pixel_ms if bar.kind in STANDING else GROUP_PIXELS * pixel_ms):
            close()
            _append(merged, bar)
            continue
        if group and (bar.end - group[0].start > GROUP_PIXELS * pixel_ms or bar.start != group[-1].end):
            close()
        group.append(bar)
    close()
    return merged, marks


def _together(group: Sequence[Bar]) -> tuple[Bar, Mark | None]:
    """One bar of the kind that has most of the time, and a mark for the stops that it covers."""
    if len(group) == 1:
        return group[0], None
    time: dict[tuple[str, str], int] = {}
    for bar in group:
        time[bar.kind, bar.text] = time.get((bar.kind, bar.text), 0) + bar.ms
    kind, text = max(time, key=lambda key: time[key])
    whole = Bar(group[0].start, group[-1].end, kind, text)
    covered = [bar for bar in group if bar.kind in STANDING and bar.kind != kind]
    if not covered:
        return whole, None
    worst = max((bar.kind for bar in covered), key=STANDING.index)
    mark = Mark(covered[0].start, covered[-1].end, worst, len(covered), sum(bar.ms for bar in covered))
    return whole, mark


def _append(bars: list[Bar], bar: Bar) -> None:
    """Add a bar, to the last one if it looks alike and touches it."""
    last = bars[-1] if bars else None
    if last and last.end == bar.start and (last.kind, last.text) == (bar.kind, bar.text):
        bars[-1] = Bar(last.start, bar.end, bar.kind, bar.text)
    else:
        bars.append(bar)


class Texts:
    """Every text once: lanes carry its place in ``list``. The empty text is always the first."""

    def __init__(self) -> None:
        self.list: list[str] = [""]
        self._places: dict[str, int] = {"": 0}

    def place(self, text: str | bool | None) -> int:
        """The place of a text; nothing counts as the empty one."""
        text = text or ""
        if text not in self._places:
            self._places[text] = len(self.list)
            self.list.append(text)
        return self._places[text]


def pack(bars: Iterable[Bar], origin: int, texts: Texts) -> list[int]:
    """Bars as a flat list of (offset from ``origin``, length, number of the kind, place of the text)."""
    flat: list[int] = []
    for bar in bars:
        flat += (bar.start - origin, bar.ms, KINDS.index(bar.kind), texts.place(bar.text))
    return flat


def pack_states(
    spans: Sequence[RibbonSpan], origin: int, now: int, pixel_ms: int, texts: Texts
) -> dict[str, list[int]]:
    """The lane of the effective state, with its marks, for one view."""
    bars, marks = coarse(ribbon_bars(spans, now), pixel_ms)
    return {"state": pack(bars, origin, texts), "marks": pack_marks(marks, origin)}


def pack_marks(marks: Iterable[Mark], origin: int) -> list[int]:
    """Marks as a flat list of (offset, length, number of the kind, count, ms together)."""
    flat: list[int] = []
    for mark in marks:
        flat += (mark.start - origin, mark.end - mark.start, KINDS.index(mark.kind), mark.count, mark.ms)
    return flat


def pack_spans(spans: Iterable[tuple[Any, ...]], origin: int, texts: Texts) -> list[int]:
    """Spans with two texts and further numbers, flat: (offset, length, places of the two texts, numbers)."""
    flat: list[int] = []
    for start, end, first, second, *numbers in spans:
        flat += (start - origin, end - start, texts.place(first), texts.place(second), *numbers)
    return flat
