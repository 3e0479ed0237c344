"""What OPC UA costs: data changes against a bare asyncua subscription, and a whole bridge at 1 000 tags.

    ./mes bench bridge_opcua [--rounds N] [--seconds N]

- changes: a server in another process writes all of its nodes round after round as fast as it can; once a bare
  asyncua subscription takes the changes (a handler that counts), once our driver does (through ``receive`` to
  Samples, stamped, ordered and acknowledged, with its reads, probes and audits), in turns. Best of each: changes
  a second of the client's processor, which is what one core can take; and those that arrived in a second, where
  asyncua's server is the limit for both.
- bridge: the whole bridge with 1 000 tags from Odoo at 1 s in a process of its own, a tenth of them changing each
  second: processor time and memory.

The last line is one JSON object; ratios are ours to bare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PORT = int(os.environ.get("MES_BENCH_PORT", "18245"))
NODES = 1000
NAMESPACE = "urn:bench"
PUBLISHING_MS = 100
QUEUE = 100
MACHINES = 50
TRIALS = 3


class Role:
    """Another process of this script; :meth:`ask` sends a line and gives the answer."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer = self.read()

    def read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def role(*arguments: str) -> Iterator[Role]:
    other = Role(*arguments)
    try:
        yield other
    finally:
        other.close()


# -- the server


async def play_server() -> None:
    """Reads lines: a number of rounds, written as fast as it can; 0: a tenth of the nodes a second, for ever."""
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{PORT}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    nodes = []
    for place in range(NODES):
        zero = ua.Variant(1, ua.VariantType.UInt32)
        node = await server.nodes.objects.add_variable(ua.NodeId(f"n{place}", index), f"n{place}", zero)
        nodes.append(node.nodeid)
    from datetime import datetime, timezone

    async def put(place: int, value: int) -> None:
        now = datetime.now(timezone.utc)
        data = ua.DataValue(ua.Variant(value, ua.VariantType.UInt32), SourceTimestamp=now, ServerTimestamp=now)
        await server.iserver.write_attribute_value(nodes[place], data)

    async with server:
        print("serving", flush=True)
        value = 1
        while True:
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            rounds = int(line)
            for _ in range(rounds):
                value += 1
                for place in range(NODES):
                    await put(place, value)
                    if place % 50 == 0:
                        await asyncio.sleep(0)
            while rounds == 0:
                value += 1
                for place in range(value % 10, NODES, 10):
                    # The first nodes are states of three values.
                    await put(place, value // 10 % 2 + 1 if place < MACHINES else value)
                await asyncio.sleep(1.0)


# -- the two clients; each in a process of its own


async def measured(count: Any, wanted: int) -> dict[str, float]:
    """Wait until ``count()`` has risen by ``wanted``; seconds of the clock and of the processor."""
    start = count()
    print("ready", flush=True)
    while count() == start:
        await asyncio.sleep(0.005)
    began, cpu = time.perf_counter(), time.process_time()
    while count() - start < wanted and time.perf_counter() - began < 120:
        await asyncio.sleep(0.05)
    return {
        "changes": count() - start, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu
    }  # fmt: skip


async def play_bare(rounds: int) -> None:
    from asyncua import Client, ua

    class Counter:
        seen = 0

        def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
            self.seen += 1

    handler = Counter()
    async with Client(f"opc.tcp://127.0.0.1:{PORT}") as client:
        index = await client.get_namespace_index(NAMESPACE)
        nodes = [client.get_node(ua.NodeId(f"n{place}", index)) for place in range(NODES)]
        subscription = await client.create_subscription(PUBLISHING_MS, handler)
        await subscription.subscribe_data_change(nodes, queuesize=QUEUE, sampling_interval=PUBLISHING_MS)
        while handler.seen < NODES:
            await asyncio.sleep(0.05)
        print(json.dumps(await measured(lambda: handler.seen, rounds * NODES)), flush=True)


def tags() -> list[dict[str, Any]]:
    """A state, counters and measurements for each machine."""
    out = []
    for place in range(NODES):
        machine = f"B/A/L/M{place % MACHINES}"
        tag: dict[str, Any] = {
            "tag": f"{machine}/n{place}", "connection": "opc", "equipment": machine, "poll_ms": 1000,
            "address": f"nsu={NAMESPACE};s=n{place}", "signal": "measurement",
        }  # fmt: skip
        if place < MACHINES:
            tag |= {"signal": "state", "map": {"1": "running", "2": "down"}, "map_revision": 1, "stale_ms": 5000}
        elif place < NODES // 2:
            tag |= {"signal": "counter", "counter": f"c{place}", "max_rate": 1e6, "type": "uint32"}
        out.append(tag)
    return out


async def play_ours(rounds: int) -> None:
    from iot_bridge.clock import SystemClock
    from iot_bridge.drivers import Surroundings
    from iot_bridge.drivers.opcua.driver import OpcUa
    from iot_bridge.drivers.opcua.settings import OpcUaConfig
    from iot_bridge.tags import Tag

    config = OpcUaConfig(
        name="opc", endpoint=f"opc.tcp://127.0.0.1:{PORT}", publishing_ms=PUBLISHING_MS, queue_margin=QUEUE
    )
    taken = [Tag.model_validate({**tag, "poll_ms": PUBLISHING_MS, "stale_ms": 5000}) for tag in tags()]
    with tempfile.TemporaryDirectory() as folder:
        driver = OpcUa(config, taken, SystemClock.from_env({}), Surroundings(Path(folder), found=lambda text: None))
        await driver.open()
        last: dict[str, Any] = {}
        seen = 0

        async def listen() -> None:
            nonlocal seen
            while True:
                delivery = await driver.receive()
                await driver.stored(delivery)
                for sample in delivery.samples:
                    # What was only read again is no change.
                    if last.get(sample.tag) != sample.value:
                        last[sample.tag] = sample.value
                        seen += 1

        task = asyncio.create_task(listen())
        await asyncio.sleep(1.0)
        print(json.dumps(await measured(lambda: seen, rounds * NODES)), flush=True)
        task.cancel()
        await driver.close()


def changes(rounds: int) -> dict[str, float]:
    """Both clients in turns."""
    best: dict[str, dict[str, float]] = {"bare": {}, "ours": {}}
    for _ in range(TRIALS):
        for name in best:
            # A server of its own for each: what a client leaves behind would slow the next one down.
            with role("--role", "server") as server, role("--role", name, "--rounds", str(rounds)) as client:
                assert (server.answer, client.answer) == ("serving", "ready")
                server.say(str(rounds))
                seen = json.loads(client.read())
                if seen["changes"] < rounds * NODES:
                    print(f"{name} lost {rounds * NODES - seen['changes']:.0f} changes")
                print(name, {key: round(value, 2) for key, value in seen.items()}, flush=True)
                figures = {
                    "per_s": seen["changes"] / seen["seconds"], "per_cpu_s": seen["changes"] / seen["cpu"]
                }  # fmt: skip
                for key, value in figures.items():
                    best[name][key] = max(best[name].get(key, 0.0), value)
    ours, bare = best["ours"], best["bare"]
    return {
        "changes_per_s_of_a_core": round(ours["per_cpu_s"]),
        "changes_per_s_of_a_core_bare": round(bare["per_cpu_s"]),
        "changes_ratio": round(ours["per_cpu_s"] / bare["per_cpu_s"], 2),
        "arrived_per_s": round(ours["per_s"]),
        "arrived_per_s_bare": round(bare["per_s"]),
    }


# -- the whole bridge


def play_odoo() -> None:
    from iot_bridge.testing import FakeOdoo

    with FakeOdoo() as odoo:
        odoo.tags_answer = {"revision": 1, "tags": tags()}
        print(json.dumps([odoo.url, odoo.database, odoo.login, odoo.key]), flush=True)
        time.sleep(3600)


async def play_bridge(url: str, seconds: float) -> None:
    from iot_bridge.app import App
    from iot_bridge.clock import SystemClock
    from iot_bridge.config import load_config

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address, database, login, key = json.loads(url)
        (folder / "key").write_text(key)
        plan = {
            "stream": "B", "data_dir": "data",
            "odoo": {"url": address, "database": database, "login": login, "key_file": "key"},
            "connections": [{"name": "opc", "driver": "opcua", "endpoint": f"opc.tcp://127.0.0.1:{PORT}"}],
        }  # fmt: skip
        (folder / "bridge.yaml").write_text(json.dumps(plan))
        app = App(load_config(folder / "bridge.yaml"), SystemClock.from_env({}))
        await app.start()
        while not app.connections or any(c.state != "up" for c in app.connections.values()):
            await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.sleep(5)
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        figures = {
            "cpu_percent": round(cpu / took * 100, 1),
            "rss_mb": round(pages * resource.getpagesize() / 1e6, 1),
        }
        print(json.dumps(figures), flush=True)
        await app.stop()


def bridge(seconds: float) -> dict[str, float]:
    with role("--role", "server") as server, role("--role", "odoo") as odoo:
        assert server.answer == "serving"
        server.say("0")
        with role("--role", "bridge", "--url", odoo.answer, "--seconds", str(seconds)) as other:
            assert other.answer == "ready"
            figures: dict[str, float] = json.loads(other.read())
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60, help="changes of each of the 1 000 nodes")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--role", choices=["server", "bare", "ours", "odoo", "bridge"], help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    args, _ = parser.parse_known_args()
    roles: dict[str, Any] = {
        "server": play_server, "bare": lambda: play_bare(args.rounds), "ours": lambda: play_ours(args.rounds),
        "bridge": lambda: play_bridge(args.url, args.seconds),
    }  # fmt: skip
    if args.role == "odoo":
        play_odoo()
    elif args.role:
        asyncio.run(roles[args.role]())
    else:
        print(json.dumps({"tags": NODES, **changes(args.rounds), **bridge(args.seconds)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
