"""Whom the bridge trusts: each refusal is a sentence, and doing what it says mends it (P20)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from iot_bridge.drivers.opcua import certificates as certs
from iot_bridge.drivers.opcua.certificates import Identity, make_identity
from iot_bridge.drivers.opcua.trust import Pki, Shown, Untrusted

URI, OWN = "urn:plc7:server", "urn:test:iot-bridge"


@cache
def server(kind: str = "good") -> Identity:
    """A server's identity; made once a kind, for a key takes its time."""
    days = {"expired": (-30.0, -1.0), "future": (1.0, 30.0)}.get(kind, (-1.0, 30.0))
    return make_identity("PLC 7", URI, ["plc7", "10.0.0.7"], server=True, days=days)


@cache
def authority() -> Identity:
    return make_identity("Plant CA", "urn:Plant CA", [], authority=True)


@cache
def issued() -> Identity:
    return make_identity("PLC 8", URI, ["plc8"], server=True, issuer=authority())


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    made = Pki(tmp_path / "pki")
    made.own(OWN)
    return made


def check(
    pki: Pki, identity: Identity, *, uri: str = URI, host: str = "plc7", first_use: bool = False, hostname: bool = True
) -> str | None:
    return pki.check(
        Shown(identity.certificate, uri, host, "line1"), first_use=first_use, check_hostname=hostname
    )  # fmt: skip


def trust(pki: Pki, identity: Identity, folder: str = "trusted", name: str = "x.der") -> Path:
    path = pki.folder / folder / name
    path.write_bytes(identity.certificate)
    return path


# -- who the bridge is


def test_own_certificate_is_made_once_for_its_uri_and_only_we_read_its_key(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "pki")
    identity, said = pki.own(OWN)
    assert len(said) == 1 and "let the OPC UA servers trust it" in said[0]
    again, nothing = pki.own(OWN)
    assert (again, nothing) == (identity, [])
    certificate = certs.load_certificate(identity.certificate)
    assert certs.application_uris(certificate) == [OWN]
    assert certs.thumbprint(certificate) in said[0]
    assert os.stat(tmp_path / "pki/own/key.pem").st_mode & 0o777 == 0o600
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and usage.key_encipherment and usage.data_encipherment
    # Twenty years: nobody walks from PLC to PLC every year.
    assert certificate.not_valid_after_utc > datetime.now(timezone.utc) + timedelta(days=19 * 365)


def test_several_that_start_at_one_time_have_one_identity(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from iot_bridge.drivers.opcua.trust import Pki; "
    code += f"print(Pki(Path(sys.argv[1])).own({OWN!r})[0].certificate.hex())"
    command = [sys.executable, "-c", code, str(tmp_path / "pki")]
    root = Path(__file__).resolve().parents[2]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    assert len({process.communicate()[0] for process in started}) == 1
    assert {process.returncode for process in started} == {0}


def test_key_that_others_can_read_is_said(pki: Pki) -> None:
    (pki.folder / "own/key.pem").chmod(0o644)
    assert ["chmod 600" in sentence for sentence in pki.own(OWN)[1]] == [True]


def test_own_certificate_for_another_uri_is_refused(pki: Pki) -> None:
    with pytest.raises(Untrusted, match=f"speaks for {OWN}, not for urn:other: set application_uri"):
        pki.own("urn:other")


def test_own_certificate_that_expired_is_refused_and_a_new_one_made_as_said(pki: Pki) -> None:
    old = make_identity("Gemba IoT bridge", OWN, [], days=(-9, -1))
    (pki.folder / "own/cert.der").write_bytes(old.certificate)
    (pki.folder / "own/key.pem").write_bytes(old.key)
    with pytest.raises(Untrusted, match=r"expired on .*move .* away"):
        pki.own(OWN)
    (pki.folder / "own/cert.der").unlink()
    (pki.folder / "own/key.pem").unlink()
    assert pki.own(OWN)[1]


def test_own_certificate_that_ends_soon_is_said(pki: Pki) -> None:
    soon = make_identity("Gemba IoT bridge", OWN, [], days=(-9, 20))
    (pki.folder / "own/cert.der").write_bytes(soon.certificate)
    (pki.folder / "own/key.pem").write_bytes(soon.key)
    assert any("expires in 19 days" in sentence for sentence in pki.own(OWN)[1])


@pytest.mark.parametrize(("name", "data"), [("key.pem", None), ("cert.der", b"nonsense")])
def test_half_an_identity_is_never_replaced_in_silence(pki: Pki, name: str, data: bytes | None) -> None:
    path = pki.folder / "own" / name
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Untrusted, match=r"put it back, or move|can't be read"):
        pki.own(OWN)


def test_key_of_another_certificate_is_refused(pki: Pki) -> None:
    (pki.folder / "own/key.pem").write_bytes(server().key)
    with pytest.raises(Untrusted, match="is not the key of"):
        pki.own(OWN)


# -- whom it trusts


def test_unknown_server_is_refused_kept_aside_and_trusted_when_moved_as_said(pki: Pki) -> None:
    with pytest.raises(Untrusted, match="is not trusted") as refused:
        check(pki, server())
    (kept,) = pki.rejected.iterdir()
    assert kept.read_bytes() == server().certificate
    assert certs.thumbprint(certs.load_certificate(server().certificate)) in str(refused.value)
    source, target = str(refused.value).split("mv '")[1].rstrip("'").split("' '")
    shutil.move(source, target)
    assert check(pki, server()) is None


def test_first_use_trusts_the_first_and_no_other(pki: Pki) -> None:
    said = check(pki, server(), first_use=True)
    assert said is not None and "from now on" in said
    assert check(pki, server(), first_use=True) is None
    assert check(pki, server()) is None
    with pytest.raises(Untrusted, match="another one than before"):
        check(pki, server("renewed"), first_use=True)


@pytest.mark.parametrize("form", ["der", "pem"])
def test_certificate_may_be_der_or_pem(pki: Pki, form: str) -> None:
    certificate = certs.load_certificate(server().certificate)
    coding = serialization.Encoding.PEM if form == "pem" else serialization.Encoding.DER
    (pki.trusted / f"plc.{form}").write_bytes(certificate.public_bytes(coding))
    assert check(pki, server()) is None


@pytest.mark.parametrize(("kind", "sentence"), [("expired", "expired on .*renew it"), ("future", "valid only from")])
def test_certificate_out_of_its_time_is_refused_though_trusted(pki: Pki, kind: str, sentence: str) -> None:
    trust(pki, server(kind))
    with pytest.raises(Untrusted, match=sentence):
        check(pki, server(kind))


def test_certificate_of_another_application_is_refused_though_trusted(pki: Pki) -> None:
    trust(pki, server())
    with pytest.raises(Untrusted, match="but the server says it is urn:other"):
        check(pki, server(), uri="urn:other")


def test_first_use_trusts_nothing_that_is_wrong(pki: Pki) -> None:
    with pytest.raises(Untrusted, match="expired"):
        check(pki, server("expired"), first_use=True)
    assert list(pki.trusted.iterdir()) == []


def test_authority_speaks_for_what_it_issued_under_the_right_host(pki: Pki) -> None:
    with pytest.raises(Untrusted, match="is not trusted"):
        check(pki, issued())
    trust(pki, authority())
    assert check(pki, issued(), host="PLC8") is None
    with pytest.raises(Untrusted, match=r"is for plc8, not for 10\.0\.0\.9: use that name"):
        check(pki, issued(), host="10.0.0.9")
    assert check(pki, issued(), host="10.0.0.9", hostname=False) is None


def test_server_certificate_is_no_authority(pki: Pki) -> None:
    """What a trusted server signed is not trusted: only authorities sign."""
    forged = make_identity("PLC 9", URI, ["plc9"], server=True, issuer=server())
    trust(pki, server())
    with pytest.raises(Untrusted, match="is not trusted"):
        check(pki, forged)


def test_namesake_of_the_authority_is_not_believed(pki: Pki) -> None:
    trust(pki, make_identity("Plant CA", "urn:Plant CA", [], authority=True))
    with pytest.raises(Untrusted, match="is not trusted"):
        check(pki, issued())


def test_chain_through_an_issuer(pki: Pki) -> None:
    middle = make_identity("Line CA", "urn:Line CA", [], authority=True, issuer=authority())
    leaf = make_identity("PLC 8", URI, ["plc8"], server=True, issuer=middle)
    trust(pki, authority())
    with pytest.raises(Untrusted, match="is not trusted"):
        check(pki, leaf, host="plc8")
    trust(pki, middle, "issuers")
    assert check(pki, leaf, host="plc8") is None


def _revocation(by: Identity, serial: int) -> bytes:
    now = datetime.now(timezone.utc)
    one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certs.load_certificate(by.certificate).subject)
        .last_update(now)
        .next_update(now + timedelta(days=9))
        .add_revoked_certificate(one)
        .sign(certs.load_key(by.key), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def test_revoked_certificate_is_refused_if_its_own_authority_says_so(pki: Pki) -> None:
    trust(pki, authority())
    serial = certs.load_certificate(issued().certificate).serial_number
    # A list by somebody else under the same name proves nothing.
    namesake = make_identity("Plant CA", "urn:Plant CA", [], authority=True)
    (pki.folder / "crl/list.crl").write_bytes(_revocation(namesake, serial))
    assert check(pki, issued(), host="plc8") is None
    (pki.folder / "crl/list.crl").write_bytes(_revocation(authority(), serial))
    with pytest.raises(Untrusted, match="is revoked by Plant CA: give the server a new certificate"):
        check(pki, issued(), host="plc8")


def test_chain_that_a_server_sends_begins_with_its_own(pki: Pki) -> None:
    both = issued().certificate + authority().certificate
    assert certs.first_of_chain(both) == issued().certificate
    trust(pki, authority())
    assert check(pki, Identity(both, b""), host="plc8") is None


def test_nonsense_is_refused(pki: Pki) -> None:
    with pytest.raises(Untrusted, match="can't be read"):
        check(pki, Identity(b"\x30\x82\x00\x02no", b""))
