"""The status page: shows everything, tells nothing to strangers, holds nobody up."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html.parser import HTMLParser
from http import HTTPStatus

import pytest
from shots import CAPPER, FILLER, a_snapshot, an_empty_snapshot, many_tags

from iot_bridge.errors import Misconfigured
from iot_bridge.snapshot import Snapshot
from iot_bridge.statuspage import StatusServer, render
from iot_bridge.statuspage import server as server_module
from iot_bridge.statuspage.strings import TEXTS, choose

GET = "GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n"


class Page(HTMLParser):
    """Texts and tags of a page; fails on a tag that is not closed."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.seen: list[str] = []
        self.feed(html.replace("<wbr>", ""))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1:] not in (["script"], ["style"]):
            self.texts.append(data.strip())


@asynccontextmanager
async def serving(shot: Snapshot, names: Sequence[str] = ()) -> AsyncIterator[StatusServer]:
    async def look() -> Snapshot:
        return shot

    server = StatusServer(look, "127.0.0.1", 0, names)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


async def exchange(port: int, request: str | bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read until the end: (status, headers, body)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request if isinstance(request, bytes) else request.encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split(" ")[1]), headers, body


def ask(path: str, host: str = "localhost", more: str = "") -> tuple[int, dict[str, str], bytes]:
    """One request to a server with the snapshot in trouble."""

    async def scene() -> tuple[int, dict[str, str], bytes]:
        async with serving(a_snapshot(), ["gateway.plant"]) as server:
            return await exchange(server.port, GET.format(path, host, more))

    return asyncio.run(scene())


def test_page_shows_tags_links_queue_and_alarms_with_their_mend() -> None:
    status, headers, body = ask("/")
    assert status == 200 and headers["content-type"] == "text/html; charset=utf-8"
    said = " ".join(Page(body.decode()).texts)
    for word in (FILLER, "12\u202f345", "0.3 s", "no usable value", "old", "1 min 15 s", "Execute", "not read yet",
                 "down: connection refused", "URLError: timed out", "stop the copy", "Needs attention", "no data",
                 "3.5 s", "clock -3.5 s", "unit 7 answers again"):  # fmt: skip
        assert word in said, word


def test_a_connections_line_says_what_its_driver_counts() -> None:
    shot = a_snapshot()
    counted = {"sessions": 3, "healed": 2, "repaired": 0, "overflowed": 12_345, "skew_ms": 3500}
    one = replace(shot.connections[0], driver="opcua", figures=counted)
    said = " ".join(Page(render.page(replace(shot, connections=(one,)), "en", "n")).texts)
    assert "3 sessions · 2 values found by reading · 12\u202f345 values found no room · clock +3.5 s" in said
    assert "made anew" not in said, "nothing to tell"


def test_page_loads_nothing_from_elsewhere_and_its_policy_forbids_it() -> None:
    _, headers, body = ask("/")
    text = body.decode()
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', text))
    assert policy.count(f"'nonce-{nonce}'") == 2 and len(nonce) >= 20
    assert not re.search(r"(?:src|href)=\"(?!data:|/)", text) and "url(" not in text and "@import" not in text
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_every_state_in_every_language(language: str) -> None:
    for shot in (a_snapshot(), an_empty_snapshot(), replace(a_snapshot(), stuck=("live",))):
        page = Page(render.page(shot, language, "n"))
        assert page.seen.count("html") == 1 and "{" not in " ".join(page.texts)
    empty = " ".join(Page(render.page(an_empty_snapshot(), language, "n")).texts)
    for key in ("no_alarms", "no_connections", "no_tags", "no_machines", "well"):
        assert TEXTS[language][key] in empty


def test_languages_are_complete() -> None:
    keys = set(TEXTS["en"])
    for language, texts in TEXTS.items():
        assert set(texts) == keys, language
        assert all(text.strip() for text in texts.values())
        for key in keys:
            assert re.findall(r"\{\w+\}", texts[key]) == re.findall(r"\{\w+\}", TEXTS["en"][key]), (language, key)


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"), ("de", "de"), ("de-CH,en;q=0.5", "de"), ("es,fr;q=0.3,en;q=0.2", "fr"), ("xx", "en"),
        ("en;q=0.2,de;q=0.9", "de"), ("fr;q=x,de;q=0.1", "de"), (";;,,=q", "en"),
    ],
)  # fmt: skip
def test_language_of_the_reader(accept: str, language: str) -> None:
    assert choose(accept) == language
    assert f'<html lang="{language}">' in ask("/", more=f"Accept-Language: {accept}\r\n")[2].decode()


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'&{x}"])
def test_what_devices_say_is_only_ever_text(text: str) -> None:
    shot = a_snapshot()
    tags = (replace(shot.tags[0], tag=text, value=text, unit=text, connection=text),)
    links = (replace(shot.connections[0], name=text, state=f"down: {text}"),)
    alarms = (replace(shot.alarms[0], code=text, text=text, mend=text),)
    streams = (replace(shot.streams[0], name=text, error=text),)
    machines = {text: {"state": text, "since": text, "counts": {text: 1}}}
    shot = replace(shot, stream=text, tags=tags, connections=links, alarms=alarms, streams=streams, machines=machines)
    page = Page(render.page(shot, "en", "n"))
    assert page.seen.count("script") == 1 and "img" not in page.seen
    assert sum(text in said for said in page.texts) >= 8


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9720", "127.0.0.1:9720", "[::1]:9720", "[::1]", "10.1.2.3",
                                  "gateway.plant:9720"])  # fmt: skip
def test_own_names_are_answered(host: str) -> None:
    assert ask("/healthz", host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9720", "", ":",
                                  "gateway.plant.evil", "[::1].evil", "localhost:9720@evil.example"])  # fmt: skip
def test_foreign_names_get_nothing(host: str) -> None:
    """A page of somebody else whose name points here (DNS rebinding) must not read the plant."""
    for path in ("/", "/view", "/status.json", "/metrics", "/healthz"):
        status, _, body = ask(path, host)
        assert status == 421 and b"FILLER" not in body


@pytest.mark.parametrize("path", ["/../etc/passwd", "/etc/passwd", "//", "/assets/page.css", "/%2e%2e/", "/metrics/",
                                  "/status.json/..", "http://localhost/"])  # fmt: skip
def test_only_five_addresses_exist(path: str) -> None:
    assert ask(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_only_reading(method: str) -> None:
    async def scene() -> None:
        async with serving(a_snapshot()) as server:
            status, headers, _ = await exchange(server.port, f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status == 405 and headers["allow"] == "GET, HEAD"
            status, headers, body = await exchange(server.port, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status == 200 and body == b"" and int(headers["content-length"]) > 1000

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
        (b"GET / SPDY/9\r\nHost: localhost\r\n\r\n", 400),
    ],
)
def test_broken_requests_are_told_so(request_bytes: bytes, status: int) -> None:
    async def scene() -> None:
        async with serving(a_snapshot()) as server:
            assert (await exchange(server.port, request_bytes))[0] == status
            assert (await exchange(server.port, GET.format("/healthz", "localhost", "")))[0] == 200

    asyncio.run(scene())


def test_readers_that_say_nothing_are_bounded_and_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "READ_S", 0.3)

    async def scene() -> None:
        async with serving(a_snapshot()) as server:
            silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(server_module.AT_ONCE)]
            status, _, _ = await exchange(server.port, GET.format("/healthz", "localhost", ""))
            assert status == 503
            for reader, writer in silent:
                assert await asyncio.wait_for(reader.read(), 30) == b""
                writer.close()
            assert (await exchange(server.port, GET.format("/healthz", "localhost", "")))[0] == 200

    asyncio.run(scene())


def test_health_is_503_while_a_loop_stands_still() -> None:
    async def scene() -> None:
        async with serving(replace(a_snapshot(), stuck=("durable:LINE1",))) as server:
            status, _, body = await exchange(server.port, GET.format("/healthz", "localhost", ""))
            assert status == 503 and body == b"stuck: durable:LINE1\n"

    asyncio.run(scene())


def test_json_and_metrics_are_what_programs_read() -> None:
    status, headers, body = ask("/status.json")
    whole = json.loads(body)
    assert status == 200 and headers["content-type"] == "application/json"
    assert whole["tags"][2]["tag"] == f"{CAPPER}/state" and whole["tags"][2]["stale"] is True
    assert whole["streams"][0]["pending"] == 12 and whole["connections"][1]["state"] == "down: connection refused"
    status, headers, body = ask("/metrics?x=1")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"iot_bridge_connection_up" in body


def test_a_defect_of_the_page_is_cut_off_and_leaves_the_next_reader_alone() -> None:
    shots: list[Snapshot | None] = [None, a_snapshot()]

    async def look() -> Snapshot:
        shot = shots.pop(0)
        assert shot is not None
        return shot

    async def scene() -> None:
        server = StatusServer(look, "127.0.0.1", 0, ())
        await server.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET.format("/", "localhost", "").encode())
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        assert (await exchange(server.port, GET.format("/", "localhost", "")))[0] == 200
        await server.close()

    asyncio.run(scene())


def test_a_taken_port_says_the_mend() -> None:
    async def scene() -> None:
        async with serving(a_snapshot()) as server:
            other = StatusServer(lambda: asyncio.sleep(0, a_snapshot()), "127.0.0.1", server.port, ())
            with pytest.raises(Misconfigured, match="choose a free port"):
                await other.open()

    asyncio.run(scene())


def test_a_page_that_takes_long_to_render_does_not_hold_the_loop_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page waits in its thread for something that only the loop can do."""
    ticked = threading.Event()

    def slow(shot: Snapshot, request: object) -> server_module.Response:
        assert ticked.wait(10)
        return server_module.Response(HTTPStatus.OK, b"slow")

    monkeypatch.setitem(server_module._PAGES, "/", slow)  # type: ignore[arg-type]

    async def scene() -> None:
        async with serving(a_snapshot()) as server:
            asking = asyncio.create_task(exchange(server.port, GET.format("/", "localhost", "")))
            await asyncio.sleep(0.1)
            assert not asking.done()
            ticked.set()
            assert (await asking)[2] == b"slow"

    asyncio.run(scene())


def test_many_tags_are_bounded_found_by_name_and_troubles_come_first() -> None:
    bad = replace(many_tags(1)[0], tag=f"{FILLER}/bad", quality="bad", value=None)
    shot = replace(a_snapshot(), tags=(*many_tags(5000), bad))
    html = render.main(shot, "en")
    assert html.count("<wbr>t") == render.MOST_ROWS - 1 and "/<wbr>bad" in html
    assert "500 of 5\u202f001 shown" in html
    found = render.main(shot, "en", "FILLER/T4999")
    assert "/<wbr>t4999" in found and found.count("<wbr>t") == 1 and "shown" not in found
    assert TEXTS["en"]["no_match"] in render.main(shot, "en", "<b>")


def test_find_comes_with_the_request() -> None:
    async def scene() -> None:
        async with serving(replace(a_snapshot(), tags=many_tags(600))) as server:
            _, _, body = await exchange(server.port, GET.format("/view?find=%2Ft599&x=1", "localhost", ""))
            assert body.count(b"<wbr>t") == 1 and b"t599" in body
            too_many = "&".join(["find=a"] * 20)
            status, _, _ = await exchange(server.port, GET.format(f"/view?{too_many}", "localhost", ""))
            assert status == 400

    asyncio.run(scene())
