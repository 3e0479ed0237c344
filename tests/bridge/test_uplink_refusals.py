"""An Odoo that refuses, or asks for a pause, is left alone; how soon it is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lane import config, running
from stopwatch import Stopwatch

from iot_bridge import supervisor
from iot_bridge.clock import SystemClock
from iot_bridge.errors import Refused
from iot_bridge.outbox import Outbox
from iot_bridge.testing import FakeOdoo
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.live import LiveLane
from iot_bridge.uplink.transport import make_transport


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """Without the schema: the live lane alone has no true epoch."""
    with FakeOdoo() as fake:
        yield fake


def test_what_a_person_must_mend_is_not_hammered(
    odoo: FakeOdoo, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pauses grow to a minute, the live lane is silent too, and all goes on by itself once it is mended."""
    pauses: list[float] = []
    mended = asyncio.Event()

    async def pause(self: DurableLane, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            odoo.faults.fault = lambda: None
            mended.set()
        await asyncio.sleep(0.01)

    monkeypatch.setattr(DurableLane, "_pause", pause)
    odoo.faults.fault = lambda: "Object mes.gateway doesn't exist"

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(3)
            await asyncio.wait_for(mended.wait(), 60)
            assert not lane.durable.greeted.is_set()
            assert "install or upgrade it" in lane.durable.status.alarms["module_missing"]
            await lane.drained()
            assert lane.durable.status.alarms == {}

    asyncio.run(scene())
    assert all(5 <= pause <= 60 for pause in pauses) and len(odoo.events()) == 3


def test_a_certificate_is_looked_at_again_soon(
    odoo: FakeOdoo, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be renewed by a machine at any moment: the pauses do not grow, the alarm stays until it is good."""
    pauses: list[float] = []
    call = Caller.call

    async def refused(self: Caller, method: str, payload: str) -> Any:
        if len(pauses) < 6:
            raise Refused("tls", "the certificate of Odoo is not accepted: certificate has expired: renew it")
        return await call(self, method, payload)

    async def pause(self: DurableLane, seconds: float) -> None:
        assert "renew it" in self.status.alarms["tls"]
        pauses.append(seconds)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(Caller, "call", refused)
    monkeypatch.setattr(DurableLane, "_pause", pause)

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(3)
            await lane.drained()
            assert lane.durable.status.alarms == {}

    asyncio.run(scene())
    assert len(pauses) == 6 and max(pauses) <= 3


def test_retry_after_is_kept(
    odoo: FakeOdoo, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(self: DurableLane, seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(DurableLane, "_pause", pause)
    answers = iter([(429, {"Retry-After": "40"}, b""), (503, {"Retry-After": "50"}, b"")])
    odoo.faults.instead = lambda: next(answers, None)

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(3)
            await lane.drained()

    asyncio.run(scene())
    assert len(pauses) == 2 and 40 <= pauses[0] <= 41 and 50 <= pauses[1] <= 51


@pytest.mark.parametrize("code", ["access_denied", "busy"])
def test_live_lane_leaves_an_odoo_alone_that_asks_for_it(code: str, odoo: FakeOdoo, tmp_path: Path) -> None:
    async def scene() -> LiveLane:
        greeted = asyncio.Event()
        greeted.set()
        link = config(odoo, tmp_path)
        if code == "access_denied":
            odoo.faults.fault = lambda: "access_denied: the key was withdrawn"
        else:
            odoo.faults.instead = lambda: (429, {"Retry-After": "60"}, b"")
        lane = LiveLane(
            Caller(make_transport(link, 5), "l"), "L1", SystemClock.from_env({}), dict, time.monotonic_ns, dict,
            lambda: "e", greeted,
        )  # fmt: skip
        task = asyncio.create_task(lane.run())
        while not lane.alarms:
            await asyncio.sleep(0.02)
        asked = odoo.asked
        await asyncio.sleep(1.5)
        assert odoo.asked == asked
        await supervisor.end(task)
        return lane

    lane = asyncio.run(scene())
    assert list(lane.alarms) == ["access_denied" if code == "access_denied" else "odoo_silent"]


def test_live_lane_goes_on_at_once_when_odoo_takes_the_stream_again(odoo: FakeOdoo, tmp_path: Path) -> None:
    """However long it would have waited after a refusal."""
    refuse = True
    odoo.faults.fault = lambda: "access_denied: the key was withdrawn" if refuse else None

    async def scene() -> float:
        nonlocal refuse
        greeted = asyncio.Event()
        greeted.set()
        lane = LiveLane(
            Caller(make_transport(config(odoo, tmp_path), 5), "l"), "L1", SystemClock.from_env({}), dict,
            time.monotonic_ns, dict, lambda: "e", greeted,
        )  # fmt: skip
        task = asyncio.create_task(lane.run())
        while not lane.alarms:
            await asyncio.sleep(0.02)
        refuse = False
        greeted.clear()
        seen = lane.progress
        while lane.progress < seen + 2:
            await asyncio.sleep(0.02)
        greeted.set()
        watch = Stopwatch()
        while lane.alarms:
            await asyncio.sleep(0.02)
        await supervisor.end(task)
        return watch.seconds()

    assert asyncio.run(asyncio.wait_for(scene(), 60)) < 3
