"""PackML: the numbers of its states and unit modes, and what they mean to us. Data only.

Two numberings are in use for the same 17 states. PackTags (ANSI/ISA-TR88.00.02, ``Status.StateCurrent``;
0 is "undefined") and the enumeration of the tobacco machines' companion specification (OPC 30060,
``StateEnumeration``, which begins with Stopped = 0). What a number means therefore depends on the source.
"""

from __future__ import annotations

from collections.abc import Mapping

PACKTAGS: Mapping[int, str] = {
    1: "Clearing", 2: "Stopped", 3: "Starting", 4: "Idle", 5: "Suspended", 6: "Execute", 7: "Stopping",
    8: "Aborting", 9: "Aborted", 10: "Holding", 11: "Held", 12: "Unholding", 13: "Suspending",
    14: "Unsuspending", 15: "Resetting", 16: "Completing", 17: "Complete",
}  # fmt: skip
OPC30060: Mapping[int, str] = {
    0: "Stopped", 1: "Resetting", 2: "Idle", 3: "Starting", 4: "Execute", 5: "Completing", 6: "Complete",
    7: "Aborting", 8: "Aborted", 9: "Stopping", 10: "Clearing", 11: "Suspending", 12: "Suspended",
    13: "Unsuspending", 14: "Holding", 15: "Held", 16: "Unholding",
}  # fmt: skip

# Held waits for something inside the machine (an operator must act), Suspended for its neighbours.
MEANING: Mapping[str, str] = {
    "Execute": "running",
    "Starting": "running", "Completing": "running", "Unholding": "running", "Unsuspending": "running",
    "Idle": "idle", "Complete": "idle", "Suspending": "idle", "Suspended": "idle", "Resetting": "idle",
    "Holding": "down", "Held": "down", "Stopping": "down", "Stopped": "down",
    "Aborting": "down", "Aborted": "down", "Clearing": "down",
}  # fmt: skip

# Unit modes above 3 are the user's own: the tag's map names them.
UNIT_MODES: Mapping[str, str] = {"1": "production", "2": "maintenance", "3": "manual"}

NUMBERINGS: Mapping[str, Mapping[int, str]] = {"packml_packtags": PACKTAGS, "packml_opc30060": OPC30060}


def state_map(model: str) -> dict[str, str]:
    """Raw value (number, or the state's name where the source gives text) -> our state."""
    numbers = NUMBERINGS[model]
    return {str(number): MEANING[name] for number, name in numbers.items()} | dict(MEANING)


def mode_map(model: str) -> dict[str, str]:
    """Raw unit mode -> our mode; the same in both numberings."""
    return dict(UNIT_MODES)
