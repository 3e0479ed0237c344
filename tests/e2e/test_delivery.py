"""Ordinary trouble of delivery on one server: repeats, gaps, late buffers, lost memory (V8, V11)."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest
from floor import MACHINES, Floor, Outbox
from made_facts import HOUR_MS, Event, events, expected, stamp

CODES = [f"E2E/HALL/L1/{code}" for code in MACHINES]
START = (int(time.time()) // 3600 - 12) * HOUR_MS
MINUTE_MS = 60_000
TABLES = ("mes_state_point", "mes_count_point", "mes_evidence_span", "mes_event_rejection")


@pytest.fixture(scope="module")
def floor(new_floor: Callable[[str], Floor]) -> Floor:
    """One floor for all; each test has streams and machines of its own."""
    return new_floor("delivery")


def told(stream: str, code: str) -> list[Event]:
    """Some 200 events of one machine by one stream."""
    return events(seed=ord(code[-1]), number=200, codes=[code], streams=[stream], start=START)[stream]


def test_v11_a_batch_delivered_twice_changes_nothing(floor: Floor) -> None:
    """The second answer tells the same verdicts; no row is touched, not even a receive time."""
    made = told("T1", CODES[0])
    outbox = Outbox("T1", [*made[:50], {**made[0], "equipment": "E2E/HALL/L1/NOBODY"}])
    client = floor.client()
    client.hello("T1", outbox.epoch, len(outbox))
    answers: list[Any] = []
    for _delivery in range(2):
        answer = client.call("ingest", outbox.batch(1, len(outbox)))
        answers.append((answer["applied"], [(verdict["seq"], verdict["code"]) for verdict in answer["verdicts"]]))
        answers.append([floor.sql(f"SELECT xmin, t FROM {table} t ORDER BY id") for table in TABLES])
    assert answers[:2] == answers[2:]
    assert answers[0][0] == 51 and (51, "unknown_equipment") in answers[0][1]


def test_a_batch_out_of_sequence_changes_nothing(floor: Floor) -> None:
    """Something is missing before it: Odoo says from where on it wants, and waits."""
    outbox = Outbox("T2", told("T2", CODES[1]))
    outbox.deliver(floor.client(), until=20)
    before = floor.facts()
    assert floor.client().call("ingest", outbox.batch(31, 60))["applied"] == 20
    assert floor.facts() == before
    outbox.deliver(floor.client())
    assert floor.facts("T2") == expected({"T2": told("T2", CODES[1])})


def test_hello_brings_back_the_counters(floor: Floor) -> None:
    """A bridge that lost its memory gets the last point of each counter, so that its totals go on."""
    outbox = Outbox("T3", told("T3", CODES[2]))
    outbox.deliver(floor.client())
    heard = floor.client().hello("T3", outbox.epoch, len(outbox))["counters"]
    rows = expected({"T3": told("T3", CODES[2])})["counts"]
    last = {f"{row[0]}/{row[1]}": int(row[5]) for row in rows}  # rows rise in time: the last one stays
    assert {name: point["total"] for name, point in heard.items() if name in last} == last and len(last) == 2


def test_v8_a_buffer_that_arrives_late_fills_the_gap(floor: Floor) -> None:
    """Cut off 02:00-02:40: 40 minutes of no data while the buffer is not there, exact and whole afterwards."""
    two, five = START + 2 * HOUR_MS, START + 5 * HOUR_MS
    back = two + 40 * MINUTE_MS
    Outbox("T4", watched(START, two)).deliver(floor.client())
    Outbox("T6", watched(back, five)).deliver(floor.client())
    assert categories(floor, START, five) == {"no_data": 40 * MINUTE_MS, "production": five - START - 40 * MINUTE_MS}
    Outbox("T5", watched(two, back, state="down")).deliver(floor.client())
    assert categories(floor, START, five) == {"delay": 40 * MINUTE_MS, "production": five - START - 40 * MINUTE_MS}


def watched(start: int, end: int, state: str = "running") -> list[Event]:
    """One machine in one state over a span, seen every ten seconds and until the very end."""
    head = {"equipment": CODES[5], "quality": "good"}
    made: list[Event] = [{**head, "kind": "state", "at": stamp(start), "raw": 1, "state": state, "map": 1}]
    for at in range(start, end, 10_000):
        until = min(at + 10_000, end)
        made.append({**head, "kind": "evidence", "at": stamp(until), "from": stamp(at), "until": stamp(until)})
    return made


def categories(floor: Floor, start: int, end: int) -> dict[str, int]:
    """Milliseconds by category of the sixth machine's effective timeline."""
    code = f"""
        machine = env["mrp.workcenter"].search([("mes_code", "=", {CODES[5]!r})])
        sums = {{}}
        for piece in env["mes.timeline"].effective(machine, {start}, {end}, now_ms={end})[machine.id]:
            sums[piece.category] = sums.get(piece.category, 0) + piece.ms
        answer(json.dumps(sums))"""
    made: dict[str, int] = floor.ask(textwrap.dedent(code))
    return made
