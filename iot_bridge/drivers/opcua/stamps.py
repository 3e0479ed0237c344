"""When did it happen? The device's stamps put on the plant's clock. Pure."""

from __future__ import annotations

from ..stamps import JITTER_MS, Policy, Skew

# A value that was stamped longer ago says nothing of how long it took to count up.
OLDEST_MS = 10_000


class Stamper:
    """Gives samples their time by the connection's clock policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.skew = Skew()
        self._last: dict[str, int] = {}

    def at_event(self, stamp: int | None, now: int, newest: int | None) -> int:
        """Time of a change that was told at ``now``; ``newest``: the latest stamp told with it."""
        if stamp is None:
            return self.at_read(now)
        if self.policy == "source":
            return stamp
        if self.policy == "corrected":
            return min(now, stamp - (self.skew.offset_ms or 0))
        # What was told together keeps its order and distances.
        return now - max(0, (newest if newest is not None else stamp) - stamp)

    def at_read(self, left: int) -> int:
        """Time of a value that was read by a request that left at ``left``: it held then."""
        return left + (self.skew.offset_ms or 0) if self.policy == "source" else left

    def age_ms(self, stamp: int | None, now: int, newest: int | None) -> int:
        """How long before ``now`` the change was, for the monotonic clock."""
        if stamp is None:
            return 0
        if self.policy == "bridge":
            age = (newest if newest is not None else stamp) - stamp
        else:
            age = now - (stamp - (self.skew.offset_ms or 0))
        return min(max(0, age), OLDEST_MS)

    def in_order(self, equipment: str, at: int) -> int:
        """Not before what was said of this machine already, unless the clock itself was set back."""
        last = self._last.get(equipment)
        if last is not None and last - JITTER_MS <= at < last:
            return last
        self._last[equipment] = at
        return at
