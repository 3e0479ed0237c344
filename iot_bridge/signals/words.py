"""Words and limits that signals and tags share."""

from __future__ import annotations

from typing import Literal

State = Literal["running", "idle", "down", "setup", "maintenance"]
Mode = Literal["production", "changeover", "maintenance", "cleaning", "trial", "manual"]
STATES = frozenset(State.__args__)  # type: ignore[attr-defined]
MODES = frozenset(Mode.__args__)  # type: ignore[attr-defined]
INTERLOCKS = frozenset({"starved", "blocked"})
BITS = {
    "bool": 1, "uint16": 16, "int16": 16, "uint32": 32, "int32": 32,
    "uint64": 64, "int64": 64, "float32": 32, "float64": 64, "auto": 64, "string": 16,
}  # fmt: skip
# Whole numbers are exact in a float up to its mantissa; a counter beyond it stands still.
EXACT = {"float32": 2**24, "float64": 2**53}
LARGEST = 2**63 - 1
# Characters of a raw state or mode that a source gives as text, and of a code.
LONGEST_RAW = 64
LONGEST_TEXT = 255
