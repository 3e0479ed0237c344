"""How a JSON string reaches a method of ``mes.gateway``: XML-RPC (default) or JSON-2.

Both are synchronous, made to run in a worker thread, one thread each. Every failure becomes one of
the classes of :mod:`iot_bridge.errors`.
"""

from __future__ import annotations

import json
import xmlrpc.client
from typing import Any, Protocol
from xml.parsers.expat import ExpatError

from ..config.model import OdooConfig
from ..errors import Refused, Transient
from .failures import MODEL, told, wrong_address
from .http import Http

# Odoo's XML-RPC fault codes for a wrong key and a missing right.
_ACCESS_FAULTS = frozenset({3, 4, "AccessDenied", "AccessError"})


class Transport(Protocol):
    """One call; raises Transient, Rejected or Refused."""

    def call(self, method: str, payload: str) -> str: ...

    def close(self) -> None: ...


class XmlRpc:
    """Odoo's external API at /xmlrpc/2. The user id is asked for once."""

    def __init__(self, config: OdooConfig, timeout_s: float) -> None:
        self._config = config
        self._key = config.read_key()
        self._http = Http(config, timeout_s)
        self._uid: int | None = None

    def call(self, method: str, payload: str) -> str:
        uid = self._uid or self._login()
        arguments = (self._config.database, uid, self._key, MODEL, method, [payload])
        return _text(method, self._ask("object", "execute_kw", arguments))

    def close(self) -> None:
        self._http.close()

    def _login(self) -> int:
        config = self._config
        uid = self._ask("common", "authenticate", (config.database, config.login, self._key, {}))
        if not isinstance(uid, int) or not uid:
            raise Refused(
                "access_denied",
                f"login {config.login!r} with the key in {config.key_file} is not accepted by database "
                f"{config.database!r}: check both, or make a new key with the gateway's button in Odoo",
            )
        self._uid = uid
        return uid

    def _ask(self, endpoint: str, procedure: str, arguments: tuple[Any, ...]) -> Any:
        path = f"/xmlrpc/2/{endpoint}"
        body = xmlrpc.client.dumps(arguments, procedure, allow_none=True).encode()
        answer = self._http.post(path, body, {"Content-Type": "text/xml"})
        try:
            return xmlrpc.client.loads(answer.body)[0][0]
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in _ACCESS_FAULTS:
                self._uid = None
            raise told(fault.faultString, self._config.database, fault.faultCode in _ACCESS_FAULTS) from None
        except (ExpatError, xmlrpc.client.Error, ValueError, IndexError, LookupError) as error:
            self.close()
            if answer.html:
                raise wrong_address(f"{self._config.url}{path}", "a web page") from None
            raise Transient(f"the answer is no XML-RPC: {type(error).__name__}: {error}") from None


class Json2:
    """Odoo 19's /json/2/<model>/<method> with a bearer key."""

    def __init__(self, config: OdooConfig, timeout_s: float) -> None:
        self._config = config
        self._http = Http(config, timeout_s)
        self._headers = {
            "Authorization": f"bearer {config.read_key()}",
            "Content-Type": "application/json; charset=utf-8",
            "X-Odoo-Database": config.database,
        }

    def call(self, method: str, payload: str) -> str:
        path = f"/json/2/{MODEL}/{method}"
        answer = self._http.post(path, json.dumps({"message": payload}).encode(), self._headers)
        try:
            return _text(method, json.loads(answer.body))
        except ValueError:
            self.close()
            if answer.html:
                raise wrong_address(f"{self._config.url}{path}", "a web page") from None
            raise Transient("the answer is no JSON") from None

    def close(self) -> None:
        self._http.close()


def _text(method: str, answer: object) -> str:
    if not isinstance(answer, str):
        raise Transient(f"{MODEL}.{method} answered {type(answer).__name__} instead of JSON text")
    return answer


def make_transport(config: OdooConfig, timeout_s: float) -> Transport:
    """The transport that the setting names. Raises Misconfigured for a key, certificate or proxy of no use."""
    made: Transport = XmlRpc(config, timeout_s) if config.transport == "xmlrpc" else Json2(config, timeout_s)
    return made
