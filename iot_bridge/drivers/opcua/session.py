"""One session with one server: opened step by step, each call with a deadline of ours, closed within a second.

The library's own reconnecting is not used: after any doubt the whole session is closed and opened anew, so that
what was lost on the other side (items, subscriptions, namespace indexes) can't be missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ...errors import LinkLost, Rejected
from ..base import Surroundings
from . import certificates as certs
from .library import CertProperties, Client, UaClientState, security_policies, ua
from .settings import OpcUaConfig
from .trust import Pki, Shown, default_uri
from .values import to_ms

log = logging.getLogger(__name__)
# The library logs a line a failure; ours says it once a change.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

T = TypeVar("T")
SESSION_TIMEOUT_MS = 30_000
CLOSE_S = 0.6
# What costs a server no cryptography is answered at once, or was lost while it started.
GREETING_S, ENDPOINTS_S = 2.0, 3.0
# Opening takes several steps; more than so many times the deadline of one is no opening any more.
OPEN_STEPS = 3
RENEW_SHARE = 0.75
NAME = "Gemba IoT bridge"
_LOGIN = frozenset({"BadUserAccessDenied", "BadIdentityTokenRejected", "BadIdentityTokenInvalid"})
_REFUSED = frozenset({
    "BadSecurityChecksFailed", "BadCertificateUntrusted", "BadCertificateInvalid", "BadCertificateUriInvalid",
    "BadCertificateTimeInvalid", "BadCertificateUseNotAllowed", "BadCertificateRevoked",
})  # fmt: skip


class Session:
    """Use :meth:`open` once, then the services, then :meth:`close`. Services raise LinkLost on any doubt."""

    def __init__(self, config: OpcUaConfig, around: Surroundings) -> None:
        self.namespaces: list[str] = []
        self.nodes_per_read = config.read_max
        self.items_per_call = config.read_max
        self._config = config
        self._around = around
        self._pki = Pki((around.shared or around.folder) / "pki")
        self._client: Any = None

    # -- life

    async def open(self) -> None:
        """Connect, secure, log in, read the namespaces; raise LinkLost with a sentence."""
        try:
            await asyncio.wait_for(self._open(), OPEN_STEPS * self._config.open_timeout_s)
        except asyncio.TimeoutError:
            await self.close()
            raise LinkLost(f"{self._config.endpoint} takes too long to open a session") from None
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        config = self._config
        client = self._client = self._new_client()
        if config.security_policy != "None":
            await self._secure(client)
        user, password = self._login(client)
        await self._step("to connect", client.connect_socket())
        await self._step("to its greeting", client.send_hello(), min(GREETING_S, config.open_timeout_s))
        await self._step("to open a channel", client.open_secure_channel())
        await self._step("to create a session", client.create_session())
        await self._step("to log in", client.activate_session(user, password, client.user_certificate))
        await self._look_around()

    def _new_client(self) -> Any:
        config = self._config
        client = Client(config.endpoint, timeout=config.open_timeout_s)
        client.name = client.description = NAME
        client.application_uri = config.application_uri or default_uri()
        client.session_timeout = SESSION_TIMEOUT_MS
        client.secure_channel_timeout = int(config.channel_lifetime_s * 1000)
        return client

    async def _secure(self, client: Any) -> None:
        config = self._config
        identity, findings = await asyncio.to_thread(self._pki.own, client.application_uri)
        for sentence in findings:
            self._around.found(f"{config.name}: {sentence}")
        endpoints = self._new_client().connect_and_get_server_endpoints()
        offered = await self._step("for its endpoints", endpoints, min(ENDPOINTS_S, config.open_timeout_s))
        endpoint = self._choose(offered)
        certificate = certs.first_of_chain(endpoint.ServerCertificate or b"")
        shown = Shown(certificate, endpoint.Server.ApplicationUri or "", config.host, config.name)
        finding = await asyncio.to_thread(
            self._pki.check, shown, first_use=config.trust_on_first_use, check_hostname=config.check_hostname
        )
        if finding:
            self._around.found(f"{config.name}: {finding}")
        policy = getattr(security_policies, f"SecurityPolicy{config.security_policy}")
        await client.set_security(
            policy, CertProperties(identity.certificate, "der"), CertProperties(identity.key, "pem"),
            server_certificate=CertProperties(certificate, "der"), mode=ua.MessageSecurityMode[config.security_mode],
        )  # fmt: skip

    def _choose(self, offered: Sequence[Any]) -> Any:
        wanted = (self._config.security_policy, self._config.security_mode)
        known: dict[tuple[str, str], Any] = {}
        for endpoint in offered:
            # …#Aes256_Sha256_RsaPss on the wire, Aes256Sha256RsaPss among people.
            policy = (endpoint.SecurityPolicyUri or "").rpartition("#")[2].replace("_", "")
            known.setdefault((policy, endpoint.SecurityMode.name.rstrip("_")), endpoint)
        if wanted not in known:
            names = ", ".join(sorted(f"{policy} with {mode}" for policy, mode in known)) or "nothing"
            raise LinkLost(
                f"{self._config.endpoint} offers {names}, not {wanted[0]} with {wanted[1]}: "
                "correct security_policy and security_mode, or enable it at the server"
            )
        return known[wanted]

    def _login(self, client: Any) -> tuple[str | None, str | None]:
        """User and password, or neither; the user's certificate is put into the client."""
        config, password = self._config, None
        try:
            if config.password_file is not None:
                password = config.password_file.read_text(encoding="utf-8").strip("\r\n")
            if config.user_certificate is not None and config.user_key is not None:
                client.user_certificate = certs.load_certificate(config.user_certificate.read_bytes())
                client.user_private_key = certs.load_key(config.user_key.read_bytes())
        except OSError as error:
            raise LinkLost(f"{error.filename}: {error.strerror}: put the login's file there") from None
        except ValueError as error:
            raise LinkLost(f"the files of the login can't be read: {error}") from None
        return config.user, password

    async def _look_around(self) -> None:
        limits = [
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        ]
        nodes = [ua.NodeId(ua.ObjectIds.Server_NamespaceArray), *(ua.NodeId(limit) for limit in limits)]
        answer = await self.read_once(nodes)
        self.namespaces = [str(uri) for uri in (_plain(answer[0]) or [])]
        per_read, per_call = (_plain(data) or 0 for data in answer[1:])
        self.nodes_per_read = min(self._config.read_max, per_read or self._config.read_max)
        self.items_per_call = min(self._config.read_max, per_call or self._config.read_max)

    async def refresh_namespaces(self) -> bool:
        """Read the namespaces again; True when they changed."""
        before = self.namespaces
        answer = await self.read_once([ua.NodeId(ua.ObjectIds.Server_NamespaceArray)])
        self.namespaces = [str(uri) for uri in (_plain(answer[0]) or [])] or before
        return self.namespaces != before

    async def close(self) -> None:
        """End the session within a second; never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        protocol = client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        try:
            await asyncio.wait_for(_farewell(client), CLOSE_S)
        except Exception as error:  # it is being closed because it failed: how else it fails is of no use
            log.debug("%s: closing: %r", self._config.name, error)
        finally:
            client.disconnect_socket()
            if transport is not None:
                # A half-open link never takes what is still to be sent.
                transport.abort()

    async def lost(self) -> None:
        """Returns when the connection is gone."""
        client = self._client
        async with client.subscribe_state() as changes:
            while client.state is UaClientState.CONNECTED:
                await changes.next_change()

    async def renew_for_ever(self) -> None:
        """Renew the channel's keys before they end."""
        client = self._client
        while True:
            await asyncio.sleep(client.secure_channel_timeout / 1000 * RENEW_SHARE)
            await self._step("to renew its keys", client.open_secure_channel(renew=True))
            client.uaclient.revolve_security_token()

    # -- services

    async def read(self, nodes: Sequence[Any]) -> list[Any]:
        """DataValues of many nodes, in as many requests as the server wants."""
        out: list[Any] = []
        for start in range(0, len(nodes), self.nodes_per_read):
            out += await self.read_once(nodes[start : start + self.nodes_per_read])
        return out

    async def read_once(self, nodes: Sequence[Any], attribute: Any = ua.AttributeIds.Value) -> list[Any]:
        """One request; at most ``nodes_per_read`` nodes."""
        if not nodes:
            return []
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.NodesToRead = [ua.ReadValueId(node, attribute) for node in nodes]
        answer: list[Any] = await self.call("to a read", lambda services: services.read(parameters))
        if len(answer) != len(nodes):
            raise LinkLost(f"asked for {len(nodes)} values, got {len(answer)}")
        return answer

    async def probe(self) -> tuple[int | None, int | None]:
        """The server's state (0: running) and its time, device ms."""
        nodes = [
            ua.NodeId(ua.ObjectIds.Server_ServerStatus_State), ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
        ]  # fmt: skip
        state, moment = (_plain(data) for data in await self.read_once(nodes))
        return (None if state is None else int(state)), (None if moment is None else to_ms(moment))

    async def write(self, node: Any, variant: Any) -> None:
        """Write one value; raise Rejected when the server refuses it."""
        # Without stamps: many servers refuse to have theirs written.
        data = ua.DataValue(variant)
        answer = await self.call("to a write", lambda services: services.write_attributes([node], [data]))
        if not answer[0].is_good():
            raise Rejected(f"the server refuses to write {node.to_string()}: {answer[0].name}")

    async def call(
        self, what: str, service: Callable[[Any], Awaitable[T]], expected: tuple[type[Exception], ...] = ()
    ) -> T:
        """One service call with the deadline; ``expected`` errors pass, all others are LinkLost."""
        if self._client is None:
            raise LinkLost("not connected")
        return await self._step(what, service(self._client.uaclient.session), self._config.timeout_s, expected)

    async def slow_call(self, what: str, service: Callable[[Any], Awaitable[T]]) -> T:
        """As :meth:`call`, for what makes a server work: creating subscriptions and items, browsing."""
        if self._client is None:
            raise LinkLost("not connected")
        return await self._step(what, service(self._client.uaclient.session), self._config.open_timeout_s)

    def node(self, node_id: Any) -> Any:
        """The library's node, for what it does better."""
        return self._client.get_node(node_id)

    async def _step(
        self, what: str, work: Awaitable[T], limit_s: float | None = None, expected: tuple[type[Exception], ...] = ()
    ) -> T:
        limit_s = self._config.open_timeout_s if limit_s is None else limit_s
        try:
            return await asyncio.wait_for(work, limit_s)
        except asyncio.TimeoutError:
            raise LinkLost(f"{self._config.endpoint} does not answer {what} within {limit_s:g} s") from None
        except LinkLost:
            raise
        except Exception as error:
            # Policy: whatever the library makes of what came over the wire, this session is not to be trusted.
            if isinstance(error, expected):
                raise
            raise LinkLost(self._sentence(what, error)) from None

    def _sentence(self, what: str, error: Exception) -> str:
        config, own = self._config, self._pki.folder / "own" / "cert.der"
        name = ua.StatusCode(error.code).name if isinstance(error, ua.UaStatusCodeError) else type(error).__name__
        secured = config.security_policy != "None"
        if name in _LOGIN:
            return f"{config.endpoint} refuses the login ({name}): check user and password, or the user's certificate"
        if secured and (name in _REFUSED or (isinstance(error, ConnectionError) and "channel" in what)):
            return f"{config.endpoint} refuses the bridge ({name}): let the server trust the bridge's certificate {own}"
        if (isinstance(error, OSError) and what == "to connect") or what == "for its endpoints":
            return f"{config.host}:{config.port} can't be reached: {error or name}"
        return f"{config.endpoint} fails {what}: {name}: {error}"


def _plain(data: Any) -> Any:
    """A DataValue's bare value; None when it has none."""
    if data.Value is None or (data.StatusCode is not None and data.StatusCode.is_bad()):
        return None
    return data.Value.Value


async def _farewell(client: Any) -> None:
    await client.close_session()
    await client.close_secure_channel()
