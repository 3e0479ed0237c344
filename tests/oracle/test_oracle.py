"""The engine agrees with the oracle on random histories, in whatever order their facts are given."""

from __future__ import annotations

import datetime
import os
from collections import Counter
from fractions import Fraction

import pytest
from kpi import Ideal, Settings, Totals, add_up, figures, rows
from oracle import BUCKETS, life, roles, startup_rejects, stop_counts
from oracle import buckets as oracle_buckets
from oracle import figures as oracle_figures
from oracle import quantities as oracle_quantities
from oracle_histories import history
from timeline import Break, CountPoint, History, Override, ReasonRule, Run, Shift, Span, StatePoint, build
from timeline import Counter as Meter

#: A full hour, UTC; second 0 of a history lies ``h["hour"]`` seconds before it.
FULL_HOUR = 1_767_225_600
DAY = datetime.date(2026, 1, 1)
CHUNKS = 20
#: By default a fifth of the histories that were gone through once; MES_ORACLE_HISTORIES=10000 goes through all.
HISTORIES = int(os.environ.get("MES_ORACLE_HISTORIES", "2000"))


class Engine:
    """One history through the product's own way in: ``build``, ``rows``, ``figures``."""

    def __init__(self, h: dict) -> None:
        self.zero = FULL_HOUR - h["hour"]
        modes = tuple((mode, seconds * 1000) for mode, seconds in h["threshold_by_mode"].items())
        startup_ms = h["startup"] * 1000
        self.settings = Settings(h["threshold"] * 1000, modes, startup_ms=startup_ms)
        line = build(self.history(h), self.span(h["window"]), self.ms(h["now"]), startup_ms)
        ideals = tuple(Ideal(product, 0, seconds * 10**9) for product, seconds in h["ideal"].items())
        hours = [hour.start for hour in line.hours]
        self.rows = rows(line.slices, line.quantities, line.stops, hours, self.settings, ideals, line.startups)
        self.totals: Totals = add_up(list(self.rows.values()))

    def ms(self, second: int) -> int:
        return (self.zero + second) * 1000

    def span(self, pair: list[int]) -> Span:
        return Span(self.ms(pair[0]), self.ms(pair[1]))

    def _end(self, item: dict) -> int | None:
        return None if item["end"] is None else self.ms(item["end"])

    def history(self, h: dict) -> History:
        return History(
            states=tuple(StatePoint(self.ms(p["at"]), p["state"], p["code"], None, p["raw"]) for p in h["states"]),
            modes=tuple(StatePoint(self.ms(p["at"]), p["mode"]) for p in h["modes"]),
            evidence=tuple(self.span(pair) for pair in h["evidence"]),
            runs=tuple(self._run(r) for r in h["runs"]),
            line_runs=tuple(self._run(r) for r in h["line_runs"]),
            overrides=tuple(self._override(o) for o in h["overrides"]),
            shifts=tuple(self._shift(s) for s in h["shifts"]),
            counters=tuple(self._counter(c) for c in h["counters"]),
            rules=tuple(self._rule(place, r) for place, r in enumerate(h["rules"])),
        )

    def _rule(self, place: int, r: dict) -> ReasonRule:
        windows = tuple(self.span(pair) for pair in r["windows"]) if "windows" in r else None
        conditions = {name: tuple(r[name]) for name in ("codes", "states", "modes", "products") if name in r}
        return ReasonRule(
            place, f"rule {place}", r["planned"], r["setup"], bits=r.get("bits", 0), windows=windows, **conditions
        )

    def _run(self, r: dict) -> Run:
        return Run(self.ms(r["start"]), self._end(r), r["order"], r["product"], Fraction(r["share"]))

    def _override(self, o: dict) -> Override:
        flags = {"planned": o["planned"], "setup": o["setup"]}
        reason = "why" if o.get("reason", True) else None
        return Override(self.ms(o["start"]), self._end(o), o["recorded"], o["recorded"], reason, o["state"], **flags)

    def _shift(self, s: dict) -> Shift:
        breaks = tuple(Break(self.ms(b["start"]), self.ms(b["end"]), b["stops"]) for b in s["breaks"])
        return Shift(self.ms(s["start"]), self.ms(s["end"]), f"shift {s['start']}", DAY, breaks)

    def _counter(self, c: dict) -> Meter:
        return Meter(c["role"], c["role"], tuple(CountPoint(self.ms(at), total) for at, total in c["points"]))

    def buckets(self) -> dict[str, Fraction]:
        return {name: Fraction(getattr(self.totals, f"{name}_ms"), 1000) for name in BUCKETS}


    def stops(self) -> dict[str, int]:
        return {kind: getattr(self.totals, f"{kind}_stops") for kind in ("unplanned", "minor", "undetermined")}

    def made(self) -> dict[str, int]:
        t = self.totals
        return {"total": t.total, "good": t.good, "outside": t.outside_total, "unallocated": t.unallocated}

    def figures(self) -> dict:
        told = figures(self.totals, self.settings)
        names = {"availability": "availability", "performance": "effectiveness", "quality": "quality", "oee": "oee"}
        values = {ours: told[theirs].value for ours, theirs in names.items()}
        return {**values, "coverage": told["oee"].coverage}


def within(value: Fraction | None, told: object) -> bool:
    """The engine's figure is the oracle's, or lies between its least and most."""
    if isinstance(told, tuple):
        return value is not None and told[0] <= value <= told[1]
    return value == told


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_engine_and_oracle_agree(chunk: int) -> None:
    """Every bucket, every stop, every piece and every figure of a history is the same, to the last digit."""
    for seed in range(chunk * HISTORIES // CHUNKS, (chunk + 1) * HISTORIES // CHUNKS):
        h = history(seed)
        seconds, engine = life(h), Engine(h)
        assert engine.buckets() == oracle_buckets(h, seconds), f"buckets of history {seed}"
        assert engine.stops() == stop_counts(h, seconds), f"stops of history {seed}"
        pieces = oracle_quantities(h, seconds)
        assert engine.made() == {name: pieces[name] for name in engine.made()}, f"pieces of history {seed}"
        if roles(h) == {"total", "reject"}:
            assert engine.totals.startup_reject == startup_rejects(h, seconds), f"start-up rejects of history {seed}"
        told = oracle_figures(h, seconds)
        assert all(within(value, told[name]) for name, value in engine.figures().items()), f"figures of history {seed}"


def test_the_histories_reach_every_rule() -> None:
    """An agreement is worth what the histories contain: each bucket, stop and figure occurs, and often."""
    seen: Counter[str] = Counter()
    for seed in range(800):
        h = history(seed)
        seconds = life(h)
        seen.update(name for name, time in oracle_buckets(h, seconds).items() if time)
        seen.update(f"{kind} stop" for kind, number in stop_counts(h, seconds).items() if number)
        seen.update(name for name, value in oracle_figures(h, seconds).items() if value is not None)
        seen.update({"start-up reject": startup_rejects(h, seconds)})
        seen.update("rule decides" for c, _name in seconds.values() if c["flags"] and "recorded" not in c["flags"])
        seen.update(name for name, count in oracle_quantities(h, seconds).items() if count not in (0, (0, 0)))
    assert min(seen.values()) >= 10 and len(seen) == len(BUCKETS) + 3 + 5 + 2 + 5, seen
