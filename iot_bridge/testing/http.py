"""The fake Odoo's web server: XML-RPC and JSON-2, and what stands before an Odoo and answers in its place."""

from __future__ import annotations

import json
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .odoo import FakeOdoo


NONE: Mapping[str, str] = {}


class Cut(Exception):
    """Close the connection without an answer."""


def handler(odoo: FakeOdoo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: without this the second waits for an acknowledgement on a kept connection.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            odoo.opened += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            odoo.asked += 1
            instead = odoo.faults.instead() or odoo.faults.by_size(len(body))
            if odoo.faults.unavailable():
                instead = (503, {}, b"try later")
            if instead is not None:
                self._reply(instead[0], instead[2], instead[1])
                return
            time.sleep(odoo.faults.slow_s())
            try:
                if self.path.startswith("/json/2/"):
                    self._json2(body)
                else:
                    self._xmlrpc(body)
            except Cut:
                self.close_connection = True

        def _json2(self, body: bytes) -> None:
            if self.headers["Authorization"] != f"bearer {odoo.key}":
                self._reply(401, json.dumps({"message": "Invalid apikey"}).encode())
                return
            try:
                text = self._call(self.path.rsplit("/", 1)[-1], json.loads(body)["message"])
            except LookupError as error:
                self._reply(404, json.dumps({"message": error.args[0]}).encode())
                return
            except ValueError as error:
                self._reply(422, json.dumps({"message": str(error)}).encode())
                return
            self._reply(200, json.dumps(text).encode())

        def _xmlrpc(self, body: bytes) -> None:
            params, method = xmlrpc.client.loads(body)
            try:
                result: Any = self._authenticate(params) if method == "authenticate" else self._execute(params)
                answer = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True)
            except (ValueError, LookupError) as error:
                answer = xmlrpc.client.dumps(xmlrpc.client.Fault(2, error.args[0]))
            except PermissionError as error:
                answer = xmlrpc.client.dumps(xmlrpc.client.Fault(3, str(error)))
            self._reply(200, answer.encode())

        def _authenticate(self, params: Sequence[Any]) -> Any:
            return 7 if tuple(params[:3]) == (odoo.database, odoo.login, odoo.key) else False

        def _execute(self, params: Sequence[Any]) -> Any:
            database, _uid, key, model, method, (payload,) = params
            if key != odoo.key or database != odoo.database:
                raise PermissionError("Access Denied")
            assert model == "mes.gateway"
            return self._call(method, payload)

        def _call(self, method: str, payload: str) -> str:
            text = odoo.faults.fault()
            if text is not None:
                raise LookupError(text)
            reply = odoo.answer(method, json.loads(payload))
            if odoo.faults.cut():
                raise Cut
            return json.dumps(reply)

        def _reply(self, status: int, body: bytes, headers: Mapping[str, str] = NONE) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler
