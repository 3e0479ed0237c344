"""A machine's slices as the few spans that a ribbon shows: one colour, one word each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from odoo.addons.mes_base.timeline import Slice

from .. import kpi

MAINTENANCE_MODES = frozenset({"maintenance", "cleaning"})
# So long may evidence lag behind the clock: what is younger is told by the live value.
FRESH_MS = 10_000

# What a ribbon calls otherwise than the live lane, which knows neither thresholds nor calendars.
SAME = frozenset({("minor", "down"), ("minor", "idle"), ("planned", "down"), ("planned", "idle")})

Label = Callable[[Slice], str]
"""Words for a slice that is not running: reason, interlock or code."""


class RibbonSpan(TypedDict):
    """``end`` None: still so. ``kind`` is a key of the palette."""

    start: int
    end: int | None
    kind: str
    label: str


def kind_of(piece: Slice, bucket: str) -> str:
    """The colour of a slice: what the machine did, not how its time is booked."""
    if bucket in ("not_scheduled", "no_data") or piece.state is None:
        return "off" if bucket == "not_scheduled" else "no_data"
    if piece.state == "running":
        return "running"
    if piece.mode in MAINTENANCE_MODES or piece.state == "maintenance":
        return "maintenance"
    if bucket == "setup" or piece.state == "setup":
        return "setup"
    if bucket == "planned":
        return "planned"
    return "minor" if bucket == "minor" else piece.state


def ribbon(slices: Sequence[Slice], stops: Sequence[Any], settings: kpi.Settings, label: Label) -> list[RibbonSpan]:
    """The spans of a ribbon; slices that look alike and touch are one."""
    buckets = kpi.buckets(slices, stops, settings)
    spans: list[RibbonSpan] = []
    for piece, bucket in zip(slices, buckets, strict=True):
        kind = kind_of(piece, bucket)
        words = label(piece) if kind not in ("running", "no_data", "off") else ""
        last = spans[-1] if spans else None
        if last and last["end"] == piece.start and (last["kind"], last["label"]) == (kind, words):
            last["end"] = piece.end
        else:
            spans.append({"start": piece.start, "end": piece.end, "kind": kind, "label": words})
    return spans


def up_to_now(spans: Iterable[RibbonSpan], live: Mapping[str, Any] | None, now: int) -> list[RibbonSpan]:
    """The ribbon with its open end: the live value tells what facts have not told yet.

    It knows no calendar: a ribbon that ends outside the shifts stays "not scheduled", whatever the machine tells.
    """
    told = list(spans)
    if told and told[-1]["kind"] == "off":
        return [*told[:-1], {**told[-1], "end": None}]
    kind = (live or {}).get("state") or "no_data"
    while told and told[-1]["kind"] == "no_data" != kind and now - told[-1]["start"] < FRESH_MS:
        told.pop()
    if told and (told[-1]["kind"] == kind or (told[-1]["kind"], kind) in SAME):
        return [*told[:-1], {**told[-1], "end": None}]
    start = (live or {}).get("since") or now
    while told and told[-1]["start"] >= start:
        told.pop()
    if told and told[-1]["end"] > start:
        told[-1] = {**told[-1], "end": start}
    return [*told, {"start": start, "end": None, "kind": kind, "label": ""}]
