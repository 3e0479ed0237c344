"""Serves machines of the simulated line over OPC UA, with faults by call.

    server = OpcUaServer("127.0.0.1", 4840, [machine.spec for machine in line.machines if …], clock)
    await server.open()                      # Misconfigured when the port is taken
    await server.update(sim_machine)         # in each tick: what changed is written, stamped with plant time
    server.watched("LABELLER")               # a client has subscribed to that machine
    await server.close()

Each machine is an object in the namespace ``urn:gemba:demo``; its values are the nodes that
``layout.node_id`` names (State, Code, …, Total, Reject), and besides them ``Setpoint`` and ``Recipe``, which
clients may write. Endpoints: without security, and with Basic256Sha256, Aes128Sha256RsaOaep and
Aes256Sha256RsaPss, with a certificate of its own. Anybody may read; :data:`USER` with :data:`PASSWORD` and
the certificates in ``user_certificates`` may log in too, any other name may not.

Faults: see the methods of :class:`Faults`, which OpcUaServer has.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager

from ..clock import Clock
from ..drivers.opcua.certificates import Identity, load_certificate, load_key, make_identity
from ..errors import Misconfigured
from .layout import NAMESPACE, Machine, node_id
from .machine import RUNNING, SimMachine
from .opcua_faults import Faults

logging.getLogger("asyncua").setLevel(logging.CRITICAL)

APPLICATION_URI = "urn:gemba:demo:plc"
USER, PASSWORD = "bridge", "labels"
TYPES = {
    "uint16": ua.VariantType.UInt16, "uint32": ua.VariantType.UInt32, "int32": ua.VariantType.Int32,
    "uint64": ua.VariantType.UInt64, "float32": ua.VariantType.Float, "bool": ua.VariantType.Boolean,
    "string": ua.VariantType.String,
}  # fmt: skip
# What clients may write: name -> (type, first value, unit).
WRITABLE: dict[str, tuple[ua.VariantType, Any, str]] = {
    "Setpoint": (ua.VariantType.Float, 80.0, "1/min"),
    "Recipe": (ua.VariantType.String, "none", ""),
}
SECURED = (
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)


class OpcUaServer(Faults):
    """See the module. ``identity`` None: a certificate is made when it opens.

    values: node identifier -> last value written. missing: identifiers that are left out when it opens.
    namespaces: URIs that take the indexes before the line's, so that its own index moves.
    """

    def __init__(
        self, host: str, port: int, machines: Sequence[Machine], clock: Clock, identity: Identity | None = None
    ) -> None:
        self.host, self.port, self.clock = host, port, clock
        self.machines = tuple(machines)
        self.identity = identity
        self.user_certificates: list[bytes] = []
        self.missing: set[str] = set()
        self.namespaces: list[str] = []
        self.values: dict[str, Any] = {}
        self.frozen = False
        self.server: Any = None
        self.index = 0

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"opc.tcp://{self.host}:{self.port}/gemba"

    async def open(self) -> None:
        """Listen; the nodes have their last values, at first zeros."""
        if self.identity is None:
            hosts = sorted({self.host, "localhost"})
            self.identity = await asyncio.to_thread(make_identity, "Labeller", APPLICATION_URI, hosts, server=True)
        server = await self._bare_server(self.identity)
        for uri in [*self.namespaces, NAMESPACE]:
            self.index = await server.register_namespace(uri)
        server.iserver.set_attribute_value_callback(
            ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime), self._present_time
        )
        self.server = server
        for spec in self.machines:
            await self._add_machine(spec)
        try:
            await server.start()
        except OSError:
            self.server = None
            raise Misconfigured(
                f"port {self.port} on {self.host} can't be opened: choose another --base-port"
            ) from None

    async def close(self) -> None:
        """Stop listening, drop every client; the values are kept for the next :meth:`open`."""
        if self.server is None:
            return
        self.resume()
        server, self.server = self.server, None
        iserver = server.iserver
        for session in list(iserver._external_sessions.values()):
            await session.close_session(True)
        await server.stop()
        _keep_nodeset(iserver)

    async def update(self, machine: SimMachine) -> None:
        """Show the machine's present values. State and what belongs to it bear the time of the change."""
        now = self.clock.now_ms()
        spec = machine.spec
        per_minute = 60_000 / machine.cycle_ms if machine.state == RUNNING else 0.0
        since: dict[str, float] = {"state": machine.state, "code": machine.code, "interlock": machine.interlock}
        present: dict[str, float] = {"mode": machine.mode, "boot": machine.boot, "speed": per_minute, **machine.raw}
        for name, value in since.items():
            await self.show(node_id(spec, name), value, min(machine.since, now))
        for name, value in present.items():
            await self.show(node_id(spec, name), value, now)

    async def show(self, identifier: str, value: Any, at: int | None = None, status: int = 0) -> None:
        """Set one node, stamped with plant time ``at`` (now), if that changes it. status: an OPC UA status code."""
        if self.frozen or (status == 0 and self.values.get(identifier) == value):
            return
        self.values[identifier] = value if status == 0 else None
        server = self.server
        if server is None or identifier in self.missing:
            return
        node = ua.NodeId(identifier, self.index)
        held = server.iserver.aspace.read_attribute_value(node, ua.AttributeIds.DataType)
        kind = ua.VariantType(held.Value.Value.Identifier) if held.Value else ua.VariantType.Null
        stamp = _moment(self.clock.now_ms() if at is None else at)
        await server.iserver.write_attribute_value(
            node,
            ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=stamp, ServerTimestamp=stamp),
        )

    def watched(self, name: str) -> bool:
        """Whether a client has subscribed to the machine's total."""
        spec = next(spec for spec in self.machines if spec.name == name)
        held = self.server.iserver.aspace.get(ua.NodeId(node_id(spec, "total"), self.index)) if self.server else None
        return held is not None and bool(held.attributes[ua.AttributeIds.Value].datachange_callbacks)

    def written(self, identifier: str) -> Any:
        """Present value of a node, whoever wrote it."""
        held = self.server.iserver.read_attribute_value(ua.NodeId(identifier, self.index))
        return held.Value.Value if held.Value is not None else None

    # -- building

    async def _bare_server(self, identity: Identity) -> Server:
        server = Server(_Internal(_Users(self)))
        server._application_uri = APPLICATION_URI
        await server.init()
        server.set_server_name("Gemba demo PLC")
        server.set_endpoint(self.endpoint)
        server.disable_clock()
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity, *SECURED])
        server.iserver.certificate = load_certificate(identity.certificate)
        server.iserver.private_key = load_key(identity.key)
        return server

    async def _add_machine(self, spec: Machine) -> None:
        folder = await self.server.nodes.objects.add_object(
            ua.NodeId(spec.title, self.index), ua.QualifiedName(spec.title, self.index)
        )
        for name, register in spec.values.items():
            identifier = node_id(spec, name)
            kind = TYPES[register.type]
            await self._add_variable(folder, identifier, kind, 0.0 if kind == ua.VariantType.Float else 0)
        for name, (kind, first, unit) in WRITABLE.items():
            node = await self._add_variable(folder, f"{spec.title}.{name}", kind, first)
            if node is not None:
                await node.set_writable()
                if unit:
                    await _add_unit(node, unit)

    async def add_missing(self) -> None:
        """What was left out when it opened comes now."""
        late, self.missing = self.missing, set()
        for spec in self.machines:
            folder = self.server.get_node(ua.NodeId(spec.title, self.index))
            for name, register in spec.values.items():
                if node_id(spec, name) in late:
                    await self._add_variable(folder, node_id(spec, name), TYPES[register.type], 0)

    async def _add_variable(self, folder: Any, identifier: str, kind: ua.VariantType, first: Any) -> Any:
        if identifier in self.missing:
            return None
        value = self.values.setdefault(identifier, first)
        if kind == ua.VariantType.Float:
            value = float(value)
        stamp = _moment(self.clock.now_ms())
        node = await folder.add_variable(
            ua.NodeId(identifier, self.index), ua.QualifiedName(identifier.rsplit(".", 1)[-1], self.index),
            ua.Variant(value, kind),
        )  # fmt: skip
        await self.server.iserver.write_attribute_value(
            node.nodeid, ua.DataValue(ua.Variant(value, kind), SourceTimestamp=stamp, ServerTimestamp=stamp)
        )
        return node

    def _present_time(self, _node: Any, _attribute: Any) -> ua.DataValue:
        # The library's own clock writes real time; a plant may run faster.
        moment = _moment(self.clock.now_ms())
        return ua.DataValue(ua.Variant(moment, ua.VariantType.DateTime), SourceTimestamp=moment)


async def _add_unit(node: Any, unit: str) -> None:
    info = ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", -1, ua.LocalizedText(unit))
    await node.add_property(0, "EngineeringUnits", info)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=timezone.utc)


class _Users(UserManager):  # type: ignore[misc]
    """Anybody without a name, the one user, and the known certificates."""

    def __init__(self, owner: OpcUaServer) -> None:
        self._owner = owner

    def get_user(
        self,
        iserver: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        if username is not None and (username, password) != (USER, PASSWORD):
            return None
        known = self._owner.user_certificates
        # The library gives the channel's certificate for anonymous users and the user's own for X.509 logins.
        if username is None and certificate is not None and known and bytes(certificate) not in known:
            return None
        return User(role=UserRole.User, name=username)


# Building the standard nodes takes a second: those of a server that was closed serve the next one.
_SPARE: list[dict[ua.NodeId, Any]] = []


class _Internal(InternalServer):  # type: ignore[misc]
    """Takes standard nodes that are there already."""

    def __init__(self, users: UserManager) -> None:
        super().__init__(users)
        self.disabled_clock = True

    async def load_standard_address_space(self, shelf_file: Any = None) -> None:
        if _SPARE:
            self.aspace._nodes = _SPARE.pop()
            return
        # 100 000 small objects that all stay: looking for garbage among them doubles the time.
        gc.disable()
        try:
            await super().load_standard_address_space()
        finally:
            gc.enable()


def _keep_nodeset(iserver: InternalServer) -> None:
    nodes = iserver.aspace._nodes
    for node_id_ in _foreign(nodes):
        del nodes[node_id_]
    for node in nodes.values():
        node.references = [ref for ref in node.references if ref.NodeId in nodes]
        for attribute in node.attributes.values():
            attribute.datachange_callbacks.clear()
    _SPARE.append(nodes)
    del _SPARE[1:]


def _foreign(nodes: Iterable[ua.NodeId]) -> list[ua.NodeId]:
    # Above 20 000 the library numbers what was added without an identifier, properties for instance.
    return [key for key in nodes if key.NamespaceIndex or (isinstance(key.Identifier, int) and key.Identifier > 20000)]
