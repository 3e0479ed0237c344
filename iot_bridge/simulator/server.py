"""Serves the simulated line: each machine in its protocol, and the meters, all in one process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..clock import Clock
from ..errors import Misconfigured
from .control import Control
from .devices import Behind, Device, Place, Reading, Unit, make_shared_device
from .layout import BROKER_PORT, BROKERED, PLANTS, POLL_MS, Machine, Meter, Protocol, cells, devices
from .line import Line, load_memory, save_memory
from .machine import RUNNING, SimMachine
from .meter import SimMeter
from .profiles import PROFILES
from .truth import Truth

TICK_S = 0.02
SAVE_EVERY_TICKS = 25


@dataclass(frozen=True, slots=True)
class SimOptions:
    """What ``iot-bridge simulate`` takes. duration_s is plant time; None runs until SIGTERM.

    protocol: all machines speak this one; None: each its own, and those behind a broker
    need it on broker_host (default: host) and broker_port.
    linger: after production has stopped keep serving until killed, so that a bridge drains.
    wait_for_reader: make no part before each machine has been read once, so that no part is
    made unseen before the reader's baseline. control_port: where faults can be injected; None: nowhere.
    plant: how much of it, a name of ``cells.PLANTS``.
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
    broker_port: int = BROKER_PORT
    broker_host: str | None = None
    protocol: Protocol | None = None
    control_port: int | None = None
    plant: str = "line1"


class Plant:
    """The line, its devices and its clock."""

    def __init__(self, options: SimOptions, clock: Clock) -> None:
        profile = PROFILES.get(options.profile)
        if profile is None:
            raise Misconfigured(f"profile {options.profile!r} is unknown: use one of {', '.join(PROFILES)}")
        if options.plant not in PLANTS:
            raise Misconfigured(f"plant {options.plant!r} is unknown: use one of {', '.join(PLANTS)}")
        self.options = options
        self.clock = clock
        # Without retentive memory the counters start anew: another boot number says so.
        memory = load_memory(options.memory)
        boot = memory.pop("boot", {}).get("boot", 0) if memory else clock.now_ms() // 1000 % 65536
        self.line = Line(options.seed, profile, Truth(options.truth), boot, cells(options.plant, options.protocol))
        self.line.start(clock.now_ms(), memory)
        self.devices: dict[str, Device] = {}
        self._parts = devices(options.plant, options.protocol)
        self._unread = set(self._parts)
        self._stop = asyncio.Event()
        self._control = Control(self)
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
            while self.options.linger and not self._stop.is_set():
                await self._tell()
                await asyncio.sleep(TICK_S)
        finally:
            await self.close()

    async def open(self) -> None:
        """Open every device; raise Misconfigured when a port is taken."""
        try:
            for index, (name, part) in enumerate(self._parts.items()):
                await self._add(name, self._device(index, name, part))
            if self.options.control_port is not None:
                await self._control.open(self.options.host, self.options.control_port)
        except Misconfigured as error:
            await self.close()
            raise Misconfigured(f"{error} ({len(self._parts)} ports in a row are needed)") from None

    async def close(self) -> None:
        """Close all devices, keep the counters."""
        await self._control.close()
        for device in self.devices.values():
            await device.close()
        self.devices.clear()
        self._save()
        self.line.truth.close()

    async def _add(self, name: str, device: Device) -> None:
        await device.open()
        self.devices[name] = device

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
            await self._tell()
            if tick % SAVE_EVERY_TICKS == 0:
                self._save()
            tick += 1
            await asyncio.sleep(TICK_S)
        self._stop.clear()
        self._save()

    async def _tell(self) -> None:
        for device in list(self.devices.values()):
            await device.tell()

    def _save(self) -> None:
        save_memory(self.options.memory, {**self.line.counters(), "boot": {"boot": self.line.boot}})

    # -- devices

    @property
    def names(self) -> list[str]:
        """The names of all machines and meters."""
        return [name for device in self._parts for name in self.behind(device)[1]]

    def behind(self, name: str) -> tuple[str, list[str]]:
        """The device of a machine (or of that name), and the machines and meters behind it; KeyError when unknown."""
        for device, part in self._parts.items():
            names = [part.name] if isinstance(part, Meter) else [machine.name for machine in part]
            if name == device or name in names:
                return device, names
        raise KeyError(name)

    def _device(self, index: int, name: str, part: tuple[Machine, ...] | Meter) -> Device:
        seen = partial(self._was_read, name)
        if isinstance(part, Meter):
            return self._meter_device(index, next(m for m in self.line.meters if m.spec is part), seen)
        options, machines = self.options, {machine.spec.name: machine for machine in self.line.machines}
        host, port = options.host, options.base_port + index
        if part[0].protocol in BROKERED:
            host, port = options.broker_host or options.host, options.broker_port
        memory = options.memory.with_suffix(f".{name.lower()}") if options.memory else None
        made = [machines[spec.name] for spec in part]
        behind = [Behind(machine.spec, partial(self._read, machine), machine.set) for machine in made]
        return make_shared_device(behind, Place(host, port, memory), self.clock, seen)

    def _meter_device(self, index: int, meter: SimMeter, seen: Callable[[], None]) -> Device:
        from .modbus_device import ModbusDevice

        spec, place = meter.spec, Place(self.options.host, self.options.base_port + index)

        def read() -> Reading:
            self.line.advance(self.clock.now_ms())
            return meter.read()

        registers = {"energy": spec.energy, "power": spec.power}
        return ModbusDevice(spec.protocol, place, {spec.unit_id: Unit(registers, read)}, seen)

    def _read(self, machine: SimMachine) -> Reading:
        """The machine's values at this instant."""
        self.line.advance(self.clock.now_ms())
        per_minute = 60_000 / machine.cycle_ms if machine.state == RUNNING else 0.0
        return Reading(
            {
                "state": machine.state, "code": machine.code, "interlock": machine.interlock, "mode": machine.mode,
                "boot": machine.boot, "speed": per_minute, **machine.setpoints, **machine.measured(), **machine.raw,
            },
            machine.since,
        )  # fmt: skip

    def _was_read(self, name: str) -> None:
        if self.line.released:
            return
        self._unread.discard(name)
        if not self._unread:
            # Two polls later every reader has its baseline on disk.
            asyncio.get_running_loop().call_later(4 * POLL_MS / 1000 / self.clock.speed, self.line.release)
