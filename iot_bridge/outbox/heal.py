"""Bringing counter memories back from Odoo's last points when the outbox's own were lost.

Needed when the file is new (disk lost) or older than what Odoo has (restored from a snapshot).
Events that were never sent may be rewritten: their totals are moved so that they continue Odoo's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..clock import from_rfc3339
from ..signals.counter import FORGOTTEN, Booking, CounterMemory, CounterSpec, Doubt, Reading, book
from .store import Outbox

# A boot_id that never is one: time since Odoo's point is known by the wall clock only.
FROM_ODOO = "odoo"


def heal(
    outbox: Outbox, specs: Mapping[str, CounterSpec], points: Mapping[str, Mapping[str, Any]], now: int, fresh: bool
) -> dict[str, CounterMemory]:
    """Compare memories with Odoo's ``points``; returns the memories that changed (already stored).

    fresh: this outbox had never been accepted by Odoo, so that nothing of it was sent.
    """
    changed: dict[str, CounterMemory] = {}
    local = outbox.memories()
    for key, point in points.items():
        memory = _healed(outbox, specs.get(key), key, _seed(point, now), local.get(key), fresh)
        if memory is not None:
            changed[key] = memory
            if memory.boot_id == FROM_ODOO:
                # Cavities can't go on from readings that are older than Odoo's total: they begin anew, flagged.
                changed |= {part: _forgotten(now) for part in local if part.startswith(f"{key}#")}
    if changed:
        outbox.replace_memories(changed)
    return changed


def _forgotten(now: int) -> CounterMemory:
    return CounterMemory(0, now, 0, FORGOTTEN, 0, 0)


def _seed(point: Mapping[str, Any], now: int) -> CounterMemory:
    at = from_rfc3339(point["at"]) if point.get("at") else now
    return CounterMemory(point["raw"], at, 0, FROM_ODOO, point["epoch"], point["total"])


def _healed(
    outbox: Outbox, spec: CounterSpec | None, key: str, seed: CounterMemory, local: CounterMemory | None, fresh: bool
) -> CounterMemory | None:
    if local is None:
        return seed
    if not fresh and seed.total <= local.total:
        return None
    pending = [(seq, body) for seq, body in outbox.pending_counts(key) if from_rfc3339(body["at"]) > seed.at]
    if not pending:
        return seed if seed.total > local.total else None
    if spec is None or _follows(pending[0][1], seed):
        return None
    if spec.shared or spec.counting in ("pulse", "handshake"):
        return _moved(outbox, pending, seed, local, overlap=spec.shared)
    return _rebase(outbox, spec, pending, seed, local)


def _follows(first: Mapping[str, Any], seed: CounterMemory) -> bool:
    """Whether the first pending point goes on from Odoo's last as it is: saved from a damaged file, say."""
    return bool(first["counter_epoch"] == seed.epoch and first["total"] - first["delta"] == seed.total)


def _moved(
    outbox: Outbox,
    pending: list[tuple[int, dict[str, Any]]],
    seed: CounterMemory,
    local: CounterMemory,
    overlap: bool,
) -> CounterMemory:
    """Put the pending points onto Odoo's total: their raw values say nothing of what ran between, so it is flagged.

    overlap: the first one may hold what Odoo's total has already, so it books nothing.
    """
    first = pending[0][1]
    least = 0 if overlap else first["delta"]
    total = seed.total + least - first["total"]
    epoch = max(0, seed.epoch - first["counter_epoch"])
    first.update(delta=least, bounds=[least, None], quality="uncertain")
    return _shifted(outbox, pending, local, total, epoch)


def _rebase(
    outbox: Outbox,
    spec: CounterSpec,
    pending: list[tuple[int, dict[str, Any]]],
    seed: CounterMemory,
    local: CounterMemory,
) -> CounterMemory:
    """Let the first pending point continue Odoo's, move the others with it."""
    first = pending[0][1]
    reading = Reading(first["raw"], from_rfc3339(first["at"]), 0, "pending")
    outcome = book(spec, seed, reading, Doubt(reading))
    if isinstance(outcome, Doubt):
        raise AssertionError("a reading that is its own confirmation is never doubted")
    total = outcome.memory.total - first["total"]
    epoch = outcome.memory.epoch - first["counter_epoch"]
    first["delta"] = outcome.delta if isinstance(outcome, Booking) else 0
    first["decision"] = outcome.decision if isinstance(outcome, Booking) else "step"
    if isinstance(outcome, Booking) and outcome.bounds is not None:
        first["bounds"], first["quality"] = list(outcome.bounds), outcome.quality
    return _shifted(outbox, pending, local, total, epoch)


def _shifted(
    outbox: Outbox, pending: list[tuple[int, dict[str, Any]]], local: CounterMemory, total: int, epoch: int
) -> CounterMemory:
    for _, body in pending:
        body["total"] += total
        body["counter_epoch"] += epoch
    outbox.rewrite({seq: json.dumps(body, separators=(",", ":")) for seq, body in pending})
    return replace(local, total=local.total + total, epoch=local.epoch + epoch)
