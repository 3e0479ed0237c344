"""One machine with counters of any kind, fed by hand."""

from __future__ import annotations

from typing import Any

from scene import Scene as Everything
from scene import tag

from iot_bridge.events import Event
from iot_bridge.signals.machine import Proposal
from iot_bridge.tags import Tag


class Scene(Everything):
    """Without evidence."""

    def store(self, draft: Proposal | None) -> list[Event]:
        return [event for event in super().store(draft) if event.kind != "evidence"]


COUNT = ("decision", "delta", "total")


def counter(name: str = "total", **fields: Any) -> Tag:
    """Polled, if nothing else is said."""
    base = {"counter": "total", "max_rate": 10.0, "modulus": 65536, "table": "holding"}
    return tag(name, "counter", **{**base, **fields})


CAVITIES = [counter(f"c{n}", cavity=n, modulus=1000) for n in (1, 2)]
