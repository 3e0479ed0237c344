"""What a batch of facts does to stored lanes and spans, without a database."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import clock, lanes, spans
from tools.rows import Outcome, StateRow, contest, newest

TIMES = st.integers(min_value=0, max_value=60)
SPANS = st.tuples(TIMES, st.integers(min_value=1, max_value=12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ROWS = st.builds(
    StateRow,
    workcenter_id=st.integers(min_value=1, max_value=2),
    lane=st.sampled_from(["state", "mode"]),
    at=TIMES,
    raw=st.none(),
    value=st.sampled_from(["running", "down", "idle"]),
    stream=st.sampled_from(["A", "B"]),
    seq=st.integers(min_value=1, max_value=9),
)


def covered(pieces: list[tuple[int, int]]) -> set[int]:
    """The instants that lie in one of the spans."""
    return {instant for start, end in pieces for instant in range(start, end)}


class Table:
    """A table of points that does what a plan says, as the database would."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[StateRow, int | None]] = {}
        self.serial = 0

    def near(self, rows: list[StateRow], gap: int) -> list[lanes.Stored]:
        """The stored points that the database would hand over for ``rows``."""
        found = []
        for wc, lane, first, last in lanes.reach(rows, gap):
            here = sorted(
                ((row.at, id_) for id_, (row, _end) in self.rows.items() if (row.workcenter_id, row.lane) == (wc, lane))
            )
            before = [id_ for at, id_ in here if at < first][-1:]
            inside = [id_ for at, id_ in here if first <= at <= last]
            after = [id_ for at, id_ in here if at > last][:1]
            for id_ in before + inside + after:
                row, end = self.rows[id_]
                found.append(lanes.Stored(id_, end, id_ not in after, row))
        return found

    def enter(self, batch: list[StateRow], gap: int) -> lanes.Plan:
        """Enter a batch, as the writer does."""
        winners, _losers = newest(batch, lambda row: (row.workcenter_id, row.lane, row.at))
        rows = list(winners.values())
        plan = lanes.plan(self.near(rows, gap), rows)
        for row, end in plan.inserts:
            self.serial += 1
            self.rows[self.serial] = (row, end)
        for id_, row in plan.replaces:
            self.rows[id_] = (row, self.rows[id_][1])
        for id_, end in plan.ends:
            self.rows[id_] = (self.rows[id_][0], end)
        return plan

    def facts(self) -> list[tuple[StateRow, int | None]]:
        """The rows in the order of their keys."""
        return sorted(self.rows.values(), key=lambda pair: pair[0][:3])


@given(st.lists(ROWS, max_size=40), st.integers(min_value=0, max_value=30), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_any_batches_in_any_order_give_the_same_lanes(rows: list[StateRow], gap: int, draw: object) -> None:
    """Points tile, the highest rank of each key is stored, and arrival does not matter."""
    unique = list({(*row[:3], row.stream, row.seq): row for row in rows}.values())
    once = Table()
    once.enter(unique, gap)
    parted = Table()
    shuffled = unique + unique[: len(unique) // 3]
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    for start in range(0, len(shuffled), 4):
        parted.enter(shuffled[start : start + 4], gap)
    assert parted.facts() == once.facts()
    facts = once.facts()
    for (row, end), following in zip(facts, [*facts, None][1:], strict=True):
        same = following is not None and following[0][:2] == row[:2]
        assert end == (following[0].at if same and following else None)
        rivals = [one for one in unique if one[:3] == row[:3]]
        assert row == max(rivals, key=lambda one: (one.priority, one.stream, one.seq))


@given(st.lists(ROWS, min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_repeat_touches_nothing(rows: list[StateRow]) -> None:
    """A batch entered twice changes and marks nothing the second time."""
    table = Table()
    table.enter(rows, 10)
    winners, _losers = newest(rows, lambda row: row[:3])
    again = table.enter(list(winners.values()), 10)
    assert (again.inserts, again.replaces, again.ends, again.touched, again.losers) == ([], [], [], [], [])
    assert again.unchanged == len(winners)


def test_touched_reaches_from_the_point_before_to_the_point_after() -> None:
    """A late point touches both intervals that it borders on."""
    table = Table()
    row = StateRow(1, "state", 10, None, "running", seq=1)
    table.enter([row, row._replace(at=50, seq=2)], 5)
    plan = table.enter([row._replace(at=30, value="down", seq=3)], 5)
    assert plan.touched == [(1, 10, 50)]
    assert table.enter([row._replace(at=60, seq=4)], 5).touched == [(1, 50, None)]


@given(st.lists(SPANS, max_size=15), st.lists(SPANS, max_size=8))
@settings(max_examples=300, deadline=None)
def test_absorb_covers_both_and_stays_disjoint(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    """Stored spans and wanted ones become disjoint spans that cover the same instants."""
    disjoint = [(start, end) for start, end in spans.merge(old) if end is not None]
    stored = dict(enumerate(disjoint))
    wanted = [(start, end) for start, end in spans.merge(new) if end is not None]
    near = [
        (id_, *span)
        for id_, span in stored.items()
        if any(span[1] >= start and span[0] <= end for start, end in wanted)
    ]
    inserts, updates, deletes = spans.absorb(near, wanted)
    for id_ in deletes:
        del stored[id_]
    stored.update({id_: (start, end) for id_, start, end in updates})
    result = sorted([*stored.values(), *inserts])
    assert covered(result) == covered(old) | covered(new)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(result))


@given(SPANS, st.lists(SPANS, max_size=8))
def test_subtract_leaves_what_is_outside(span: tuple[int, int], holes: list[tuple[int, int]]) -> None:
    """Nothing of the holes, all of the rest."""
    left = spans.subtract(span, holes)
    assert covered(left) == covered([span]) - covered(holes)
    assert sum(end - start for start, end in left) == len(covered(left))


def test_merge_stops_at_an_open_end() -> None:
    """What has no end swallows all that begins after it."""
    assert spans.merge([(5, None), (0, 2), (9, 12), (3, 4)], 1) == [(0, None)]
    assert spans.merge([(5, None), (0, 2), (9, 12)]) == [(0, 2), (5, None)]


def test_contest_of_equal_ranks_has_no_loser() -> None:
    """The same fact told twice is no contest; the same content from elsewhere is marked as such."""
    row = StateRow(1, "state", 0, "1", "running", stream="A", seq=1)
    assert contest(row, row) == (row, None)
    winner, loser = contest(row, row._replace(stream="B", recv=5))
    assert winner.stream == "B" and loser is not None and (loser.row, loser.same) == (row, True)
    assert contest(row, row._replace(seq=2, value="down"))[1].same is False  # type: ignore[union-attr]


def test_outcomes_add_up() -> None:
    """Two outcomes together."""
    assert Outcome(1, 2, ("x",), ()).also(Outcome(3, 4, (), ("y",))) == Outcome(4, 6, ("x",), ("y",))


def test_plant_time_runs_as_declared() -> None:
    """Ten times as fast from the anchor on; without a declaration plant time is real time."""
    anchor = clock.parse_anchor("1000,5000,10")
    assert anchor is not None
    assert anchor.plant_ms(1000.0) == 5_000_000
    assert anchor.plant_ms(1000.5) == 5_005_000
    assert clock.parse_anchor("") is None


@pytest.mark.parametrize("text", ["1,2", "a,b,c", "1,2,0", "1,2,-1"])
def test_wrong_anchor_says_how_to_write_it(text: str) -> None:
    """A wrong MES_CLOCK stops with a sentence."""
    with pytest.raises(ValueError, match="MES_CLOCK"):
        clock.parse_anchor(text)


def test_times_are_exact() -> None:
    """Milliseconds survive the way to a datetime and back."""
    for ms in (0, 1, 1772409600123, 253402300799999):
        assert clock.to_ms(clock.from_ms(ms)) == ms
