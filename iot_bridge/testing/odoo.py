"""A fake ``mes.gateway`` behind a real socket."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from ..clock import to_rfc3339
from .http import handler


@dataclass(slots=True)
class Faults:
    """What the fake does wrong, asked for each request by path: a number of times each.

    cut: do the work, close without an answer. unavailable: 503. slow_s: sleep before the work.
    instead: what another server answers in Odoo's place: status, headers, body. fault: the text of an error that
    Odoo itself answers with. by_size: what another server answers to a call of so many bytes.
    reject: predicate of an event -> reason; the event's batch is refused as a whole (batch_invalid).
    verdict: predicate of an event -> reason, or ``code: reason``; the event alone is rejected.
    """

    cut: Callable[[], bool] = lambda: False
    unavailable: Callable[[], bool] = lambda: False
    slow_s: Callable[[], float] = lambda: 0.0
    instead: Callable[[], tuple[int, Mapping[str, str], bytes] | None] = lambda: None
    by_size: Callable[[int], tuple[int, Mapping[str, str], bytes] | None] = lambda size: None
    fault: Callable[[], str | None] = lambda: None
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

    def __init__(
        self,
        port: int = 0,
        validate: Callable[[str, Mapping[str, Any]], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.faults = Faults()
        self.streams: dict[str, Stream] = {}
        # Names that the gateway has; None: any.
        self.known: set[str] | None = None
        # Every stream's events in the order in which they came.
        self.order: list[str] = []
        # Connections that were opened.
        self.opened = 0
        # Requests of any kind.
        self.asked = 0
        self.live_calls: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.tags_answer: dict[str, Any] = {"revision": 1, "tags": []}
        self.config_revision = 1
        self.conservation: list[str] = []
        # Offered in the answers of ingest and live until a command_result for their id was stored.
        self.commands: list[dict[str, Any]] = []
        self._answered: set[int] = set()
        self._totals: dict[str, int] = {}
        # By stream: what history was told of a counter is nothing that the live plant goes on from.
        self._points: dict[str, dict[str, dict[str, Any]]] = {}
        self._validate = validate
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._server = _Server(("127.0.0.1", port), handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"

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
            if self.known is not None and message["stream"] not in self.known:
                raise ValueError(f"stream_unknown: gateway G has no stream {message['stream']}; add it to the gateway.")
            reply: dict[str, Any] = getattr(self, f"_{method}")(message)
            self._changed.notify_all()
            return reply

    def _hello(self, message: dict[str, Any]) -> dict[str, Any]:
        stream = self.streams.setdefault(message["stream"], Stream(message["epoch"]))
        if message.get("supersedes") == stream.epoch and message["epoch"] != stream.epoch:
            stream.epoch, stream.applied = message["epoch"], 0
        return {
            "applied": stream.applied, "epoch": stream.epoch, "counters": dict(self._points.get(message["stream"], {})),
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
                    verdicts += self._apply(message["stream"], stream, event)
            stream.dropped += [r for r in message.get("dropped", []) if r["to"] > stream.applied]
            stream.applied = max(stream.applied, message["to"])
        return {
            "applied": stream.applied, "verdicts": verdicts, "config_revision": self.config_revision,
            "commands": self._offered(),
        }  # fmt: skip

    def _offered(self) -> list[dict[str, Any]]:
        return [command for command in self.commands if command["id"] not in self._answered]

    def _apply(self, name: str, stream: Stream, event: dict[str, Any]) -> list[dict[str, Any]]:
        reason = self.faults.verdict(event)
        if reason:
            stream.quarantined.append(event)
            code, _, text = reason.rpartition(": ")
            return [{"seq": event["seq"], "code": code or "bad_value", "message": text}]
        stream.events.append(event)
        self.order.append(event["kind"])
        if event["kind"] == "count":
            self._count(name, event)
        elif event["kind"] == "command_result":
            self._answered.add(event["command"])
        return []

    def _count(self, stream: str, event: dict[str, Any]) -> None:
        key = f"{event['equipment']}/{event['counter']}"
        points = self._points.setdefault(stream, {})
        known = points[key]["total"] if key in points else None
        if known is not None and event["total"] != known + event["delta"]:
            self.conservation.append(f"{key} seq {event['seq']}: {known} + {event['delta']} is not {event['total']}")
        self._totals[key] = event["total"]
        points[key] = {
            "epoch": event["counter_epoch"], "raw": event["raw"], "total": event["total"], "at": event["at"],
        }  # fmt: skip

    def _live(self, message: dict[str, Any]) -> dict[str, Any]:
        self.live_calls.append(message)
        return {"ok": True, "config_revision": self.config_revision, "commands": self._offered()}

    def _tags(self, message: dict[str, Any]) -> dict[str, Any]:
        return self.tags_answer


class _Server(ThreadingHTTPServer):
    """A client that goes away, or that does not like our certificate, is no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _check_cover(batch: Mapping[str, Any]) -> None:
    """Events and dropped ranges must make up from..to, each number once, events in order."""
    numbers = [event["seq"] for event in batch["events"]]
    if numbers != sorted(numbers):
        raise ValueError("batch_invalid: events are not in order of seq")
    for gap in batch.get("dropped", []):
        numbers += range(gap["from"], gap["to"] + 1)
    if sorted(numbers) != list(range(batch["from"], batch["to"] + 1)):
        raise ValueError(f"batch_invalid: {batch['from']}..{batch['to']} is not covered exactly")
