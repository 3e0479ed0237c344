"""A tampering HTTP proxy: between a bridge and Odoo it cuts replies, delays, repeats and edits calls.

The end-to-end tests and ``./mes demo --check --sabotage`` stand it in the way of a healthy pair. It is a
whole HTTP request at a time, so a fault is always placed exactly: *after* Odoo has committed and *before*
the caller hears of it, for instance. Standard library only.

    with TamperingProxy(8069, decide=lambda call: Act(reply="none")) as proxy:
        ...  # talk to 127.0.0.1:proxy.port
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import itertools
import socket
import struct
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection"}
#: How long Odoo may take over one forwarded call, in seconds of real time.
UPSTREAM_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Call:
    """One request as it passes: its number from 0, path, raw body, and the ORM call when it is one."""

    number: int
    path: str
    body: bytes
    model: str = ""
    method: str = ""


@dataclass(frozen=True)
class Act:
    """What to do with a call.

    ``copies``: how often Odoo sees it (0: never); ``reply``: ``whole``, ``half`` (the connection dies in
    the middle of the answer) or ``none`` (it dies before); ``delay_s``: wait before forwarding;
    ``status``: with ``copies=0``, answer this HTTP status instead of Odoo.
    """

    copies: int = 1
    reply: str = "whole"
    delay_s: float = 0.0
    status: int = 0


#: Status, headers and body.
Answer = tuple[int, list[tuple[str, str]], bytes]
Decide = Callable[[Call], Act]
#: Gets model, method and the one JSON argument of a gateway call, answers the argument to send instead.
Edit = Callable[[str, str, str], str]


def parse_call(number: int, path: str, body: bytes) -> Call:
    """Name the ORM call inside an XML-RPC body; what is none is passed on unnamed."""
    params = _execute_kw(path, body)
    model, method = (str(params[3]), str(params[4])) if params else ("", "")
    return Call(number, path, body, model, method)


def edit_call(call: Call, edit: Edit) -> bytes:
    """The body with the first positional argument of the ORM call replaced by ``edit``'s answer."""
    params = _execute_kw(call.path, call.body)
    if not params or not params[5] or not isinstance(params[5][0], str):
        return call.body
    changed = [edit(call.model, call.method, params[5][0]), *params[5][1:]]
    return xmlrpc.client.dumps((*params[:5], changed, *params[6:]), "execute_kw", allow_none=True).encode()


def _execute_kw(path: str, body: bytes) -> tuple[Any, ...] | None:
    """The parameters of an ``execute_kw`` call, or ``None`` when the body is something else."""
    if not path.startswith("/xmlrpc") or b"execute_kw" not in body:
        return None
    try:
        params, method = xmlrpc.client.loads(body)
    except Exception:  # nonsense is what some callers send on purpose; it passes through unedited
        return None
    return params if method == "execute_kw" and len(params) >= 6 else None


class TamperingProxy:
    """Listens on ``port`` (0: any free one) of the loopback and forwards to ``upstream`` on the same host."""

    def __init__(self, upstream: int, *, port: int = 0, decide: Decide | None = None, edit: Edit | None = None):
        self.upstream = upstream
        self.decide = decide or (lambda call: Act())
        self.edit = edit
        self.numbers = itertools.count()
        self.forwarded = 0
        self.cut = 0
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> TamperingProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forward(self, call: Call, verb: str, headers: dict[str, str]) -> Answer:
        """Send the call on once; answer status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=UPSTREAM_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(verb, call.path, body=call.body, headers=headers)
            self.forwarded += 1
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    proxy: TamperingProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is the normal case here and not worth a traceback."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Silent: the tests read counters, not logs."""

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = parse_call(next(proxy.numbers), self.path, body)
        act = proxy.decide(call)
        if proxy.edit and call.model:
            call = Call(call.number, call.path, edit_call(call, proxy.edit), call.model, call.method)
        time.sleep(act.delay_s)
        answer: Answer | None = (act.status, [], b"by the proxy") if act.status else None
        try:
            for _copy in range(act.copies):
                answer = proxy.forward(call, self.command, dict(self._headers_on(len(call.body))))
        except (OSError, http.client.HTTPException):
            self._reset()  # Odoo is down: the caller sees what it would see without us, a dead connection
            return
        if answer is None or act.reply == "none":
            proxy.cut += 1
            self._reset()
            return
        self._answer(*answer, cut_at=0.5 if act.reply == "half" else 1.0)

    def _headers_on(self, length: int) -> Iterator[tuple[str, str]]:
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length", "host"}:
                yield name, value
        yield "Content-Length", str(length)
        yield "Host", self.headers.get("Host", "127.0.0.1")

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, cut_at: float) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(len(body) * cut_at)])
        if cut_at < 1.0:
            self.server.proxy.cut += 1
            self._reset()

    def _reset(self) -> None:
        """End the connection with a reset, as a pulled cable or a killed server would."""
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
