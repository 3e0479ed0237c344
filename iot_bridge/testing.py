"""Fakes and builders for tests of the bridge and of what depends on it. Part of the product.

:class:`FakeOdoo` speaks XML-RPC and JSON-2 as ``mes.gateway`` does, keeps what it got and can be told
to cut replies, answer 503, be slow or refuse. :class:`ManualClock` is time that a test moves.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .clock import to_rfc3339
from .events import Sample
from .tags import Tag

# 2026-11-22T10:00:00Z
START_MS = 1_795_341_600_000


class ManualClock:
    """Plant time that moves only by :meth:`advance`; waiting tasks wake in order."""

    def __init__(self, now_ms: int = START_MS, boot_id: str = "boot-1") -> None:
        self._now = now_ms
        self._mono = 1_000_000
        self.boot_id = boot_id
        self.speed = 1.0
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def now_ms(self) -> int:
        return self._now

    def mono_ms(self) -> int:
        return self._mono

    async def sleep_until(self, plant_ms: int) -> None:
        if plant_ms > self._mono:
            event = asyncio.Event()
            self._waiting.append((plant_ms, event))
            await event.wait()

    def advance(self, ms: int) -> None:
        """Move both clocks."""
        self._now += ms
        self._mono += ms
        for until, event in self._waiting:
            if until <= self._mono:
                event.set()
        self._waiting = [(until, event) for until, event in self._waiting if until > self._mono]

    def step_wall(self, ms: int) -> None:
        """Set the wall clock, as NTP does; the monotonic one stays."""
        self._now += ms


def make_tag(equipment: str = "T/A/L1/M1", name: str = "state", **fields: Any) -> Tag:
    """A valid tag: by default a state tag at holding register 0."""
    base: dict[str, Any] = {
        "tag": f"{equipment}/{name}", "connection": "plc", "equipment": equipment, "signal": "state",
        "table": "holding", "register": 0, "type": "uint16", "stale_ms": 5000,
    }  # fmt: skip
    if fields.get("signal", "state") == "state":
        base.update(map={"1": "running", "2": "idle", "3": "down"}, map_revision=1)
    if fields.get("signal") == "counter":
        base.update(counter=name, max_rate=10.0, register=4)
    return Tag.model_validate({**base, **fields})


def make_samples(clock: ManualClock, values: Mapping[str, Any]) -> list[Sample]:
    """One poll cycle at the clock's present time."""
    now = clock.now_ms()
    return [Sample(tag, value, now, clock.mono_ms(), now) for tag, value in values.items()]


@dataclass(slots=True)
class Faults:
    """What the fake does wrong, asked for each request by path: a number of times each.

    cut: do the work, close without an answer. unavailable: 503. slow_s: sleep before the work.
    reject: predicate of an event -> reason; the event's batch is refused as a whole (batch_invalid).
    verdict: predicate of an event -> reason; the event alone is rejected.
    """

    cut: Callable[[], bool] = lambda: False
    unavailable: Callable[[], bool] = lambda: False
    slow_s: Callable[[], float] = lambda: 0.0
    reject: Callable[[Mapping[str, Any]], str | None] = lambda event: None
    verdict: Callable[[Mapping[str, Any]], str | None] = lambda event: None


@dataclass(slots=True)
class Stream:
    """What the fake knows of a stream: the active epoch, what is applied, all it applied in order."""

    epoch: str
    applied: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)


class FakeOdoo:
    """A context manager: ``with FakeOdoo() as odoo: odoo.url``. Checks what it is sent with ``validate``."""

    database, login, key = "fake", "gateway", "secret-key"

    def __init__(self, port: int = 0, validate: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self.faults = Faults()
        self.streams: dict[str, Stream] = {}
        self.live_calls: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.tags_answer: dict[str, Any] = {"revision": 1, "tags": []}
        self.config_revision = 1
        self.conservation: list[str] = []
        # Offered in the answers of ingest and live until a command_result for their id was stored.
        self.commands: list[dict[str, Any]] = []
        self._answered: set[int] = set()
        self._totals: dict[str, int] = {}
        self._points: dict[str, dict[str, Any]] = {}
        self._validate = validate
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeOdoo:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # -- what a test looks at

    def events(self, kind: str | None = None, stream: str = "L1") -> list[dict[str, Any]]:
        """Events applied, in order."""
        with self._lock:
            known = self.streams.get(stream)
            return [event for event in (known.events if known else []) if kind in (None, event["kind"])]

    def total(self, key: str) -> int:
        """Last total of a counter <equipment>/<counter>."""
        with self._lock:
            return self._totals.get(key, 0)

    def wait(self, done: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Return when ``done()``; AssertionError after the timeout. It is asked after each request."""
        deadline = time.monotonic() + timeout_s
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, "the fake Odoo has waited in vain"
            with self._changed:
                self._changed.wait(min(left, 0.1))

    # -- mes.gateway

    def answer(self, method: str, message: dict[str, Any]) -> dict[str, Any]:
        """One call; raises ValueError("code: sentence") for a refusal of the whole call."""
        if self._validate is not None:
            self._validate({"ingest": "batch", "tags": "tags_request"}.get(method, method), message)
        with self._changed:
            self.calls.append(method)
            reply: dict[str, Any] = getattr(self, f"_{method}")(message)
            self._changed.notify_all()
            return reply

    def _hello(self, message: dict[str, Any]) -> dict[str, Any]:
        stream = self.streams.setdefault(message["stream"], Stream(message["epoch"]))
        if message.get("supersedes") == stream.epoch and message["epoch"] != stream.epoch:
            stream.epoch, stream.applied = message["epoch"], 0
        return {
            "applied": stream.applied, "epoch": stream.epoch, "counters": dict(self._points),
            "server_time": to_rfc3339(time.time_ns() // 1_000_000), "config_revision": self.config_revision,
        }  # fmt: skip

    def _ingest(self, message: dict[str, Any]) -> dict[str, Any]:
        stream = self.streams.get(message["stream"])
        if stream is None:
            raise ValueError(f"stream_unknown: there is no stream {message['stream']}")
        if stream.epoch != message["epoch"]:
            raise ValueError(f"epoch_conflict: {stream.epoch} is active")
        for event in message["events"]:
            reason = self.faults.reject(event)
            if reason:
                raise ValueError(f"batch_invalid: {reason}")
        _check_cover(message)
        verdicts = []
        if message["from"] <= stream.applied + 1:
            for event in message["events"]:
                if event["seq"] > stream.applied:
                    verdicts += self._apply(stream, event)
            stream.dropped += [r for r in message.get("dropped", []) if r["to"] > stream.applied]
            stream.applied = max(stream.applied, message["to"])
        return {
            "applied": stream.applied, "verdicts": verdicts, "config_revision": self.config_revision,
            "commands": self._offered(),
        }  # fmt: skip

    def _offered(self) -> list[dict[str, Any]]:
        return [command for command in self.commands if command["id"] not in self._answered]

    def _apply(self, stream: Stream, event: dict[str, Any]) -> list[dict[str, Any]]:
        reason = self.faults.verdict(event)
        if reason:
            stream.quarantined.append(event)
            return [{"seq": event["seq"], "code": "bad_value", "message": reason}]
        stream.events.append(event)
        if event["kind"] == "count":
            self._count(event)
        elif event["kind"] == "command_result":
            self._answered.add(event["command"])
        return []

    def _count(self, event: dict[str, Any]) -> None:
        key = f"{event['equipment']}/{event['counter']}"
        known = self._totals.get(key)
        if known is not None and event["total"] != known + event["delta"]:
            self.conservation.append(f"{key} seq {event['seq']}: {known} + {event['delta']} is not {event['total']}")
        self._totals[key] = event["total"]
        self._points[key] = {
            "epoch": event["counter_epoch"], "raw": event["raw"], "total": event["total"], "at": event["at"],
        }  # fmt: skip

    def _live(self, message: dict[str, Any]) -> dict[str, Any]:
        self.live_calls.append(message)
        return {"ok": True, "config_revision": self.config_revision, "commands": self._offered()}

    def _tags(self, message: dict[str, Any]) -> dict[str, Any]:
        return self.tags_answer


def _check_cover(batch: Mapping[str, Any]) -> None:
    """Events and dropped ranges must make up from..to, each number once, events in order."""
    numbers = [event["seq"] for event in batch["events"]]
    if numbers != sorted(numbers):
        raise ValueError("batch_invalid: events are not in order of seq")
    for gap in batch.get("dropped", []):
        numbers += range(gap["from"], gap["to"] + 1)
    if sorted(numbers) != list(range(batch["from"], batch["to"] + 1)):
        raise ValueError(f"batch_invalid: {batch['from']}..{batch['to']} is not covered exactly")


class _Cut(Exception):
    """Close the connection without an answer."""


def _handler(odoo: FakeOdoo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if odoo.faults.unavailable():
                self._reply(503, b"try later")
                return
            time.sleep(odoo.faults.slow_s())
            try:
                if self.path.startswith("/json/2/"):
                    self._json2(body)
                else:
                    self._xmlrpc(body)
            except _Cut:
                self.close_connection = True

        def _json2(self, body: bytes) -> None:
            if self.headers["Authorization"] != f"bearer {odoo.key}":
                self._reply(401, json.dumps({"message": "Invalid apikey"}).encode())
                return
            try:
                text = self._call(self.path.rsplit("/", 1)[-1], json.loads(body)["message"])
            except ValueError as error:
                self._reply(422, json.dumps({"message": str(error)}).encode())
                return
            self._reply(200, json.dumps(text).encode())

        def _xmlrpc(self, body: bytes) -> None:
            params, method = xmlrpc.client.loads(body)
            try:
                result: Any = self._authenticate(params) if method == "authenticate" else self._execute(params)
                answer = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True)
            except ValueError as error:
                answer = xmlrpc.client.dumps(xmlrpc.client.Fault(2, str(error)))
            except PermissionError as error:
                answer = xmlrpc.client.dumps(xmlrpc.client.Fault(3, str(error)))
            self._reply(200, answer.encode())

        def _authenticate(self, params: Sequence[Any]) -> Any:
            return 7 if tuple(params[:3]) == (odoo.database, odoo.login, odoo.key) else False

        def _execute(self, params: Sequence[Any]) -> Any:
            database, _uid, key, model, method, (payload,) = params
            if key != odoo.key or database != odoo.database:
                raise PermissionError("Access Denied")
            assert model == "mes.gateway"
            return self._call(method, payload)

        def _call(self, method: str, payload: str) -> str:
            reply = odoo.answer(method, json.loads(payload))
            if odoo.faults.cut():
                raise _Cut
            return json.dumps(reply)

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler
