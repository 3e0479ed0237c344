"""The whole bridge over OPC UA: what Odoo has at the end is what the machine did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from opcua_scene import CLOCK, LABELLER, PATH, PORT, serving

from iot_bridge.app import App
from iot_bridge.check import check_online
from iot_bridge.config import load_config
from iot_bridge.simulator.layout import machine_tags, node_id
from iot_bridge.simulator.opcua_server import OpcUaServer
from iot_bridge.testing import FakeOdoo


def configure(folder: Path, odoo: FakeOdoo, **more: Any) -> Path:
    odoo.tags_answer = {"revision": 1, "tags": machine_tags(LABELLER)}
    (folder / "key").write_text(odoo.key)
    link = {"url": odoo.url, "database": odoo.database, "login": odoo.login, "key_file": "key"}
    opc = {"name": LABELLER.connection, "driver": "opcua", "endpoint": f"opc.tcp://127.0.0.1:{PORT}/gemba"}
    whole = {"stream": "L1", "data_dir": "data", "odoo": link, "connections": [opc | more]}
    (folder / "bridge.yaml").write_text(json.dumps(whole))
    return folder / "bridge.yaml"


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[App]:
    app = App(load_config(path), CLOCK)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def until(done: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 60
    while not done():
        assert loop.time() < end, "waited in vain"
        await asyncio.sleep(0.02)


async def show(server: OpcUaServer, **values: Any) -> None:
    for name, value in values.items():
        await server.show(node_id(LABELLER, name), value)


def test_total_is_the_true_total_through_a_restart_at_zero(odoo: FakeOdoo, tmp_path: Path) -> None:
    """Counted 12, then the PLC restarts with boot + 1 at zero and counts 7: 19, without an alarm."""

    async def scene() -> None:
        async with serving() as server:
            await show(server, state=2, mode=1, boot=1, total=70_000)
            async with running(configure(tmp_path, odoo)) as app:
                await until(lambda: bool(app.connections) and server.watched("LABELLER"))
                await show(server, state=1)
                for count in range(1, 13):
                    await show(server, total=70_000 + count)
                    await asyncio.sleep(0.01)
                await until(lambda: odoo.total(f"{PATH}/total") == 12)
                await server.close()
                server.values.update({node_id(LABELLER, n): v for n, v in (("total", 0), ("boot", 2), ("state", 2))})
                await server.open()
                await until(lambda: server.watched("LABELLER"))
                await show(server, state=3, code=411)
                for count in range(1, 8):
                    await show(server, total=count)
                await until(lambda: odoo.total(f"{PATH}/total") == 19)
                await until(lambda: odoo.events("state")[-1].get("code") == "411")
                assert app.pipeline.alarms == {}
        counts = [event for event in odoo.events("count") if event["tag"] == f"{PATH}/total"]
        after = [event["decision"] for event in counts if event["counter_epoch"] != counts[0]["counter_epoch"]]
        assert after[0] == "reset" and {event["decision"] for event in counts} == {"first", "step", "reset"}
        states = [event["state"] for event in odoo.events("state")]
        assert [after for before, after in zip([None, *states], states) if after != before] in (
            ["idle", "running", "idle", "down"], ["idle", "running", "down"],
        )  # fmt: skip
        assert odoo.events("evidence") and odoo.conservation == []

    asyncio.run(scene())


def test_check_online_reads_every_tag_and_names_what_is_wrong(odoo: FakeOdoo, tmp_path: Path) -> None:
    async def scene() -> None:
        path = configure(tmp_path, odoo)
        plan = json.loads(path.read_text())
        tags = machine_tags(LABELLER)
        path.write_text(json.dumps({**plan, "tags": tags}))
        async with serving() as server:
            await show(server, state=2, mode=1)
            good = await check_online(load_config(path), CLOCK)
            assert not good.failed and f"ok {LABELLER.connection}: {len(tags)} tags" in good.lines, good.lines
            tags[5]["address"] = "nsu=urn:gemba:demo;s=Labeller.Nothing"
            path.write_text(json.dumps({**plan, "tags": tags}))
            found = await check_online(load_config(path), CLOCK)
            assert found.failed and any(f"{PATH}/speed" in line for line in found.lines)
        away = await check_online(load_config(path), CLOCK)
        assert away.failed and any("can't be reached" in line for line in away.lines)

    asyncio.run(scene())
