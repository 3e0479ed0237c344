"""One machine of one protocol as a process of its own, that can be killed, frozen and started again.

    python little_plant.py --protocol P --name N --line L --port P --truth FILE [--zero]

It runs and stops in turn and, from the word ``begin`` on, makes parts while it runs. Each line on stdin is a
word: ``pause`` (no parts, as it is), ``settle`` (setup, no parts), ``resume`` (running, parts), ``finish`` (idle,
no parts).

The truth file is written before anybody can see the value, and is the machine's retentive memory: after
a kill it goes on from there. ``--zero``: the counters begin at zero, as after a lost memory, and the boot
number says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from iot_bridge.clock import SystemClock
from iot_bridge.simulator import layout
from iot_bridge.simulator.devices import Place, Reading, make_device

TICK_S = 0.02
PART_S = 0.15
RUN_S, STAND_S = 3.0, 2.2
RUNNING, IDLE, DOWN, SETUP = 1, 2, 3, 4
START_RAW = 65_500


def machine_of(protocol: str, name: str, line: str) -> layout.Machine:
    """The description that the plant, the bridge's tags and Odoo's machine follow from. It wraps early."""
    return layout.Machine(
        name, name.title(), 0.1, 0.0, layout.counters(16, START_RAW), protocol=protocol, line=line  # type: ignore[arg-type]
    )


class LittleMachine:
    """State, counter and truth."""

    def __init__(self, truth: Path, zero: bool) -> None:
        begins = truth.exists()  # the first time it waits: what is made before the bridge looks is nobody's
        self.made, self.zero_at, self.boot = 0, -START_RAW, 1
        self.state = RUNNING
        if truth.exists():
            self._remember(truth)
        self._truth = truth.open("a", encoding="utf-8")
        if zero:
            self.zero_at, self.boot = self.made, self.boot + 1
        self._write(t="boot", boot=self.boot, zero_at=self.zero_at)
        self._part_due = time.monotonic() + PART_S
        self.alternates, self.produces = True, begins
        self._enter(RUNNING)

    def read(self) -> Reading:
        values: dict[str, int | float] = {
            "state": self.state, "code": 211 if self.state == DOWN else 0, "interlock": 0, "mode": 1, "boot": self.boot,
            "speed": 400.0 if self.state == RUNNING else 0.0, "total": (self.made - self.zero_at) % 65536, "reject": 0,
        }  # fmt: skip
        return Reading(values, self._since)

    def tick(self) -> None:
        now = time.monotonic()
        if self.alternates and now - self._turned >= (RUN_S if self.state == RUNNING else STAND_S):
            self._enter(DOWN if self.state == RUNNING else RUNNING)
        if self.state == RUNNING and self.produces and now >= self._part_due:
            # Late or frozen: the parts of that time were not made.
            self._part_due = max(self._part_due + PART_S, now)
            self._write(t="count", total=self.made + 1)
            self.made += 1

    def obey(self, word: str) -> None:
        self.alternates = word == "begin"
        self.produces = word in ("begin", "resume")
        wanted = {"settle": SETUP, "resume": RUNNING, "finish": IDLE}.get(word, self.state)
        if wanted != self.state:
            self._enter(wanted)
        self._write(t=word, total=self.made)

    def _enter(self, state: int) -> None:
        self._turned, self._since = time.monotonic(), round(time.time() * 1000)
        self._write(t="state", raw=state)
        self.state = state

    def _write(self, **fields: object) -> None:
        self._truth.write(json.dumps({**fields, "at": round(time.time() * 1000)}) + "\n")
        self._truth.flush()

    def _remember(self, truth: Path) -> None:
        for line in truth.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if told["t"] == "count":
                self.made = told["total"]
            elif told["t"] == "boot":
                self.boot, self.zero_at = told["boot"], told["zero_at"]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--zero", action="store_true")
    for name in ("certificate", "key"):
        parser.add_argument(f"--{name}", type=Path)
    args = parser.parse_args()
    spec = machine_of(args.protocol, args.name, args.line)
    machine = LittleMachine(args.truth, args.zero)
    place = Place("127.0.0.1", args.port, args.truth.with_suffix(".memory"), args.certificate, args.key)
    device = make_device(spec, place, SystemClock.from_env(), machine.read, lambda: None)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await device.open()
    print("ready", flush=True)
    orders = asyncio.create_task(_obey(reader, machine))
    while not ended.is_set():
        machine.tick()
        await device.tell()
        await asyncio.sleep(TICK_S)
    orders.cancel()
    await device.close()


async def _obey(reader: asyncio.StreamReader, machine: LittleMachine) -> None:
    while word := (await reader.readline()).decode().strip():
        machine.obey(word)


if __name__ == "__main__":
    asyncio.run(main())
