"""Commands: allowed twice or refused, written once whatever is offered or dies, read back, reported."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge import supervisor
from iot_bridge.clock import to_rfc3339
from iot_bridge.commands import Executor, NotAllowed, parse_command, permit
from iot_bridge.commands import executor as executor_module
from iot_bridge.commands.ledger import KEEP_MS
from iot_bridge.commands.model import Unreadable
from iot_bridge.commands.permit import from_raw, matches, rule_of, to_raw
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.events import Event, Sample, Value
from iot_bridge.outbox import Outbox
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS, FakeOdoo, ManualClock, make_tag

SPEED = make_tag(name="speed", signal="measurement", type="uint16", register=10, writable=True, scale=0.5, unit="%")
ORDER = make_tag(name="order", signal="measurement", type="string", length=8, register=20, writable=True)
FIXED = make_tag(name="fixed", signal="measurement", type="uint16", register=30)
GUARD = make_tag(name="guard", signal="measurement", type="bool", register=31, writable=True, safety=True)
RULES: list[dict[str, Any]] = [
    {"tag": SPEED.tag, "min": 0, "max": 100}, {"tag": ORDER.tag}, {"tag": FIXED.tag}, {"tag": GUARD.tag},
]  # fmt: skip


def settings(rules: list[dict[str, Any]] | None = None, **more: Any) -> ModbusTcpConfig:
    """A connection with an allow-list."""
    fields = {"name": "plc", "driver": "modbus_tcp", "host": "h", "write": RULES if rules is None else rules, **more}
    return ModbusTcpConfig.model_validate(fields)


@dataclass
class Plc:
    """What stands behind the link: it outlives bridges. Counts every write that arrives."""

    values: dict[str, Value | None] = field(default_factory=lambda: {SPEED.tag: 0, ORDER.tag: "", FIXED.tag: 1})
    writes: list[tuple[str, Value]] = field(default_factory=list)


@dataclass
class Link:
    """As a Connection looks to the executor. ``on_write`` and ``on_read`` may raise, or change what happens."""

    plc: Plc
    config: ModbusTcpConfig = field(default_factory=settings)
    tags: tuple[Tag, ...] = (SPEED, ORDER, FIXED, GUARD)
    state: str = "up"
    name: str = "plc"
    on_write: Callable[[], Awaitable[None]] | None = None
    on_read: Callable[[], Awaitable[None]] | None = None
    rebirths: list[str] = field(default_factory=list)
    takes: bool = True

    async def write(self, tag: Tag, value: Value) -> Sample | None:
        self.plc.writes.append((tag.tag, value))
        if self.takes:
            self.plc.values[tag.tag] = value
        if self.on_write is not None:
            await self.on_write()
        return await self.read(tag)

    async def read(self, tag: Tag) -> Sample | None:
        if self.on_read is not None:
            await self.on_read()
        return Sample(tag.tag, self.plc.values[tag.tag], START_MS, 0, START_MS)

    async def rebirth(self, tag: Tag) -> None:
        self.rebirths.append(tag.tag)


@dataclass
class Bench:
    """One executor with its surroundings."""

    executor: Executor
    outbox: Outbox
    clock: ManualClock
    links: dict[str, Any]

    def results(self) -> list[dict[str, Any]]:
        """Result events in the outbox, without what is the same in all."""
        batch = self.outbox.read(1000)
        events = [json.loads(body) for _, body in (batch.events if batch else [])]
        return [event for event in events if event["kind"] == "command_result"]

    async def until(self, count: int, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Wait for so many results."""

        async def look() -> None:
            while len(self.results()) < count:
                await asyncio.sleep(0.01)

        await asyncio.wait_for(look(), timeout_s)
        return self.results()


@asynccontextmanager
async def bench(folder: Path, *links: Link, clock: ManualClock | None = None) -> AsyncIterator[Bench]:
    """A running executor on the outbox in ``folder``; at the end everything is cut, as by a kill."""
    outbox = Outbox.open(folder / "outbox.db")
    time = clock or ManualClock()

    async def store(events: Sequence[Event], notes: Mapping[str, str | None]) -> None:
        outbox.append(events, {}, notes)

    whole = {link.name: link for link in links}
    names = {tag.tag for link in links for tag in link.tags}
    executor = Executor(time, store, outbox.notes(), lambda: whole, lambda tag: tag in names)  # type: ignore[arg-type]
    task = asyncio.create_task(executor.run())
    try:
        yield Bench(executor, outbox, time, whole)
    finally:
        await supervisor.end(task)
        await executor.close()
        outbox.close()


def offer(id: int = 1, value: Any = 40, tag: str = SPEED.tag, in_s: float = 60, **more: Any) -> dict[str, Any]:
    """A command as Odoo offers it."""
    deadline = to_rfc3339(START_MS + round(in_s * 1000))
    return {"id": id, "tag": tag, "value": value, "reason": "why", "deadline": deadline, "kind": "write", **more}


def short(event: Mapping[str, Any]) -> tuple[int, str, Any]:
    return event["command"], event["status"], event["read_back"]


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
            await asyncio.wait_for(at.wait(), 5)

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


def test_raw_values_keep_their_type() -> None:
    assert to_raw(make_tag(signal="measurement", type="bool"), 1) is True
    assert to_raw(make_tag(signal="measurement", type="float32"), 1) == 1
    assert to_raw(ORDER, "WO/7") == "WO/7"
    for tag, value in ((ORDER, 7), (make_tag(signal="measurement", type="int16"), 32768), (SPEED, "x"),
                       (make_tag(signal="measurement", type="bool"), 2)):  # fmt: skip
        with pytest.raises(NotAllowed):
            to_raw(tag, value)


@given(value=st.integers(-(2**15), 2**15 - 1), scale=st.sampled_from([1.0, 0.1, 0.5, 10.0, -0.25]),
       offset=st.sampled_from([0.0, -40.0, 273.15]))  # fmt: skip
def test_scaling_there_and_back(value: int, scale: float, offset: float) -> None:
    tag = make_tag(signal="measurement", type="int16", scale=scale, offset=offset)
    shown = from_raw(tag, value)
    assert shown is not None and to_raw(tag, shown) == value and matches(tag, None, value, value)


def test_tolerance_is_in_the_tags_unit() -> None:
    config = settings([{"tag": SPEED.tag, "tolerance": 1}])
    rule = rule_of(config.write, SPEED.tag)
    assert matches(SPEED, rule, 80, 82) and not matches(SPEED, rule, 80, 83)
    assert not matches(SPEED, None, 80, 81) and not matches(SPEED, rule, 80, None)
    assert matches(ORDER, None, "AB", "AB\0\0") and matches(make_tag(signal="measurement"), None, 0.1, 0.1000000001)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["id", "tag", "value", "deadline", "kind", "reason"]), inner, max_size=6),
                    max_leaves=8))  # fmt: skip
def test_anything_offered_is_a_command_or_is_told(raw: object) -> None:
    try:
        command = parse_command(raw)
    except Unreadable as error:
        assert str(error)
    else:
        assert command.kind != "write" or command.value is not None


def test_values_list_means_their_kind() -> None:
    config = settings([{"tag": SPEED.tag, "values": [0, 50]}])
    assert permit(config, SPEED, 50, None) == 100
    for value in (False, 51, "50"):
        with pytest.raises(NotAllowed, match="not one of"):
            permit(config, SPEED, value, None)


def test_fake_odoo_offers_until_the_result_is_stored(odoo: FakeOdoo) -> None:
    odoo.commands = [offer()]
    assert odoo.answer("live", {"stream": "L1", "epoch": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "version": 1,
                                "at": to_rfc3339(START_MS), "machines": {}})["commands"] == [offer()]  # fmt: skip
