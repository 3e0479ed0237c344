"""The truth file: what the simulated plant really did. Neither bridge nor Odoo reads it.

JSON lines, appended and flushed one by one; ``at`` is plant time in ms::

    {"t": "start", "at": …, "seed": …, "profile": …, "baseline": {equipment: {counter: raw}}}
    {"t": "production", "at": …}                       first instant at which parts can be made
    {"t": "state", "at": …, "equipment": …, "raw": …, "state": …, "code": …|null, "interlock": …|null}
    {"t": "mode",  "at": …, "equipment": …, "raw": …, "mode": …}
    {"t": "count", "at": …, "equipment": …, "counter": …, "raw": …, "total": …}   total = made since the start
    {"t": "energy", "at": …, "equipment": …, "meter": …, "raw": …, "total": …}   watt-hours since the start
    {"t": "reset", "at": …, "equipment": …}                                    counters at zero, by command
    {"t": "fault", "at": …, "machine": …, "fault": …, "seconds": …}            injected by command
    {"t": "end", "at": …, "totals": {equipment: {counter: made}}, "states": {equipment: changes},
     "energy": {equipment/meter: watt-hours}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO


class Truth:
    """Append-only writer; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def write(self, kind: str, at: int, **fields: Any) -> None:
        """Append one record."""
        if self._file is None:
            return
        self._file.write(json.dumps({"t": kind, "at": at, **fields}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; later writes are ignored."""
        if self._file is not None:
            self._file.close()
            self._file = None
