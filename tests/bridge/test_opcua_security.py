"""Secured channels, logins, and servers that are not to be trusted, over a real link (P20)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509
from opcua_scene import PATH, Scene, line_tags, scene, server_identity

from iot_bridge.drivers.opcua.certificates import Identity, make_identity
from iot_bridge.simulator.opcua_server import APPLICATION_URI, PASSWORD, USER

Act = Callable[[Scene], Awaitable[None]]
SECURED = {"security_policy": "Aes256Sha256RsaPss", "trust_on_first_use": True}


def run(tmp_path: Path, act: Act, **settings: Any) -> None:
    async def whole() -> None:
        async with scene(tmp_path, line_tags(), **settings) as s:
            await act(s)

    asyncio.run(whole())


@cache
def person() -> Identity:
    return make_identity("Bridge user", "urn:user", [])


@cache
def bad_server(kind: str) -> Identity:
    uri = "urn:somebody:else" if kind == "uri" else APPLICATION_URI
    days = (-9.0, -1.0) if kind == "expired" else (-1.0, 9.0)
    return make_identity("Labeller", uri, ["127.0.0.1"], server=True, days=days)


async def comes_up(s: Scene) -> None:
    await s.server.show("Labeller.Total", 77)
    await s.seen.shows("total", 77, 6.0)


async def refused(s: Scene, part: str) -> None:
    await s.seen.until(lambda: part in s.connection.state)
    assert s.seen.latest == {}


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
def test_every_policy_and_mode(tmp_path: Path, policy: str, mode: str) -> None:
    async def act(s: Scene) -> None:
        await comes_up(s)
        (client,) = s.server.server.bserver.clients
        shown = client.processor._connection.security_policy
        assert shown.URI.replace("_", "").endswith("#" + policy) and shown.Mode == ua.MessageSecurityMode[mode]

    run(tmp_path, act, security_policy=policy, security_mode=mode, trust_on_first_use=True)


def test_unknown_server_is_refused_until_its_certificate_is_moved_as_the_message_says(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await refused(s, "is not trusted")
        source, target = s.connection.state.split("mv '")[1].rstrip("'").split("' '")
        assert Path(source).read_bytes() == server_identity().certificate
        shutil.move(source, target)
        await comes_up(s)
        assert s.heard("made the bridge's own certificate")

    run(tmp_path, act, wait=False, security_policy="Basic256Sha256")


@pytest.mark.parametrize(
    ("kind", "part"), [("expired", "renew it at the server"), ("uri", "but the server says it is urn:gemba:demo:plc")]
)
def test_wrong_certificates_are_refused_even_when_trusted_on_first_use(tmp_path: Path, kind: str, part: str) -> None:
    async def act(s: Scene) -> None:
        await refused(s, part)
        assert list((tmp_path / "pki/trusted").iterdir()) == []

    run(tmp_path, act, wait=False, identity=bad_server(kind), **SECURED)


def test_server_with_another_certificate_than_before_is_refused(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await comes_up(s)
        await s.server.close()
        s.server.identity = bad_server("another")
        await s.server.open()
        await s.seen.until(lambda: "It is another one than before" in s.connection.state)

    run(tmp_path, act, **SECURED)


def test_policy_that_the_server_does_not_offer_names_those_it_does(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        s.server.server.iserver.endpoints[:] = [
            one for one in s.server.server.iserver.endpoints if "Aes256_Sha256" not in one.SecurityPolicyUri
        ]
        await refused(s, "offers Aes128Sha256RsaOaep with Sign,")
        assert "correct security_policy" in s.connection.state

    run(tmp_path, act, wait=False, **SECURED)


def test_server_that_does_not_trust_us_says_what_to_do(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        async def nobody(certificate: x509.Certificate, description: Any) -> None:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

        s.server.server.iserver.certificate_validator = nobody
        await refused(s, "let the server trust the bridge's certificate")
        assert str(tmp_path / "pki/own/cert.der") in s.connection.state
        # What the server checks of our certificate, it finds in order.
        s.server.server.iserver.certificate_validator = CertificateValidator(
            CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
        )
        await comes_up(s)

    run(tmp_path, act, wait=False, **SECURED)


def password_file(tmp_path: Path, password: str) -> str:
    (tmp_path / "password").write_text(password + "\n")
    return str(tmp_path / "password")


@pytest.mark.parametrize(
    "security",
    [SECURED, {**SECURED, "security_mode": "Sign"}, {"insecure_password": True}],
    ids=["encrypted", "signed", "none"],
)
def test_user_and_password(tmp_path: Path, security: dict[str, Any]) -> None:
    async def act(s: Scene) -> None:
        await comes_up(s)
        (client,) = s.server.server.bserver.clients
        assert client.processor.session.user.name == USER

    run(tmp_path, act, user=USER, password_file=password_file(tmp_path, PASSWORD), **security)


def test_wrong_password_is_said_and_the_right_one_taken_without_a_restart(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await refused(s, "refuses the login")
        assert "check user and password" in s.connection.state
        password_file(tmp_path, PASSWORD)
        await comes_up(s)

    run(tmp_path, act, wait=False, user=USER, password_file=password_file(tmp_path, "guess"), **SECURED)


def test_missing_password_file_is_said(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await refused(s, "put the login's file there")

    run(tmp_path, act, wait=False, user=USER, password_file=str(tmp_path / "none"), **SECURED)


def test_login_with_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "user.der").write_bytes(person().certificate)
    (tmp_path / "user.pem").write_bytes(person().key)

    async def act(s: Scene) -> None:
        s.server.user_certificates = [server_identity().certificate]
        await refused(s, "refuses the login")
        s.server.user_certificates = [person().certificate]
        await comes_up(s)

    run(
        tmp_path, act, wait=False, user_certificate=str(tmp_path / "user.der"), user_key=str(tmp_path / "user.pem"),
        **SECURED,
    )  # fmt: skip


def test_restart_of_a_secured_server(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await comes_up(s)
        await s.server.restart(namespaces=["urn:a"])
        await s.server.show("Labeller.Total", 78)
        await s.seen.shows("total", 78, 6.0)
        assert s.seen.latest[f"{PATH}/state"].value == 0

    run(tmp_path, act, **SECURED)
