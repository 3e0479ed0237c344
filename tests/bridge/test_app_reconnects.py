"""Ten thousand lost links leave nothing behind: no memory, descriptor, thread or task."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_app_operation import tags_of, write_config

from iot_bridge import connection as connection_module
from iot_bridge.app import App
from iot_bridge.clock import SystemClock
from iot_bridge.config import load_config
from iot_bridge.observe import _rss_bytes as rss_bytes
from iot_bridge.testing import FakeOdoo

# BRIDGE_RECONNECTS=10000 for the acceptance run.
RECONNECTS = int(os.environ.get("BRIDGE_RECONNECTS", "600"))
WARM_UP = 200
GROWTH_BYTES = 10 << 20


@dataclass
class Rude:
    """A Modbus TCP device that answers one read and hangs up, or hangs up at once, or never answers."""

    answered: int = 0
    accepted: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            if self.accepted % 5 == 0:
                return
            head = await reader.readexactly(12)
            transaction, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", head)
            body = struct.pack(">BBB", unit, function, 2 * count) + bytes([0, 1]) * count
            writer.write(struct.pack(">HHH", transaction, 0, len(body)) + body)
            await writer.drain()
            self.answered += 1
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Used:
    """What the process holds."""

    rss: int
    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def now(cls) -> Used:
        gc.collect()
        return cls(rss_bytes(), len(os.listdir("/proc/self/fd")), threading.active_count(), len(asyncio.all_tasks()))


def test_reconnects_leave_nothing_behind(
    odoo: FakeOdoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "FIRST_PAUSE_S", 0.001)
    # pytest keeps every record.
    logging.getLogger("iot_bridge").setLevel(logging.CRITICAL)
    rude = Rude()

    async def reach(count: int) -> None:
        while rude.accepted < count:
            await asyncio.sleep(0.02)
            # The fake Odoo lives in this process too, and forgets nothing by itself.
            for kept in (odoo.calls, odoo.live_calls, *(stream.events for stream in odoo.streams.values())):
                kept.clear()

    async def scene() -> tuple[Used, Used]:
        server = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        links = [{"name": name, "driver": "modbus_tcp", "host": "127.0.0.1", "port": port, "retry_max_s": 0.002}
                 for name in ("one", "two")]  # fmt: skip
        tags = [{**tag, "poll_ms": 10, "register": 10 * i} for i, tag in enumerate(tags_of("one") + tags_of("two"))]
        config = load_config(write_config(tmp_path, odoo, connections=links, tags=tags))
        app = App(config, SystemClock.from_env({}))
        await app.start()
        await reach(WARM_UP)
        before = Used.now()
        await reach(WARM_UP + RECONNECTS)
        # Links come and go: the smallest of several looks is what is held.
        looks = []
        for _ in range(20):
            looks.append(Used.now())
            await asyncio.sleep(0.02)
        after = Used(*(min(getattr(look, name) for look in looks) for name in Used.__slots__))
        await app.stop()
        server.close()
        return before, after

    try:
        before, after = asyncio.run(asyncio.wait_for(scene(), 60 + RECONNECTS / 20))
    finally:
        logging.getLogger("iot_bridge").setLevel(logging.NOTSET)
    print(f"{rude.accepted} links, {rude.answered} answers: {before} -> {after}")
    assert rude.answered > RECONNECTS / 2
    assert after.rss - before.rss < GROWTH_BYTES
    assert after.descriptors <= before.descriptors + 4
    assert after.threads <= before.threads + 4 and after.tasks <= before.tasks + 4
