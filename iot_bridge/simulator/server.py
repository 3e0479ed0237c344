"""Serves the simulated line: one Modbus TCP server a machine, all in one process."""

from __future__ import annotations

import asyncio
import signal
import struct
from dataclasses import dataclass
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ..clock import Clock
from ..errors import Misconfigured
from .layout import MACHINES, POLL_MS, Register
from .line import Line, load_memory, save_memory
from .machine import RUNNING, SimMachine
from .profiles import PROFILES
from .truth import Truth

REGISTERS = 16
TICK_S = 0.02
SAVE_EVERY_TICKS = 25


@dataclass(frozen=True, slots=True)
class SimOptions:
    """What ``iot-bridge simulate`` takes. duration_s is plant time; None runs until SIGTERM.

    linger: after production has stopped keep serving registers until killed, so that a bridge drains.
    wait_for_reader: make no part before each machine has been read once, so that no part is
    made unseen before the reader's baseline.
    """

    host: str
    base_port: int
    seed: int
    profile: str
    truth: Path | None = None
    memory: Path | None = None
    duration_s: float | None = None
    linger: bool = False
    wait_for_reader: bool = False


def encode(register: Register, value: float) -> list[int]:
    """Register words of a value; the inverse of the bridge's decoder, written apart from it."""
    codes = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "float32": "f"}
    code = codes[register.type]
    packed = struct.pack(">" + code, value if code == "f" else int(value))
    words = [packed[i : i + 2] for i in range(0, len(packed), 2)]
    if register.word_order in ("CDAB", "DCBA"):
        words.reverse()
    if register.word_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


def fill(machine: SimMachine, registers: list[int]) -> None:
    """Write the machine's present values into its registers (offset 0)."""
    spec = machine.spec
    per_minute = 60_000 / machine.cycle_ms if machine.state == RUNNING else 0.0
    values: list[tuple[Register, float]] = [
        (spec.state, machine.state), (spec.code, machine.code), (spec.interlock, machine.interlock),
        (spec.mode, machine.mode), (spec.boot, machine.boot), (spec.speed, per_minute),
    ]  # fmt: skip
    values += [(counter.register, machine.raw[counter.name]) for counter in spec.counters]
    for register, value in values:
        words = encode(register, value)
        registers[register.address : register.address + len(words)] = words


class Plant:
    """The line, its servers and its clock."""

    def __init__(self, options: SimOptions, clock: Clock) -> None:
        profile = PROFILES.get(options.profile)
        if profile is None:
            raise Misconfigured(f"profile {options.profile!r} is unknown: use one of {', '.join(PROFILES)}")
        self.options = options
        self.clock = clock
        # Without retentive memory the counters start anew: another boot number says so.
        memory = load_memory(options.memory)
        boot = memory.pop("boot", {}).get("boot", 0) if memory else clock.now_ms() // 1000 % 65536
        self.line = Line(options.seed, profile, Truth(options.truth), boot)
        self.line.start(clock.now_ms(), memory)
        self._servers: list[ModbusTcpServer] = []
        self._unread = {machine.spec.name for machine in self.line.machines}
        self._stop = asyncio.Event()
        if not options.wait_for_reader:
            self.line.release()

    async def run(self) -> None:
        """Serve until the end; SIGTERM or the duration ends production, with linger not the serving."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self.open()
        try:
            await self._produce()
            if self.options.linger:
                self._stop.clear()
                await self._stop.wait()
        finally:
            await self.close()

    async def open(self) -> None:
        """Listen on all ports; raise Misconfigured when one is taken."""
        for index, machine in enumerate(self.line.machines):
            port = self.options.base_port + index
            server = ModbusTcpServer(self._device(machine), address=(self.options.host, port))
            try:
                await server.serve_forever(background=True)
            except (RuntimeError, OSError):
                await self.close()
                raise Misconfigured(
                    f"port {port} on {self.options.host} can't be opened: choose another --base-port "
                    f"({len(MACHINES)} ports in a row are needed)"
                ) from None
            self._servers.append(server)

    async def close(self) -> None:
        """Close all servers, keep the counters."""
        for server in self._servers:
            await server.shutdown()  # type: ignore[no-untyped-call]
        self._servers.clear()
        self._save()
        self.line.truth.close()

    async def _produce(self) -> None:
        ends: int | None = None
        tick = 0
        while not self.line.halted:
            now = self.clock.now_ms()
            self.line.advance(now)
            if self.line.released and ends is None and self.options.duration_s is not None:
                ends = now + round(self.options.duration_s * 1000)
            if not self.line.stopping and (self._stop.is_set() or (ends is not None and now >= ends)):
                self.line.stop(now)
            if tick % SAVE_EVERY_TICKS == 0:
                self._save()
            tick += 1
            await asyncio.sleep(TICK_S)
        self._save()

    def _save(self) -> None:
        save_memory(self.options.memory, {**self.line.counters(), "boot": {"boot": self.line.boot}})

    def _device(self, machine: SimMachine) -> SimDevice:
        async def action(
            _function: int, start: int, address: int, count: int, registers: list[int], written: object
        ) -> ExcCodes | None:
            if written is not None:
                return ExcCodes.ILLEGAL_FUNCTION
            self.line.advance(self.clock.now_ms())
            fill(machine, registers)
            self._was_read(machine.spec.name)
            return None

        data = SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)
        return SimDevice(1, simdata=[data], action=action)

    def _was_read(self, name: str) -> None:
        if self.line.released:
            return
        self._unread.discard(name)
        if not self._unread:
            # Two polls later every reader has its baseline on disk.
            asyncio.get_running_loop().call_later(4 * POLL_MS / 1000 / self.clock.speed, self.line.release)
