"""A bridge that dies at its n-th SQL statement, for every n; started by test_crash.py in a process without threads.

    python crash_statements.py FOLDER SEED FIRST STEP

For each n (FIRST, FIRST + STEP, …) a forked child lives through the same scene on a fresh folder: counts, states,
measurements, batches, acknowledgements, a rewind, quarantine, condensing, retention, a new epoch, a file of an older
version. At its n-th statement it is gone, without a farewell. Then a new bridge goes on from the file with what the
machine has counted meanwhile, and drains. Prints the number of deaths and of statements; any wrong total is an error.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from itertools import count as numbers_from
from pathlib import Path

from iot_bridge.events import Event
from iot_bridge.outbox import Limits, Outbox
from iot_bridge.outbox.schema import downgrade
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS

KEYS = ("M1/total", "M2/total")
DIED = 9
LIMITS = Limits(max_pending=30)


class Machine:
    """Counts; its counter and what the bridge has booked of it are two things."""

    def __init__(self) -> None:
        self.true = dict.fromkeys(KEYS, 0)

    def cycle(self, box: Outbox, chance: random.Random) -> None:
        """Read both counters and store what follows, from the memory in the file as the pipeline does."""
        memories, events, kept = box.memories(), [], {}
        for key in KEYS:
            self.true[key] += chance.randrange(4)
            before = memories[key].total if key in memories else 0
            total = self.true[key]
            fields = {"counter": "total", "counter_epoch": 0, "raw": total, "total": total, "delta": total - before}
            events.append(Event("count", key[:2], START_MS + total, {**fields, "decision": "step"}))
            events.append(Event("measurement", key[:2], START_MS + total, {"name": "p", "value": 1}, tag=f"{key}/p"))
            kept[key] = CounterMemory(total, START_MS, 0, "b", 0, total)
        events.append(Event("state", "M1", START_MS, {"raw": 1, "state": "running", "map": 1}))
        box.append(events, kept, {"note": str(self.true)})


class Sink:
    """Odoo's side: applies what continues, exactly once."""

    def __init__(self) -> None:
        self.epoch, self.applied = "", 0
        self.totals = dict.fromkeys(KEYS, 0)
        self.wrong: list[str] = []

    def take(self, box: Outbox, limit: int) -> None:
        """One hello where needed, and one batch."""
        if box.epoch != self.epoch:
            self.epoch, self.applied = box.epoch, 0
        if box.applied != self.applied:
            if self.applied > box.sent:
                self.wrong.append(f"Odoo has {self.applied}, the outbox sent {box.sent}")
            box.acknowledge(self.applied)
        batch = box.read(limit)
        if batch is None:
            return
        covered = sorted([(seq, seq) for seq, _ in batch.events] + [(a, b) for a, b, _ in batch.dropped])
        due = batch.first
        for first, last in covered:
            if first != due:
                self.wrong.append(f"{due} should come next, not {first}")
            due = last + 1
        for seq, text in batch.events:
            body = json.loads(text)
            if seq > self.applied and body["kind"] == "count":
                self._count(f"{body['equipment']}/total", body)
        self.applied = batch.last
        self.wrong += batch.findings
        box.acknowledge(batch.last)

    def _count(self, key: str, body: dict[str, int]) -> None:
        if body["total"] - self.totals[key] != body["delta"]:
            self.wrong.append(f"{key}: {self.totals[key]} + {body['delta']} is not {body['total']}")
        self.totals[key] = body["total"]


def scene(path: Path, machine: Machine, sink: Sink, chance: random.Random) -> Iterator[Outbox]:
    """A bridge's life; yields after each thing it does."""
    box = Outbox.open(path, LIMITS)
    for _ in range(2):
        machine.cycle(box, chance)
        yield box
    sink.take(box, 4)
    box.accept_epoch()
    yield box
    for _ in range(6):
        machine.cycle(box, chance)
        yield box
    sink.take(box, 7)
    yield box
    box.prune(0, 0, -1)
    yield box
    machine.cycle(box, chance)
    box.quarantine(box.last, "a state that nobody wants")
    yield box
    box.close()
    downgrade(str(path), 1)
    box = Outbox.open(path, LIMITS)
    yield box
    machine.cycle(box, chance)
    box.new_epoch()
    yield box
    machine.cycle(box, chance)
    sink.take(box, 5)
    yield box


def live(path: Path, machine: Machine, sink: Sink, seed: int) -> None:
    """The scene to its end; the memory of machine and sink is written beside after each thing done."""
    for _ in scene(path, machine, sink, random.Random(seed)):
        keep(path, machine, sink)


def keep(path: Path, machine: Machine, sink: Sink) -> None:
    path.with_suffix(".true").write_text(json.dumps([machine.true, sink.epoch, sink.applied, sink.totals]))


def dying(path: Path, seed: int, at: int) -> int:
    """A child that dies at statement ``at``; returns its exit status."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = numbers_from(1)

    def trace(_: str) -> None:
        if next(left) == at:
            os._exit(DIED)

    class Mortal(sqlite3.Connection):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            self.set_trace_callback(trace)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Mortal, **kwargs)  # type: ignore[assignment]
    machine, sink = Machine(), Tracked(path)
    sink.machine = machine
    live(path, machine, sink, seed)
    os._exit(0)


class Tracked(Sink):
    """Odoo does not die with the bridge: what it took is known at once."""

    machine: Machine

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def take(self, box: Outbox, limit: int) -> None:
        acknowledge = box.acknowledge

        def told(applied: int) -> None:
            keep(self._path, self.machine, self)
            acknowledge(applied)

        box.acknowledge = told  # type: ignore[method-assign, assignment]
        try:
            super().take(box, limit)
        finally:
            del box.acknowledge


def revive(path: Path) -> list[str]:
    """Go on from what the dead one left: count three more times and drain; returns what is wrong."""
    machine, sink = Machine(), Sink()
    kept = path.with_suffix(".true")
    if kept.exists():
        machine.true, sink.epoch, sink.applied, sink.totals = json.loads(kept.read_text())
    box = Outbox.open(path, LIMITS)
    if box.healed:
        sink.wrong.append(box.healed)
    memories = box.memories()
    for key in KEYS:
        machine.true[key] = max(machine.true[key], memories[key].total if key in memories else 0)
    for _ in range(3):
        machine.cycle(box, random.Random(1))
    while box.applied < box.last or sink.epoch != box.epoch:
        sink.take(box, 50)
    if sink.totals != machine.true:
        sink.wrong.append(f"Odoo has {sink.totals}, the machines made {machine.true}")
    box.close()
    return sink.wrong


def main() -> int:
    folder, seed, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    deaths = 0
    for at in range(first, 10**6, step):
        path = folder / f"{at}.db"
        if dying(path, seed, at) != DIED:
            break
        wrong = revive(path)
        if wrong:
            print(f"died at statement {at}: {wrong}", file=sys.stderr)
            return 1
        deaths += 1
        for part in folder.glob(f"{at}.*"):
            part.unlink()
    print(deaths, at)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
