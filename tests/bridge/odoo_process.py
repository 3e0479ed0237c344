"""A fake Odoo in a process of its own, so that it can be stopped and takes no time from the bridge.

    python odoo_process.py MACHINE

Prints its address. For each line on its input it prints one JSON object: what it has, and the ages in seconds that a
screen would have shown for MACHINE's state, looked at fifty times a second since the first event came.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from iot_bridge.clock import from_rfc3339
from iot_bridge.testing import FakeOdoo


class Screen:
    """Looks at the state's age while events come."""

    def __init__(self, odoo: FakeOdoo, machine: str) -> None:
        self._odoo = odoo
        self._machine = machine
        self.ages: list[float] = []
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            time.sleep(0.02)
            calls = self._odoo.live_calls
            if calls and self._odoo.order:
                at = from_rfc3339(calls[-1]["machines"][self._machine]["at"])
                self.ages.append(time.time() - at / 1000)


def told(odoo: FakeOdoo, screen: Screen) -> dict[str, Any]:
    ages = sorted(screen.ages)
    return {
        "applied": {name: stream.applied for name, stream in odoo.streams.items()},
        "events": len(odoo.order), "live": len(odoo.live_calls), "looks": len(ages),
        "p99": ages[len(ages) * 99 // 100] if ages else None,
    }  # fmt: skip


def main() -> None:
    with FakeOdoo() as odoo:
        # A call to the true one takes a while too.
        odoo.faults.slow_s = lambda: 0.1
        screen = Screen(odoo, sys.argv[1])
        print(odoo.url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(told(odoo, screen)), flush=True)


if __name__ == "__main__":
    main()
