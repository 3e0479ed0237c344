"""Carries commands out, each exactly once, whatever is offered how often and whenever the bridge dies.

1. Offered by an answer of either lane; known ids are passed over.
2. Checked: deadline, tag, allow-list. What is not allowed is refused, nothing is written.
3. The note ``writing`` is committed, then the value is written and read back.
4. The result event and the note ``done`` are one transaction.

A bridge that finds a note ``writing`` when it starts can't know whether the value left: it reads, never writes again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..clock import Clock
from ..errors import LinkLost, Rejected
from ..events import Event, Value
from ..tags import Tag
from . import ledger
from .model import Command, Status, Unreadable, parse_command
from .permit import NotAllowed, from_raw, matches, permit, rule_of

if TYPE_CHECKING:
    from ..connection import Connection

log = logging.getLogger(__name__)

Store = Callable[[Sequence[Event], Mapping[str, str | None]], Awaitable[None]]

AT_ONCE = 1000
NO_DEADLINE = 0
LOOK_S = 0.1
# A controller may need some cycles before a written value shows.
SETTLE_S = (0.0, 0.2, 0.6)
# So long after a write of which nothing is known it is tried to read what is there.
RESOLVE_S = 60.0
STORE_RETRY_S = 1.0
FORGET_EVERY_S = 3600.0


class Executor:
    """``offer`` what the answers bring; :meth:`run` resolves what a crash has left, then keeps the notes short.

    store: commits events of the main stream and notes in one transaction; raises sqlite3.OperationalError.
    notes: what was stored so far. connections: those that run, by name. knows: whether a tag is in use, None while
    there are no tags yet; its connection may just be starting anew.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        notes: Mapping[str, str],
        connections: Callable[[], Mapping[str, Connection]],
        knows: Callable[[str], bool | None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._connections = connections
        self._knows = knows
        self._ledger = ledger.Ledger(notes)
        self._unfinished = self._ledger.unfinished()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._order: dict[str, asyncio.Lock] = {}
        # What became of commands since the start, by status.
        self.counts: Counter[str] = Counter()
        self.progress = 0

    def offer(self, commands: Iterable[object]) -> None:
        """The ``commands`` of an answer; the same one may come again and again until its result is stored."""
        readable: list[Command] = []
        for raw in commands:
            try:
                readable.append(parse_command(raw))
            except Unreadable as error:
                self._unreadable(error)
        for command in sorted(readable, key=lambda item: item.id):
            if self._is_new(command.key):
                self._begin(command, self._carry_out(command))

    async def run(self) -> None:
        """See the class; runs until cancelled."""
        for entry in self._unfinished:
            command = Command(entry.id, entry.tag, "write", None, entry.deadline)
            if command.key not in self._tasks:
                self._begin(command, self._after_crash(command, entry))
        self._unfinished = []
        while True:
            self.progress += 1
            gone = self._ledger.forget(self._clock.now_ms())
            if gone:
                await self._commit([], gone)
            await asyncio.sleep(FORGET_EVERY_S)

    async def close(self) -> None:
        """Stop; what was being written is resolved by reading at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one command

    def _is_new(self, key: str) -> bool:
        return key not in self._ledger and key not in self._tasks and len(self._tasks) < AT_ONCE

    def _begin(self, command: Command, work: Awaitable[None]) -> None:
        self._tasks[command.key] = task = asyncio.ensure_future(self._guarded(command.id, work))
        task.add_done_callback(lambda _: self._tasks.pop(command.key, None))

    async def _guarded(self, id: int, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            # Policy: a defect in one command stops no other; Odoo offers it again until its deadline.
            log.exception("command %d", id)

    def _unreadable(self, error: Unreadable) -> None:
        # Nothing says for which machine it was; the result names the command, which Odoo knows.
        command = None if error.id is None else Command(error.id, "", "read", None, NO_DEADLINE)
        if command is None or not self._is_new(command.key):
            log.debug("command: %s", error)
            return
        self._begin(command, self._report(command, "refused", str(error)))

    async def _carry_out(self, command: Command) -> None:
        connection = await self._await_connection(command)
        if connection is None:
            return
        async with self._order.setdefault(connection.name, asyncio.Lock()):
            tag = _tag_of(connection, command.tag)
            if tag is None:
                await self._report(command, "refused", f"{command.tag} is no longer among the tags")
            elif command.kind == "write":
                await self._write(command, connection.name, tag)
            elif command.kind == "read":
                await self._read(command, connection.name, tag)
            else:
                await self._rebirth(command, connection.name, tag)

    async def _await_connection(self, command: Command) -> Connection | None:
        """The connection that has the tag; None when the command was answered already."""
        while not self._expired(command):
            for connection in self._connections().values():
                if _tag_of(connection, command.tag) is not None:
                    return connection
            if self._knows(command.tag) is False:
                await self._report(command, "refused", f"{command.tag} is not among the bridge's tags")
                return None
            await asyncio.sleep(LOOK_S)
        await self._report(command, "expired", "the deadline has passed")
        return None

    async def _write(self, command: Command, name: str, tag: Tag) -> None:
        connection = await self._await_link(command, name)
        if connection is None:
            return
        now = self._clock.now_ms()
        try:
            assert command.value is not None
            raw = permit(connection.config, tag, command.value, self._since(tag.tag, now))
        except NotAllowed as error:
            await self._report(command, "refused", str(error), tag)
            return
        entry = ledger.writing(command, raw, now)
        if not await self._commit([], {ledger.note_of(command.key): entry.note()}):
            # Not noted, so not written: Odoo offers it again.
            return
        self._ledger.add(entry)
        log.info("command %d: %s = %r (%s)", command.id, tag.tag, command.value, command.reason)
        try:
            sample = await connection.write(tag, raw)
        except Rejected as error:
            await self._report(command, "failed", str(error), tag, entry=entry)
            return
        except LinkLost as error:
            await self._resolve(command, name, tag, entry, f"no answer to the write: {error}")
            return
        found = None if sample is None else sample.value
        await self._check(command, name, tag, entry, found)

    async def _check(self, command: Command, name: str, tag: Tag, entry: ledger.Entry, found: Value | None) -> None:
        """Compare what is there with what was written; some controllers need a moment."""
        assert entry.raw is not None
        for pause in SETTLE_S:
            await asyncio.sleep(pause)
            connection = self._connections().get(name)
            if connection is None:
                break
            rule = rule_of(connection.config.write, tag.tag)
            if found is not None and matches(tag, rule, entry.raw, found):
                await self._report(command, "done", "", tag, from_raw(tag, found), entry)
                return
            again = await self._look(connection, tag)
            found = found if again is None else again
        if found is None:
            await self._resolve(command, name, tag, entry, "written, but it could not be read back")
            return
        await self._report(command, "mismatch", "written, but the device holds another value", tag,
                           from_raw(tag, found), entry)  # fmt: skip

    async def _after_crash(self, command: Command, entry: ledger.Entry) -> None:
        connection = None
        until = self._clock.now_ms() + round(RESOLVE_S * 1000)
        while connection is None and self._clock.now_ms() < until:
            connection = next((c for c in self._connections().values() if _tag_of(c, entry.tag)), None)
            await asyncio.sleep(LOOK_S)
        tag = None if connection is None else _tag_of(connection, entry.tag)
        if connection is None or tag is None:
            sentence = "the bridge was stopped while writing, and the tag is not there any more"
            await self._report(command, "unknown", sentence, entry=entry)
            return
        await self._resolve(command, connection.name, tag, entry, "the bridge was stopped while writing")

    async def _resolve(self, command: Command, name: str, tag: Tag, entry: ledger.Entry, why: str) -> None:
        """Whether it was written is not known: read, never write again."""
        assert entry.raw is not None
        until = self._clock.now_ms() + round(RESOLVE_S * 1000)
        while self._clock.now_ms() < until:
            connection = self._connections().get(name)
            found = None if connection is None else await self._look(connection, tag)
            if connection is not None and found is not None:
                rule = rule_of(connection.config.write, tag.tag)
                status: Status = "done" if matches(tag, rule, entry.raw, found) else "unknown"
                await self._report(command, status, f"{why}; this is what was read after it", tag,
                                   from_raw(tag, found), entry)  # fmt: skip
                return
            await asyncio.sleep(LOOK_S)
        await self._report(command, "unknown", f"{why}; it could not be read after it", tag, entry=entry)

    async def _read(self, command: Command, name: str, tag: Tag) -> None:
        while True:
            connection = await self._await_link(command, name)
            if connection is None:
                return
            try:
                sample = await connection.read(tag)
            except Rejected as error:
                await self._report(command, "failed", str(error), tag)
                return
            except LinkLost:
                await asyncio.sleep(LOOK_S)
                continue
            value = None if sample is None else from_raw(tag, sample.value)
            status: Status = "failed" if value is None else "done"
            await self._report(command, status, "" if status == "done" else "the device gives no value", tag, value)
            return

    async def _rebirth(self, command: Command, name: str, tag: Tag) -> None:
        connection = await self._await_link(command, name)
        if connection is None:
            return
        try:
            await connection.rebirth(tag)
        except (Rejected, LinkLost) as error:
            await self._report(command, "failed", str(error), tag)
            return
        await self._report(command, "done", "asked for", tag)

    # -- pieces

    async def _await_link(self, command: Command, name: str) -> Connection | None:
        """The connection once its link stands; None when the deadline came first, which is reported."""
        while not self._expired(command):
            connection = self._connections().get(name)
            if connection is not None and connection.state == "up":
                return connection
            await asyncio.sleep(LOOK_S)
        await self._report(command, "expired", "the deadline has passed, nothing was written")
        return None

    async def _look(self, connection: Connection, tag: Tag) -> Value | None:
        try:
            sample = await connection.read(tag)
        except (LinkLost, Rejected):
            return None
        return None if sample is None else sample.value

    def _expired(self, command: Command) -> bool:
        return self._clock.now_ms() >= command.deadline

    def _since(self, tag: str, now: int) -> float | None:
        last = self._ledger.last_write(tag)
        return None if last is None else (now - last) / 1000

    async def _report(
        self, command: Command, status: Status, message: str, tag: Tag | None = None, read_back: Value | None = None,
        entry: ledger.Entry | None = None,
    ) -> None:  # fmt: skip
        """The result and the note that it is handled, in one transaction; again until it can be stored."""
        now = self._clock.now_ms()
        fields = {"command": command.id, "status": status, "read_back": read_back, "message": message}
        equipment = tag.equipment if tag is not None else command.tag.rpartition("/")[0]
        event = Event("command_result", equipment or "-", now, fields, tag=command.tag or None)
        handled = ledger.done(command, entry, now)
        while not await self._commit([event], {ledger.note_of(command.key): handled.note()}):
            await asyncio.sleep(STORE_RETRY_S)
        self._ledger.add(handled)
        self.counts[status] += 1
        log.log(logging.INFO if status == "done" else logging.WARNING, "command %d: %s %s: %s", command.id,
                command.tag, status, message or repr(read_back))  # fmt: skip

    async def _commit(self, events: Sequence[Event], notes: Mapping[str, str | None]) -> bool:
        try:
            await self._store(events, notes)
        except sqlite3.OperationalError as error:
            log.warning("commands: the outbox can't store: %s", error)
            return False
        return True


def _tag_of(connection: Connection, name: str) -> Tag | None:
    return next((tag for tag in connection.tags if tag.tag == name), None)
