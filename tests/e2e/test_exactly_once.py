"""Invariants 2 and 3 over XML-RPC: whatever happens on the way, the facts are those of one orderly delivery."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any
from xml.parsers.expat import ExpatError

import pytest
from floor import MACHINES, STREAMS, Client, Floor, Outbox
from made_facts import HOUR_MS, events, expected, superseded

from mescli.proxy import Act, Call, TamperingProxy

CODES = [f"E2E/HALL/L1/{code}" for code in MACHINES]
#: The shift lies well in the past, so that nothing in it is ahead of the server's clock.
START = (int(time.time()) // 3600 - 12) * HOUR_MS
CUT = (OSError, HTTPException, ExpatError)
NewFloor = Callable[[str], Floor]


@pytest.fixture(scope="module")
def told() -> dict[str, list[dict[str, Any]]]:
    """10 000 events over three streams, each in order of source time."""
    return events(seed=19, number=10_000, codes=CODES, streams=STREAMS, start=START)


@pytest.fixture(scope="module")
def orderly(new_floor: NewFloor, told: dict[str, list[dict[str, Any]]]) -> Floor:
    """A floor that got all of them in order of source time, once, on one connection, without a fault."""
    floor = new_floor("orderly")
    for stream in STREAMS:
        Outbox(stream, told[stream]).deliver(floor.client())
    return floor


# -- V19 -------------------------------------------------------------------------------------------


class Storm:
    """Four connections that send random batches of all streams through a proxy that cuts and repeats.

    Batches overlap what is applied, come twice or thrice, sometimes come too early. Who is told how far
    Odoo is tells the others, as the workers of one bridge would.
    """

    def __init__(self, client: Client, port: int, outboxes: Sequence[Outbox], seed: int) -> None:
        self.client, self.port, self.seed = client, port, seed
        self.outboxes = {outbox.stream: outbox for outbox in outboxes}
        self.applied = dict.fromkeys(self.outboxes, 0)
        self.cuts = 0
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()

    def rage(self, connections: int = 4) -> None:
        workers = [threading.Thread(target=self._work, args=(number,)) for number in range(connections)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.errors:
            raise self.errors[0]

    def _work(self, number: int) -> None:
        rng = random.Random(self.seed * 10 + number)
        try:
            while open_ones := [s for s, outbox in self.outboxes.items() if self.applied[s] < len(outbox)]:
                self._send(rng, self.outboxes[rng.choice(open_ones)])
        except Exception as error:  # a thread's failure is the test's failure, see rage()
            self.errors.append(error)

    def _send(self, rng: random.Random, outbox: Outbox) -> None:
        known = self.applied[outbox.stream]
        first = max(1, known + 1 - rng.choice([0, 0, rng.randint(0, 200)]))
        if rng.random() < 0.05:
            first = known + rng.randint(2, 50)  # too early: it must change nothing
        batch = outbox.batch(min(first, len(outbox)), first + rng.randint(0, 300))
        for _copy in range(rng.randint(1, 3)):
            try:
                answer = self.client.call("ingest", batch, port=self.port)
            except CUT:
                with self._lock:
                    self.cuts += 1
                continue
            with self._lock:
                self.applied[outbox.stream] = max(self.applied[outbox.stream], answer["applied"])


def weather(seed: int) -> Callable[[Call], Act]:
    """A third of the replies are cut, a tenth of the calls reach Odoo twice."""
    rng, lock = random.Random(seed), threading.Lock()

    def decide(call: Call) -> Act:
        with lock:
            reply = rng.choices(["whole", "none", "half"], [0.67, 0.2, 0.13])[0]
            return Act(copies=2 if rng.random() < 0.1 else 1, reply=reply)

    return decide


def test_v19_shuffled_repeated_and_cut_equals_orderly(
    new_floor: NewFloor, orderly: Floor, told: dict[str, list[dict[str, Any]]]
) -> None:
    """10 000 facts, source times shuffled before numbering, four connections, cut replies: the same facts."""
    rng = random.Random(1)
    shuffled = {stream: rng.sample(made, len(made)) for stream, made in told.items()}
    floor = new_floor("storm")
    outboxes = [Outbox(stream, made) for stream, made in shuffled.items()]
    for outbox in outboxes:
        floor.client().hello(outbox.stream, outbox.epoch, len(outbox))
    with TamperingProxy(floor.port, decide=weather(2)) as proxy:
        storm = Storm(floor.client(), proxy.port, outboxes, seed=3)
        storm.rage()
    assert storm.cuts > 20, "the storm was none"
    assert {outbox.stream: floor.applied()[outbox.stream] for outbox in outboxes} == storm.applied
    assert storm.applied == {outbox.stream: len(outbox) for outbox in outboxes}
    assert floor.facts() == orderly.facts()
    assert floor.facts() == expected(told)
    assert put_aside(floor) == put_aside(orderly) == superseded(told)
    line, reference = (one.timelines(START, START + 8 * HOUR_MS) for one in (floor, orderly))
    assert line == reference
    assert all(len(slices) > 300 for slices in line["slices"].values()) and len(line["stops"]) > 100


def put_aside(floor: Floor) -> int:
    """Facts that lost against another stream's for the same instant; each is kept once."""
    rows = floor.sql("SELECT count(DISTINCT (stream_id, seq)) FROM mes_event_rejection WHERE code = 'superseded'")
    return int(rows[0][0])
