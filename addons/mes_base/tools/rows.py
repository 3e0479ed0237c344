"""The shapes in which machine facts are handed to ``mes.fact.writer``.

All times are integer milliseconds since the epoch, UTC. Two facts with one key: the one with
the greater ``(priority, stream, seq)`` wins, whatever the order of arrival.
"""

from typing import Any, NamedTuple


class StateRow(NamedTuple):
    """A change point of the state or the mode of a machine; key: machine, lane, at."""

    workcenter_id: int
    lane: str
    at: int
    raw: str | None
    value: str
    code: str | None = None
    interlock: str | None = None
    map_revision: int | None = None
    quality: str = "good"
    recv: int | None = None
    priority: int = 0
    stream: str = ""
    seq: int = 0


class CountRow(NamedTuple):
    """A reading of a counter; key: counter, epoch, at. ``total`` runs on across epochs."""

    counter_id: int
    counter_epoch: int
    at: int
    raw: int | None
    total: int
    delta: int | None = None
    decision: str = "step"
    bound_low: int | None = None
    bound_high: int | None = None
    quality: str = "good"
    recv: int | None = None
    priority: int = 0
    stream: str = ""
    seq: int = 0


class EvidenceRow(NamedTuple):
    """A span [at_from, at_until) in which the stream watched the machine."""

    workcenter_id: int
    stream: str
    at_from: int
    at_until: int


class LiveRow(NamedTuple):
    """Latest values for screens; a row with an older version than the stored one is ignored."""

    workcenter_id: int
    state: str | None
    mode: str | None
    code: str | None
    interlock: str | None
    counts: dict[str, int] | None
    version: int
    at: int
    recv: int | None
    stream: str


class Superseded(NamedTuple):
    """The fact that lost its key to another; ``same``: they say the same but for their origin."""

    row: Any
    winner: tuple[int, str, int]
    same: bool


class Outcome(NamedTuple):
    """What became of the rows of one call.

    ``written``: rows inserted or replaced; ``unchanged``: exact repeats of stored facts;
    ``superseded``: facts that lost their key; ``late``: rows kept aside for a closed period.
    """

    written: int = 0
    unchanged: int = 0
    superseded: tuple[Superseded, ...] = ()
    late: tuple[Any, ...] = ()

    def also(self, other: "Outcome") -> "Outcome":
        """Both outcomes together."""
        return Outcome(
            self.written + other.written,
            self.unchanged + other.unchanged,
            self.superseded + other.superseded,
            self.late + other.late,
        )


def rank(row: Any) -> tuple[int, str, int]:
    """By which two facts of one key are compared: the greater wins."""
    return (row.priority or 0, row.stream or "", row.seq or 0)


_ORIGIN = frozenset({"recv", "priority", "stream", "seq"})


def content(row: Any) -> tuple[Any, ...]:
    """What a fact says, without where it came from."""
    return tuple(value for name, value in zip(row._fields, row, strict=True) if name not in _ORIGIN)


def contest(one: Any, other: Any) -> tuple[Any, Superseded | None]:
    """The winner of two facts with one key, and the loser (None when they are the same fact)."""
    if rank(one) == rank(other):
        return one, None
    winner, loser = (one, other) if rank(one) > rank(other) else (other, one)
    return winner, Superseded(loser, rank(winner), content(winner) == content(loser))


def newest(rows: Any, key: Any) -> tuple[dict[Any, Any], list[Superseded]]:
    """The winners of a batch by key, and the losers; repeats of one fact vanish."""
    winners: dict[Any, Any] = {}
    losers: list[Superseded] = []
    for row in rows:
        at = key(row)
        known = winners.get(at)
        if known is None:
            winners[at] = row
            continue
        winners[at], loser = contest(known, row)
        if loser is not None:
            losers.append(loser)
    return winners, losers


def unknown(rows: Any, known: Any, key: Any) -> tuple[list[Any], int]:
    """The rows that say something else than the ``known`` row of their key, and how many say the same."""
    news = [row for row in rows if (stored := known.get(key(row))) is None or content(stored) != content(row)]
    return news, len(rows) - len(news)
