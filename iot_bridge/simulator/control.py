"""Faults by command: a local socket that takes one JSON object a line and answers each with one.

    {"machine": "FILLER", "fault": "freeze", "seconds": 5}      →  {"ok": true, "text": "FILLER: freeze for 5 s"}

============== =====================================================================================
fault          what happens to the machine's device
============== =====================================================================================
freeze         it stands still with all connections open, and makes nothing, for ``seconds``
disconnect     every connection is cut; for ``seconds`` nobody can connect; the machine works on
latency        each answer and message comes ``value`` seconds late, for ``seconds``
restart        gone for ``seconds``, then there again with its retentive counters
reset-counters its counters begin at zero, and its boot number says so
stop           the machine stops with code ``value`` (its first minor code) for ``seconds``
normal         the end of freeze and latency
============== =====================================================================================

Of machines behind one device, all have its faults; counters and stops are each machine's own. ``seconds`` are
real time, 5 when not given. Each is written to the truth file.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Misconfigured
from .faults import FAULTS, SECONDS

if TYPE_CHECKING:
    from .server import Plant

LATENCY_S = 1.0
TIMEOUT_S = 10.0


class Control:
    """The socket of a running plant."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._server: asyncio.Server | None = None
        self._work: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> None:
        """Listen; raise Misconfigured when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port)
        except OSError:
            raise Misconfigured(f"port {port} on {host} can't be opened: choose another --control") from None

    async def close(self) -> None:
        """Stop listening; faults that last are forgotten."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._work:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                answer = {"ok": True, "text": self.inject(json.loads(line))}
            except (ValueError, KeyError, TypeError) as error:
                answer = {"ok": False, "text": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def inject(self, order: Mapping[str, Any]) -> str:
        """Begin a fault; raise ValueError with the mend."""
        name, fault = order.get("machine"), order.get("fault")
        try:
            self._plant.behind(str(name))
        except KeyError:
            raise ValueError(f"there is no machine {name}: use one of {', '.join(self._plant.names)}") from None
        if fault not in FAULTS:
            raise ValueError(f"there is no fault {fault}: use one of {', '.join(FAULTS)}")
        seconds = float(order.get("seconds") or SECONDS)
        value = order.get("value")
        task = asyncio.ensure_future(self._run(str(name), str(fault), seconds, value))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return f"{name}: {fault}" + ("" if fault in ("reset-counters", "normal") else f" for {seconds:g} s")

    async def _run(self, name: str, fault: str, seconds: float, value: Any) -> None:
        plant = self._plant
        owner, behind = plant.behind(name)
        device = plant.devices[owner]
        machine = next((m for m in plant.line.machines if m.spec.name == name), None)
        now = plant.clock.now_ms()
        plant.line.truth.write("fault", now, machine=name, fault=fault, seconds=seconds)
        if fault == "latency":
            device.delay(float(value or LATENCY_S))
            await asyncio.sleep(seconds)
            device.delay(0.0)
        elif fault == "freeze":
            self._freeze(behind, frozen=True)
            device.hang(True)
            await asyncio.sleep(seconds)
            device.hang(False)
            self._freeze(behind, frozen=False)
        elif fault in ("disconnect", "restart"):
            self._freeze(behind, frozen=fault == "restart")
            await device.close()
            await asyncio.sleep(seconds)
            await device.open()
            self._freeze(behind, frozen=False)
        elif fault == "normal":
            device.delay(0.0)
            device.hang(False)
            self._freeze(behind, frozen=False)
        elif machine is not None and fault == "reset-counters":
            machine.reset_counters(now)
        elif machine is not None:
            machine.stop_by_hand(now, None if value is None else int(value), seconds * plant.clock.speed)

    def _freeze(self, names: Sequence[str], frozen: bool) -> None:
        """What is behind one device stands still together."""
        for name in names:
            self._plant.line.freeze(name, frozen)


def send(host: str, port: int, order: Mapping[str, Any]) -> str:
    """Give one order to a running plant; its answer. Raise Misconfigured with the mend."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as link:
            link.sendall(json.dumps(order).encode() + b"\n")
            answer = json.loads(link.makefile(encoding="utf-8").readline())
    except (OSError, ValueError):
        raise Misconfigured(
            f"no simulated plant takes orders on {host}:{port}: start it with iot-bridge simulate --control {port}"
        ) from None
    text = str(answer["text"])
    if not answer["ok"]:
        raise Misconfigured(text)
    return text
