"""``status.json`` in the data folder: what ``iot-bridge status`` reads, also when the bridge is gone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .snapshot import Snapshot


def write(path: Path, shot: Snapshot, health: dict[str, Any]) -> None:
    """Replace the file in one step. Tags are left out: there are many, and the status page has them."""
    main = shot.streams[0]
    whole = {
        "version": shot.version, "pid": os.getpid(), "stream": shot.stream, "plant_time": shot.plant_time,
        "uptime_s": round(shot.uptime_s, 1), "odoo": main.error or ("up" if main.connected else "not reached yet"),
        **health,
        "machines": shot.machines, "overruns": {c.name: c.overruns for c in shot.connections},
        "streams": [{"name": s.name, "pending": s.pending, "lag_s": round(s.lag_s, 1), "applied": s.applied,
                     "dropped": s.dropped, "rejected": s.rejected, "connected": s.connected, "error": s.error}
                    for s in shot.streams],
        "links": [{"name": c.name, "driver": c.driver, "state": c.state, "tags": c.tags, "opens": c.opens,
                   "overruns": c.overruns, "restarts": c.restarts} for c in shot.connections],
        "mends": {alarm.code: alarm.mend for alarm in shot.alarms if alarm.mend},
        "commands": dict(shot.commands), "stuck": list(shot.stuck),
    }  # fmt: skip
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(whole), encoding="utf-8")
    os.replace(fresh, path)
