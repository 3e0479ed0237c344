"""Both transports against what an uplink meets: every answer becomes the right error, with the mend in its sentence."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from brokers import Authority as PlantAuthority
from fault_certificates import Authority
from lane import config

from iot_bridge.drivers.opcua.certificates import make_identity
from iot_bridge.errors import Busy, Misconfigured, Refused, Rejected, Transient
from iot_bridge.testing import FakeOdoo
from iot_bridge.uplink.transport import make_transport

BOTH = pytest.mark.parametrize("transport", ["xmlrpc", "json2"])
PAGE = b"<!DOCTYPE html><title>Welcome to nginx</title>"
HTML = {"Content-Type": "text/html; charset=utf-8"}


def ask(odoo: FakeOdoo, folder: Path, transport: str, timeout_s: float = 5, **more: Any) -> str:
    """One ``tags`` call."""
    made = make_transport(config(odoo, folder, transport=transport, **more), timeout_s)
    try:
        return made.call("tags", '{"stream": "L1"}')
    finally:
        made.close()


@BOTH
@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "mend"),
    [
        (401, {}, b"", "access_denied", "make a new key"),
        (403, HTML, PAGE, "access_denied", "what stands before Odoo"),
        (404, HTML, PAGE, "odoo_wrong_address", "correct odoo.url and odoo.database"),
        (405, {}, b"", "odoo_wrong_address", "correct odoo.url"),
        (301, {"Location": "https://odoo.example.com/"}, b"", "odoo_wrong_address", "points to https://odoo.example.com/"),
        (200, HTML, PAGE, "odoo_wrong_address", "a web page"),
    ],
)
def test_what_only_a_person_can_mend(
    transport: str, status: int, headers: Mapping[str, str], body: bytes, code: str, mend: str,
    odoo: FakeOdoo, tmp_path: Path,
) -> None:  # fmt: skip
    odoo.faults.instead = lambda: (status, headers, body)
    with pytest.raises(Refused, match=re.escape(mend)) as caught:
        ask(odoo, tmp_path, transport)
    assert caught.value.code == code


@BOTH
@pytest.mark.parametrize(
    ("text", "code", "mend"),
    [
        ("Object mes.gateway doesn't exist", "module_missing", "install or upgrade it"),
        ("the model 'mes.gateway' does not exist", "module_missing", "install or upgrade it"),
        ("AttributeError: The method 'mes.gateway.tags' does not exist", "module_missing", "install or upgrade it"),
        ('FATAL:  database "fake" does not exist', "odoo_wrong_database", "correct odoo.database"),
        ("stream_unknown: there is no stream L1", "stream_unknown", "no stream L1"),
    ],
)
def test_what_odoo_itself_says(
    transport: str, text: str, code: str, mend: str, odoo: FakeOdoo, tmp_path: Path
) -> None:
    odoo.faults.fault = lambda: text
    with pytest.raises(Refused, match=mend) as caught:
        ask(odoo, tmp_path, transport)
    assert caught.value.code == code


@BOTH
@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"Internal Server Error"), (502, PAGE), (503, PAGE), (504, b""), (200, b""), (200, b"<no xml"), (200, b"7")],
)
def test_what_time_can_mend(transport: str, status: int, body: bytes, odoo: FakeOdoo, tmp_path: Path) -> None:
    odoo.faults.instead = lambda: (status, {"Content-Type": "text/plain"}, body)
    with pytest.raises(Transient) as caught:
        ask(odoo, tmp_path, transport)
    assert not isinstance(caught.value, Busy)


@BOTH
@pytest.mark.parametrize(
    ("status", "after", "least", "most"),
    [
        (429, "7", 7, 7), (503, "120", 120, 120), (429, "999999", 300, 300), (429, "-3", 5, 5), (429, None, 5, 5),
        (429, "soon", 5, 5), (503, "Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        (429, "Fri, 31 Dec 2099 23:59:59 GMT", 300, 300),
    ],
)  # fmt: skip
def test_a_pause_that_is_asked_for(
    transport: str, status: int, after: str | None, least: float, most: float, odoo: FakeOdoo, tmp_path: Path
) -> None:
    odoo.faults.instead = lambda: (status, {"Retry-After": after} if after is not None else {}, b"")
    with pytest.raises(Busy) as caught:
        ask(odoo, tmp_path, transport)
    assert least <= caught.value.pause_s <= most


@BOTH
def test_a_call_too_large_for_what_stands_before_odoo_is_made_smaller(
    transport: str, odoo: FakeOdoo, tmp_path: Path
) -> None:
    odoo.faults.instead = lambda: (413, HTML, PAGE)
    with pytest.raises(Rejected, match="413"):
        ask(odoo, tmp_path, transport)


@BOTH
def test_one_connection_serves_all_calls_and_comes_back_after_a_cut(
    transport: str, odoo: FakeOdoo, tmp_path: Path
) -> None:
    made = make_transport(config(odoo, tmp_path, transport=transport), 5)
    for _ in range(20):
        made.call("tags", '{"stream": "L1"}')
    assert odoo.opened == 1
    cuts = iter([True])
    odoo.faults.cut = lambda: next(cuts, False)
    # The other side closes what was kept: asked once more, nobody notices.
    assert made.call("tags", '{"stream": "L1"}').startswith("{")
    assert odoo.opened == 2
    made.close()


@BOTH
def test_no_answer_names_the_host_and_the_time(transport: str, odoo: FakeOdoo, tmp_path: Path) -> None:
    odoo.faults.slow_s = lambda: 0.5
    with pytest.raises(Transient, match=r"127\.0\.0\.1 gave no answer within 0\.1 s"):
        ask(odoo, tmp_path, transport, timeout_s=0.1)


@BOTH
def test_an_answer_without_end_is_cut_off(
    transport: str, odoo: FakeOdoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iot_bridge.uplink.http.MAX_ANSWER", 1 << 20)
    odoo.faults.instead = lambda: (200, {"Content-Type": "text/xml"}, b"x" * (3 << 20))
    with pytest.raises(Transient, match="more than"):
        ask(odoo, tmp_path, transport)


@BOTH
def test_no_dns_and_nobody_there_are_told_apart(
    transport: str, odoo: FakeOdoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Transient, match="refuses the connection: Odoo is not running there"):
        ask(odoo, tmp_path, transport, url=f"http://127.0.0.1:{port}")

    def gone(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", gone)
    with pytest.raises(Transient, match=r"the name odoo\.example is not found .* DNS"):
        ask(odoo, tmp_path, transport, url="http://odoo.example:8069", proxy="none")


# -- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def secure(odoo: FakeOdoo) -> str:
    return odoo.url.replace("127.0.0.1", "localhost")


@BOTH
def test_certificate_of_an_own_authority(transport: str, authority: Authority, tmp_path: Path) -> None:
    context = authority.issue("good", "urn:x", "localhost", expired=False).context()
    with FakeOdoo(tls=context) as odoo:
        answer = ask(odoo, tmp_path, transport, url=secure(odoo), ca_file=authority.pair.certificate)
        assert answer.startswith("{")
        with pytest.raises(Refused, match=r"not accepted: .*odoo\.ca_file") as caught:
            ask(odoo, tmp_path, transport, url=secure(odoo))
        assert caught.value.code == "tls"
        with pytest.raises(Refused, match="a name that the certificate is made for"):
            ask(odoo, tmp_path, transport, url=odoo.url, ca_file=authority.pair.certificate)


@BOTH
def test_authority_without_key_identifiers_is_trusted(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of plants often are. Python 3.13 and later refuse them unless they are told not to."""
    plain = ssl.create_default_context

    def strict(**settings: Any) -> ssl.SSLContext:
        made = plain(**settings)
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    monkeypatch.setattr(ssl, "create_default_context", strict)
    plant = PlantAuthority(tmp_path / "ca")
    issued = plant.issue("odoo")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with FakeOdoo(tls=context) as odoo:
        assert ask(odoo, tmp_path, transport, url=secure(odoo), ca_file=plant.certificate).startswith("{")


@BOTH
def test_expired_certificate_says_so(transport: str, authority: Authority, tmp_path: Path) -> None:
    context = authority.issue("old", "urn:x", "localhost", expired=True).context()
    with FakeOdoo(tls=context) as odoo, pytest.raises(Refused, match="has expired: renew it on the server") as caught:
        ask(odoo, tmp_path, transport, url=secure(odoo), ca_file=authority.pair.certificate)
    assert caught.value.code == "tls"


@BOTH
def test_bridge_shows_a_certificate_of_its_own(transport: str, authority: Authority, tmp_path: Path) -> None:
    context = authority.issue("mutual", "urn:x", "localhost", expired=False).context()
    context.verify_mode = ssl.CERT_REQUIRED
    own = make_identity("bridge", "urn:y", [])
    shown = ssl.DER_cert_to_PEM_cert(own.certificate)
    context.load_verify_locations(cadata=shown)
    both = tmp_path / "bridge.pem"
    both.write_bytes(shown.encode() + own.key)
    with FakeOdoo(tls=context) as odoo:
        more = {"url": secure(odoo), "ca_file": authority.pair.certificate}
        assert ask(odoo, tmp_path, transport, client_cert=both, **more).startswith("{")
        with pytest.raises(Transient):
            ask(odoo, tmp_path, transport, **more)


def test_files_and_proxies_of_no_use_say_the_mend(odoo: FakeOdoo, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(Misconfigured, match=r"odoo\.ca_file .*authority's certificate as PEM"):
        ask(odoo, tmp_path, "xmlrpc", url="https://localhost:1", ca_file=nothing)
    nothing.write_text("no certificate")
    with pytest.raises(Misconfigured, match=r"odoo\.client_cert .*unencrypted key"):
        ask(odoo, tmp_path, "xmlrpc", url="https://localhost:1", client_cert=nothing)
    with pytest.raises(Misconfigured, match=r"odoo\.proxy .*http://host:port"):
        ask(odoo, tmp_path, "xmlrpc", proxy="socks5://localhost:1")


# -- proxies


class Proxy:
    """Forwards CONNECT and plain requests to one server; remembers what it was asked for."""

    def __init__(self, target: int) -> None:
        self.asked: list[str] = []
        self.logins: list[str] = []
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        first, _, rest = head.partition(b"\r\n")
        self.asked.append(first.decode())
        self.logins += re.findall(r"Proxy-Authorization: Basic (\S+)", head.decode("latin-1"))
        server = socket.create_connection(("127.0.0.1", self._target))
        if first.startswith(b"CONNECT"):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            verb, url, version = first.split()
            server.sendall(verb + b" /" + url.split(b"/", 3)[3] + b" " + version + b"\r\n" + rest)
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            return


@contextmanager
def proxy_to(odoo: FakeOdoo) -> Iterator[Proxy]:
    made = Proxy(int(odoo.url.rsplit(":", 1)[1]))
    yield made
    made.close()


@BOTH
def test_https_through_a_proxy(transport: str, authority: Authority, tmp_path: Path) -> None:
    """The name of Odoo is the proxy's to find; the certificate is still Odoo's."""
    context = authority.issue("far", "urn:x", "odoo.example", expired=False).context()
    with FakeOdoo(tls=context) as odoo, proxy_to(odoo) as proxy:
        answer = ask(
            odoo, tmp_path, transport, url="https://odoo.example", ca_file=authority.pair.certificate,
            proxy=f"http://user:pass%40word@127.0.0.1:{proxy.port}",
        )  # fmt: skip
    assert answer.startswith("{") and proxy.asked[0].startswith("CONNECT odoo.example:443")
    assert base64.b64decode(proxy.logins[0]) == b"user:pass@word"


@BOTH
def test_http_through_the_environments_proxy_but_not_to_this_machine(
    transport: str, odoo: FakeOdoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_to(odoo) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert ask(odoo, tmp_path, transport).startswith("{") and proxy.asked == []
        assert ask(odoo, tmp_path, transport, url="http://odoo.example:8069").startswith("{")
        assert proxy.asked[0].startswith("POST http://odoo.example:8069/")
        with pytest.raises(Transient):
            ask(odoo, tmp_path, transport, url="http://odoo.invalid:8069", proxy="none")
