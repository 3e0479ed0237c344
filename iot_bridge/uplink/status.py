"""What a durable lane tells about itself: to the live lane, to ``status``, to the log."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from .failures import NO_MODULE, TLS, WRONG_ADDRESS, WRONG_DATABASE

log = logging.getLogger(__name__)

# End by themselves when Odoo takes the stream again; the others tell of what happened once and stay for a day.
REFUSALS = frozenset(
    {"epoch_conflict", "access_denied", "stream_unknown", "stream_foreign", "gateway_unknown",
     WRONG_ADDRESS, WRONG_DATABASE, NO_MODULE, TLS}
)  # fmt: skip
STAYS_S = 86_400.0


@dataclass(slots=True)
class UplinkStatus:
    """``error``: empty while Odoo takes the stream; ``refused``: only a person can mend what it is."""

    connected: bool = False
    refused: bool = False
    error: str = ""
    alarms: dict[str, str] = field(default_factory=dict)
    config_revision: int | None = None
    rejected: int = 0
    _raised: dict[str, float] = field(default_factory=dict)

    def up(self, stream: str, applied: int) -> None:
        """Odoo takes the stream."""
        if not self.connected:
            log.info("Odoo takes stream %s, applied %s", stream, applied)
        self.connected, self.refused, self.error = True, False, ""
        for code in REFUSALS:
            self.alarms.pop(code, None)

    def down(self, error: str) -> None:
        """Odoo can't be reached, or not as it should."""
        if self.error != error:
            log.warning("Odoo: %s", error)
        self.connected, self.error = False, error

    def refuse(self, code: str, sentence: str) -> None:
        """Odoo refuses the stream until a person acts."""
        self.down(sentence)
        self.refused = True
        self.alarm(code, sentence)

    def alarm(self, code: str, sentence: str) -> None:
        """Tell of something that a person should know."""
        if self.alarms.get(code) != sentence:
            log.error("%s: %s", code, sentence)
        self.alarms[code] = sentence
        self._raised[code] = time.monotonic()

    def forget(self) -> None:
        """Alarms that tell of what happened once end after a day."""
        for code, raised in list(self._raised.items()):
            if code not in REFUSALS and time.monotonic() - raised > STAYS_S:
                del self._raised[code]
                self.alarms.pop(code, None)
