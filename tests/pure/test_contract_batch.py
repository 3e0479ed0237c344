"""Heads, sequences and bounds of calls: what is refused whole, and what only costs one event its place."""

from __future__ import annotations

import json
import time
from typing import Any

import contract
import pytest
from contract.limits import PAST_LIMIT_MS
from contract_samples import EQUIPMENT, NOW, PLANT, read
from hypothesis import given
from hypothesis import strategies as st

EPOCH = "00000000-0000-4000-8000-000000000001"


def event(seq: Any = 1, **fields: Any) -> dict[str, Any]:
    """A count event, with fields changed."""
    return {
        "seq": seq,
        "kind": "count",
        "equipment": EQUIPMENT,
        "at": contract.format_time(NOW),
        "quality": "good",
        "counter": "total",
        "counter_epoch": 1,
        "raw": 5,
        "total": 5,
        "delta": 1,
        "decision": "step",
        **fields,
    }


def batch(events: Any, first: int = 1, last: int | None = None, **fields: Any) -> str:
    """A batch as JSON text."""
    last = first + len(events or ()) - 1 if last is None else last
    head = {"v": 1, "stream": "LINE1", "epoch": EPOCH, "from": first, "to": last}
    return json.dumps({**head, "events": events, **fields})


def hole(first: int, last: int) -> dict[str, Any]:
    """A declared hole."""
    return {"from": first, "to": last, "reason": "disk full"}


def refusal(text: object) -> str:
    """The sentence of a refused batch."""
    with pytest.raises(contract.CallRefused) as caught:
        contract.read_batch(text)
    assert caught.value.code == "batch_invalid"
    return caught.value.message


def test_continues_known_and_too_early() -> None:
    """A batch continues, is known, or comes too early; of an overlap only the new events are fresh."""
    read_back = contract.read_batch(batch([event(n) for n in range(5, 10)], first=5))
    assert read_back.standing(4) is contract.Standing.CONTINUES
    assert read_back.standing(7) is contract.Standing.CONTINUES
    assert read_back.standing(9) is contract.Standing.KNOWN
    assert read_back.standing(3) is contract.Standing.TOO_EARLY
    assert [seq for seq, _ in read_back.fresh(7)] == [8, 9]
    assert [seq for seq, _ in read_back.fresh(4)] == [5, 6, 7, 8, 9]


def test_declared_hole_is_legal() -> None:
    """Events and dropped ranges together cover from..to."""
    dropped = [{"from": 2, "to": 4, "reason": "disk full"}, {"from": 6, "to": 9, "reason": "disk full"}]
    read_back = contract.read_batch(batch([event(1), event(5)], last=9, dropped=dropped))
    assert [seq for seq, _ in read_back.events] == [1, 5]
    assert read_back.dropped[1] == contract.Dropped(6, 9, "disk full")


def test_a_batch_of_nothing_but_a_hole() -> None:
    """All of a batch may be lost."""
    dropped = [{"from": 1, "to": 10**12, "reason": "collapsed"}]
    assert contract.read_batch(batch([], last=10**12, dropped=dropped)).events == []


@pytest.mark.parametrize(
    ("events", "more", "part"),
    [
        ([event(1), event(3)], {"last": 3}, "number 2 should come next"),
        ([event(2), event(1)], {"last": 2}, "number 1 should come next"),
        ([event(1), event(1)], {"last": 2}, "number 2 should come next"),
        ([event(1)], {"last": 2}, "the events end at 1"),
        ([event(1), event(2)], {"last": 1}, "the events end at 2"),
        ([event(1)], {"dropped": [hole(1, 1)]}, "number 2 should come next"),
        ([], {"last": 4, "dropped": [hole(1, 3), hole(3, 4)]}, "overlap"),
        ([], {"last": 4, "dropped": [hole(1, 5)]}, "outside"),
        ([], {"last": 4, "dropped": [hole(4, 1)]}, "backwards"),
        ([], {"last": 4, "dropped": [{"from": 1, "to": 4}]}, "no reason"),
        ([], {"last": 4, "dropped": [7]}, "object"),
        ([], {"last": 0}, "to is 0"),
    ],
)
def test_a_broken_sequence_refuses_the_batch(events: list[Any], more: dict[str, Any], part: str) -> None:
    """Numbers rise without an undeclared hole, or nothing is taken."""
    assert part in refusal(batch(events, **more))


@pytest.mark.parametrize("bad", [None, "7", True, [1], {"seq": 2}])
def test_an_event_without_a_number_takes_the_place_that_is_due(bad: Any) -> None:
    """A bad number costs that event its place, not the batch."""
    read_back = contract.read_batch(batch([event(1), event(bad), event(3)]))
    decoded = contract.decode(read_back.events, PLANT, NOW)
    assert [verdict.seq for verdict, _ in decoded.bad] == [2]
    assert [row[0] for row in decoded.rows["count"]] == [1, 3]


@pytest.mark.parametrize("poison", [None, 7, "text", [], {}, True, {"kind": []}, {"kind": {}, "seq": 2}])
def test_what_is_no_event_at_all_is_set_aside(poison: Any) -> None:
    """Anything may stand in the place of an event; the others are taken."""
    read_back = contract.read_batch(batch([event(1), poison, event(3)]))
    decoded = contract.decode(read_back.events, PLANT, NOW)
    assert len(decoded.bad) == 1 and decoded.bad[0].verdict.seq == 2
    assert [row[0] for row in decoded.rows["count"]] == [1, 3]


@given(st.integers(0, 19), st.sampled_from([{"total": -1}, {"at": "x"}, {"counter": 5}, {"equipment": None}]))
def test_poison_at_every_place(place: int, bend: dict[str, Any]) -> None:
    """One bad of twenty, wherever it stands: nineteen are taken in order."""
    events = [event(n) for n in range(1, 21)]
    events[place] |= bend
    decoded = contract.decode(contract.read_batch(batch(events)).events, PLANT, NOW)
    assert [verdict.seq for verdict, _ in decoded.bad] == [place + 1]
    assert [row[0] for row in decoded.rows["count"]] == [n for n in range(1, 21) if n != place + 1]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"{}", "one JSON text"),
        ({"v": 1}, "one JSON text"),
        ("", "not JSON"),
        ("[]", "not an object"),
        ("{" * 100_000, "JSON"),
        ("[" * 100_000, "JSON"),
        (batch([event(1)], v=2), "version 1"),
        (batch([event(1)], v=None), "version 1"),
        (batch([event(1)], stream=""), "stream"),
        (batch([event(1)], stream="x" * 65), "stream"),
        (batch([event(1)], stream="a\x00b"), "stream"),
        (batch([event(1)], epoch="no uuid"), "epoch"),
        (batch([event(1)], epoch=EPOCH.replace("8", "A")), "epoch"),
        (batch([event(1)], dropped=5), "dropped"),
        (batch(None, last=1), "events"),
        (batch([event(n) for n in range(1, 5002)]), "at most 5000"),
        (batch([event(2**63)], first=2**63), "from"),
    ],
)
def test_a_broken_head_refuses_the_call(text: object, part: str) -> None:
    """The sentence names what is wrong."""
    assert part in refusal(text)


def test_fifty_megabytes_of_nonsense_are_refused_at_once() -> None:
    """The length alone decides: nothing is parsed."""
    nonsense = "[" * 50_000_000
    began = time.process_time()
    assert "limit" in refusal(nonsense)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"total": -1}, "negative_count"),
        ({"delta": -4}, "negative_count"),
        ({"raw": -1}, "negative_count"),
        ({"total": float("nan")}, "not_finite"),
        ({"total": float("inf")}, "not_finite"),
        ({"total": 2**63}, "bad_value"),
        ({"total": "5"}, "bad_type"),
        ({"total": True}, "bad_type"),
        ({"total": 5.5}, "bad_type"),
        ({"counter": "other"}, "unknown_counter"),
        ({"counter": ["total"]}, "bad_type"),
        ({"equipment": "S1/A1/L1/M9"}, "unknown_equipment"),
        ({"equipment": ["S1/A1/L1/M1"]}, "bad_type"),
        ({"kind": ["count"]}, "bad_type"),
        ({"kind": ""}, "bad_value"),
        ({"quality": "fine"}, "bad_value"),
        ({"quality": {}}, "bad_type"),
        ({"decision": "guess"}, "bad_value"),
        ({"bounds": [5, 3]}, "bad_value"),
        ({"bounds": [1]}, "bad_value"),
        ({"bounds": "1..2"}, "bad_type"),
        ({"at": contract.format_time(NOW + 60_001)}, "in_future"),
        ({"at": contract.format_time(NOW + 600_000)}, "in_future"),
        ({"at": "1970-01-01T00:00:00.000Z"}, "clock_not_set"),
        ({"at": contract.format_time(NOW - PAST_LIMIT_MS - 1)}, "too_old"),
        ({"at": "yesterday"}, "bad_time"),
        ({"at": 1_790_000_000_000}, "bad_type"),
        ({"recv": "yesterday"}, "bad_time"),
        ({"counter_epoch": 2**31}, "bad_value"),
        ({"kind": "measurement", "tag": f"{EQUIPMENT}/other", "value": 1.0}, "unknown_tag"),
        ({"kind": "measurement", "tag": f"{EQUIPMENT}/temp", "value": float("nan")}, "not_finite"),
        ({"kind": "measurement", "tag": f"{EQUIPMENT}/temp", "value": float("-inf")}, "not_finite"),
        ({"kind": "measurement", "tag": f"{EQUIPMENT}/temp", "value": 10**400}, "not_finite"),
        ({"kind": "measurement", "tag": f"{EQUIPMENT}/temp"}, "malformed"),
        ({"kind": "state", "state": None, "map": 1}, "unmapped"),
        ({"kind": "state", "state": "asleep", "map": 1}, "bad_value"),
    ],
)
def test_each_fault_has_its_code(fields: dict[str, Any], code: str) -> None:
    """A bad event is told what is wrong with it, by a code and a sentence."""
    verdict = read(event(**fields))
    assert verdict is not None and verdict.code == code and len(verdict.message) > 20


@pytest.mark.parametrize("late_ms", [60_000, 1000, 0, -40 * 86_400_000])
def test_within_the_tolerance_and_forty_days_old_is_taken(late_ms: int) -> None:
    """A little ahead is taken, and however old (V20)."""
    assert read(event(at=contract.format_time(NOW + late_ms))) is None


def test_what_no_database_can_store_is_set_aside() -> None:
    """NUL and half a surrogate pair are legal JSON, but no text."""
    for text in ("a\x00b", "\ud800"):
        state = event(kind="state", state="running", map=1, code=text)
        read_back = contract.read_batch(batch([state, event(2)]))
        assert read_back.suspicious
        decoded = contract.decode(read_back.events, PLANT, NOW, suspicious=read_back.suspicious)
        assert [verdict.code for verdict, _ in decoded.bad] == ["bad_value"]
        assert len(decoded.rows["count"]) == 1
        assert decoded.bad[0].verdict.message.isascii()


def test_a_kind_without_a_handler_waits() -> None:
    """A kind that nobody handles is kept, one that is registered is handed on, and a broken one set aside."""
    alarm = {**event(), "kind": "alarm", "code": "E1", "active": True}
    future = {**event(2), "kind": "weight"}
    broken = {**event(3), "kind": "alarm", "code": "E1"}
    plant = contract.Plant(PLANT.machines, handled=frozenset({"alarm"}))
    decoded = contract.decode([(1, alarm), (2, future), (3, broken)], plant, NOW)
    assert decoded.handed == {"alarm": [(1, alarm)]}
    assert decoded.pending == [(2, future)]
    assert [verdict.code for verdict, _ in decoded.bad] == ["malformed"]


def test_digest_tells_a_repeat_from_news() -> None:
    """The number does not belong to what an event says; everything else does."""
    assert contract.digest(event(1)) == contract.digest(event(9))
    assert contract.digest(event(1)) != contract.digest(event(1, total=6))


def counts(*points: tuple[int, int, int]) -> list[contract.Row]:
    """Count rows of (time, total, delta)."""
    events = [
        (n, event(n, at=contract.format_time(NOW + at), total=total, delta=delta))
        for n, (at, total, delta) in enumerate(points, 1)
    ]
    return contract.decode(events, PLANT, NOW).rows["count"]


def test_conservation_of_counts() -> None:
    """The first of a counter and what does not fit is looked up; a declared hole explains a jump."""
    rows = counts((-5000, 5, 1), (-4000, 9, 4), (-3000, 20, 4))
    suspects = contract.suspect_counts(rows)
    assert [row[0] for row in suspects] == [1, 3]
    assert contract.is_conserved(suspects[0], None, ())
    assert contract.is_conserved(suspects[0], (4, 0), ())
    assert not contract.is_conserved(suspects[1], (9, 2), ())
    assert contract.is_conserved(suspects[1], (9, 2), (contract.Dropped(3, 3, "disk full"),))


def test_a_first_reading_has_nothing_to_conserve() -> None:
    """A baseline is no step."""
    baseline = event(1, decision="first", delta=0, total=900)
    rows = contract.decode([(1, baseline)], PLANT, NOW).rows["count"]
    assert contract.suspect_counts(rows) == []


def test_speed_of_reading_a_full_batch() -> None:
    """A batch of 5000 is read in well under a tenth of its 200 ms."""
    text = batch([event(n, total=n) for n in range(1, 5001)])
    best = min(_seconds_to_read(text) for _ in range(5))
    assert best < 0.1


def _seconds_to_read(text: str) -> float:
    began = time.process_time()
    read_back = contract.read_batch(text)
    decoded = contract.decode(read_back.fresh(0), PLANT, NOW, suspicious=read_back.suspicious)
    assert len(decoded.rows["count"]) == 5000
    return time.process_time() - began
