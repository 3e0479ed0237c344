"""Processor time a value: our bridge against ThingsBoard Gateway, in one run, on the same simulated devices.

    ./mes bench bridge_peers [--seconds N] [--devices N] [--registers N]

Modbus TCP servers in a process of their own, every register a measurement polled at 1 s, of which a tenth
changes at each poll, then all of them. Each gateway is a process as its users start it, with its storage on
disk and otherwise its defaults: ours with a fake Odoo, ThingsBoard Gateway (SQLite) with a local Mosquitto.
What a gateway has read is counted by the servers, what it costs by the kernel; that theirs passes it on is
seen at the broker, where this program answers its one question as ThingsBoard does. ThingsBoard Gateway is
installed on demand into an environment of its own in the cache; without the package index the JSON line says
why it was not measured.

The last line is one JSON object; ``ratio`` is ours ÷ theirs (goal: 0.1 or less), with a tenth changing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from iot_bridge.testing import FakeOdoo
from mescli import mosquitto, processes
from mescli.paths import ROOT, cache_dir, hash_text, locked

# It was written against this release of the library, and breaks with later ones.
PEER = ("pymodbus==3.9.2", "thingsboard-gateway==3.8.5")
FIRST_PORT = int(os.environ.get("MES_BENCH_PORT", "24600"))
WARM_UP_S = 8.0
NO_LIMITS = {"maxPayloadSize": 65536, "maxInflightMessages": 1000, "rateLimits": {}, "gatewayRateLimits": {}}
HUGE = "1000000:1,"  # messages a second: its own limits are for a cloud that is paid by the message


class CannotMeasure(Exception):
    """The peer can't be had here; the text says why."""


@dataclass(frozen=True)
class Figure:
    """What one gateway did: values read a second, processor seconds a second, memory."""

    values_per_s: float
    cpu: float
    rss_mb: float

    @property
    def us_a_value(self) -> float:
        return self.cpu / self.values_per_s * 1e6 if self.values_per_s else float("inf")

    def told(self, name: str) -> dict[str, float]:
        return {
            f"{name}_us_a_value": round(self.us_a_value, 1), f"{name}_values_per_s": round(self.values_per_s),
            f"{name}_cpu_percent": round(self.cpu * 100, 1), f"{name}_rss_mb": round(self.rss_mb),
        }  # fmt: skip


# -- the devices


async def serve(devices: int, registers: int, step: int) -> None:
    """Modbus servers from FIRST_PORT; often a line with the registers that have been read so far.

    Each register changes every ``step`` seconds, as many in one second as in another.
    """
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    read = 0
    began = time.monotonic()

    async def action(_f: int, _s: int, _a: int, count: int, words: list[int], _w: object) -> None:
        nonlocal read
        read += count
        second = int(time.monotonic() - began)
        words[:registers] = [(second + place) // step % 65536 for place in range(registers)]

    for index in range(devices):
        data = [SimData(0, count=registers, values=0, datatype=DataType.REGISTERS)]
        server = ModbusTcpServer(SimDevice(1, simdata=data, action=action), address=("127.0.0.1", FIRST_PORT + index))
        await server.serve_forever(background=True)
    while True:
        print(read, flush=True)
        await asyncio.sleep(0.2)


class Devices:
    """The servers' process, and what it says."""

    def __init__(self, devices: int, registers: int, step: int) -> None:
        command = [sys.executable, __file__, "--serve", str(step), "--devices", str(devices)]
        command += ["--registers", str(registers)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.read = 0
        assert self.process.stdout is not None
        self.read = int(self.process.stdout.readline())
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.read = int(line)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


# -- measuring


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(pid: int, devices: Devices, seconds: float) -> Figure:
    """After a warm-up, so many seconds of it."""
    time.sleep(WARM_UP_S)
    began, cpu, read = time.monotonic(), cpu_seconds(pid), devices.read
    time.sleep(seconds)
    took = time.monotonic() - began
    return Figure((devices.read - read) / took, (cpu_seconds(pid) - cpu) / took, rss_mb(pid))


@contextmanager
def running(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in ``folder``; ended by SIGTERM, at last by force."""
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(list(command), cwd=folder, env=dict(env), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# -- ours


def ours(devices: Devices, count: int, registers: int, seconds: float) -> Figure:
    tags = [
        {
            "tag": f"B/A/L1/M{device}/r{register}", "connection": f"plc{device}", "equipment": f"B/A/L1/M{device}",
            "signal": "measurement", "table": "holding", "register": register, "type": "uint16", "poll_ms": 1000,
        }
        for device in range(count) for register in range(registers)
    ]  # fmt: skip
    odoo = subprocess.Popen([sys.executable, __file__, "--odoo"], stdout=subprocess.PIPE, text=True)
    try:
        assert odoo.stdout is not None
        url = odoo.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "key").write_text(FakeOdoo.key)
            whole = {
                "stream": "B", "data_dir": "data", "tags": tags,
                "odoo": {"url": url, "database": FakeOdoo.database, "login": FakeOdoo.login, "key_file": "key"},
                "connections": [
                    {"name": f"plc{i}", "driver": "modbus_tcp", "host": "127.0.0.1", "port": FIRST_PORT + i}
                    for i in range(count)
                ],
            }  # fmt: skip
            (folder / "bridge.yaml").write_text(yaml.safe_dump(whole))
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            with running([sys.executable, "-m", "iot_bridge", "run", "-c", "bridge.yaml"], folder, env) as bridge:
                return measure(bridge.pid, devices, seconds)
    finally:
        odoo.kill()
        odoo.wait()


def play_odoo() -> None:
    with FakeOdoo() as odoo:
        print(odoo.url, flush=True)
        while True:
            time.sleep(1)
            for stream in odoo.streams.values():
                stream.events.clear()  # a sink must not become the bottleneck


# -- theirs


def peer_home() -> Path:
    return cache_dir() / f"peer-thingsboard-{hash_text(*PEER, sys.version)}"


def install_peer() -> Path:
    """Its environment; raises CannotMeasure with what pip said."""
    home = peer_home()
    with locked(home.with_suffix(".lock")):
        if (home / "ready").exists():
            return home
        shutil.rmtree(home, ignore_errors=True)
        print(f"installing {' '.join(PEER)} into {home} …", flush=True)
        base = getattr(sys, "_base_executable", sys.executable)
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        for command in (
            [base, "-m", "venv", str(home)],
            [str(home / "bin/python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *PEER],
        ):
            done = subprocess.run(command, capture_output=True, text=True, env=env)
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
                raise CannotMeasure(f"ThingsBoard Gateway can't be installed: {last[0]}")
        (home / "ready").touch()
    return home


def peer_settings(folder: Path, broker_port: int, count: int, registers: int) -> None:
    """Its configuration files: every register a time series of its device, sent as it is read."""
    limits = ("rateLimits", "dpRateLimits", "messagesRateLimits", "deviceMessagesRateLimits", "deviceRateLimits",
              "deviceDpRateLimits")  # fmt: skip
    main: dict[str, Any] = {
        "thingsboard": {
            "host": "127.0.0.1", "port": broker_port, "remoteShell": False, "remoteConfiguration": False,
            "statistics": {"enable": False}, "minPackSendDelayMS": 50, "minPackSizeToSend": 500,
            "checkConnectorsConfigurationInSeconds": 3600, "security": {"type": "accessToken", "accessToken": "bench"},
            "qos": 1, "reportStrategy": {"type": "ON_RECEIVED"}, **dict.fromkeys(limits, HUGE),
        },
        "storage": {
            "type": "sqlite", "data_file_path": "./data/", "messages_ttl_check_in_hours": 1,
            "messages_ttl_in_days": 7, "max_read_records_count": 1000,
        },
        "grpc": {"enabled": False},
        "connectors": [{"type": "modbus", "name": "Modbus", "configuration": "modbus.json"}],
    }  # fmt: skip
    series = [
        {"tag": f"r{place}", "type": "16uint", "functionCode": 3, "objectsCount": 1, "address": place}
        for place in range(registers)
    ]
    slaves = [
        {
            "host": "127.0.0.1", "port": FIRST_PORT + index, "type": "tcp", "method": "socket", "unitId": 1,
            "deviceName": f"Device {index}", "deviceType": "default", "timeout": 5, "byteOrder": "BIG",
            "wordOrder": "BIG", "retries": 3, "retryOnEmpty": True, "retryOnInvalid": True, "pollPeriod": 1000,
            "connectAttemptTimeMs": 500, "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 1000,
            "attributes": [], "timeseries": series, "attributeUpdates": [], "rpc": [],
        }
        for index in range(count)
    ]  # fmt: skip
    quiet = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR", "handlers": []}}
    modbus = {"name": "Modbus", "logLevel": "ERROR", "master": {"slaves": slaves}}
    for name, content in (("tb_gateway.json", main), ("modbus.json", modbus), ("logs.json", quiet)):
        (folder / name).write_text(json.dumps(content))


class Platform:
    """What ThingsBoard is to its gateway: says that there are no limits, and takes telemetry."""

    def __init__(self, port: int) -> None:
        self.messages = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("v1/devices/me/rpc/request/+", 1), ("v1/gateway/telemetry", 0)])
        self._client.loop_start()

    def _take(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if message.topic == "v1/gateway/telemetry":
            self.messages += 1
        else:
            client.publish(message.topic.replace("request", "response"), json.dumps(NO_LIMITS), 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def theirs(devices: Devices, count: int, registers: int, seconds: float) -> Figure:
    home = install_peer()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = mosquitto.start(processes.free_port(FIRST_PORT + 100), folder / "broker", persistence=False)
        platform = Platform(broker.port)
        try:
            peer_settings(folder, broker.port, count, registers)
            env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
            env["TB_GW_CONFIG_DIR"] = str(folder)
            with running([str(home / "bin/thingsboard-gateway")], folder, env) as gateway:
                figure = measure(gateway.pid, devices, seconds)
            if not figure.values_per_s or not platform.messages:
                last = (folder / "gateway.log").read_text(errors="replace").strip().splitlines()[-3:]
                raise CannotMeasure(f"ThingsBoard Gateway has read or sent nothing: {' / '.join(last)}")
            return figure
        finally:
            platform.close()
            broker.stop()


def compare(step: int, suffix: str, args: argparse.Namespace) -> dict[str, float]:
    """Both gateways on the same devices, one after the other."""
    devices = Devices(args.devices, args.registers, step)
    try:
        mine = ours(devices, args.devices, args.registers, args.seconds)
        peer = theirs(devices, args.devices, args.registers, args.seconds)
    finally:
        devices.close()
    told = {**mine.told("bridge"), **peer.told("thingsboard"), "ratio": round(mine.us_a_value / peer.us_a_value, 3)}
    return {f"{name}{suffix}": value for name, value in told.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--registers", type=int, default=100)
    parser.add_argument("--serve", type=int, metavar="STEP", help=argparse.SUPPRESS)
    parser.add_argument("--odoo", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve(args.devices, args.registers, args.serve))
    if args.odoo:
        play_odoo()
    figures: dict[str, Any] = {"devices": args.devices, "registers": args.registers, "goal": 0.1}
    try:
        for step, suffix in ((10, ""), (1, "_all_changing")):
            figures |= compare(step, suffix, args)
    except CannotMeasure as error:
        print(f"not measured: {error}")
        figures["not_measured"] = str(error)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
