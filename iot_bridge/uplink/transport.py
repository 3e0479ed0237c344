"""How a JSON string reaches a method of ``mes.gateway``: XML-RPC (default) or JSON-2.

Both are synchronous, made to run in a worker thread, one thread each. Every failure becomes one of
the classes of :mod:`iot_bridge.errors`.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
import xmlrpc.client
from typing import Any, Protocol

from ..config.model import OdooConfig
from ..errors import Refused, Rejected, Transient

MODEL = "mes.gateway"
REFUSED = frozenset({"stream_unknown", "stream_foreign", "epoch_conflict", "gateway_unknown", "access_denied"})
REJECTED = frozenset({"batch_invalid"})
# Odoo's XML-RPC fault codes for a wrong key and a missing right.
_ACCESS_FAULTS = frozenset({3, 4, "AccessDenied", "AccessError"})
_CODE = re.compile(r"\s*([a-z][a-z0-9_]+): ?(.*)", re.DOTALL)


class Transport(Protocol):
    """One call; raises Transient, Rejected or Refused."""

    def call(self, method: str, payload: str) -> str: ...

    def close(self) -> None: ...


def failure(message: str, access: bool = False) -> Exception:
    """The error that an answer's text stands for: ``code: sentence``."""
    found = _CODE.match(message)
    code = found.group(1) if found else ""
    sentence = found.group(2).strip() if found else message.strip()
    if code in REJECTED:
        return Rejected(message.strip())
    if code in REFUSED:
        return Refused(code, sentence)
    if access:
        return Refused("access_denied", message.strip() or "the key or login is wrong: make a new key in Odoo")
    return Transient(message.strip()[-500:])


class _Timed(xmlrpc.client.Transport):
    """xmlrpc's plain transport with a timeout."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = self._timeout_s
        return connection


class _TimedSafe(xmlrpc.client.SafeTransport):
    """The same over TLS."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPSConnection:
        connection = super().make_connection(host)
        connection.timeout = self._timeout_s
        return connection


class XmlRpc:
    """Odoo's external API at /xmlrpc/2. The user id is asked for once."""

    def __init__(self, config: OdooConfig, timeout_s: float) -> None:
        self._config = config
        self._key = config.read_key()
        self._timeout_s = timeout_s
        self._uid: int | None = None
        self._object = self._proxy("object")

    def call(self, method: str, payload: str) -> str:
        try:
            uid = self._uid or self._login()
            config = self._config
            answer = self._object.execute_kw(config.database, uid, self._key, MODEL, method, [payload])
        except xmlrpc.client.Fault as fault:
            raise failure(fault.faultString, fault.faultCode in _ACCESS_FAULTS) from None
        except xmlrpc.client.ProtocolError as error:
            raise Transient(f"HTTP {error.errcode} {error.errmsg}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ValueError, SyntaxError) as error:
            # A broken connection must not serve the next call.
            self.close()
            raise Transient(f"{type(error).__name__}: {error}") from None
        if not isinstance(answer, str):
            raise Transient(f"{MODEL}.{method} answered {type(answer).__name__} instead of JSON text")
        return answer

    def close(self) -> None:
        self._object("close")()

    def _login(self) -> int:
        common = self._proxy("common")
        try:
            uid = common.authenticate(self._config.database, self._config.login, self._key, {})
        finally:
            common("close")()
        if not isinstance(uid, int) or not uid:
            raise Refused(
                "access_denied",
                f"login {self._config.login!r} with the key in {self._config.key_file} is not accepted by database "
                f"{self._config.database!r}: check both, or make a new key with the gateway's button in Odoo",
            )
        self._uid = uid
        return uid

    def _proxy(self, endpoint: str) -> xmlrpc.client.ServerProxy:
        safe = self._config.url.startswith("https:")
        transport = (_TimedSafe if safe else _Timed)(self._timeout_s)
        url = f"{self._config.url}/xmlrpc/2/{endpoint}"
        return xmlrpc.client.ServerProxy(url, transport=transport, allow_none=True)


class Json2:
    """Odoo 19's /json/2/<model>/<method> with a bearer key."""

    def __init__(self, config: OdooConfig, timeout_s: float) -> None:
        self._config = config
        self._key = config.read_key()
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if config.url.startswith("https:") else None

    def call(self, method: str, payload: str) -> str:
        request = urllib.request.Request(
            f"{self._config.url}/json/2/{MODEL}/{method}",
            data=json.dumps({"message": payload}).encode(),
            headers={
                "Authorization": f"bearer {self._key}",
                "Content-Type": "application/json; charset=utf-8",
                "X-Odoo-Database": self._config.database,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s, context=self._tls) as answer:
                text = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise self._http_failure(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Transient(f"{type(error).__name__}: {error}") from None
        if not isinstance(text, str):
            raise Transient(f"{MODEL}.{method} answered {type(text).__name__} instead of JSON text")
        return text

    def close(self) -> None:
        """Each call has its own connection."""

    @staticmethod
    def _http_failure(error: urllib.error.HTTPError) -> Exception:
        try:
            message = str(json.loads(error.read()).get("message", ""))
        except (ValueError, OSError, AttributeError):
            message = f"HTTP {error.code}"
        return failure(message, access=error.code in (401, 403))


def make_transport(config: OdooConfig, timeout_s: float) -> Transport:
    """The transport that the setting names."""
    made: Transport = XmlRpc(config, timeout_s) if config.transport == "xmlrpc" else Json2(config, timeout_s)
    return made
