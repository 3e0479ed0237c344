"""Messages that come twice. QoS 1 is at least once: a broker that has not heard our acknowledgement sends again.

What is sent again bears the same number and a mark. It is older than what came after it, so it must not be
taken for news: a counter would seem to fall. What was delivered is known over a restart of the bridge too,
by a note that is stored with the samples.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

from .link import Message

# More than a broker may have on the way to us.
KEPT = 2000


class Repeats:
    """The last messages that were delivered, by their names."""

    def __init__(self, note: str | None) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._last: list[str] = []
        try:
            self._known.update((str(name), None) for name in json.loads(note or "[]"))
        except (ValueError, TypeError):
            # As after a lost outbox: a repeat is taken for news.
            self._known.clear()

    def is_known(self, message: Message) -> bool:
        """Whether this message was delivered already."""
        return message.dup and name_of(message) in self._known

    def delivered(self, names: Iterable[str]) -> str:
        """These are being stored; the note to store with them. Those just before them may be on the way again too."""
        news = [name for name in names if name]
        for name in news:
            self._known[name] = None
            self._known.move_to_end(name)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        note = json.dumps([*self._last, *news][-KEPT:])
        self._last = news
        return note


def name_of(message: Message) -> str:
    """What a message is known by: its number at the broker and what it says. Empty for QoS 0: it never comes again."""
    if message.qos == 0:
        return ""
    whole = message.topic.encode("utf-8", "surrogatepass") + b"\0" + message.payload
    return f"{message.mid}:{blake2b(whole, digest_size=8).hexdigest()}"
