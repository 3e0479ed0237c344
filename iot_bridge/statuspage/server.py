"""A small HTTP server on the bridge's own loop: GET and HEAD of five addresses, nothing else.

The loop only reads the request (at most 8 KiB, within 5 s) and takes a snapshot; rendering runs in a thread.
A request must name this machine in Host by address, ``localhost`` or a name from ``status.hosts``: a web
page of somebody else that lets its own name point here (DNS rebinding) reads nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

from ..errors import Misconfigured
from ..snapshot import Snapshot
from . import render
from .strings import choose

log = logging.getLogger(__name__)

HEAD_MAX = 8192
READ_S = 5.0
AT_ONCE = 16
RENDERS = 2
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^:\[\]@/]+))(?::\d{1,5})?")
_COMMON = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is used of a request."""

    method: str
    path: str
    headers: Mapping[str, str]
    find: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    more: Mapping[str, str] = field(default_factory=dict)


class _Wrong(Exception):
    """A request that gets only a status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class StatusServer:
    """``look`` gives a fresh snapshot at each request."""

    def __init__(self, look: Callable[[], Awaitable[Snapshot]], host: str, port: int, names: Sequence[str]) -> None:
        self._look = look
        self._host, self._port = host, port
        self._names = frozenset(name.lower() for name in names) | {"localhost"}
        self._renders = asyncio.Semaphore(RENDERS)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; raises Misconfigured with the mend when the port can't be had."""
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=HEAD_MAX)
        except OSError as error:
            raise Misconfigured(
                f"status.port {self._port} on {self._host}: {error.strerror or error}: "
                "choose a free port, or stop the program that has it"
            ) from None
        self._port = self._server.sockets[0].getsockname()[1]
        log.info("status page: http://%s:%d/", self._host, self._port)

    @property
    def port(self) -> int:
        """The port in use (of interest when 0 was asked for)."""
        return self._port

    async def close(self) -> None:
        """Stop listening; requests under way are cut."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._open):
            writer.close()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 1.0)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await asyncio.wait_for(self._exchange(reader, writer), READ_S * 2)
        except asyncio.TimeoutError:
            # A reader that does not read would keep the answer and a descriptor for as long as it likes.
            writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            log.debug("status page: the reader went away")
        except Exception:
            # Policy: a defect of the page must not touch the bridge; the reader gets a cut connection.
            log.exception("status page")
        finally:
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = False
        try:
            if len(self._open) > AT_ONCE:
                raise _Wrong(HTTPStatus.SERVICE_UNAVAILABLE)
            request = await asyncio.wait_for(_read(reader), READ_S)
            head = request.method == "HEAD"
            response = await self._answer(request)
        except _Wrong as error:
            response = Response(error.status, f"{error.status.value} {error.status.phrase}\n".encode())
        await _write(writer, response, head)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise _Wrong(HTTPStatus.METHOD_NOT_ALLOWED)
        if not self._is_ours(request.headers.get("host", "")):
            raise _Wrong(HTTPStatus.MISDIRECTED_REQUEST)
        make = _PAGES.get(request.path)
        if make is None:
            raise _Wrong(HTTPStatus.NOT_FOUND)
        async with self._renders:
            shot = await self._look()
            return await asyncio.to_thread(make, shot, request)

    def _is_ours(self, host: str) -> bool:
        parts = _HOST.fullmatch(host.lower())
        if parts is None:
            return False
        name, address = parts["name"], parts["v6"] or parts["name"]
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return False
        return True


async def _read(reader: asyncio.StreamReader) -> Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _Wrong(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    first, *lines = head[:-4].split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _Wrong(HTTPStatus.BAD_REQUEST)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or (name.lower() in headers and name.lower() == "host"):
            raise _Wrong(HTTPStatus.BAD_REQUEST)
        headers[name.lower()] = value.strip()
    path, _, query = parts[1].partition("?")
    try:
        find = parse_qs(query, max_num_fields=10).get("find", [""])[0]
    except ValueError:
        raise _Wrong(HTTPStatus.BAD_REQUEST) from None
    return Request(parts[0], path, headers, find)


async def _write(writer: asyncio.StreamWriter, response: Response, head: bool) -> None:
    headers = {**_COMMON, "Content-Type": response.kind, "Content-Length": str(len(response.body)), **response.more}
    if response.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET, HEAD"
    lines = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    # Else drain would leave the last 64 KiB to a closed connection that nobody waits for.
    writer.transport.set_write_buffer_limits(0)
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else response.body))
    await writer.drain()


# -- the pages


def _page(shot: Snapshot, request: Request) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    language = choose(request.headers.get("accept-language", ""))
    return _html(render.page(shot, language, nonce), {"Content-Security-Policy": policy})


def _view(shot: Snapshot, request: Request) -> Response:
    language = choose(request.headers.get("accept-language", ""))
    return _html(render.main(shot, language, request.find), {})


def _html(text: str, more: Mapping[str, str]) -> Response:
    # A device's text may hold half a character (a lone surrogate): shown as ?, the rest of the page stands.
    body = text.encode(errors="replace")
    return Response(HTTPStatus.OK, body, "text/html; charset=utf-8", {"Vary": "Accept-Language", **more})


def _json(shot: Snapshot, request: Request) -> Response:
    return Response(HTTPStatus.OK, json.dumps(shot.as_dict()).encode(), "application/json")


def _health(shot: Snapshot, request: Request) -> Response:
    """200 while every loop makes progress; what a device or Odoo does is no matter of the bridge's health."""
    if shot.stuck:
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"stuck: {', '.join(shot.stuck)}\n".encode())
    return Response(HTTPStatus.OK, b"ok\n")


def _metrics(shot: Snapshot, request: Request) -> Response:
    # Here, so that a bridge that nobody scrapes does not pay for the library.
    from ..metrics.exposition import CONTENT_TYPE
    from ..metrics.exposition import render as exposition

    return Response(HTTPStatus.OK, exposition(shot), CONTENT_TYPE)


_PAGES: Mapping[str, Callable[[Snapshot, Request], Response]] = {
    "/": _page,
    "/view": _view,
    "/status.json": _json,
    "/healthz": _health,
    "/metrics": _metrics,
}
