"""Where the events of one call come from."""

from typing import NamedTuple


class Source(NamedTuple):
    """A gateway's stream in its active epoch, as the handlers of events see it.

    ``priority`` ranks the gateway's facts against another source's; ``tolerance_ms`` and
    ``past_limit_ms`` are how far an event may lie ahead of the server's clock and behind it. A stream of history
    says nothing of now: it moves no live value.
    """

    gateway_id: int
    company_id: int
    site_id: int
    stream_id: int
    stream: str
    epoch: str
    priority: int
    tolerance_ms: int
    past_limit_ms: int
    is_history: bool = False
