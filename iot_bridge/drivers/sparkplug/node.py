"""What is known of one edge node: its session, its sequence, and the metrics of it and its devices. Pure.

A session begins with NBIRTH and ends with the NDEATH of the same bdSeq. Within it all messages of the node and its
devices are numbered 0 to 255; what comes too early waits a moment for what is missing. After a gap values that come
are taken, but those that do not come prove nothing any more, until the next birth.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ...events import Value
from . import datatypes
from .payload import Metric, Payload, Raw
from .topics import BDSEQ, Source

MODULUS = 256
# So far ahead a message may be early, and so far behind it may be late.
WINDOW = 32
REORDER_S = 0.5
HELD_MAX = 500


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric as its birth defines it."""

    name: str
    alias: int | None
    datatype: int
    properties: dict[str, Raw] = field(default_factory=dict, compare=False)
    value: Value | None = field(default=None, compare=False)


@dataclass(slots=True)
class Table:
    """The metrics of a node or device. born: in this session; else it is what was remembered from an earlier one."""

    metrics: dict[str, Definition] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    born: bool = False

    def define(self, metric: Metric) -> None:
        if metric.name is None:
            return
        try:
            value = datatypes.value_of(metric, None)
        except datatypes.Unusable:
            value = None
        kind = metric.datatype or 0
        self.metrics[metric.name] = Definition(metric.name, metric.alias, kind, metric.properties, value)
        if metric.alias is not None:
            self.names[metric.alias] = metric.name

    def find(self, metric: Metric) -> Definition | None:
        """The definition of a metric that comes with a name, or only with an alias."""
        name = metric.name or (self.names.get(metric.alias) if metric.alias is not None else None)
        return self.metrics.get(name) if name is not None else None

    def agrees(self, other: Table) -> bool:
        """Whether what ``other`` remembers has the same aliases and types here."""
        return all(self.metrics.get(name) == definition for name, definition in other.metrics.items())


def table_of(metrics: Iterable[Metric]) -> Table:
    """The table of a birth."""
    table = Table(born=True)
    for metric in metrics:
        table.define(metric)
    return table


def remembered(text: str) -> Table | None:
    """A table from its note; None when the note is none."""
    table = Table()
    try:
        for name, alias, datatype in json.loads(text)["metrics"]:
            table.define(Metric(str(name), None if alias is None else int(alias), datatype=int(datatype)))
    except (ValueError, TypeError, KeyError):
        return None
    return table


def note_of(table: Table, wanted: Collection[str]) -> str:
    """What is kept of a table: the metrics that are tags."""
    kept = [[d.name, d.alias, d.datatype] for name, d in sorted(table.metrics.items()) if name in wanted]
    return json.dumps({"metrics": kept}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a node or one of its devices. kind: BIRTH, DEATH or DATA; at_s: when it came, monotonic.
    astray: it came out of its place, so that what came before it may be newer."""

    kind: str
    source: Source
    payload: Payload
    at_s: float
    astray: bool = False


class Node:
    """One edge node. ``synced``: no message was missed since the birth, so that what is not told has not changed."""

    def __init__(self, edge: Source) -> None:
        self.edge = edge
        self.online = False
        self.synced = False
        self.bdseq: int | None = None
        self.tables: dict[Source, Table] = {}
        # Data that came before a birth of this session, with a table that is only remembered.
        self.held: list[Letter] = []
        # It did not give birth although it was asked: what comes is not held any more.
        self.deaf = False
        # It has sent data without a birth.
        self.heard = False
        self.gaps = 0
        self._expected: int | None = None
        self._early: dict[int, Letter] = {}

    def proven(self, source: Source) -> bool:
        """Whether a message of ``source`` proves that its values hold that were told before."""
        table = self.tables.get(source)
        return self.synced and table is not None and table.born

    def begin(self, letter: Letter) -> None:
        """NBIRTH: a new session."""
        bdseq = _bdseq(letter.payload)
        self.bdseq = bdseq
        self.online = self.synced = True
        self.deaf = self.heard = False
        self._expected = ((letter.payload.seq or 0) + 1) % MODULUS
        self._early.clear()
        for source, table in self.tables.items():
            if source != self.edge:
                table.born = False

    def ends(self, letter: Letter) -> bool:
        """Whether an NDEATH is this session's: an old connection's may come late."""
        bdseq = _bdseq(letter.payload)
        return not self.online or bdseq is None or self.bdseq is None or bdseq == self.bdseq

    def die(self) -> None:
        """The session is over."""
        self.online = self.synced = self.heard = False
        self._expected = None
        self._early.clear()
        for table in self.tables.values():
            table.born = False

    def in_order(self, letter: Letter) -> list[Letter]:
        """What can be looked at now, in its order: nothing, when ``letter`` has to wait for one before it."""
        seq = letter.payload.seq
        if seq is None or not 0 <= seq < MODULUS:
            self._gap()
            return [letter]
        if self._expected is None:
            self._expected = (seq + 1) % MODULUS
            return [letter]
        ahead = (seq - self._expected) % MODULUS
        if ahead == 0:
            self._expected = (seq + 1) % MODULUS
            return [letter, *self._followers()]
        if ahead <= WINDOW:
            self._early[seq] = letter
            return []
        if ahead < MODULUS - WINDOW:
            ready = self._skip_to_early()
            self._gap()
            self._expected = (seq + 1) % MODULUS
            return [*ready, replace(letter, astray=True)]
        return [replace(letter, astray=True)]  # late: its place was given up already

    def overdue(self, now_s: float) -> list[Letter]:
        """What has waited long enough for a message that does not come: there is a gap."""
        if not self._early or now_s - min(letter.at_s for letter in self._early.values()) < REORDER_S:
            return []
        return self._skip_to_early()

    def give_up(self) -> list[Letter]:
        """What waits, in its order: what is missing will not come."""
        return self._skip_to_early()

    def _skip_to_early(self) -> list[Letter]:
        ready: list[Letter] = []
        while self._early and self._expected is not None:
            start = self._expected
            nearest = min(self._early, key=lambda seq: (seq - start) % MODULUS)
            self._gap()
            self._expected = (nearest + 1) % MODULUS
            ready += [self._early.pop(nearest), *self._followers()]
        return ready

    def _followers(self) -> list[Letter]:
        found = []
        while self._expected is not None and self._expected in self._early:
            found.append(self._early.pop(self._expected))
            self._expected = (self._expected + 1) % MODULUS
        return found

    def _gap(self) -> None:
        self.gaps += 1
        self.synced = False

    def hold(self, letter: Letter) -> bool:
        """Keep data until a birth says what they mean; False when too much is kept already."""
        if len(self.held) >= HELD_MAX:
            return False
        self.held.append(letter)
        return True

    def release(self, sources: Collection[Source] | None = None, before_s: float | None = None) -> list[Letter]:
        """What was held: of these sources, or what came before a time."""
        def asked(letter: Letter) -> bool:
            return (sources is None or letter.source in sources) and (before_s is None or letter.at_s <= before_s)

        out = [letter for letter in self.held if asked(letter)]
        self.held = [letter for letter in self.held if not asked(letter)]
        return out


def _bdseq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BDSEQ and isinstance(metric.value, int):
            return int(metric.value)
    return None


def engineering_unit(definition: Definition) -> str | None:
    """The unit that a birth gives in its properties."""
    for key in ("engUnit", "Engineering Units", "EngUnit", "unit", "Unit"):
        unit: Any = definition.properties.get(key)
        if isinstance(unit, str) and unit:
            return unit
    return None
