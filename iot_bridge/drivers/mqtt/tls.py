"""Certificates and passwords of a broker's connection, and sentences for what goes wrong with them."""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
from pathlib import Path

from ...errors import LinkLost
from ...tls import client_context
from .settings import BrokerConfig

SOON = dt.timedelta(days=30)

# OpenSSL's number of a failed check -> what to do.
_CHECKS = {
    9: "the broker's certificate is not valid yet: check the clocks of both",
    10: "the broker's certificate has expired: renew it there",
    18: "the broker's certificate is signed by itself: name it as ca_file, if it is the right one",
    19: "the broker's certificate comes from an unknown authority: give that authority's certificate as ca_file",
    20: "the broker's certificate comes from an unknown authority: give that authority's certificate as ca_file",
    62: "the broker's certificate is for another name: use the name in it as host, or renew it with this one",
    64: "the broker's certificate is for another address: use the name in it as host, or renew it with this one",
}
# Words of a reason, as MQTT 3.1.1 or 5 give it -> what to do.
_REASONS = (
    (r"bad user ?name|bad username", "the broker refuses username or password: correct username and password_file"),
    (r"not authori[sz]ed", "the broker lets this user or certificate do nothing: correct username and password_file, "
     "or allow it there"),
    (r"identifier", "the broker refuses the client id {client!r}: choose another client_id"),
    (r"taken over", "another client has connected with the client id {client!r}: give each bridge a client_id of its "
     "own"),
    (r"protocol version", "the broker does not speak MQTT {version}: set version to the other one"),
    (r"server unavailable|busy|shutting down", "the broker says that it is not available: look at its log"),
    (r"banned", "the broker has banned this client: look at its log"),
    (r"quota|too large", "the broker's limits are reached ({words}): raise them there"),
)  # fmt: skip


def context(config: BrokerConfig) -> ssl.SSLContext:
    """What TLS needs, from the files; raise LinkLost with the mend."""
    if config.ca_file is not None:
        _readable(config.ca_file, "ca_file")
    try:
        made = client_context(config.ca_file)
    except ssl.SSLError:
        raise LinkLost(f"ca_file {config.ca_file} holds no certificate: it must be PEM") from None
    if config.certificate_file is not None and config.key_file is not None:
        _readable(config.key_file, "key_file")
        expiry = expires(config.certificate_file)
        if expiry < dt.datetime.now(dt.timezone.utc):
            raise LinkLost(f"the bridge's certificate {config.certificate_file} has expired on {expiry:%F}: renew it")
        try:
            made.load_cert_chain(config.certificate_file, config.key_file, password="")
        except ssl.SSLError:
            raise LinkLost(
                f"certificate_file {config.certificate_file} and key_file {config.key_file} do not fit together, "
                "or the key has a pass phrase: take it off"
            ) from None
    return made


def soon_expired(config: BrokerConfig) -> str | None:
    """A sentence when the bridge's own certificate ends within a month; raise LinkLost when it can't be read."""
    if config.certificate_file is None:
        return None
    expiry = expires(config.certificate_file)
    if expiry - dt.datetime.now(dt.timezone.utc) > SOON:
        return None
    return f"the bridge's certificate {config.certificate_file} expires on {expiry:%F}: renew it before"


def expires(path: Path) -> dt.datetime:
    """When a PEM certificate expires; raise LinkLost with the mend."""
    from cryptography import x509  # large, and only needed with certificates of our own

    _readable(path, "certificate_file")
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        raise LinkLost(f"certificate_file {path} holds no certificate: it must be PEM") from None


def password(path: Path | None) -> str | None:
    """The first line of a password file; raise LinkLost with the mend."""
    if path is None:
        return None
    _readable(path, "password_file")
    text = path.read_text(encoding="utf-8", errors="replace")
    first = text.splitlines()[0] if text else ""
    if not first:
        raise LinkLost(f"password_file {path} is empty: put the password into its first line")
    return first


def _readable(path: Path, field: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise LinkLost(f"{field} {path}: {error.strerror}: give a file that the bridge can read") from None


def reason_of(error: Exception | str, config: BrokerConfig, client: str) -> str:
    """A sentence with the mend, for an exception or for the broker's own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CHECKS.get(error.verify_code, f"the broker's certificate is refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return _tls_sentence(str(error), config)
    if isinstance(error, socket.gaierror):
        return f"the name {config.host} is not known here ({error.strerror}): correct host, or the name server"
    if isinstance(error, TimeoutError):
        return f"no answer within {config.timeout_s:g} s: is the address right, and the broker there?"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there: is the broker started, and port right?"
    if isinstance(error, ConnectionResetError) and config.tls:
        return _tls_sentence("UNEXPECTED_EOF", config)
    if isinstance(error, Exception):
        return str(getattr(error, "strerror", None) or error)
    if "[SSL" in error:
        return _tls_sentence(error, config)
    for pattern, sentence in _REASONS:
        if re.search(pattern, error, re.IGNORECASE):
            return sentence.format(client=client, version=config.version, words=error)
    if not error:
        hint = "; does it want a client certificate, or one that it trusts?" if config.tls else ""
        return f"the broker closed the connection{hint}"
    return f"the broker ended the connection: {error}"


def _tls_sentence(text: str, config: BrokerConfig) -> str:
    if re.search("certificate.required|handshake.failure|CERTIFICATE_REQUIRED", text, re.IGNORECASE):
        return "the broker wants a client certificate: set certificate_file and key_file"
    if re.search("unknown.ca|bad.certificate|certificate.(unknown|expired|revoked)", text, re.IGNORECASE):
        return f"the broker refuses the bridge's certificate {config.certificate_file}: let its authority sign it anew"
    if re.search("wrong.version|record.layer|UNEXPECTED_EOF", text, re.IGNORECASE):
        return f"port {config.broker_port} does not speak TLS: set tls: false, or the broker's TLS port"
    return f"TLS fails: {text}"
