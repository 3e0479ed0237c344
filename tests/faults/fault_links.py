"""A cable with a switch: a TCP relay that holds back what passes, in one direction or in both.

Held bytes come out when the cable is mended, as TCP's own repeats would bring them; an end of one side
is not told to the other while the direction is down. So both sides see a half-open link. Works without
rights of root, on any machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable

UP, DOWN = "up", "down"  # towards the device or Odoo; back to the bridge
CHUNK = 65536


class Links:
    """The loop that all relays of a test run in, in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()

    def link(self, port: int, target: int, tls: ssl.SSLContext | None = None) -> Link:
        """A relay that listens on ``port`` and leads to ``target``, both on the loopback."""
        link = Link(self._loop, port, target, tls)
        self.call(link.open)
        return link

    def call(self, work: Callable[[], object]) -> None:
        """Run ``work`` (a function that gives a coroutine) in the loop, and wait for it."""
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)  # type: ignore[arg-type]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


class Link:
    """One relay."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int, target: int, tls: ssl.SSLContext | None) -> None:
        self.port, self.target, self.tls = port, target, tls
        self._loop = loop
        self._open = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what a test does, from its own thread

    def drop(self, *directions: str) -> None:
        """Nothing passes any more in these directions; nobody is told."""
        self._do(lambda: [self._open[way].clear() for way in directions])

    def mend(self) -> None:
        """Everything passes again, what was held back first."""
        self._do(lambda: [event.set() for event in self._open.values()])

    def cut(self) -> None:
        """Reset every connection there is; new ones are taken."""
        self._do(self._reset)

    def secure(self, tls: ssl.SSLContext) -> None:
        """Use another certificate from now on; connections there are end."""
        asyncio.run_coroutine_threadsafe(self._again(tls), self._loop).result(10)

    def shut(self) -> None:
        asyncio.run_coroutine_threadsafe(self.close(), self._loop).result(10)

    def _do(self, work: Callable[[], object]) -> None:
        async def inside() -> None:
            work()

        asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    # -- in the loop

    async def open(self) -> None:
        for event in self._open.values():
            event.set()
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port, ssl=self.tls)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reset()
        for task in self._tasks:
            task.cancel()

    async def _again(self, tls: ssl.SSLContext) -> None:
        await self.close()
        self.tls = tls
        await self.open()

    def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        ways = [
            asyncio.ensure_future(self._pump(reader, far_writer, self._open[UP])),
            asyncio.ensure_future(self._pump(far_reader, writer, self._open[DOWN])),
        ]
        self._tasks |= set(ways)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(ways)
        self._tasks -= set(ways)
        self._writers -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while True:
                data = await reader.read(CHUNK)
                await passes.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
