"""A PLC in a process of its own: a machine that runs (register 0) and counts 50 parts a second (registers 4 and 5).

    python modbus_plc.py tcp|rtu      # prints its port

It counts by the clock, so it has gone on when it was stopped for a while.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time

from modbus_rig import Bus, Device

PER_SECOND = 50


class Machine(Device):
    """Its counter is what the clock says."""

    def __init__(self) -> None:
        super().__init__(16)
        self.registers[0] = 1
        self._began = time.monotonic()

    def answer(self, pdu: bytes) -> bytes | None:
        made = int((time.monotonic() - self._began) * PER_SECOND)
        self.registers[4:6] = struct.unpack(">HH", struct.pack(">I", made))
        self.asked.clear()
        return super().answer(pdu)


async def main(framing: str) -> None:
    async with Bus({1: Machine(), 2: Machine()}, rtu=framing == "rtu") as bus:
        print(bus.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
