"""What a batch of change points does to the stored lanes: pure, the database does only what it says.

A lane is (machine, 'state' or 'mode'). Its points tile time: each ends where the next begins.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .rows import StateRow, Superseded, contest
from .spans import clusters

Lane = tuple[int, str]


class Stored(NamedTuple):
    """A stored point; ``owned``: its successor is known too, so its end may be rewritten."""

    id: int
    until: int | None
    owned: bool
    row: StateRow


class Plan(NamedTuple):
    """The statements to run.

    ``inserts``: new points with their end; ``replaces``: (id, row) of points that lost their key;
    ``ends``: (id, end) of points whose cached end moves; ``touched``: (machine, from, until).
    """

    inserts: list[tuple[StateRow, int | None]]
    replaces: list[tuple[int, StateRow]]
    ends: list[tuple[int, int | None]]
    touched: list[tuple[int, int, int | None]]
    losers: list[Superseded]
    unchanged: int


def reach(rows: Iterable[StateRow], gap: int) -> list[tuple[int, str, int, int]]:
    """(machine, lane, first, last) of the stretches whose stored points must be known."""
    times: dict[Lane, list[int]] = {}
    for row in rows:
        times.setdefault((row.workcenter_id, row.lane), []).append(row.at)
    return [(*lane, first, last) for lane, ats in times.items() for first, last in clusters(ats, gap)]


def plan(stored: Iterable[Stored], rows: Iterable[StateRow]) -> Plan:
    """The plan that enters ``rows`` (one a key) into the ``stored`` neighbourhood."""
    known: dict[Lane, dict[int, Stored]] = {}
    for point in stored:
        lane = known.setdefault((point.row.workcenter_id, point.row.lane), {})
        other = lane.get(point.row.at)
        if other is None or point.owned:
            lane[point.row.at] = point
    incoming: dict[Lane, dict[int, StateRow]] = {}
    for row in rows:
        incoming.setdefault((row.workcenter_id, row.lane), {})[row.at] = row
    result = Plan([], [], [], [], [], 0)
    unchanged = 0
    for lane_key, lane_rows in incoming.items():
        unchanged += _plan_lane(known.get(lane_key, {}), lane_rows, result)
    return result._replace(unchanged=unchanged)


def _plan_lane(known: dict[int, Stored], rows: dict[int, StateRow], result: Plan) -> int:
    """Add one lane to the plan; the number of rows that change nothing."""
    times = sorted(known.keys() | rows.keys())
    unchanged = 0
    for index, at in enumerate(times):
        end = times[index + 1] if index + 1 < len(times) else None
        point, row = known.get(at), rows.get(at)
        changed = True
        if point is None and row is not None:
            result.inserts.append((row, end))
        elif point is not None:
            changed = row is not None and _replace(point, row, result)
            unchanged += row is not None and not changed
            if point.owned and point.until != end:
                result.ends.append((point.id, end))
        if changed and row is not None:
            result.touched.append((row.workcenter_id, times[index - 1] if index else at, end))
    return unchanged


def _replace(point: Stored, row: StateRow, result: Plan) -> bool:
    """Whether ``row`` takes the key of ``point``; the loser is noted."""
    winner, loser = contest(point.row, row)
    if loser is not None:
        result.losers.append(loser)
    if winner is not row or loser is None:
        return False
    result.replaces.append((point.id, row))
    return True
