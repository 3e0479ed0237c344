"""One command as Odoo gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, cast, get_args

from ..errors import plain
from ..events import Value

Kind = Literal["write", "read", "rebirth"]
# done: written and read back. refused: not allowed here, nothing was written. failed: the device refused it.
# expired: not written before the deadline. mismatch: written, but the device holds another value.
# unknown: whether it was written can't be told; read_back says what is there now, where it could be read.
Status = Literal["done", "refused", "failed", "expired", "mismatch", "unknown"]
LONGEST_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Command:
    """deadline: plant ms. value: in the tag's unit, after scaling; None for kinds that carry none."""

    id: int
    tag: str
    kind: Kind
    value: Value | None
    deadline: int
    reason: str = ""

    @property
    def key(self) -> str:
        """What makes it this command: an Odoo restored from a backup gives the same id to another one."""
        return f"{self.id}@{self.deadline}"


class Unreadable(ValueError):
    """A command that can't be understood; ``id`` is None when not even that is there."""

    def __init__(self, message: str, id: int | None) -> None:
        super().__init__(message)
        self.id = id


def parse_command(raw: object) -> Command:
    """Raises Unreadable. Unknown fields are ignored."""
    if not isinstance(raw, Mapping):
        raise Unreadable("a command is an object", None)
    number = raw.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise Unreadable("id: a whole number is needed", None)
    kind, tag = raw.get("kind", "write"), raw.get("tag")
    if kind not in get_args(Kind):
        raise Unreadable(f"kind {kind!r} is not known to this version", number)
    if not isinstance(tag, str) or not 0 < len(tag) <= LONGEST_TEXT:
        raise Unreadable("tag: the full name of a tag is needed", number)
    value = _value(raw.get("value"), number)
    if kind == "write" and value is None:
        raise Unreadable("value: a finite number, a text or true or false is needed", number)
    return Command(number, tag, cast(Kind, kind), value, _deadline(raw.get("deadline"), number), _reason(raw))


def _value(value: Any, number: int) -> Value | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    raise Unreadable("value: a finite number, a text or true or false is needed", number)


def _deadline(text: Any, number: int) -> int:
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise Unreadable("deadline: a time like 2026-01-31T08:00:00.000Z is needed", number) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def _reason(raw: Mapping[str, Any]) -> str:
    return plain(str(raw.get("reason") or ""))
