"""How much one call carries, and how long the uplink waits after a failure. Pure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from ..outbox.batch import MAX_EVENTS
from .failures import TLS

# A call should take so long, in seconds: long enough that its fixed cost is small, short enough to fail cheaply.
LOW_S, HIGH_S = 0.2, 0.5
FIRST_LIMIT = 500
# A slow Odoo gets no smaller calls than this: the fixed cost of a call would make it slower still.
LEAST_LIMIT = 20
# What only a person can mend is tried seldom: an Odoo that refuses is not to be hammered.
REFUSED_FIRST_S, REFUSED_MOST_S = 5.0, 60.0
# What worked before and is refused now may pass: a proxy that is set up anew, an Odoo that starts.
SOON_S = (0.5, 1.0, 2.0, 2.0, 2.0, 2.0)
SOON_APART_S = 60.0
# A certificate is often renewed by a machine, and asking for it costs nobody a login.
TLS_PAUSE_S = 2.0
# No pause is shorter, or several bridges would knock in step.
FLOOR_S = 0.05


class Pace:
    """Finds the number of events with which a call takes between LOW_S and HIGH_S."""

    def __init__(self, most: int = MAX_EVENTS) -> None:
        self._most = min(most, MAX_EVENTS)
        self.limit = min(FIRST_LIMIT, self._most)

    def took(self, seconds: float, events: int) -> None:
        """A call of so many events was answered after so long."""
        if seconds > HIGH_S:
            fitting = int(events * (LOW_S + HIGH_S) / 2 / seconds)
            self.limit = min(self.limit, max(fitting, min(LEAST_LIMIT, self._most)))
        elif seconds < LOW_S and events >= self.limit:
            self.limit = min(self._most, self.limit * 2)

    def failed(self, seconds: float) -> None:
        """A call failed after so long; a long one may have been too big."""
        if seconds > HIGH_S:
            self.limit = max(self.limit // 2, min(LEAST_LIMIT, self._most))

    def too_large(self, events: int) -> None:
        """Something on the way takes no call of so many: no later one carries more than half of them either."""
        self._most = self.limit = max(1, events // 2)

    def refused(self, events: int) -> None:
        """A call was refused as a whole: the next one carries half of it, down to a single event."""
        self.limit = max(1, events // 2)


class Pauses:
    """Pauses that double up to ``most_s``, each drawn anew below its bound: bridges that lost the same Odoo
    at the same time don't come back at the same time."""

    def __init__(self, first_s: float, most_s: float, chance: Callable[[], float] = random.random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._times = 0

    def reset(self) -> None:
        """The other side works again."""
        self._times = 0

    def next(self) -> float:
        """Seconds to wait now."""
        bound = min(self._first_s * float(1 << min(self._times, 30)), self._most_s)
        self._times += 1
        return max(FLOOR_S, self._chance() * bound)

    def after(self, wanted_s: float) -> float:
        """Seconds to wait when the other side asked for ``wanted_s``: never less, and not all at once."""
        return wanted_s + self._chance() * min(1.0, wanted_s)


class Refusals:
    """Pauses after a refusal: from 5 s up to ``most_s``. Where it worked just before, the first ones are short;
    at most once a minute, so that an Odoo that takes and refuses in turn is not hammered either."""

    def __init__(
        self,
        chance: Callable[[], float] = random.random,
        most_s: float = REFUSED_MOST_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chance = chance
        self._now = now
        self._seldom = Pauses(REFUSED_FIRST_S, most_s, chance)
        self._soon: list[float] = []
        self._soon_since: float | None = None
        self._worked = False

    def worked(self) -> None:
        """Odoo takes what we send."""
        self._seldom.reset()
        self._worked = True

    def after(self, code: str) -> float:
        """Seconds to wait after this refusal."""
        if code == TLS:
            return TLS_PAUSE_S
        now = self._now()
        if self._worked and (self._soon_since is None or now - self._soon_since >= SOON_APART_S):
            self._soon, self._soon_since = list(SOON_S), now
        self._worked = False
        if self._soon:
            return self._soon.pop(0) * (0.8 + 0.2 * self._chance())
        return max(REFUSED_FIRST_S, self._seldom.next())
