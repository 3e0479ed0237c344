"""Bad input over XML-RPC: a clear error each, nothing lost, nothing half applied."""

from __future__ import annotations

import json
import os
import time
import uuid
import xmlrpc.client
from collections.abc import Callable
from typing import Any

import pytest
from floor import MACHINES, Client, Floor, Outbox
from made_facts import HOUR_MS, events, stamp

CODES = [f"E2E/HALL/L1/{code}" for code in MACHINES[:2]]
START = (int(time.time()) // 3600 - 12) * HOUR_MS
NewFloor = Callable[[str], Floor]


@pytest.fixture(scope="module")
def floor(new_floor: NewFloor) -> Floor:
    """One floor for all refusals: a refused call leaves no trace in the facts."""
    return new_floor("refusals")


@pytest.fixture(scope="module")
def outbox(floor: Floor) -> Outbox:
    """A stream of which 30 events are applied and the rest still waits."""
    told = events(seed=5, number=200, codes=CODES, streams=["S1"], start=START)
    made = Outbox("S1", told["S1"])
    made.deliver(floor.client(), until=30)
    return made


@pytest.fixture(autouse=True)
def nothing_moves(floor: Floor, outbox: Outbox) -> Any:
    """No refused call changes a fact or the number applied, and the next good batch is still taken."""
    before, applied = floor.facts(), floor.applied()
    yield
    assert floor.facts() == before
    assert floor.applied() == applied
    assert floor.client().call("ingest", outbox.batch(25, 30))["applied"] == 30


def refusal(client: Client, method: str, message: Any) -> str:
    with pytest.raises(xmlrpc.client.Fault) as caught:
        client.call(method, message)
    return str(caught.value.faultString)


def test_a_wrong_key(floor: Floor, outbox: Outbox) -> None:
    client = floor.client(key="0" * 40)
    assert "Access Denied" in refusal(client, "ingest", outbox.batch(31, 40))


def test_another_gateways_stream(floor: Floor, outbox: Outbox) -> None:
    """The key is right, the stream is not its gateway's: refused by name, read and write alike."""
    stranger = floor.client("other")
    assert "stream_foreign" in refusal(stranger, "ingest", outbox.batch(31, 40))
    hello = {"v": 1, "stream": "S1", "epoch": outbox.epoch, "first": 1, "last": 1}
    assert "stream_foreign" in refusal(stranger, "hello", hello)
    assert "stream_foreign" in refusal(stranger, "live", {"stream": "S1", "version": 1, "machines": {}})
    assert "stream_foreign" in refusal(stranger, "tags", {"stream": "S1"})


def test_an_unknown_stream(floor: Floor, outbox: Outbox) -> None:
    assert "stream_unknown" in refusal(floor.client(), "ingest", {**outbox.batch(31, 40), "stream": "NONE"})


def test_another_epoch(floor: Floor, outbox: Outbox) -> None:
    """A cloned bridge: its batch is refused and a person is told."""
    batch = {**outbox.batch(31, 40), "epoch": str(uuid.uuid4())}
    assert "epoch_conflict" in refusal(floor.client(), "ingest", batch)
    found = floor.sql("SELECT count(*) FROM mes_gateway_finding WHERE kind = 'epoch_conflict' AND state = 'open'")
    assert int(found[0][0]) >= 1


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        "{}",
        "null",
        "17",
        '{"v":1',
        '{"v": 2, "stream": "S1", "epoch": "x", "from": 1, "to": 1, "events": []}',
        '{"v": 1, "stream": "S1", "epoch": "x", "from": NaN, "to": 1, "events": []}',
        json.dumps({"v": 1, "stream": "S1", "epoch": str(uuid.uuid4()), "from": 1, "to": 2**70, "events": []}),
        "[" * 100_000,
    ],
    ids=["empty", "text", "list", "object", "null", "number", "cut", "version", "nan", "huge", "deep"],
)
def test_nonsense_is_a_sentence(floor: Floor, message: str) -> None:
    told = refusal(floor.client(), "ingest", message)
    assert "batch_invalid" in told and "Traceback" not in told


def test_50_megabytes_of_nonsense(floor: Floor) -> None:
    """Refused quickly, and the server lives on."""
    began = time.monotonic()
    told = refusal(floor.client(), "ingest", os.urandom(25_000_000).hex())
    assert "batch_invalid" in told
    assert len(told) < 10_000 and time.monotonic() - began < 20


def test_a_gateway_may_do_nothing_else(floor: Floor) -> None:
    """Its key opens four calls: no model is read or written with it, and no private method is called."""
    told = floor.made["own"]
    with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{floor.port}/xmlrpc/2/object") as proxy:
        for model, method, arguments in [
            ("mes.state.point", "search_read", [[]]),
            ("mes.count.point", "unlink", [[1]]),
            ("mrp.workcenter", "write", [[1], {"name": "mine"}]),
            ("mes.gateway", "read", [[1]]),
            ("mes.gateway", "_ingest", [[1], "{}"]),
            ("mes.gateway", "action_new_key", [[1]]),
            ("mes.fact.writer", "write_facts", [[]]),
            ("res.users", "search", [[]]),
        ]:
            with pytest.raises(xmlrpc.client.Fault):
                proxy.execute_kw(floor.name, told["uid"], told["key"], model, method, arguments)


HEAD = {"equipment": CODES[0], "at": stamp(START), "quality": "good"}
COUNT = {"kind": "count", **HEAD, "counter": "total", "counter_epoch": 0, "raw": 1, "total": 10**6, "delta": 0}
EVENT = {**COUNT, "decision": "step"}
STATE = {"kind": "state", **HEAD, "raw": 1, "state": "running", "map": 1}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({**STATE, "equipment": "E2E/HALL/L1/NOBODY"}, "unknown_equipment"),
        ({**EVENT, "counter": "nothing"}, "unknown_counter"),
        ({**STATE, "raw": 1.5}, "bad_type"),
        ({**STATE, "raw": "x" * 65}, "bad_value"),
        ({**STATE, "state": "flying"}, "bad_value"),
        ({**STATE, "state": None}, "unmapped"),
        ({**EVENT, "total": -1}, "negative_count"),
        ({**EVENT, "total": 1.5}, "bad_type"),
        ({**STATE, "at": "yesterday"}, "bad_time"),
        ({**STATE, "at": stamp(int(time.time() * 1000) + 3 * HOUR_MS)}, "in_future"),
        ({**STATE, "at": "1970-01-01T00:00:05.000Z"}, "clock_not_set"),
        ({"kind": "state"}, "malformed"),
        ("not even an object", "malformed"),
    ],
)
def test_one_bad_event_is_put_aside_and_the_rest_goes_on(new_floor: NewFloor, event: Any, code: str) -> None:
    """Each bad event is kept with its reason, and its neighbours are applied."""
    floor = poison_floor(new_floor)
    stream = "S2"
    applied = floor.applied()[stream]
    epoch = floor.client().hello(stream, str(uuid.uuid4()), applied)["epoch"]
    at = START + applied * 1000
    good = [{**STATE, "at": stamp(at + place), "raw": 2, "state": "idle"} for place in (1, 2)]
    made = [good[0], event, good[1]]
    numbered = [{**e, "seq": applied + n} if isinstance(e, dict) else e for n, e in enumerate(made, 1)]
    batch = {"v": 1, "stream": stream, "epoch": epoch, "from": applied + 1, "to": applied + 3, "events": numbered}
    before = len(floor.facts()["states"])
    answer = floor.client().call("ingest", batch)
    assert answer["applied"] == applied + 3
    assert [(verdict["seq"], verdict["code"]) for verdict in answer["verdicts"]] == [(applied + 2, code)]
    assert len(answer["verdicts"][0]["message"]) > 20
    assert len(floor.facts()["states"]) == before + 2
    kept = floor.sql(f"SELECT count(*) FROM mes_event_rejection WHERE seq = {applied + 2} AND code = '{code}'")
    assert kept == [["1"]]


_POISON: list[Floor] = []


def poison_floor(new_floor: NewFloor) -> Floor:
    """One floor for all poisons, apart from the one on which nothing may move."""
    if not _POISON:
        _POISON.append(new_floor("poison"))
    return _POISON[0]
