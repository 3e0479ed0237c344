"""The streams of one bridge: each an outbox and the durable lane that empties it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .clock import Clock
from .config import BridgeConfig
from .outbox import Durability, Limits, Outbox, Stores
from .pipeline import Pipeline
from .uplink.caller import Caller
from .uplink.durable import DurableLane
from .uplink.transport import make_transport


@dataclass(slots=True)
class Lane:
    """One stream: its outbox, the lane to Odoo, and the caller of its own that the lane uses."""

    stream: str
    outbox: Outbox
    durable: DurableLane
    caller: Caller


@dataclass(slots=True)
class Lanes:
    """All streams. ``main`` comes first; ``pipelines`` by stream: the live plant's under the main stream's
    name, one of its own for each source of history."""

    main: Lane
    all: dict[str, Lane] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)

    @property
    def live(self) -> Pipeline:
        """The pipeline of the live plant."""
        return self.pipelines[self.main.stream]

    def pipeline_of(self, history_stream: str | None) -> Pipeline:
        """Where a connection's samples go."""
        return self.live if history_stream is None else self.pipelines[history_stream]

    def close(self) -> None:
        """Close callers and files."""
        for lane in self.all.values():
            lane.caller.close()
            lane.outbox.close()


def open_lanes(config: BridgeConfig, clock: Clock) -> Lanes:
    """Open every stream's outbox and build what belongs to it; nothing runs yet."""
    odoo = config.odoo
    boxes = {stream: _outbox(config, stream) for stream in config.streams()}
    pipelines: dict[str, Pipeline] = {}
    lanes: dict[str, Lane] = {}

    def stored() -> None:
        for lane in lanes.values():
            lane.durable.notify()

    for stream in _fact_streams(config):
        telemetry = boxes.get(config.telemetry_stream or "") if stream == config.stream else None
        stores = Stores(boxes[stream], telemetry if telemetry is not boxes[stream] else None)
        pipelines[stream] = Pipeline(stores, clock, stored, config.evidence_every_ms, stream == config.stream)
    for stream, outbox in boxes.items():
        # A stream without facts of its own has no counters to heal.
        heal = pipelines[stream].heal if stream in pipelines else _nothing_to_heal
        caller = Caller(make_transport(odoo, odoo.timeout_s), f"ingest:{stream}")
        # After an outage the states go first: the main lane is the first of all.
        ahead = lanes[config.stream].durable if lanes else None
        durable = DurableLane(outbox, caller, stream, config.batch_max, odoo.retry_max_s, heal, config.outbox, ahead)
        lanes[stream] = Lane(stream, outbox, durable, caller)
    return Lanes(lanes[config.stream], lanes, pipelines)


async def _nothing_to_heal(points: object, fresh: bool) -> None:
    return None


def _fact_streams(config: BridgeConfig) -> list[str]:
    history = [connection.history_stream for connection in config.connections]
    return list(dict.fromkeys([config.stream, *(name for name in history if name is not None)]))


def outbox_file(config: BridgeConfig, stream: str) -> Path:
    """Where a stream's outbox lies."""
    name = "outbox.db" if stream == config.stream else f"outbox.{_file_part(stream)}.db"
    return config.data_dir / name


def _outbox(config: BridgeConfig, stream: str) -> Outbox:
    limits = Limits(config.outbox.max_pending, config.outbox.max_bytes)
    # Measurements are many: of them a power cut may cost the last second.
    durability: Durability = "second" if stream == config.telemetry_stream != config.stream else "commit"
    return Outbox.open(outbox_file(config, stream), limits, durability)


def _file_part(stream: str) -> str:
    """A stream's name as part of a file's: what no file name takes is written as its number."""
    return "".join(char if char.isalnum() or char in "-_" else f"%{ord(char):x}" for char in stream)


