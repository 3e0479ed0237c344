"""What somebody on the plant's network, at its broker or with access to a drop folder may send on purpose."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from shots import a_snapshot
from test_file_driver import HEAD, Place, row
from test_opcua_trust import OWN, check
from test_statuspage import GET, serving

from iot_bridge import supervisor
from iot_bridge.commands import NotAllowed, parse_command
from iot_bridge.commands.permit import to_raw
from iot_bridge.config.model import OdooConfig
from iot_bridge.connection import Connection
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.drivers.mqtt.payload import CACHED_TOPIC, Findings, Routes
from iot_bridge.drivers.opcua import trust
from iot_bridge.drivers.opcua.certificates import make_identity
from iot_bridge.errors import LinkLost, Misconfigured
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.snapshot import Snapshot
from iot_bridge.statuspage import StatusServer
from iot_bridge.statuspage import server as server_module
from iot_bridge.tags.model import Tag
from iot_bridge.testing import ManualClock, make_tag
from iot_bridge.uplink.transport import make_transport

HALF = "\ud800"


# -- the status page


def with_half_a_character() -> Snapshot:
    shot = a_snapshot()
    return replace(
        shot,
        tags=(replace(shot.tags[0], value=f"Oats {HALF}"), *shot.tags[1:]),
        findings=tuple(replace(finding, text=HALF) for finding in shot.findings),
    )


@pytest.mark.parametrize("path", ["/", "/view", "/metrics", "/status.json"])
def test_half_a_character_in_a_value_takes_no_page_away(path: str) -> None:
    async def scene() -> bytes:
        async with serving(with_half_a_character()) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(GET.format(path, "localhost", "").encode())
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 200 ")


def test_a_reader_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each one would keep a page and a descriptor for as long as it likes."""
    monkeypatch.setattr(server_module, "READ_S", 0.1)
    shot = a_snapshot()
    huge = replace(shot, findings=(replace(shot.findings[0], text="x" * (16 << 20)),))

    async def look() -> Snapshot:
        return huge

    async def scene() -> None:
        server = StatusServer(look, "127.0.0.1", 0, ())
        await server.open()
        client = socket.create_connection(("127.0.0.1", server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(GET.format("/status.json", "localhost", "").encode())
        before = set(asyncio.all_tasks())
        transports: list[asyncio.WriteTransport] = []
        real = server_module._write

        async def caught(writer: asyncio.StreamWriter, *more: object) -> None:
            transports.append(writer.transport)
            await real(writer, *more)  # type: ignore[arg-type]

        monkeypatch.setattr(server_module, "_write", caught)
        while not transports:
            await asyncio.sleep(0.01)
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert transports[0].get_write_buffer_size() == 0
        client.close()
        await server.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


# -- files


@pytest.fixture
def place(tmp_path: Path, outbox: Outbox) -> Place:
    return Place(tmp_path, outbox)


def test_a_name_of_other_bytes_than_utf8_stops_no_file_behind_it(place: Place) -> None:
    folder = place.folder / "in"
    folder.mkdir()
    (folder / b"\xdcbersicht.csv".decode("utf-8", "surrogateescape")).write_text(HEAD + row(0, total=5))
    place.drop("z.csv", HEAD + row(2, 3, 15))
    events = place.go()
    assert [event["state"] for event in events if event["kind"] == "state"] == ["running", "down"]


def test_a_link_out_of_the_folder_is_not_followed(place: Place) -> None:
    """Whoever may drop files could read the bridge's key in the file of refused rows."""
    secret = place.folder / "gateway-key"
    secret.write_text("time\nSECRET\n")
    place.drop("a.csv", HEAD + row(0, total=5))
    (place.folder / "in" / "b.csv").symlink_to(secret)
    place.go()
    assert place.refused() == [] and secret.exists()


def test_a_file_that_may_not_be_read_stops_no_file_behind_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.drop("a.csv", HEAD + row(0, 3, total=5))
    place.drop("b.csv", HEAD + row(2, 1, 15))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "a.csv")
    events = place.go()
    assert [event["state"] for event in events if event["kind"] == "state"] == ["running"]
    assert any("a.csv may not be read" in sentence for sentence in place.said)


# -- certificates


def test_servers_that_show_ever_new_certificates_fill_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "REJECTED_MOST", 3)
    pki = trust.Pki(tmp_path / "pki")
    pki.own(OWN)
    for _ in range(5):
        last = make_identity("PLC 7", "urn:plc7:server", ["plc7"], server=True)
        with pytest.raises(trust.Untrusted):
            check(pki, last)
    kept = [path.read_bytes() for path in pki.rejected.iterdir()]
    assert len(kept) == 3 and last.certificate in kept


def test_first_use_trusts_no_authority(tmp_path: Path) -> None:
    """It would vouch for the servers of all other connections."""
    pki = trust.Pki(tmp_path / "pki")
    pki.own(OWN)
    rogue = make_identity("PLC 7", "urn:plc7:server", ["plc7"], authority=True)
    with pytest.raises(trust.Untrusted, match="is not trusted"):
        check(pki, rogue, uri="urn:plc7:server", first_use=True)
    assert not list(pki.trusted.iterdir())


# -- topics


def test_long_topics_do_not_stay_in_memory() -> None:
    routes = Routes([Tag(tag="x", connection="c", equipment="M", signal="measurement", address="plant/#|v")])
    said: list[str] = []
    findings = Findings(said.append)
    for number in range(50):
        topic = f"plant/{number}/" + "x" * 60_000
        assert routes.of(topic)
        findings.found(topic, "a payload is no JSON")
        findings.mended(topic)
    assert routes.of("plant/a") is routes.of("plant/a")
    assert all(len(topic) <= CACHED_TOPIC for topic in routes._cache)
    assert max(map(len, said)) < 500 and not findings._said


# -- commands


@pytest.mark.parametrize("value", [1e308, 10**400, -(10**400)], ids=["big", "huge", "low"])
@pytest.mark.parametrize(("kind", "scale"), [("float32", 0.1), ("uint16", 0.1), ("uint16", 1.0), ("float64", 0.1)])
def test_a_value_beyond_all_numbers_is_refused(kind: str, scale: float, value: float) -> None:
    tag = make_tag("T/A/L1/M1", "speed", signal="measurement", type=kind, scale=scale)
    with pytest.raises(NotAllowed):
        to_raw(tag, value)


def test_the_reason_of_a_command_forges_no_line_of_the_log() -> None:
    offer = {"id": 1, "tag": "T/M/x", "value": 1, "deadline": "2026-01-31T08:00:00Z"}
    assert parse_command({**offer, "reason": "why\n<1>ERROR forged\0"}).reason == "why <1>ERROR forged?"


# -- the key


@pytest.mark.parametrize("transport", ["xmlrpc", "json2"])
@pytest.mark.parametrize("key", ["SECRET\nof gateway 1\n", "SECRÉT", "SECRET\u20ac", "SEC\x01RET", "SECRET KEY"])
def test_a_key_file_that_holds_more_than_a_key_says_so_without_the_key(
    tmp_path: Path, key: str, transport: str
) -> None:
    file = tmp_path / "key"
    file.write_text(key, encoding="utf-8")
    config = OdooConfig.model_validate(
        {"url": "http://127.0.0.1:1", "database": "d", "login": "l", "key_file": file, "transport": transport}
    )
    with pytest.raises(Misconfigured, match="one line") as caught:
        make_transport(config, 1)
    assert "SEC" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:SECRET@odoo.example.com", "http://odoo:http", "http://odoo:99999"])
def test_an_address_with_a_password_or_no_port_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError, match=r"no login belongs here|the port is none"):
        OdooConfig.model_validate({"url": url, "database": "d", "login": "l", "key_file": tmp_path / "key"})


def test_a_proxy_of_no_port_is_refused_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k")
    for proxy in ("http://me:SECRET@proxy:http", "http://me:SECRET@"):
        config = OdooConfig.model_validate(
            {"url": "http://odoo.example.com", "database": "d", "login": "l", "key_file": file, "proxy": proxy}
        )
        with pytest.raises(Misconfigured, match="write http://host:port") as caught:
            make_transport(config, 1)
        assert "SECRET" not in str(caught.value)


# -- what others say, in our own sentences


def hostile_certificate(kind: str) -> bytes:
    """A server's certificate that reads badly."""
    if kind == "name":
        return make_identity("PLC\0 7\nERROR iot_bridge: forged", "urn:plc7:server", ["plc7"]).certificate
    der = make_identity("PLC 7", "urn:plc7:server", ["plc7"], server=True).certificate
    # The alternative names become a second basic constraint.
    return der.replace(bytes.fromhex("0603551d11"), bytes.fromhex("0603551d13"))


@pytest.mark.parametrize("kind", ["name", "extension"])
def test_a_certificate_that_reads_badly_is_a_refusal_in_one_plain_line(tmp_path: Path, kind: str) -> None:
    pki = trust.Pki(tmp_path / "pki")
    pki.own(OWN)
    shown = trust.Shown(hostile_certificate(kind), "urn:plc7:server", "plc7", "line1")
    with pytest.raises(trust.Untrusted) as caught:
        pki.check(shown, first_use=False, check_hostname=True)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 1000


def test_what_a_device_says_of_itself_does_not_break_the_live_lane(tmp_path: Path, outbox: Outbox) -> None:
    """Odoo refuses a whole call that holds a NUL or half a character: all machines would stand still on screens."""

    class Rude:
        async def open(self) -> None:
            raise LinkLost(f"the server says: \0 {HALF}\n<1>forged: all is well {'x' * 5000}")

        async def close(self) -> None:
            return None

    async def scene() -> str:
        pipeline = Pipeline(Stores(outbox), ManualClock(), lambda: None)
        config = ModbusTcpConfig.model_validate({"name": "plc", "driver": "modbus_tcp", "host": "h"})
        connection = Connection(config, [], ManualClock(), pipeline, Surroundings(tmp_path))
        connection._driver = Rude()  # type: ignore[assignment]
        running = asyncio.create_task(connection.run())
        while "says" not in connection.state:
            await asyncio.sleep(0.01)
        await supervisor.end(running)
        return connection.state

    state = asyncio.run(asyncio.wait_for(scene(), 60))
    assert state.isprintable() and len(state) < 2000 and state.startswith("down: the server says:")
