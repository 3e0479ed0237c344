"""What several connections bring while the disk is busy goes in one transaction, and each learns what became of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from typing import Any

import pytest

from iot_bridge.events import Sample
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.testing import ManualClock, make_samples, make_tag

CODES = [f"T/A/L1/M{number}" for number in range(6)]
TAGS = [make_tag(code, "total", signal="counter") for code in CODES]


class SlowStores(Stores):
    """A disk that a test holds up; counts the transactions."""

    def __init__(self, main: Outbox) -> None:
        super().__init__(main)
        self.free = threading.Event()
        self.free.set()
        self.transactions: list[list[tuple[str, int]]] = []
        self.broken = False

    def append(self, events: Any, memories: Any, notes: Any) -> None:
        self.free.wait(10)
        if self.broken:
            raise sqlite3.OperationalError("database or disk is full")
        counts = [event for event in events if event.kind == "count"]
        self.transactions.append([(event.equipment, event.fields["total"]) for event in counts])
        super().append(events, memories, notes)


def cycle(clock: ManualClock, number: int, total: int) -> list[Sample]:
    return make_samples(clock, {f"{CODES[number]}/total": total})


async def pipeline_of(box: Outbox, clock: ManualClock) -> tuple[Pipeline, SlowStores]:
    stores = SlowStores(box)
    pipeline = Pipeline(stores, clock, lambda: None)
    await pipeline.set_tags(TAGS)
    for number in range(len(CODES)):
        await pipeline.feed(cycle(clock, number, 100))
    clock.advance(500)
    stores.transactions.clear()
    return pipeline, stores


async def begun(*feeds: Any) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(feed) for feed in feeds]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def totals(box: Outbox) -> dict[str, list[int]]:
    batch = box.read(1000)
    assert batch is not None
    out: dict[str, list[int]] = {}
    for event in json.loads(batch.to_json("L"))["events"]:
        if event["kind"] == "count":
            out.setdefault(event["equipment"], []).append(event["total"])
    return out


def test_what_waits_for_the_disk_shares_a_transaction_and_keeps_its_order(outbox: Outbox) -> None:
    async def scene() -> list[list[tuple[str, int]]]:
        clock = ManualClock()
        pipeline, stores = await pipeline_of(outbox, clock)
        stores.free.clear()
        tasks = await begun(*(pipeline.feed(cycle(clock, number, 101)) for number in range(4)))
        clock.advance(500)
        # The same machine twice more: each in a transaction of its own, in order.
        tasks += await begun(pipeline.feed(cycle(clock, 2, 103)))
        clock.advance(500)
        tasks += await begun(pipeline.feed(cycle(clock, 2, 104)), pipeline.feed(cycle(clock, 5, 102)))
        assert not any(task.done() for task in tasks)
        stores.free.set()
        assert await asyncio.gather(*tasks) == [True] * 7
        return stores.transactions

    groups = asyncio.run(scene())
    assert groups == [[(CODES[number], 1) for number in range(4)], [(CODES[2], 3)], [(CODES[2], 4), (CODES[5], 2)]]
    assert totals(outbox)[CODES[2]] == [0, 1, 3, 4]


def test_a_connection_that_is_stopped_takes_nobody_with_it(outbox: Outbox) -> None:
    """Its own samples are read and therefore stored, once."""

    async def scene() -> None:
        clock = ManualClock()
        pipeline, stores = await pipeline_of(outbox, clock)
        stores.free.clear()
        first, second, third = await begun(*(pipeline.feed(cycle(clock, number, 101)) for number in range(3)))
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        stores.free.set()
        assert await third
        clock.advance(500)
        for number in range(3):
            assert await pipeline.feed(cycle(clock, number, 104))

    asyncio.run(scene())
    assert [totals(outbox)[code] for code in CODES[:3]] == [[0, 1, 4]] * 3


def test_everybody_hears_that_the_disk_is_full_and_nothing_is_adopted(outbox: Outbox) -> None:
    async def scene() -> None:
        clock = ManualClock()
        pipeline, stores = await pipeline_of(outbox, clock)
        stores.broken = True
        tasks = await begun(*(pipeline.feed(cycle(clock, number, 101)) for number in range(3)))
        assert await asyncio.gather(*tasks) == [False] * 3
        stores.broken = False
        clock.advance(500)
        for number in range(3):
            assert await pipeline.feed(cycle(clock, number, 105))

    asyncio.run(scene())
    assert [totals(outbox)[code] for code in CODES[:3]] == [[0, 5]] * 3


def test_a_defect_in_one_cycle_is_nobody_elses(outbox: Outbox) -> None:
    async def scene() -> None:
        clock = ManualClock()
        pipeline, stores = await pipeline_of(outbox, clock)
        stores.free.clear()
        broken = [Sample(f"{CODES[1]}/total", object(), clock.now_ms(), clock.mono_ms(), 0)]  # type: ignore[arg-type]
        tasks = await begun(
            pipeline.feed(cycle(clock, 0, 101)), pipeline.feed(broken), pipeline.feed(cycle(clock, 2, 101))
        )
        stores.free.set()
        assert await tasks[0] and await tasks[2]
        with pytest.raises((TypeError, ValueError, AttributeError)):
            await tasks[1]

    asyncio.run(scene())
    assert totals(outbox)[CODES[2]] == [0, 1]


def test_a_note_beside_is_stored_with_what_tells_something_and_costs_nothing_else(outbox: Outbox) -> None:
    """A thousand unchanged values are no transaction; the note is made when there is one, in the same."""
    made: list[int] = []

    async def scene() -> list[list[tuple[str, int]]]:
        clock = ManualClock()
        pipeline, stores = await pipeline_of(outbox, clock)

        def note() -> str:
            made.append(len(stores.transactions))
            return "taken"

        for _ in range(1000):
            assert await pipeline.feed(cycle(clock, 1, 100), beside={"mqtt": note})
            clock.advance(1)
        assert stores.transactions == [] and made == [] and outbox.notes() == {}
        assert await pipeline.feed(cycle(clock, 1, 101), beside={"mqtt": note})
        return stores.transactions

    assert asyncio.run(scene()) == [[(CODES[1], 1)]]
    assert made == [0] and outbox.notes() == {"mqtt": "taken"}
