"""A command of Odoo reaches the device through a real bridge, once, whatever dies; and what is not allowed does not."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from floor import Floor, wait

from mescli.paths import ROOT

SPEED, TEMP = 7, 8

TAGS = f"""
machine = env["mrp.workcenter"].search([("mes_code", "=", {{code!r}})])
gateway = env["mes.gateway"].search([("name", "=", "Floor")])
made = env["mes.gateway.tag"].create([
    {{{{"gateway_id": gateway.id, "workcenter_id": machine.id, "name": name, "connection": "plc",
      "signal": "measurement", "type": "uint16", "register": register, "poll_ms": 100, "writable": True,
      "write_min": 0, "write_max": 1000}}}}
    for name, register in (("speed", {SPEED}), ("temp", {TEMP}))])
answer(json.dumps([made.ids, gateway.user_id.login]))
"""
SEND = """
made = env["mes.command"].create([
    {{"tag_id": tag, "number": number, "reason": "test", "valid_s": 120}} for tag, number in {wanted!r}])
made.action_send()
answer(json.dumps(made.ids))
"""


class Plc(socketserver.ThreadingTCPServer):
    """A Modbus TCP device: reads and writes of single registers. ``hold``: a write is taken, its answer waits."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        self.registers = [0] * 200
        self.writes: list[tuple[int, int]] = []
        self.hold = threading.Event()
        self.hold.set()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        plc = self.server
        assert isinstance(plc, Plc)
        while len(head := self.rfile.read(12)) == 12:
            transaction, _, _, unit, function, address, value = struct.unpack(">HHHBBHH", head)
            if function == 3:
                words = plc.registers[address : address + value]
                body = struct.pack(f">BBB{len(words)}H", unit, 3, 2 * len(words), *words)
            else:
                plc.registers[address] = value
                plc.writes.append((address, value))
                plc.hold.wait(60)
                body = struct.pack(">BBHH", unit, function, address, value)
            try:
                self.wfile.write(struct.pack(">HHH", transaction, 0, len(body)) + body)
            except OSError:
                return


@pytest.fixture
def plc() -> Iterator[Plc]:
    with Plc() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.hold.set()
        server.shutdown()


@contextmanager
def bridge(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A bridge process, killed at the end as by a power cut."""
    command = [sys.executable, "-m", "iot_bridge", "--log-level", "warning", "run", "--config", str(config)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def configure(folder: Path, floor: Floor, login: str, port: int) -> Path:
    (folder / "key").write_text(floor.made["own"]["key"])
    (folder / "key").chmod(0o600)
    whole = {
        "stream": "S1", "data_dir": "data",
        "odoo": {"url": f"http://127.0.0.1:{floor.port}", "database": floor.name, "login": login, "key_file": "key"},
        "connections": [{"name": "plc", "host": "127.0.0.1", "port": port,
                         "write": [{"tag": f"{floor.codes[0]}/speed", "min": 0, "max": 100}]}],
    }  # fmt: skip
    path = folder / "bridge.yaml"
    path.write_text(json.dumps(whole))
    return path


def test_commands_reach_the_device_once_and_their_results_odoo(
    new_floor: Callable[[str], Floor], tmp_path: Path, plc: Plc
) -> None:
    """Allowed: written and read back. In the tag map only: refused. Killed while writing: read, never again written."""
    floor = new_floor("commands")
    tags, login = floor.ask(TAGS.format(code=floor.codes[0]))
    config = configure(tmp_path, floor, login, plc.port)

    def states(ids: list[int]) -> list[Any]:
        rows = floor.sql("SELECT id, state, coalesce(read_back, '') FROM mes_command ORDER BY id")
        return [tuple(row[1:]) for row in rows if int(row[0]) in ids]

    with bridge(config):
        done, refused, beyond = ids = floor.ask(SEND.format(wanted=[(tags[0], 50), (tags[1], 5), (tags[0], 500)]))
        wait("the results", lambda: {state for state, _ in states(ids)} <= {"done", "refused"})
        assert states([done]) == [("done", "50")] and [s for s, _ in states([refused, beyond])] == ["refused"] * 2
        assert plc.writes == [(SPEED, 50)]
        plc.hold.clear()
        (torn,) = floor.ask(SEND.format(wanted=[(tags[0], 60)]))
        wait("the write", lambda: len(plc.writes) == 2)
    plc.hold.set()
    with bridge(config):
        wait("the result of the torn command", lambda: states([torn]) == [("done", "60")])
    assert plc.writes == [(SPEED, 50), (SPEED, 60)]
