"""The host application's side of Sparkplug B: messages to values, proofs and deaths. Pure.

What is told, in order:

- :class:`Told`: values that a message brought. ``proof``: it also proves that all values told before by the same
  node or device still hold, because none of its messages was missed (report by exception).
- :class:`Gone`: a node or device has died; its values are unknown from now on.

Data under an alias that is only remembered (the bridge was away) waits for the birth that is asked for: is the
alias still the same, it is told, is it another, it is left out. When no birth comes, it is told as uncertain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ...events import Quality, Value
from ..mqtt.payload import Findings
from .datatypes import Unusable, value_of
from .node import Definition, Letter, Node, Table, note_of, remembered, table_of
from .payload import Metric, decode
from .topics import Source, parse_topic
from .wire import Malformed

HOLD_S = 3.0
# A birth is asked for again after the first pause, each time after the double, and after the last for ever; one
# that was not asked for such a while is asked quickly again. A node whose births are broken is not hammered.
ASK_S, ASK_MAX_S, ASK_QUIET_S = 1.0, 16.0, 20.0
GOOD, UNCERTAIN = 0xC0, 0x40
SOURCES_MAX = 2000
# Late messages are late by seconds; a stamp that is further back comes from a clock that was set.
SET_BACK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric's value. time_ms: its own time; historical: from a node's own memory."""

    metric: str
    value: Value | None
    time_ms: int | None
    historical: bool = False
    quality: Quality = "good"


@dataclass(frozen=True, slots=True)
class Told:
    source: Source
    readings: list[Reading]
    time_ms: int | None
    proof: bool


@dataclass(frozen=True, slots=True)
class Gone:
    source: Source


Event = Told | Gone


@dataclass(slots=True)
class _Asking:
    """When a node was last asked for a birth, and how long it is left in peace."""

    last_s: float
    pause_s: float


class Host:
    """wanted: node or device -> its metrics that are tags. ask: send a rebirth request to an edge node.

    notes are those of earlier deliveries; :meth:`take_notes` gives the changed ones.
    """

    def __init__(
        self,
        wanted: Mapping[Source, frozenset[str]],
        prefix: str,
        notes: Mapping[str, str],
        ask: Callable[[Source], None],
        findings: Findings,
    ) -> None:
        self._wanted = dict(wanted)
        self._edges = {source.edge for source in wanted}
        self._prefix = prefix
        self._ask = ask
        self._findings = findings
        self._asked: dict[Source, _Asking] = {}
        self._notes: dict[str, str] = {}
        self._changed: dict[str, str | None] = {}
        self._told_ms: dict[tuple[Source, str], int] = {}
        self.nodes: dict[Source, Node] = {}
        # Everything is of interest, tags or not.
        self.browsing = False
        for source in wanted:
            self._remember(source, notes.get(self._key(source)))

    # -- in

    def message(self, topic: str, data: bytes, now_s: float) -> list[Event]:
        """What a message tells. now_s: monotonic real time."""
        parsed = parse_topic(topic)
        if parsed is None:
            return []
        kind, source = parsed
        if kind == "CMD" or not self._is_known(source):
            return []
        try:
            payload = decode(data)
        except Malformed as error:
            self._findings.found(topic, f"no Sparkplug B payload: {error}")
            return []
        self._findings.mended(topic)
        letter = Letter(kind, source, payload, now_s)
        node = self.nodes.setdefault(source.edge, Node(source.edge))
        if source == node.edge and kind in ("BIRTH", "DEATH"):
            return self._born(node, letter) if kind == "BIRTH" else self._dead(node, letter)
        gaps = node.gaps
        events = [event for ready in node.in_order(letter) for event in self._look(node, ready)]
        self._after(node, gaps, now_s)
        return events

    def tick(self, now_s: float) -> list[Event]:
        """What time alone tells; call it a few times a second."""
        events: list[Event] = []
        for node in self.nodes.values():
            gaps = node.gaps
            for letter in node.overdue(now_s):
                events += self._look(node, letter)
            if node.online or node.heard:  # the dead are not asked
                self._after(node, gaps, now_s)
            held = node.release(before_s=now_s - HOLD_S)
            node.deaf = node.deaf or bool(held)
            for letter in held:
                events += self._tell(node, letter, node.tables.get(letter.source, Table()), "uncertain")
        return events

    def connected(self, now_s: float) -> None:
        """The link to the broker is new: messages may have been missed, everybody is asked for a birth."""
        for node in self.nodes.values():
            node.die()
        self._asked.clear()
        for edge in sorted(self._edges):
            self.want_birth(edge, now_s)

    def want_birth(self, edge: Source, now_s: float) -> None:
        """Ask an edge node for a birth, unless it was asked a moment ago."""
        asked, pause_s = self._asked.get(edge), ASK_S
        if asked is not None:
            quiet_s = now_s - asked.last_s
            if quiet_s < asked.pause_s:
                return
            if quiet_s <= ASK_QUIET_S:
                pause_s = min(asked.pause_s * 2, ASK_MAX_S)
        self._asked[edge] = _Asking(now_s, pause_s)
        self._ask(edge)

    def take_notes(self) -> dict[str, str | None]:
        """Notes that have changed since the last time."""
        changed, self._changed = self._changed, {}
        return changed

    def definition(self, source: Source, metric: str) -> Definition | None:
        """What the last birth said of a metric; None before the first."""
        node = self.nodes.get(source.edge)
        table = node.tables.get(source) if node is not None else None
        return table.metrics.get(metric) if table is not None else None

    # -- births and deaths

    def _born(self, node: Node, letter: Letter) -> list[Event]:
        events = [event for early in node.give_up() for event in self._look(node, early)]
        node.begin(letter)
        return [*events, *self._introduce(node, letter)]

    def _introduce(self, node: Node, letter: Letter) -> list[Event]:
        """A birth of a node or device: its table, what waited for it, and its values."""
        if letter.source not in self._wanted and not self.browsing:
            return []
        table = table_of(letter.payload.metrics)
        before = node.tables.get(letter.source, Table())
        node.tables[letter.source] = table
        events: list[Event] = []
        waited = node.release([letter.source])
        if waited and table.agrees(before):
            for held in waited:
                events += self._tell(node, held, table, "good")
        elif waited:
            self._findings.found(str(letter.source), "its aliases changed while the bridge was away: data left out")
        self._note(letter.source, table)
        return [*events, *self._tell(node, letter, table, "good")]

    def _dead(self, node: Node, letter: Letter) -> list[Event]:
        if not node.ends(letter):
            self._findings.found(str(node.edge), "an NDEATH with another bdSeq than its birth's: it is an old one's")
            return []
        was_known = node.online
        node.die()
        if not was_known:
            self.want_birth(node.edge, letter.at_s)
        gone = [source for source in self._wanted if source.edge == node.edge]
        return [Gone(source) for source in sorted(gone, key=str)]

    def _look(self, node: Node, letter: Letter) -> list[Event]:
        """A message whose turn it is."""
        if letter.kind == "BIRTH":
            return self._introduce(node, letter)
        if letter.source not in self._wanted:
            return []
        table = node.tables.get(letter.source)
        if letter.kind == "DEATH":
            if table is not None:
                table.born = False
            return [Gone(letter.source)]
        if table is not None and table.born:
            return self._tell(node, letter, table, "good")
        node.heard = True
        self.want_birth(node.edge, letter.at_s)
        if table is not None and not node.deaf and node.hold(letter):
            return []
        return self._tell(node, letter, table or Table(), "uncertain")

    def _after(self, node: Node, gaps: int, now_s: float) -> None:
        if node.gaps != gaps:
            self._findings.found(str(node.edge), "messages were missed: asked for a birth")
        if not node.synced:
            self.want_birth(node.edge, now_s)
        else:
            self._findings.mended(str(node.edge))

    # -- values

    def _tell(self, node: Node, letter: Letter, table: Table, quality: Quality) -> list[Event]:
        wanted = self._wanted.get(letter.source)
        if wanted is None:
            return []
        readings: list[Reading] = []
        for metric in letter.payload.metrics:
            name = metric.name or (table.names.get(metric.alias) if metric.alias is not None else None)
            if name is None:
                if table.born:
                    self._unknown(node, letter, metric)
            elif name in wanted:
                readings.append(self._reading(letter, metric, name, table.metrics.get(name), quality))
        proof = node.proven(letter.source) and quality == "good"
        return [Told(letter.source, readings, letter.payload.timestamp, proof)] if readings or proof else []

    def _unknown(self, node: Node, letter: Letter, metric: Metric) -> None:
        self._findings.found(str(letter.source), f"alias {metric.alias} is in no birth: asked for one")
        self.want_birth(node.edge, letter.at_s)

    def _reading(
        self, letter: Letter, metric: Metric, name: str, definition: Definition | None, quality: Quality
    ) -> Reading:
        about = f"{letter.source}:{name}"
        value: Value | None = None
        try:
            value = value_of(metric, definition.datatype if definition is not None else None)
            self._findings.mended(about)
        except Unusable as error:
            self._findings.found(about, str(error))
        time_ms, other = metric.timestamp, letter.payload.timestamp
        if letter.kind == "BIRTH":  # it says what holds now, whenever that began
            time_ms, other = other, time_ms
        reading = Reading(name, value, other if time_ms is None else time_ms, metric.is_historical, quality)
        return self._placed(letter, _by_quality(reading, metric))

    def _placed(self, letter: Letter, reading: Reading) -> Reading:
        """A value that went astray and is older than what was told already is history: it moves nothing that is
        shown. Of messages in their sequence the last one counts, whatever their times."""
        if reading.historical or reading.time_ms is None:
            return reading
        key = (letter.source, reading.metric)
        told = self._told_ms.get(key)
        if letter.astray and told is not None and 0 <= told - reading.time_ms <= SET_BACK_MS:
            return replace(reading, historical=True)
        self._told_ms[key] = reading.time_ms
        return reading

    # -- what is remembered

    def _is_known(self, source: Source) -> bool:
        if source.edge in self._edges:
            return True
        return self.browsing and (source.edge in self.nodes or len(self.nodes) < SOURCES_MAX)

    def _key(self, source: Source) -> str:
        return f"{self._prefix}/{source}"

    def _remember(self, source: Source, note: str | None) -> None:
        table = remembered(note) if note else None
        if table is not None and note is not None:
            self._notes[self._key(source)] = note
            self.nodes.setdefault(source.edge, Node(source.edge)).tables[source] = table

    def _note(self, source: Source, table: Table) -> None:
        if source not in self._wanted:
            return
        text, key = note_of(table, self._wanted[source]), self._key(source)
        if self._notes.get(key) != text:
            self._notes[key] = self._changed[key] = text


def _by_quality(reading: Reading, metric: Metric) -> Reading:
    """A metric may carry a quality of its own, as in OPC: bad and stale values are none."""
    code = metric.properties.get("Quality")
    if isinstance(code, bool) or not isinstance(code, int) or (code & GOOD == GOOD and code < 256):
        return reading
    if code & GOOD == UNCERTAIN and code < 256:
        return replace(reading, quality="uncertain")
    return replace(reading, value=None)
