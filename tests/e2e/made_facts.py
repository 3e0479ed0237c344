"""Events of a shift for the end-to-end tests, and what they must become: seeded, in the order of source time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

Event = dict[str, Any]
STATES = {1: "running", 2: "idle", 3: "down", 4: "setup"}
MODES = {1: "production", 2: "changeover", 4: "cleaning"}
STALE_MS = 5_000
HOUR_MS = 3_600_000
#: The share of each kind: half counts, a good part states, as a real line sends them.
SHARES = {"count": 0.5, "state": 0.25, "evidence": 0.2, "mode": 0.05}


def stamp(ms: int) -> str:
    """RFC 3339, UTC, exactly milliseconds."""
    moment = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def moment(text: str) -> int:
    """The inverse of ``stamp``."""
    whole = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(whole.timestamp()) * 1000 + int(text[20:23])


def events(seed: int, number: int, codes: Sequence[str], streams: Sequence[str], start: int) -> dict[str, list[Event]]:
    """About ``number`` events of eight hours from ``start``, by stream, each stream in order of source time.

    No stream has a machine for itself: state, mode and counts of one machine come by three streams, evidence
    by all of them. One state in fifty is told by two streams that contradict each other.
    """
    rng = random.Random(seed)
    made: dict[str, list[Event]] = {stream: [] for stream in streams}
    for place, code in enumerate(codes):
        source = [streams[(place + turn) % len(streams)] for turn in range(3)]
        count = {kind: max(2, round(number * share / len(codes))) for kind, share in SHARES.items()}
        made[source[0]] += _states(rng, code, _times(rng, start, count["state"]))
        made[source[1]] += _modes(rng, code, _times(rng, start, count["mode"]))
        for name in ("total", "reject"):
            made[source[2]] += _counts(rng, code, name, _times(rng, start, count["count"] // 2))
        for at in _times(rng, start, count["evidence"]):
            made[rng.choice(list(streams))].append(_evidence(rng, code, at))
        rivals = [event for event in made[source[0]] if event["kind"] == "state" and event["equipment"] == code]
        made[source[1]] += [_contradicted(event) for event in rivals[::50]]
    return {stream: sorted(told, key=lambda event: str(event["at"])) for stream, told in made.items()}


def _times(rng: random.Random, start: int, number: int) -> list[int]:
    return sorted(start + at for at in rng.sample(range(8 * HOUR_MS), number))


def _event(kind: str, equipment: str, at: int, **fields: Any) -> Event:
    return {"kind": kind, "equipment": equipment, "at": stamp(at), "quality": "good", **fields}


def _states(rng: random.Random, code: str, times: Sequence[int]) -> list[Event]:
    made = []
    for at in times:
        raw = rng.choice(list(STATES))
        stop = {"code": str(rng.randint(1, 30))} if raw == 3 else {}
        made.append(_event("state", code, at, raw=raw, state=STATES[raw], map=1, **stop))
    return made


def _contradicted(event: Event) -> Event:
    """Another stream's word on the same instant."""
    told = {**event, "raw": 2, "state": "idle", "interlock": "starved"}
    told.pop("code", None)
    return told


def _modes(rng: random.Random, code: str, times: Sequence[int]) -> list[Event]:
    raws = rng.choices(list(MODES), k=len(times))
    return [_event("mode", code, at, raw=raw, mode=MODES[raw], map=1) for at, raw in zip(times, raws)]


def _counts(rng: random.Random, code: str, name: str, times: Sequence[int]) -> list[Event]:
    made: list[Event] = []
    total = 0
    for at in times:
        delta = rng.randint(0, 9) if made else 0
        total += delta
        fields = {"counter": name, "counter_epoch": 0, "raw": total % 65_536, "total": total, "delta": delta}
        made.append(_event("count", code, at, **fields, decision="step" if made else "first"))
    return made


def _evidence(rng: random.Random, code: str, at: int) -> Event:
    spans = {"from": stamp(at - rng.randint(0, 40_000)), "until": stamp(at + rng.randint(0, STALE_MS))}
    return _event("evidence", code, at, **spans)


# -- what must lie in the tables ----------------------------------------------------------------------


def expected(told: dict[str, list[Event]]) -> dict[str, list[list[str]]]:
    """The facts of these events, in the shape of ``Floor.facts``; of two streams the greater name wins."""
    ranked = [(stream, event) for stream in sorted(told) for event in told[stream]]
    states = {_key(event): _state_row(stream, event) for stream, event in ranked if event["kind"] in ("state", "mode")}
    counts = [_count_row(stream, event) for stream, event in ranked if event["kind"] == "count"]
    spans: dict[tuple[str, str], list[list[int]]] = {}
    for stream, event in ranked:
        if event["kind"] == "evidence":
            spans.setdefault((event["equipment"], stream), []).append([moment(event["from"]), moment(event["until"])])
    return {
        "states": _sorted(list(states.values()), numeric=(2,)),
        "counts": _sorted(counts, numeric=(2, 3)),
        "evidence": [[*key, str(low), str(high)] for key in sorted(spans) for low, high in _merged(spans[key])],
    }


def superseded(told: dict[str, list[Event]]) -> int:
    """How many states lose against another stream's word on the same instant."""
    keys = [_key(event) for events in told.values() for event in events if event["kind"] in ("state", "mode")]
    return len(keys) - len(set(keys))


def _key(event: Event) -> tuple[str, ...]:
    return event["equipment"], event["kind"], event["at"]


def _state_row(stream: str, event: Event) -> list[str]:
    value, kind = event[event["kind"]], event["kind"]
    more = [event.get("code") or "", event.get("interlock") or "", event["quality"], stream]
    return [event["equipment"], kind, str(moment(event["at"])), str(event["raw"]), value, *more]


def _count_row(stream: str, event: Event) -> list[str]:
    numbers = [event["counter_epoch"], moment(event["at"]), event["raw"], event["total"], event["delta"]]
    return [event["equipment"], event["counter"], *map(str, numbers), event["decision"], stream]


def _sorted(rows: list[list[str]], numeric: tuple[int, ...]) -> list[list[str]]:
    return sorted(rows, key=lambda row: [int(cell) if i in numeric else cell for i, cell in enumerate(row[:4])])


def _merged(spans: list[list[int]]) -> list[list[int]]:
    """Disjoint spans; what touches or overlaps is one."""
    joined: list[list[int]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    return joined
