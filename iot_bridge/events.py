"""Samples and events, the two things that flow through the pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .clock import to_rfc3339

# Made once: json.dumps with options makes an encoder for each call.
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

Quality = Literal["good", "uncertain", "estimated"]
Value = bool | int | float | str


# Never changed once made. Not frozen all the same: that would make it five times as dear, and there is one a value.
@dataclass(slots=True)
class Sample:
    """One read of one tag. ``value`` None: the source answered, but not with a usable value.

    at: source time in plant ms by the connection's clock (see ``ConnectionConfig``; of the bridge's: when the
    request left, so the value is at least as new); mono: the same on the monotonic clock; recv: plant ms at
    which the answer came. historical: stored, but it moves no live state and raises no alarm.
    """

    tag: str
    value: Value | None
    at: int
    mono: int
    recv: int
    quality: Quality = "good"
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One event without its sequence number, which the outbox gives. ``fields`` as in the schema."""

    kind: str
    equipment: str
    at: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    quality: Quality = "good"
    tag: str | None = None
    recv: int | None = None

    def body(self) -> str:
        """JSON object without ``seq``."""
        whole: dict[str, Any] = {
            "kind": self.kind,
            "equipment": self.equipment,
            "at": to_rfc3339(self.at),
            "quality": self.quality,
        }
        if self.tag is not None:
            whole["tag"] = self.tag
        if self.recv is not None:
            whole["recv"] = to_rfc3339(self.recv)
        whole.update(self.fields)
        return _ENCODE(whole)
