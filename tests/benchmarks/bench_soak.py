"""A long run at 2 000 tags a second over several protocols: does memory grow, do values stay fresh?

    ./mes bench soak [--minutes N]

One plant process: ten Modbus TCP servers (1 200 tags), an OPC UA server (400), a Sparkplug edge node (240) and
machines on MQTT (160); every tag at 1 s, counters and measurements change each second, states every ten
seconds. The bridge is a process as in a plant; a fake Odoo in another process takes its events, checks that
no counter leaps, and measures the lag from source time to arrival.

The last line is one JSON object: memory, descriptors and threads after the warm-up and at the end, lag p50 and
p99 over the whole run, overruns. The exit code says whether the goals hold: growth of memory ≤ 10 MB, of
descriptors and threads none to speak of, lag p99 < 2 s, nothing left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from iot_bridge.clock import SystemClock, from_rfc3339
from iot_bridge.simulator import layout
from iot_bridge.simulator.devices import Place, Reading, Unit, make_device
from iot_bridge.testing import FakeOdoo
from mescli import mosquitto, processes
from mescli.paths import ROOT

FIRST_PORT = int(os.environ.get("MES_BENCH_PORT", "24800"))
LINE = "SOAK/HALL/L1"
MODBUS_SERVERS, MODBUS_MACHINES, MEASUREMENTS = 10, 10, 10  # a machine: a state, a counter and measurements
OPCUA_MACHINES, SPARKPLUG_MACHINES, MQTT_MACHINES = 50, 30, 20  # of eight tags each
POLL_MS = 1000
WARM_UP_S = 60.0
LOOK_S = 5.0
GROWTH_MB, MORE_HANDLES, LAG_S = 10.0, 10, 2.0


def machine(protocol: Any, number: int) -> layout.Machine:
    """One machine of the simulator's kind, eight tags."""
    name = f"{protocol}{number}".upper()
    counters = layout.counters(32, 0)
    return layout.Machine(name, name.title(), 0.1, 0.0, counters, protocol=protocol, line=LINE)


def values(second: int) -> dict[str, int | float]:
    """What every machine shows at a second of the run."""
    return {
        "state": second // 10 % 2 + 1, "code": 0, "interlock": 0, "mode": 1, "boot": 1, "total": second,
        "reject": second // 5, "speed": 60.0 + second % 50,
    }  # fmt: skip


def pushed() -> list[layout.Machine]:
    counts = {"opcua": OPCUA_MACHINES, "sparkplug": SPARKPLUG_MACHINES, "mqtt": MQTT_MACHINES}
    return [machine(protocol, number) for protocol, count in counts.items() for number in range(count)]


# -- the plant


async def play_plant(broker_port: int) -> None:
    clock = SystemClock.from_env({})
    began = time.monotonic()

    def read() -> Reading:
        second = int(time.monotonic() - began)
        return Reading(values(second), clock.now_ms())

    devices = [await _modbus(port, read) for port in range(FIRST_PORT, FIRST_PORT + MODBUS_SERVERS)]
    machines = pushed()
    devices += [
        make_device(one, Place("127.0.0.1", broker_port), clock, read, _unheeded)
        for one in machines if one.protocol == "mqtt"
    ]  # fmt: skip
    for device in devices[MODBUS_SERVERS:]:
        await device.open()
    opcua = [one for one in machines if one.protocol == "opcua"]
    sparkplug = [one for one in machines if one.protocol == "sparkplug"]
    server, node = await _servers(opcua, sparkplug, broker_port, clock)
    print("serving", flush=True)
    shown = -1
    while True:
        second = int(time.monotonic() - began)
        if second != shown:
            shown, present = second, values(second)
            for one in opcua:
                for name, value in present.items():
                    await server.show(layout.node_id(one, name), value)
            for one in sparkplug:
                await node.show(one, present)
        for device in devices:
            await device.tell()
        await asyncio.sleep(0.1)


async def _servers(opcua: Any, sparkplug: Any, broker_port: int, clock: Any) -> tuple[Any, Any]:
    from iot_bridge.simulator.opcua_server import OpcUaServer
    from iot_bridge.simulator.sparkplug_node import SparkplugNode

    server = OpcUaServer("127.0.0.1", FIRST_PORT + MODBUS_SERVERS, opcua, clock)
    await server.open()
    node = SparkplugNode("127.0.0.1", broker_port, sparkplug, clock)
    await node.open()
    return server, node


async def _modbus(port: int, read: Any) -> Any:
    """A server with the registers of its machines: states, counters (32 bit), measurements."""
    from iot_bridge.simulator.modbus_device import ModbusDevice

    registers: dict[str, layout.Register] = {}
    for number in range(MODBUS_MACHINES):
        for place, (name, kind) in enumerate(_modbus_values()):
            registers[f"{number}/{name}"] = layout.Register(_register(number, place), kind)

    def present() -> Reading:
        now = read()
        named = {"state": now.values["state"], "total": now.values["total"]}
        whole = {f"{n}/{name}": named.get(name, now.values["speed"]) for n in range(MODBUS_MACHINES)
                 for name, _kind in _modbus_values()}  # fmt: skip
        return Reading(whole, now.since)

    device = ModbusDevice("modbus_tcp", Place("127.0.0.1", port), {1: Unit(registers, present)}, _unheeded)
    await device.open()
    return device


def _modbus_values() -> list[tuple[str, str]]:
    return [("state", "uint16"), ("total", "uint32"), *((f"m{i}", "uint16") for i in range(MEASUREMENTS))]


def _register(number: int, place: int) -> int:
    # A counter takes two registers.
    return number * (MEASUREMENTS + 3) + place + (place > 1)


def _unheeded() -> None:
    """Nobody waits for the first reader."""


# -- the fake Odoo


def play_odoo() -> None:
    """Every some seconds a line: lags so far (in tenths of a second), events, leaps of counters."""
    lags: Counter[int] = Counter()
    leaps = 0

    def judge(name: str, message: Mapping[str, Any]) -> None:
        now = time.time() * 1000
        for event in message.get("events", []) if name == "batch" else []:
            if event["kind"] in ("state", "count", "measurement"):
                lags[max(0, int((now - from_rfc3339(event["at"])) // 100))] += 1

    with FakeOdoo(validate=judge) as odoo:
        print(odoo.url, flush=True)
        while True:
            time.sleep(1)
            leaps += len(odoo.conservation)
            odoo.conservation.clear()
            for stream in odoo.streams.values():
                stream.events.clear()
            odoo.live_calls.clear()
            odoo.calls.clear()
            print(json.dumps({"lags": lags, "leaps": leaps}), flush=True)


# -- the bridge


def tags() -> list[dict[str, Any]]:
    out = [
        _modbus_tag(server, number, place, name, kind)
        for server in range(MODBUS_SERVERS) for number in range(MODBUS_MACHINES)
        for place, (name, kind) in enumerate(_modbus_values())
    ]  # fmt: skip
    for one in pushed():
        connection = f"plc_{one.protocol}"
        out += [{**tag, "connection": connection, "poll_ms": POLL_MS} for tag in layout.machine_tags(one)]
    return [_roomy(tag) for tag in out]


def _roomy(tag: dict[str, Any]) -> dict[str, Any]:
    return {**tag, "max_rate": 100.0} if tag["signal"] == "counter" else tag


def _modbus_tag(server: int, number: int, place: int, name: str, kind: str) -> dict[str, Any]:
    equipment = f"{LINE}/P{server}M{number}"
    tag: dict[str, Any] = {
        "tag": f"{equipment}/{name}", "connection": f"plc{server}", "equipment": equipment, "signal": "measurement",
        "table": "holding", "register": _register(number, place), "type": kind, "poll_ms": POLL_MS,
    }  # fmt: skip
    if name == "state":
        tag |= {"signal": "state", "map": layout.STATE_MAP, "map_revision": 1, "stale_ms": 5000}
    elif name == "total":
        tag |= {"signal": "counter", "counter": name, "max_rate": 100.0}
    return tag


def connections(broker_port: int) -> list[dict[str, Any]]:
    made = [
        {"name": f"plc{i}", "driver": "modbus_tcp", "host": "127.0.0.1", "port": FIRST_PORT + i}
        for i in range(MODBUS_SERVERS)
    ]
    ports = {"opcua": FIRST_PORT + MODBUS_SERVERS, "sparkplug": broker_port, "mqtt": broker_port}
    for protocol, port in ports.items():
        made.append({**layout.connection(machine(protocol, 0), "127.0.0.1", port), "name": f"plc_{protocol}"})
    return made


# -- looking


class Last:
    """The first and the last line that a process has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._lines = process.stdout
        self.first = self.line = self._lines.readline().strip()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self._lines:
            self.line = line.strip()


@contextmanager
def helper(*role: str) -> Iterator[Last]:
    """Another process of this script."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, __file__, *role], stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            yield Last(process)
        finally:
            process.kill()


def look(pid: int) -> dict[str, float]:
    """Memory (MB), descriptors and threads of a process now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "rss_mb": int(status["VmRSS"].split()[0]) / 1024, "threads": int(status["Threads"]),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
    }  # fmt: skip


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(lags: Mapping[str, int], share: float) -> float:
    """Seconds below which ``share`` of the lags are, never too good."""
    left = share * sum(lags.values())
    for tenths in sorted(lags, key=int):
        left -= lags[tenths]
        if left <= 0:
            return (int(tenths) + 1) / 10
    return 0.0


def soak(bridge: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
    """Look at the bridge until the time is over; the middle of its looks at the beginning and at the end."""
    looks: list[dict[str, float]] = []
    time.sleep(min(WARM_UP_S, seconds / 4))
    began, cpu = time.monotonic(), cpu_s(bridge.pid)
    while time.monotonic() - began < seconds:
        assert bridge.poll() is None, "the bridge has ended"
        looks.append(look(bridge.pid))
        time.sleep(LOOK_S)
    share = max(1, len(looks) // 10)
    took = time.monotonic() - began
    figures: dict[str, Any] = {"seconds": round(took), "cpu_percent": round((cpu_s(bridge.pid) - cpu) / took * 100, 1)}
    for name in looks[0]:
        first = statistics.median(one[name] for one in looks[:share])
        last = statistics.median(one[name] for one in looks[-share:])
        figures |= {name: round(last, 1), f"{name}_growth": round(last - first, 1)}
    return figures


def verdict(figures: Mapping[str, Any]) -> list[str]:
    """Which goals are missed."""
    rules = {
        f"memory grew by {figures['rss_mb_growth']} MB": figures["rss_mb_growth"] > GROWTH_MB,
        "descriptors or threads grew": max(figures["descriptors_growth"], figures["threads_growth"]) > MORE_HANDLES,
        f"lag p99 is {figures['lag_p99_s']} s": figures["lag_p99_s"] >= LAG_S,
        f"{figures['leaps']} counters leapt": figures["leaps"] > 0,
        f"{figures['events_per_s']} events a second are too few": figures["events_per_s"] < 100,
    }
    return [sentence for sentence, broken in rules.items() if broken]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--odoo", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--plant", type=int, metavar="BROKER_PORT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.odoo:
        play_odoo()
    if args.plant:
        asyncio.run(play_plant(args.plant))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = mosquitto.start(processes.free_port(FIRST_PORT + 50), folder / "broker")
        try:
            with helper("--odoo") as odoo, helper("--plant", str(broker.port)):
                figures = run(folder, odoo, broker.port, args.minutes * 60)
        finally:
            broker.stop()
    missed = verdict(figures)
    for sentence in missed:
        print(f"missed: {sentence}")
    print(json.dumps({**figures, "ok": not missed}))
    return 1 if missed else 0


def run(folder: Path, odoo: Last, broker_port: int, seconds: float) -> dict[str, Any]:
    """Start the bridge, soak it, and read what Odoo has measured."""
    (folder / "key").write_text(FakeOdoo.key)
    (folder / "key").chmod(0o600)
    own = tags()
    whole = {
        "stream": "SOAK", "telemetry_stream": "SOAK-T", "data_dir": str(folder / "data"), "tags": own,
        "odoo": {"url": odoo.first, "database": FakeOdoo.database, "login": FakeOdoo.login, "key_file": "key"},
        "connections": connections(broker_port),
    }  # fmt: skip
    (folder / "bridge.yaml").write_text(yaml.safe_dump(whole))
    command = [sys.executable, "-m", "iot_bridge", "--log-level", "warning", "run", "-c", str(folder / "bridge.yaml")]
    bridge = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        figures = soak(bridge, seconds)
        told = json.loads(odoo.line)
    finally:
        bridge.terminate()
        bridge.wait(timeout=20)
    lags = told["lags"]
    return {
        "tags": len(own), **figures, "events_per_s": round(sum(lags.values()) / (figures["seconds"] * 1.1)),
        "lag_p50_s": percentile(lags, 0.5), "lag_p99_s": percentile(lags, 0.99), "leaps": told["leaps"],
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
