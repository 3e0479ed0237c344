"""What went wrong with a call, as one of the errors of :mod:`iot_bridge.errors`, with a sentence that says the mend."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from email.utils import parsedate_to_datetime
from time import time

from ..errors import Busy, Refused, Rejected, TooLarge, Transient

MODEL = "mes.gateway"
REFUSED = frozenset({"stream_unknown", "stream_foreign", "epoch_conflict", "gateway_unknown", "access_denied"})
REJECTED = frozenset({"batch_invalid"})
# Refusals of this bridge's own making: a person must act, so the uplink tries seldom and says why.
WRONG_ADDRESS, WRONG_DATABASE, NO_MODULE, TLS = "odoo_wrong_address", "odoo_wrong_database", "module_missing", "tls"

_CODE = re.compile(r"\s*([a-z][a-z0-9_]+): ?(.*)", re.DOTALL)
_NO_MODEL = re.compile(r"object mes\.gateway doesn't exist|model 'mes\.gateway' does not exist", re.IGNORECASE)
_NO_METHOD = re.compile(r"method '[^']*mes\.gateway[^']*' does not exist", re.IGNORECASE)
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
# No server asks for a longer pause in earnest.
LONGEST_BUSY_S = 300.0
BUSY_S = 5.0
SHOWN = 500


def told(message: str, database: str, access: bool = False) -> Exception:
    """The error that an answer's text stands for: ``code: sentence`` of the gateway, or a sentence of Odoo's."""
    found = _CODE.match(message)
    code = found.group(1) if found else ""
    sentence = found.group(2).strip() if found else message.strip()
    if code in REJECTED:
        return Rejected(message.strip())
    if code in REFUSED:
        return Refused(code, sentence)
    if _NO_MODEL.search(message) or _NO_METHOD.search(message):
        return Refused(
            NO_MODULE,
            f"database {database!r} has no (or an older) module mes_gateway: install or upgrade it in Odoo's Apps, "
            "or correct odoo.database",
        )
    if _NO_DATABASE.search(message):
        return Refused(WRONG_DATABASE, f"Odoo has no database {database!r}: correct odoo.database")
    if access:
        said = message.strip()[:SHOWN] or "the key or login is wrong"
        return Refused("access_denied", f"{said}: make a new key with the gateway's button in Odoo")
    return Transient(message.strip()[-SHOWN:])


def by_status(status: int, headers: http.client.HTTPMessage, body: bytes, url: str, database: str) -> Exception:
    """The error of an HTTP answer that is no success."""
    message = _json_message(body)
    if message is not None and status not in (429, 503):
        error = told(message, database, access=status in (401, 403))
        if not isinstance(error, Transient):
            return error
    if status in (401, 403):
        return Refused(
            "access_denied",
            f"HTTP {status} from {url}: make a new key with the gateway's button in Odoo, "
            "or see what stands before Odoo",
        )
    if status == 429 or (status == 503 and "Retry-After" in headers):
        return Busy(f"HTTP {status}: Odoo, or what stands before it, asks for a pause", _retry_after(headers))
    if status == 413:
        return TooLarge("HTTP 413: what stands before Odoo takes no call of this size; allow 8 MB there")
    if status in (404, 405, 410) or 300 <= status < 400:
        return wrong_address(url, f"HTTP {status}", headers.get("Location"))
    return Transient(f"HTTP {status} {message or ''}".strip()[:SHOWN])


def wrong_address(url: str, found: str, location: str | None = None) -> Refused:
    """Something answers at the address, but no Odoo that knows the database."""
    hint = f"; it points to {location}" if location else ""
    return Refused(
        WRONG_ADDRESS, f"{url} is no address of Odoo's interface ({found}{hint}): correct odoo.url and odoo.database"
    )


def of_link(error: Exception, host: str, timeout_s: float) -> Exception:
    """The error of a connection that could not be made or that broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(TLS, _certificate(error, host))
    if isinstance(error, ssl.SSLError):
        return Transient(f"TLS with {host}: {error.reason or error}: see that odoo.url and its port speak https")
    if isinstance(error, socket.gaierror):
        return Transient(f"the name {host} is not found ({error.strerror}): look at DNS, or at odoo.url")
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Transient(f"{host} gave no answer within {timeout_s:g} s")
    if isinstance(error, ConnectionRefusedError):
        return Transient(f"{host} refuses the connection: Odoo is not running there, or odoo.url has a wrong port")
    return Transient(f"{host}: {type(error).__name__}: {error}"[:SHOWN])


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    why = error.verify_message or str(error)
    if "expired" in why:
        mend = "renew it on the server, and look at this machine's clock"
    elif "not yet valid" in why:
        mend = "set this machine's clock"
    elif "self-signed" in why or "self signed" in why or "issuer" in why:
        mend = "name the file of the authority that signed it in odoo.ca_file"
    else:
        mend = "odoo.url must hold a name that the certificate is made for"
    return f"the certificate of {host} is not accepted: {why}: {mend}"


def _json_message(body: bytes) -> str | None:
    try:
        found = json.loads(body)
        return str(found["message"]) if isinstance(found, dict) and "message" in found else None
    except ValueError:
        return None


def _retry_after(headers: http.client.HTTPMessage) -> float:
    """Seconds to wait, from a number or a date; bounded, as a clock may be wrong."""
    text = headers.get("Retry-After", "").strip()
    try:
        wanted = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - time()
    except (ValueError, TypeError):
        return BUSY_S
    return min(max(wanted, 0.0), LONGEST_BUSY_S)
