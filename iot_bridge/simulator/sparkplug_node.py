"""A Sparkplug B edge node: each machine of the demo line is a device behind it. With faults by call.

    node = SparkplugNode("127.0.0.1", 1883, [machine.spec for machine in line.machines if …], clock)
    await node.open()                 # connects and gives birth; without a broker it goes on trying by itself
    await node.update(sim_machine)    # in each tick: what changed is told, stamped with plant time
    await node.show(spec, values)     # the same, from values by their names in layout.Machine.values
    node.watched                      # a host application was online since the last birth
    await node.close()                # NDEATH, then good-bye

A device is named by its machine's title, its metrics as :func:`.layout.metric` names them; DBIRTH lists them with
aliases, DDATA brings what changed by alias alone, and ``Status/Heartbeat`` rises each plant second. Group and node
are :data:`.layout.SPARKPLUG_GROUP` and :data:`.layout.SPARKPLUG_NODE`. ``memory`` is a file for bdSeq, which must
rise from one connection to the next, over restarts too. A rebirth command is honoured. The setpoint metric takes DCMD.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..clock import Clock
from ..drivers.mqtt.client import Will
from ..drivers.mqtt.link import Link, Message
from ..drivers.mqtt.settings import BrokerConfig
from ..drivers.sparkplug import datatypes
from ..drivers.sparkplug.payload import Metric, Payload, decode, encode
from ..drivers.sparkplug.topics import BDSEQ, NAMESPACE, REBIRTH, Source
from ..errors import LinkLost
from ..events import Value
from .layout import SPARKPLUG_GROUP, SPARKPLUG_NODE, Machine, metric
from .machine import RUNNING, SimMachine

HEARTBEAT, SETPOINT = "Status/Heartbeat", "Control/Setpoint"
TYPES = {"uint16": "UInt16", "uint32": "UInt32", "int32": "Int32", "uint64": "UInt64", "float32": "Float"}
RETRY_S, RETRY_MAX_S = 0.2, 2.0
BEAT_MS = 1000


class SparkplugNode:
    """See the module. values: device -> metric -> present value."""

    def __init__(
        self,
        host: str,
        port: int,
        machines: Sequence[Machine],
        clock: Clock,
        *,
        memory: Path | None = None,
        group: str = SPARKPLUG_GROUP,
        node: str = SPARKPLUG_NODE,
        broker: BrokerConfig | None = None,
    ) -> None:
        self.source = Source(group, node)
        self.machines = tuple(machines)
        self.values: dict[str, dict[str, Value]] = {}
        self.rebirths = 0
        self.births = 0
        self.bdseq = _remembered(memory)
        self.watched = False
        self.frozen = False
        self.deaf = False
        self.absent: set[str] = set()
        self._unseen = {spec.title for spec in self.machines}
        self._config = broker or BrokerConfig(name=f"sim-{node}", driver="mqtt", host=host, port=port)
        self._clock = clock
        self._memory = memory
        self._types: dict[str, dict[str, int]] = {}
        self._first_alias = 1
        self._seq = 0
        self._beaten: dict[str, int] = {}
        self._born_at: dict[str, int] = {}
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        for spec in self.machines:
            types = {metric(name): TYPES[register.type] for name, register in spec.values.items()}
            types.update({HEARTBEAT: "UInt32", SETPOINT: "Float"})
            self._types[spec.title] = {name: datatypes.NUMBERS[kind] for name, kind in types.items()}
            self.values[spec.title] = dict.fromkeys(types, 0)

    # -- life

    async def open(self) -> None:
        """Keep a connection to the broker from now on; wait a moment for the first."""
        self._keeper = asyncio.create_task(self._keep())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._up.wait(), self._config.timeout_s)

    async def close(self) -> None:
        """Say that the node dies, and leave."""
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        link, self._link = self._link, None
        if link is not None:
            link.post(self.source.topic("DEATH"), self._death(), 1)
            await link.close()

    async def update(self, machine: SimMachine) -> None:
        """Tell what changed in a machine. State and what belongs to it bear the time of the change."""
        now = self._clock.now_ms()
        since = min(machine.since, now)
        per_minute = 60_000 / machine.cycle_ms if machine.state == RUNNING else 0.0
        state = {"state": machine.state, "code": machine.code, "interlock": machine.interlock}
        values = {**state, "mode": machine.mode, "boot": machine.boot, "speed": per_minute, **machine.raw}
        await self.show(machine.spec, values, dict.fromkeys(state, since))

    async def show(
        self, machine: Machine, values: Mapping[str, Value], stamps: Mapping[str, int] | None = None
    ) -> None:
        """Tell what changed among these values, stamped with plant time: theirs by name, else now.

        The first call must bring them all: the device gives birth with it.
        """
        now, title = self._clock.now_ms(), machine.title
        held = self.values[title]
        changed = {metric(name): value for name, value in values.items() if held[metric(name)] != value}
        if self.frozen:
            return
        if title in self._unseen:
            self._unseen.discard(title)
            held.update(changed)
            self._born(title)
            return
        if now - self._beaten.get(title, 0) >= BEAT_MS:
            self._beaten[title] = now
            changed[HEARTBEAT] = (int(held[HEARTBEAT]) + 1) % 2**32
        if changed:
            self._tell(title, changed, {metric(name): at for name, at in (stamps or {}).items()})

    # -- faults, by call

    def skip(self, messages: int = 1) -> None:
        """Lose messages on the way: their sequence numbers are used up, nobody sees them."""
        self._seq += messages

    def reorder(self, machine: Machine, first: Mapping[str, Value], second: Mapping[str, Value]) -> None:
        """Two messages that overtake one another."""
        late = self._seq
        self._seq += 1
        self._tell(machine.title, {metric(name): value for name, value in second.items()})
        after, self._seq = self._seq, late
        self._tell(machine.title, {metric(name): value for name, value in first.items()})
        self._seq = after

    def freeze(self, frozen: bool = True) -> None:
        """The device stands still while its connection lives on: nothing is told, not even the heartbeat."""
        self.frozen = frozen

    def ignore_rebirths(self, deaf: bool = True) -> None:
        """Rebirth commands are not honoured."""
        self.deaf = deaf

    def renumber(self) -> None:
        """From the next birth on all aliases are others."""
        self._first_alias += 1000

    async def die(self, births: bool = True) -> None:
        """The connection is cut without a word; the broker tells it. The node comes back by itself,
        ``births`` False: without giving birth, so that its data mean nothing to who has just come."""
        self._births_wanted = births
        if self._link is not None:
            self._link.abort()

    def die_wrongly(self) -> None:
        """An NDEATH with the bdSeq of an earlier connection: it is not this one's."""
        self._post("DEATH", None, Payload(self._clock.now_ms(), [_bdseq((self.bdseq - 1) % 256)]), 1)

    def lose_device(self, machine: Machine) -> None:
        """The device is gone from its node (DDEATH)."""
        self.absent.add(machine.title)
        self._post("DEATH", machine.title, self._numbered(Payload(self._clock.now_ms())))

    def find_device(self, machine: Machine) -> None:
        """The device is back (DBIRTH)."""
        self.absent.discard(machine.title)
        self._born(machine.title)

    def tell_history(self, machine: Machine, values: Sequence[tuple[int, Mapping[str, Value]]]) -> None:
        """What was stored while nobody listened: (plant ms, values by name), flagged as historical."""
        metrics = [
            self._metric(machine.title, metric(name), value, at, historical=True)
            for at, held in values for name, value in held.items()
        ]  # fmt: skip
        self._post("DATA", machine.title, self._numbered(Payload(self._clock.now_ms(), metrics)))

    # -- inside

    _births_wanted = True

    async def _keep(self) -> None:
        """Connected for ever; each connection is a new session with a bdSeq of its own."""
        pause = RETRY_S
        while True:
            try:
                await self._connect()
                pause = RETRY_S
                assert self._link is not None
                await self._link.lost()
            except LinkLost:
                pass
            finally:
                self._up.clear()
            if self._link is not None:
                self._link.abort()
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_MAX_S)

    async def _connect(self) -> None:
        self.bdseq = (self.bdseq + 1) % 256
        _remember(self._memory, self.bdseq)
        will = Will(self.source.topic("DEATH"), self._death(), qos=1, retain=False)
        client_id = f"{self.source.group}-{self.source.node}"
        self._link = Link(self._config, client_id, self._take, clean=True, will=will)
        await self._link.open()
        topics = [self.source.topic("CMD"), f"{NAMESPACE}/{self.source.group}/DCMD/{self.source.node}/+"]
        await self._link.subscribe([*((topic, 1) for topic in topics), (f"{NAMESPACE}/STATE/+", 1)])
        wanted, self._births_wanted = self._births_wanted, True
        self._up.set()
        if wanted:
            self._give_birth()

    def _give_birth(self) -> None:
        self._seq = 0
        self.births += 1
        now = self._clock.now_ms()
        control = datatypes.put(Metric(name=REBIRTH, timestamp=now), False, datatypes.BOOLEAN)
        self._post("BIRTH", None, self._numbered(Payload(now, [_bdseq(self.bdseq), control])))
        for title in self.values:
            if title not in self.absent and title not in self._unseen:
                self._born(title)

    def _born(self, title: str) -> None:
        now = self._born_at[title] = self._clock.now_ms()
        metrics = []
        for name, value in self.values[title].items():
            born = self._metric(title, name, value, now)
            born.name, born.datatype = name, self._types[title][name]
            born.properties = {"Quality": 192, **({"engUnit": "1/min"} if name == metric("speed") else {})}
            metrics.append(born)
        self._post("BIRTH", title, self._numbered(Payload(now, metrics)))

    def _tell(self, title: str, changed: Mapping[str, Value], stamps: Mapping[str, int] | None = None) -> None:
        """By metric names."""
        self.values[title].update(changed)
        if self.frozen or title in self.absent or title in self._unseen:
            return
        now, told = self._clock.now_ms(), self._born_at.get(title, 0)
        # What the birth has said last can't change before it.
        metrics = [
            self._metric(title, name, value, max(told, (stamps or {}).get(name, now)))
            for name, value in changed.items()
        ]
        self._post("DATA", title, self._numbered(Payload(now, metrics)))

    def _metric(self, title: str, name: str, value: Value, at: int, historical: bool = False) -> Metric:
        """By alias alone: name and data type are in the birth."""
        made = datatypes.put(Metric(timestamp=at, is_historical=historical), value, self._types[title][name])
        made.datatype, made.alias = None, self._alias(title, name)
        return made

    def _alias(self, title: str, name: str) -> int:
        before = 0
        for other, types in self._types.items():
            if other == title:
                return self._first_alias + before + list(types).index(name)
            before += len(types)
        raise KeyError(title)

    def _numbered(self, payload: Payload) -> Payload:
        payload.seq = self._seq % 256
        self._seq += 1
        return payload

    def _post(self, message: str, device: str | None, payload: Payload, qos: int = 0) -> None:
        if self._link is not None and self._up.is_set():
            topic = Source(self.source.group, self.source.node, device).topic(message)
            self._link.post(topic, encode(payload), qos)

    def _death(self) -> bytes:
        return encode(Payload(self._clock.now_ms(), [_bdseq(self.bdseq)]))

    def _take(self, message: Message) -> None:
        levels = message.topic.split("/")
        if levels[1] == "STATE":
            with contextlib.suppress(ValueError, AttributeError):
                self.watched = self.watched or bool(json.loads(message.payload).get("online"))
            return
        for wanted in decode(message.payload).metrics:
            if wanted.name == REBIRTH and levels[2] == "NCMD":
                self.rebirths += 1
                if not self.deaf and not self.frozen:
                    self._give_birth()
            elif levels[2] == "DCMD" and wanted.name == SETPOINT and levels[-1] in self.values:
                value = datatypes.value_of(wanted, self._types[levels[-1]][SETPOINT])
                self._tell(levels[-1], {SETPOINT: 0.0 if value is None else value})


def _bdseq(value: int) -> Metric:
    return datatypes.put(Metric(name=BDSEQ), value, datatypes.NUMBERS["Int64"])


def _remembered(memory: Path | None) -> int:
    """The last bdSeq used; without a memory the first will be 0."""
    if memory is None or not memory.exists():
        return 255
    return int(json.loads(memory.read_text(encoding="utf-8"))["bdSeq"])


def _remember(memory: Path | None, bdseq: int) -> None:
    if memory is None:
        return
    memory.parent.mkdir(parents=True, exist_ok=True)
    fresh = memory.with_suffix(".new")
    fresh.write_text(json.dumps({"bdSeq": bdseq}), encoding="utf-8")
    os.replace(fresh, memory)
