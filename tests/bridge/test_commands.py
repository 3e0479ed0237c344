"""Commands: allowed twice or refused, written once whatever is offered or dies, read back, reported."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_bench import FIXED, GUARD, RULES, SPEED, Link, Plc, bench, offer, settings, short

from iot_bridge.commands import NotAllowed, permit
from iot_bridge.commands import executor as executor_module
from iot_bridge.commands.ledger import KEEP_MS
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.events import Event
from iot_bridge.testing import ManualClock


def test_a_command_is_written_scaled_read_back_and_reported_once(
    tmp_path: Path, validate: Callable[[str, Mapping[str, Any]], None]
) -> None:
    """Offered by both lanes again and again, also after its result: one write, one result that fits the contract."""
    plc = Plc()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc)) as b:
            for _ in range(5):
                b.executor.offer([offer(value=40)])
                await asyncio.sleep(0)
            (event,) = await b.until(1)
            b.executor.offer([offer(value=40)])
            await asyncio.sleep(0.05)
            assert len(b.results()) == 1
            validate("event", {"seq": 1, **event})
            assert event["equipment"] == SPEED.equipment and event["tag"] == SPEED.tag
            assert short(event) == (1, "done", 40) and b.executor.counts == {"done": 1}
        async with bench(tmp_path, Link(plc)) as b:
            b.executor.offer([offer(value=40)])
            await asyncio.sleep(0.05)
            assert len(b.results()) == 1

    asyncio.run(scene())
    assert plc.writes == [(SPEED.tag, 80)]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (offer(tag=FIXED.tag, value=1), "not writable in Odoo's tag map"),
        (offer(tag=GUARD.tag, value=True), "safety function"),
        (offer(tag="T/A/L1/M1/none"), "not among the bridge's tags"),
        (offer(value=100.5), "outside 0..100"),
        (offer(value=-1), "outside 0..100"),
        (offer(value=True), "is no number"),
        (offer(value="fast"), "is no number"),
        (offer(value=0.3), "whole numbers"),
        (offer(value=None), "value: a finite number"),
        (offer(value=[1]), "value: a finite number"),
        (offer(kind="explode"), "kind 'explode' is not known"),
        ({**offer(), "deadline": "soon"}, "deadline: a time"),
        ({**offer(), "tag": ""}, "tag: the full name"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_and_never_written(
    command: dict[str, Any], words: str, tmp_path: Path
) -> None:
    plc = Plc()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc)) as b:
            b.executor.offer([command])
            (event,) = await b.until(1)
            assert event["status"] == "refused" and words in event["message"]

    asyncio.run(scene())
    assert plc.writes == []


def test_both_lists_must_allow(tmp_path: Path) -> None:
    """Writable in Odoo's tag map alone is not enough; nor is the safety pattern outweighed by a rule."""
    with pytest.raises(NotAllowed, match="not in the bridge's allow-list"):
        permit(settings([]), SPEED, 40, None)
    assert permit(settings(), SPEED, 40, None) == 80
    with pytest.raises(ValueError, match="remove its rule"):
        settings(safety=["T/*/speed"])
    with pytest.raises(NotAllowed, match="safety function"):
        permit(settings([], safety=["T/*/sp?ed"]), SPEED, 40, None)
    with pytest.raises(ValueError, match="two rules"):
        settings([*RULES, RULES[0]])


def test_rate_limit_counts_over_a_restart(tmp_path: Path) -> None:
    plc, clock = Plc(), ManualClock()
    config = settings([{"tag": SPEED.tag, "every_s": 10}])

    async def scene() -> None:
        async with bench(tmp_path, Link(plc, config), clock=clock) as b:
            b.executor.offer([offer(1, 40)])
            await b.until(1)
            clock.advance(4000)
            b.executor.offer([offer(2, 41)])
            assert (await b.until(2))[1]["status"] == "refused"
        async with bench(tmp_path, Link(plc, config), clock=clock) as b:
            clock.advance(4000)
            b.executor.offer([offer(3, 42)])
            assert "8.0 s ago" in (await b.until(3))[2]["message"]
            clock.advance(2000)
            b.executor.offer([offer(4, 43)])
            assert (await b.until(4))[3]["status"] == "done"

    asyncio.run(scene())
    assert [raw for _, raw in plc.writes] == [80, 86]


def test_deadline_is_kept_on_the_plants_clock(tmp_path: Path) -> None:
    """Over already; over while the device is away; not over: it waits for the link and is written."""
    plc, clock = Plc(), ManualClock()
    link = Link(plc, state="down: no answer")

    async def scene() -> None:
        async with bench(tmp_path, link, clock=clock) as b:
            b.executor.offer([offer(1, in_s=0)])
            assert short((await b.until(1))[0]) == (1, "expired", None)
            b.executor.offer([offer(2, 30, in_s=5), offer(3, 40, in_s=500)])
            await asyncio.sleep(0.05)
            assert len(b.results()) == 1
            clock.advance(5000)
            assert short((await b.until(2))[1]) == (2, "expired", None)
            link.state = "up"
            assert short((await b.until(3))[2]) == (3, "done", 40)

    asyncio.run(scene())
    assert [raw for _, raw in plc.writes] == [80]


def test_a_connection_that_just_starts_anew_is_waited_for(tmp_path: Path) -> None:
    """While tags change it is not there for a moment: that is no reason to refuse."""
    plc = Plc()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc)) as b:
            link = b.links.pop("plc")
            b.executor.offer([offer()])
            await asyncio.sleep(0.15)
            assert b.results() == []
            b.links["plc"] = link
            assert short((await b.until(1))[0]) == (1, "done", 40)

    asyncio.run(scene())


def test_commands_of_one_connection_keep_their_order(tmp_path: Path) -> None:
    plc = Plc()
    link = Link(plc, state="down: not yet")

    async def scene() -> None:
        async with bench(tmp_path, link) as b:
            b.executor.offer([offer(3, 30), offer(1, 10), offer(2, 20)])
            await asyncio.sleep(0.05)
            link.state = "up"
            assert [event["command"] for event in await b.until(3)] == [1, 2, 3]

    asyncio.run(scene())
    assert [raw for _, raw in plc.writes] == [20, 40, 60]


def test_device_that_refuses_and_device_that_holds_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "SETTLE_S", (0.0, 0.01))
    plc = Plc()
    link = Link(plc)

    async def refuse() -> None:
        raise Rejected("illegal data value")

    async def scene() -> None:
        async with bench(tmp_path, link) as b:
            link.on_write, link.takes = refuse, False
            b.executor.offer([offer(1)])
            (event,) = await b.until(1)
            assert event["status"] == "failed" and "illegal data value" in event["message"]
            link.on_write = None
            b.executor.offer([offer(2)])
            assert short((await b.until(2))[1]) == (2, "mismatch", 0)

    asyncio.run(scene())
    assert len(plc.writes) == 2


def test_value_that_shows_only_after_some_cycles_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_module, "SETTLE_S", (0.0, 0.01, 0.01))
    plc = Plc()
    link = Link(plc, takes=False)
    reads: list[int] = []

    async def slowly() -> None:
        reads.append(1)
        if len(reads) == 2:
            plc.values[SPEED.tag] = 80

    link.on_read = slowly

    async def scene() -> None:
        async with bench(tmp_path, link) as b:
            b.executor.offer([offer()])
            assert short((await b.until(1))[0]) == (1, "done", 40)

    asyncio.run(scene())
    assert len(plc.writes) == 1


@pytest.mark.parametrize(("takes", "status", "read_back"), [(True, "done", 40), (False, "unknown", 0)])
def test_no_answer_to_a_write_is_resolved_by_reading(
    takes: bool, status: str, read_back: int, tmp_path: Path
) -> None:
    plc = Plc()
    link = Link(plc, takes=takes)

    async def lost() -> None:
        link.on_write = None
        raise LinkLost("timeout")

    link.on_write = lost

    async def scene() -> None:
        async with bench(tmp_path, link) as b:
            b.executor.offer([offer()])
            assert short((await b.until(1))[0]) == (1, status, read_back)

    asyncio.run(scene())
    assert len(plc.writes) == 1, "never again"


EXPECTED = {  # writes before the kill, writes in the end, result
    "before the note": (0, 1, "done"), "after the note": (0, 0, "unknown"), "write left": (1, 1, "done"),
    "before the result": (1, 1, "done"), "after the result": (1, 1, "done"),
}  # fmt: skip


@pytest.mark.parametrize("phase", EXPECTED)
def test_a_sigkill_at_each_phase_writes_at_most_once(phase: str, tmp_path: Path) -> None:
    """What Odoo offers on is carried out once; what may have been written is read, never written again."""

    def bridge(point: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(Path(__file__).with_name("command_driver.py")), str(tmp_path), point]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    def written() -> int:
        return len((tmp_path / "plc").read_text().split()) if (tmp_path / "plc").exists() else 0

    assert bridge(phase).returncode == -signal.SIGKILL
    before = written()
    second = bridge("never")
    assert second.returncode == 0, second.stderr
    (result,) = json.loads(second.stdout)
    assert (before, written(), result["status"]) == EXPECTED[phase]
    assert json.loads(bridge("never").stdout) == [result]


def test_after_a_crash_without_the_tag_it_stays_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plc, clock = Plc(), ManualClock()
    hang = asyncio.Event

    async def first() -> None:
        at = asyncio.Event()

        async def stop() -> None:
            at.set()
            await hang().wait()

        async with bench(tmp_path, Link(plc, on_write=stop), clock=clock) as b:
            b.executor.offer([offer()])
            await asyncio.wait_for(at.wait(), 30)

    async def second() -> None:
        async with bench(tmp_path, Link(plc, tags=(FIXED,)), clock=clock) as b:
            await asyncio.sleep(0.05)
            clock.advance(61_000)
            assert short((await b.until(1))[0]) == (1, "unknown", None)

    asyncio.run(first())
    asyncio.run(second())
    assert len(plc.writes) == 1


def test_a_full_disk_writes_nothing(tmp_path: Path) -> None:
    """Store before act: without its note a command is not written; when there is room again it is offered again."""
    plc = Plc()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc)) as b:
            store = b.executor._store

            async def full(events: Sequence[Event], notes: Mapping[str, str | None]) -> None:
                raise sqlite3.OperationalError("database or disk is full")

            b.executor._store = full
            b.executor.offer([offer()])
            await asyncio.sleep(0.05)
            assert plc.writes == [] and b.results() == []
            b.executor._store = store
            b.executor.offer([offer()])
            assert short((await b.until(1))[0]) == (1, "done", 40)

    asyncio.run(scene())
    assert len(plc.writes) == 1


def test_read_and_rebirth(tmp_path: Path) -> None:
    plc = Plc()
    plc.values[FIXED.tag] = 7
    link = Link(plc)

    async def scene() -> None:
        async with bench(tmp_path, link) as b:
            b.executor.offer([offer(1, None, FIXED.tag, kind="read"), offer(2, None, FIXED.tag, kind="rebirth")])
            assert [short(event) for event in await b.until(2)] == [(1, "done", 7), (2, "done", None)]
            plc.values[FIXED.tag] = None
            b.executor.offer([offer(3, None, FIXED.tag, kind="read")])
            assert short((await b.until(3))[2]) == (3, "failed", None)

    asyncio.run(scene())
    assert plc.writes == [] and link.rebirths == [FIXED.tag]


def test_an_id_that_a_restored_odoo_gives_again_is_another_command(tmp_path: Path) -> None:
    """The same id with another deadline is carried out; the same command offered again by the backup is not."""
    plc = Plc()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc)) as b:
            b.executor.offer([offer(1, 40, in_s=60)])
            await b.until(1)
            b.executor.offer([offer(1, 40, in_s=60)])
            b.executor.offer([offer(1, 50, in_s=90)])
            assert [short(event) for event in await b.until(2)] == [(1, "done", 40), (1, "done", 50)]

    asyncio.run(scene())
    assert [raw for _, raw in plc.writes] == [80, 100]


def test_what_can_not_be_read_is_refused_once(tmp_path: Path) -> None:
    broken = {**offer(), "deadline": "soon"}

    async def scene() -> None:
        for _ in range(2):
            async with bench(tmp_path, Link(Plc())) as b:
                for _ in range(3):
                    b.executor.offer([broken])
                    await asyncio.sleep(0.02)
                assert len(b.results()) == 1

    asyncio.run(scene())


def test_old_notes_go_but_not_before_their_week(tmp_path: Path) -> None:
    plc, clock = Plc(), ManualClock()

    async def scene() -> None:
        async with bench(tmp_path, Link(plc), clock=clock) as b:
            b.executor.offer([offer(1)])
            await b.until(1)
        clock.advance(KEEP_MS)
        async with bench(tmp_path, Link(plc), clock=clock) as b:
            await asyncio.sleep(0.05)
            assert [key for key in b.outbox.notes() if key.startswith("command/1@")]
        clock.advance(120_000)
        async with bench(tmp_path, Link(plc), clock=clock) as b:
            await asyncio.sleep(0.05)
            assert b.outbox.notes() == {}

    asyncio.run(scene())
