"""Messages that come twice. QoS 1 is at least once: a broker that has not heard our acknowledgement sends again.

What is sent again bears the same number and a mark. It is older than what came after it, so it must not be
taken for news: a counter would seem to fall. What was delivered is known over a restart of the bridge too,
by a note that is stored with the events. A message that told nothing new needs none: said once more it tells
nothing new again, unless an event came after it, and the note of that one names it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

from .link import Message

# More than a broker may have on the way to us.
KEPT = 2000
# Brokers send so many before they wait for our word, by default: 10 to 100.
ON_THE_WAY = 100


class Repeats:
    """The last messages that were delivered, by their names."""

    def __init__(self, note: str | None) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        # Oldest first; of these the last ones are of the last delivery.
        self._recent: list[str] = []
        self._last = 0
        try:
            self._known.update((str(name), None) for name in json.loads(note or "[]"))
        except (ValueError, TypeError):
            # As after a lost outbox: a repeat is taken for news.
            self._known.clear()

    def is_known(self, message: Message) -> bool:
        """Whether this message was delivered already."""
        return message.dup and name_of(message) in self._known

    def delivered(self, names: Iterable[str]) -> None:
        """These are being stored."""
        news = [name for name in names if name]
        for name in news:
            self._known[name] = None
            self._known.move_to_end(name)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._recent = [*self._recent[-max(ON_THE_WAY, self._last) :], *news]
        self._last = len(news)

    def note(self) -> str:
        """What to store with the events of what was delivered last: it may come again, and what was just before it."""
        return json.dumps(self._recent[-KEPT:])


def name_of(message: Message) -> str:
    """What a message is known by: its number at the broker and what it says. Empty for QoS 0: it never comes again."""
    if message.qos == 0:
        return ""
    whole = message.topic.encode("utf-8", "surrogatepass") + b"\0" + message.payload
    return f"{message.mid}:{blake2b(whole, digest_size=8).hexdigest()}"
