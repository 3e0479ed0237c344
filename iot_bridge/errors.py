"""Failure modes, one base for each thing a caller can do.

::

    BridgeError
    ├── Transient       try again later: nothing is wrong with the data
    │   ├── LinkLost    the connection must be closed and opened anew
    │   └── Busy        the other side asks for a pause of so many seconds
    ├── Rejected        the other side read it and will never take it: dead letter
    │   └── TooLarge    it would take a smaller one
    ├── Refused         the other side refuses the whole stream until a person acts: alarm, slow retry
    └── Misconfigured   stop with a sentence that says the mend
        └── InUse       another process has what this one needs
"""

from __future__ import annotations

LONGEST_SENTENCE = 1000


def plain(text: str) -> str:
    """What somebody else says, as one line that can be shown, logged and sent: no line ends, NUL, half characters."""
    line = " ".join(text[: 4 * LONGEST_SENTENCE].split())
    return "".join(char if char.isprintable() else "?" for char in line)[:LONGEST_SENTENCE]


class BridgeError(Exception):
    """Base of all errors of the bridge."""


class Transient(BridgeError):
    """Trying again later can help."""


class LinkLost(Transient):
    """A connection gave no, or no trustworthy, answer: close it and open it anew."""


class Busy(Transient):
    """The other side asks to be left alone for ``pause_s`` seconds."""

    def __init__(self, message: str, pause_s: float) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Rejected(BridgeError):
    """The receiver understood and will never accept this message."""


class TooLarge(Rejected):
    """What stands before the receiver takes no message of this size."""


class Refused(BridgeError):
    """The receiver refuses this stream (wrong key, another's stream): a person must act."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Misconfigured(BridgeError):
    """The configuration can't work; the message says where and how to mend it."""


class InUse(Misconfigured):
    """Another process holds what this one needs; it works as soon as that one ends."""
