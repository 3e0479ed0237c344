"""The saboteurs lie within the contract, and the proxy places its faults where it says."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from xml.parsers.expat import ExpatError

import jsonschema
import pytest

from mescli.proxy import Act, Call, TamperingProxy
from mescli.sabotage import LIES, saboteur, tamper

SCHEMA = Path(__file__).parents[2] / "iot_bridge/schema/events.schema.json"
AT = "2026-11-02T06:00:00.250Z"
HEAD = {"kind": "state", "equipment": "DEMO/PACK/L1/FILLER", "at": AT, "quality": "good"}
STATE = {**HEAD, "raw": 1, "state": "running", "map": 1}
COUNT = {**HEAD, "kind": "count", "counter": "total", "counter_epoch": 0, "raw": 11, "total": 11, "delta": 2}
COUNT |= {"decision": "step"}
EVIDENCE = {**HEAD, "kind": "evidence", "from": AT, "until": "2026-11-02T06:00:05.000Z"}
STOP = {**STATE, "raw": 3, "state": "down"}
EVENTS = [{"seq": 3, **STATE}, {"seq": 4, **COUNT}, {"seq": 5, **EVIDENCE}, {"seq": 6, **STOP}, {"seq": 7, **STATE}]
EPOCH = "0f9ad2f2-6f55-4f0f-9d0c-6ad0c1a5a0f1"
BATCH = {"v": 1, "stream": "L1", "epoch": EPOCH, "from": 3, "to": 7, "dropped": [], "events": EVENTS}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_a_valid_batch_and_is_told_again_alike(name: str) -> None:
    """Sequence numbers stay covered exactly, so Odoo takes the lie; a resend carries the same one."""
    told = tamper(BATCH, LIES[name])
    assert told != BATCH and told == tamper(BATCH, LIES[name])
    holes = [seq for hole in told["dropped"] for seq in range(hole["from"], hole["to"] + 1)]
    assert sorted([event["seq"] for event in told["events"]] + holes) == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("name", LIES)
def test_a_lie_obeys_the_schema(name: str) -> None:
    jsonschema.validate(tamper(BATCH, LIES[name]), json.loads(SCHEMA.read_text()))


def test_only_ingest_is_touched() -> None:
    edit = saboteur("double")
    assert json.loads(edit("mes.gateway", "ingest", json.dumps(BATCH)))["events"][1]["total"] == 12
    assert edit("mes.gateway", "hello", "{}") == "{}"


# -- the proxy -------------------------------------------------------------------------------------


class Echo(http.server.BaseHTTPRequestHandler):
    """A server that answers each ``execute_kw`` with its first argument and remembers all of them."""

    seen: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        params, _ = xmlrpc.client.loads(body)
        self.seen.append(params[5][0])
        answer = xmlrpc.client.dumps((params[5][0],), methodresponse=True).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def upstream() -> Iterator[int]:
    Echo.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def ask(port: int, text: str) -> object:
    proxy = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}/xmlrpc/2/object")
    return proxy.execute_kw("db", 2, "key", "mes.gateway", "ingest", [text])


def test_a_healthy_call_passes_unchanged(upstream: int) -> None:
    with TamperingProxy(upstream) as proxy:
        assert ask(proxy.port, "hello & <there>") == "hello & <there>"
    assert Echo.seen == ["hello & <there>"]


@pytest.mark.parametrize(("reply", "tries"), [("none", 2), ("half", 1)])
def test_a_cut_reply_is_cut_after_the_server_worked(upstream: int, reply: str, tries: int) -> None:
    """The fault that exactly-once is about: done, but the caller does not know.

    ``xmlrpc.client`` itself calls a second time when the connection died before the first byte.
    """
    with TamperingProxy(upstream, decide=lambda call: Act(reply=reply)) as proxy:
        with pytest.raises((OSError, http.client.HTTPException, ExpatError)):
            ask(proxy.port, "once")
        assert proxy.cut == tries
    assert Echo.seen == ["once"] * tries


def test_a_call_may_be_repeated_swallowed_and_edited(upstream: int) -> None:
    def decide(call: Call) -> Act:
        return Act(copies=3) if call.number == 0 else Act(copies=0)

    with TamperingProxy(upstream, decide=decide, edit=lambda model, method, text: text.upper()) as proxy:
        assert ask(proxy.port, "thrice") == "THRICE"
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(proxy.port, "never")
    assert Echo.seen == ["THRICE"] * 3


def test_a_dead_server_is_a_dead_connection() -> None:
    """The proxy adds no answer of its own: a bridge behind it sees what it would see without it."""
    with TamperingProxy(1) as proxy, pytest.raises((OSError, http.client.HTTPException)):
        ask(proxy.port, "anyone?")
