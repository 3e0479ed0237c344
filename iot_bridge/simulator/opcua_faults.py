"""What can go wrong with an OPC UA server, by call. Each names what a client sees."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from asyncua import ua


class _Unheard(list[Any]):
    """The server's list of clients while it hangs: whoever enters is not read from."""

    def append(self, client: Any) -> None:
        client.transport.pause_reading()
        super().append(client)


class Faults(ABC):
    """The base of :class:`.opcua_server.OpcUaServer`, whose attributes it changes."""

    server: Any
    index: int
    values: dict[str, Any]
    missing: set[str]
    namespaces: list[str]
    frozen: bool
    _hung = False

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def show(self, identifier: str, value: Any, at: int | None = None, status: int = 0) -> None: ...

    async def lose_items(self, identifiers: Iterable[str] | None = None) -> int:
        """Forget monitored items (of these nodes, or all) without a word; returns how many."""
        wanted = None if identifiers is None else {ua.NodeId(name, self.index) for name in identifiers}
        lost = 0
        for subscription in self._subscriptions().values():
            items = subscription.monitored_item_srv._monitored_items
            ids = [key for key, item in items.items() if wanted is None or item.read_value_id.NodeId in wanted]
            subscription.monitored_item_srv.delete_monitored_items(ids)
            lost += len(ids)
        return lost

    async def lose_subscriptions(self) -> int:
        """Forget all subscriptions without a word; returns how many."""
        ids = list(self._subscriptions())
        await self.server.iserver.subscription_service.delete_subscriptions(ids)
        return len(ids)

    async def lose_sessions(self) -> int:
        """Close every session while the connections stay; returns how many."""
        sessions = list(self.server.iserver._external_sessions.values())
        for session in sessions:
            await session.close_session(True)
        return len(sessions)

    def drop_links(self) -> int:
        """Cut every TCP connection; returns how many."""
        transports = self._transports()
        for transport in transports:
            transport.abort()
        return len(transports)

    def hang(self) -> None:
        """Answer nobody any more: connections stay open, new ones are taken and not heard."""
        self._hung = True
        clients = self.server.bserver.clients
        for client in clients:
            client.transport.pause_reading()
            client._task.cancel()
        self.server.bserver.clients = _Unheard(clients)

    def resume(self) -> None:
        """The end of :meth:`hang`: what hung is cut."""
        if self._hung:
            self._hung = False
            self.server.bserver.clients = list(self.server.bserver.clients)
            self.drop_links()

    def freeze(self, frozen: bool = True) -> None:
        """Values stand still while the server answers."""
        self.frozen = frozen

    async def restart(
        self, down_s: float = 0.0, missing: Iterable[str] = (), namespaces: Iterable[str] = ()
    ) -> None:
        """Down and up again, for ``down_s`` real seconds: sessions and subscriptions are gone, values stay.

        missing: identifiers of nodes that come only with :meth:`.OpcUaServer.add_missing`. namespaces: URIs
        that take indexes before the line's own, which moves.
        """
        await self.close()
        self.missing, self.namespaces = set(missing), list(namespaces)
        if down_s:
            await asyncio.sleep(down_s)
        await self.open()

    async def spoil(self, identifier: str, status: int = ua.StatusCodes.BadSensorFailure) -> None:
        """Give a node a bad or uncertain status; the next value mends it."""
        await self.show(identifier, self.values.get(identifier), status=status)

    def _subscriptions(self) -> dict[int, Any]:
        found: dict[int, Any] = self.server.iserver.subscription_service.subscriptions
        return found

    def _transports(self) -> list[Any]:
        return list(self.server.iserver.asyncio_transports)
