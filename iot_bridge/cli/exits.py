"""Exit codes. 0 to 2 as usual, the others from sysexits.h, so that systemd can tell what a restart mends."""

from __future__ import annotations

from enum import IntEnum

from ..errors import BridgeError, InUse, Misconfigured, Refused, Rejected


class Exit(IntEnum):
    """A command's exit code; ``meaning`` is what the docs say."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Exit:
        made = int.__new__(cls, value)
        made._value_ = value
        made.meaning = meaning
        return made

    DONE = 0, "done; for `status`: the bridge runs"
    FINDINGS = 1, "done, with findings: a check failed, a tag has no value, the bridge does not run, nothing written"
    USAGE = 2, "the configuration or the command line can't work; a restart mends nothing"
    UNAVAILABLE = 69, "a device or Odoo did not answer"
    DEFECT = 70, "a defect of the bridge, with a traceback in the log"
    EXISTS = 73, "a file that would be written is there already"
    BUSY = 75, "another bridge has the data folder; it works as soon as that one ends"
    REFUSED = 77, "not allowed: Odoo refuses the key, or a write is not in the allow-list"


def exit_of(error: BridgeError) -> Exit:
    """Which code an error ends a command with."""
    if isinstance(error, InUse):
        return Exit.BUSY
    if isinstance(error, Misconfigured):
        return Exit.USAGE
    return Exit.REFUSED if isinstance(error, Refused | Rejected) else Exit.UNAVAILABLE
