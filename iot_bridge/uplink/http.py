"""HTTP to Odoo for both transports: one kept connection, TLS that verifies, a proxy, answers of bounded size."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from .. import __version__
from ..config.model import OdooConfig
from ..errors import Misconfigured, Transient
from ..tls import client_context
from .failures import by_status, of_link

# The tags of the largest plant are a few megabytes.
MAX_ANSWER = 32 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Answer(NamedTuple):
    """A successful one."""

    html: bool
    body: bytes


class Http:
    """One connection to Odoo, opened when needed and kept. Not thread-safe."""

    def __init__(self, config: OdooConfig, timeout_s: float) -> None:
        self._config = config
        self._url = urlsplit(config.url)
        self._timeout_s = timeout_s
        self._proxy = _proxy(config, self._url)
        self._tls = _tls_context(config) if self._url.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send, and read the whole answer; raises Transient, Rejected or Refused."""
        kept = self._connection is not None
        try:
            return self._exchange(path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not kept:
                raise of_link(error, self._host, self._timeout_s) from None
        except (OSError, http.client.HTTPException) as error:
            # A broken connection must not serve the next call.
            self.close()
            raise of_link(error, self._host, self._timeout_s) from None
        # The other side has closed what was kept for too long. To ask once more changes nothing: all calls may repeat.
        try:
            return self._exchange(path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise of_link(error, self._host, self._timeout_s) from None

    def close(self) -> None:
        """Close the connection; the next call opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._open()
        target, more = path, {"User-Agent": f"iot-bridge/{__version__}", **headers}
        if self._proxy is not None and self._tls is None:
            target = f"{self._config.url}{path}"
            more |= _proxy_login(self._proxy)
        self._connection.request("POST", target, body, more)
        with self._connection.getresponse() as answer:
            text = answer.read(MAX_ANSWER + 1)
            if len(text) > MAX_ANSWER:
                self.close()
                raise Transient(f"{self._host} answers more than {MAX_ANSWER >> 20} MB")
            if answer.status != 200:
                raise by_status(
                    answer.status, answer.headers, text, f"{self._config.url}{path}", self._config.database
                )
            return Answer(answer.headers.get_content_type() == "text/html", text)

    def _open(self) -> http.client.HTTPConnection:
        near = self._proxy or self._url
        host, port = near.hostname or "", near.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        connection = http.client.HTTPSConnection(host, port or 443, timeout=self._timeout_s, context=self._tls)
        if self._proxy is not None:
            connection.set_tunnel(self._url.hostname or "", self._url.port or 443, _proxy_login(self._proxy))
        return connection

    @property
    def _host(self) -> str:
        through = f" through the proxy {self._proxy.hostname}" if self._proxy is not None else ""
        return f"{self._url.hostname}{through}"


def _tls_context(config: OdooConfig) -> ssl.SSLContext:
    """Verifies name and chain, always. Raises Misconfigured for files that can't be used."""
    try:
        context = client_context(config.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"odoo.ca_file {config.ca_file}: {error.strerror or error}: it must hold the authority's certificate as PEM"
        ) from None
    if config.client_cert is not None:
        try:
            context.load_cert_chain(str(config.client_cert))
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"odoo.client_cert {config.client_cert}: {error.strerror or error}: it must hold certificate and "
                "unencrypted key as PEM, readable by the bridge"
            ) from None
    return context


def _proxy(config: OdooConfig, url: SplitResult) -> SplitResult | None:
    """The proxy that the setting, else the environment names; none for this machine itself."""
    if config.proxy == "none":
        return None
    named = config.proxy
    if named is None and url.hostname not in _LOOPBACK:
        around = getproxies()
        if not proxy_bypass(url.hostname or ""):
            named = around.get(url.scheme) or around.get("all")
    if not named:
        return None
    parts = urlsplit(named if "//" in named else f"http://{named}")
    try:
        is_good = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is none
        is_good = False
    if not is_good:
        raise Misconfigured(f"odoo.proxy {parts.hostname or ''}: write http://host:port (it carries https too)")
    return parts


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
