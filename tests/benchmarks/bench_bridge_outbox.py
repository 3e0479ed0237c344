"""What durability costs: the outbox against a bare SQLite loop, and how fast a backlog drains.

    ./mes bench bridge_outbox [--events N]

- store: count events with their memory, in transactions of 1, 10 and 100, each on the disk before the next. The bare
  loop writes the same events out as the same texts and inserts them into a table of two columns: same file system, same
  pragmas, same batches, nothing else. Both take turns in short rounds; the ratio is the median of the rounds, so that a
  disk that is slow for a while is slow for both. Goal 0.8 at 10 events a transaction, a plant's usual poll cycle. The
  slower the disk flushes, the nearer to 1: what is left is that counter memories are one page more to write.
- drain: a backlog to a fake Odoo in another process, over XML-RPC and JSON-2. Goal 5 000 events/s.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from bridge_rig import helper, odoo_config

from iot_bridge.events import Event
from iot_bridge.outbox import Outbox
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS, FakeOdoo
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.transport import make_transport

BATCHES = (1, 10, 100)
ROUNDS = 15
Cycle = tuple[list[Event], dict[str, CounterMemory]]


def cycles(events: int, batch: int, start: int) -> list[Cycle]:
    """Poll cycles of ``batch`` machines, as the pipeline hands them over."""
    out = []
    for number in range(start, start + events // batch):
        made, memories = [], {}
        at = START_MS + number * 1000
        for machine in range(batch):
            key = f"DEMO/PACK/L1/M{machine}/total"
            fields = {"counter": "total", "counter_epoch": 0, "raw": number, "total": number, "delta": 1}
            made.append(Event("count", key[:-6], at, {**fields, "decision": "step"}, tag=key, recv=at + 3))
            memories[key] = CounterMemory(number, at, number, "boot", 0, number)
        out.append((made, memories))
    return out


class Bare:
    """The least that SQLite can be asked for."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")

    def store(self, made: list[Cycle]) -> float:
        """Seconds for these transactions."""
        began = time.perf_counter()
        for events, _ in made:
            texts = [(event.body(),) for event in events]
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO event (body) VALUES (?)", texts)
            self._db.execute("COMMIT")
        return time.perf_counter() - began


def store(box: Outbox, made: list[Cycle]) -> float:
    """Seconds for the same transactions in the outbox, counter memories and checksums included."""
    began = time.perf_counter()
    for events, memories in made:
        box.append(events, memories)
    return time.perf_counter() - began


def compare(folder: Path, events: int, batch: int) -> dict[str, float]:
    """Rounds of both in turns."""
    folder.mkdir()
    box, bare = Outbox.open(folder / "outbox.db"), Bare(folder / "bare.db")
    ratios, ours, bares = [], [], []
    each = max(events // ROUNDS // batch, 10) * batch
    for number in range(ROUNDS):
        made = cycles(each, batch, number * each)
        # Who begins takes turns too.
        if number % 2:
            took, least = store(box, made), bare.store(made)
        else:
            least, took = bare.store(made), store(box, made)
        ratios.append(least / took)
        ours.append(each / took)
        bares.append(each / least)
    box.close()
    return {
        f"store_events_per_s_{batch}": round(statistics.median(ours)),
        f"bare_events_per_s_{batch}": round(statistics.median(bares)),
        f"store_ratio_{batch}": round(statistics.median(ratios), 2),
    }


async def drain(folder: Path, url: str, events: int, transport: str) -> dict[str, float]:
    """Send a backlog; events a second."""
    folder.mkdir()
    box = Outbox.open(folder / "outbox.db")
    for made, memories in cycles(events, 1000, 0):
        box.append(made, memories)
    link = odoo_config(url, folder).model_copy(update={"transport": transport})

    async def nothing(points: object, fresh: bool) -> None:
        return None

    lane = DurableLane(box, Caller(make_transport(link, 10), "bench"), transport, 5000, 2.0, nothing)
    began = time.perf_counter()
    task = asyncio.create_task(lane.run())
    await lane.drained()
    took = time.perf_counter() - began
    task.cancel()
    box.close()
    return {f"drain_events_per_s_{transport}": round(events / took)}


def measure(events: int) -> dict[str, float]:
    """All figures."""
    figures: dict[str, float] = {}
    # Not where files live in memory: a bare loop without a disk would say nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name, helper(__file__, "odoo") as url:
        for batch in BATCHES:
            figures |= compare(Path(name) / str(batch), min(events, 2000 * batch), batch)
        for transport in ("xmlrpc", "json2"):
            figures |= asyncio.run(drain(Path(name) / transport, url, events, transport))
    return figures


def play_odoo() -> None:
    with FakeOdoo() as fake:
        print(fake.url, flush=True)
        time.sleep(3600)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--role", choices=["odoo"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role == "odoo":
        play_odoo()
    print(json.dumps(measure(args.events)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
