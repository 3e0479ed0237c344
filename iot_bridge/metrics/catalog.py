"""Every metric: name, kind, labels, meaning, and how it follows from a snapshot. The docs table is checked against it.

Names and units follow the Prometheus conventions: base units, ``_total`` for what only rises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..snapshot import ConnectionView, Snapshot, StreamView

Row = tuple[Sequence[str], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. ``rows`` gives (label values, value); ``help`` says meaning and unit in one sentence."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str
    rows: Callable[[Snapshot], Iterator[Row]]


def _one(value: Callable[[Snapshot], float]) -> Callable[[Snapshot], Iterator[Row]]:
    def rows(shot: Snapshot) -> Iterator[Row]:
        yield (), value(shot)

    return rows


def _connections(value: Callable[[ConnectionView], float]) -> Callable[[Snapshot], Iterator[Row]]:
    def rows(shot: Snapshot) -> Iterator[Row]:
        for connection in shot.connections:
            yield (connection.name, connection.driver), value(connection)

    return rows


def _figure(name: str, scale: float = 1.0) -> Callable[[Snapshot], Iterator[Row]]:
    """What only some drivers count."""

    def rows(shot: Snapshot) -> Iterator[Row]:
        for connection in shot.connections:
            if name in connection.figures:
                yield (connection.name,), connection.figures[name] * scale

    return rows


def _streams(value: Callable[[StreamView], float]) -> Callable[[Snapshot], Iterator[Row]]:
    def rows(shot: Snapshot) -> Iterator[Row]:
        for stream in shot.streams:
            yield (stream.name,), value(stream)

    return rows


def _info(shot: Snapshot) -> Iterator[Row]:
    yield (shot.version, shot.stream), 1.0


def _tags(shot: Snapshot) -> Iterator[Row]:
    counts = Counter((tag.connection, "stale" if tag.stale else tag.quality) for tag in shot.tags)
    for labels, count in sorted(counts.items()):
        yield labels, float(count)


def _oldest(shot: Snapshot) -> Iterator[Row]:
    oldest: dict[str, float] = {}
    for tag in shot.tags:
        if tag.age_s is not None:
            oldest[tag.connection] = max(oldest.get(tag.connection, 0.0), tag.age_s)
    for connection, age_s in sorted(oldest.items()):
        yield (connection,), age_s


def _alarms(shot: Snapshot) -> Iterator[Row]:
    for code, count in sorted(Counter(alarm.code for alarm in shot.alarms).items()):
        yield (code,), float(count)


def _machines(shot: Snapshot) -> Iterator[Row]:
    for code, machine in sorted(shot.machines.items()):
        yield (code,), float(machine.get("state") is not None)


def _commands(shot: Snapshot) -> Iterator[Row]:
    for status, count in sorted(shot.commands.items()):
        yield (status,), float(count)


def _revision(shot: Snapshot) -> Iterator[Row]:
    if shot.tag_revision is not None:
        yield (), float(shot.tag_revision)


_LINK = ("connection", "driver")
_NAME = ("connection",)
_STREAM = ("stream",)

METRICS: tuple[Metric, ...] = (
    Metric("iot_bridge_info", "gauge", ("version", "stream"), "Always 1; says version and main stream.", _info),
    Metric("iot_bridge_uptime_seconds", "gauge", (), "Seconds since the start.", _one(lambda s: s.uptime_s)),
    Metric("iot_bridge_stuck_loops", "gauge", (), "Loops without progress for longer than their patience; above 0 "
           "the watchdog is not fed.", _one(lambda s: len(s.stuck))),
    Metric("iot_bridge_tag_revision", "gauge", (), "Revision of the tags in use.", _revision),
    Metric("iot_bridge_connection_up", "gauge", _LINK, "1 while the link to the device stands, else 0.",
           _connections(lambda c: c.up)),
    Metric("iot_bridge_connection_tags", "gauge", _LINK, "Tags of the connection.", _connections(lambda c: c.tags)),
    Metric("iot_bridge_connection_opens_total", "counter", _LINK, "How often the link was opened.",
           _connections(lambda c: c.opens)),
    Metric("iot_bridge_connection_restarts_total", "counter", _LINK, "How often the connection was started anew "
           "because it made no progress.", _connections(lambda c: c.restarts)),
    Metric("iot_bridge_connection_overruns_total", "counter", _LINK, "Polls left out because the one before took too "
           "long.", _connections(lambda c: c.overruns)),
    Metric("iot_bridge_connection_clock_skew_seconds", "gauge", _LINK, "How far the device's own clock is ahead, 0 "
           "while it is right or not used.", _connections(lambda c: c.skew_s)),
    Metric("iot_bridge_connection_samples_total", "counter", _LINK, "Values read.",
           _connections(lambda c: c.samples)),
    Metric("iot_bridge_opcua_sessions_total", "counter", _NAME, "OPC UA: sessions that were opened.",
           _figure("sessions")),
    Metric("iot_bridge_opcua_healed_values_total", "counter", _NAME, "OPC UA: values that a reconciling read found and "
           "no notification had told.", _figure("healed")),
    Metric("iot_bridge_opcua_repaired_items_total", "counter", _NAME, "OPC UA: monitored items that were made anew.",
           _figure("repaired")),
    Metric("iot_bridge_opcua_overflowed_samples_total", "counter", _NAME, "OPC UA: samples that found no room in the "
           "queue before the pipeline.", _figure("overflowed")),
    Metric("iot_bridge_opcua_clock_offset_seconds", "gauge", _NAME, "OPC UA: how far the server's clock is ahead of "
           "the plant's, as its stamps tell.", _figure("skew_ms", 0.001)),
    Metric("iot_bridge_tags", "gauge", ("connection", "quality"), "Tags by quality of their last value: good, "
           "uncertain, estimated, bad (no usable value), stale (too old), none (not read yet).", _tags),
    Metric("iot_bridge_tag_oldest_seconds", "gauge", ("connection",), "Age of the oldest last value, plant seconds.",
           _oldest),
    Metric("iot_bridge_machine_watched", "gauge", ("equipment",), "1 while the state of the machine is known, else 0.",
           _machines),
    Metric("iot_bridge_outbox_pending_events", "gauge", _STREAM, "Events that Odoo does not have yet.",
           _streams(lambda s: s.pending)),
    Metric("iot_bridge_outbox_lag_seconds", "gauge", _STREAM, "Age of the oldest event that Odoo does not have, 0 "
           "when it has all.", _streams(lambda s: s.lag_s)),
    Metric("iot_bridge_outbox_size_bytes", "gauge", _STREAM, "Size of the outbox on disk.",
           _streams(lambda s: s.size_bytes)),
    Metric("iot_bridge_outbox_stored_sequence", "gauge", _STREAM, "Sequence number of the last event stored.",
           _streams(lambda s: s.last)),
    Metric("iot_bridge_outbox_applied_sequence", "gauge", _STREAM, "Sequence number of the last event that Odoo has.",
           _streams(lambda s: s.applied)),
    Metric("iot_bridge_outbox_dropped_events", "gauge", _STREAM, "Events in declared dropped ranges.",
           _streams(lambda s: s.dropped)),
    Metric("iot_bridge_uplink_connected", "gauge", _STREAM, "1 while Odoo takes the stream, else 0.",
           _streams(lambda s: s.connected)),
    Metric("iot_bridge_uplink_rejected_events_total", "counter", _STREAM, "Events that Odoo set aside with a reason.",
           _streams(lambda s: s.rejected)),
    Metric("iot_bridge_commands_total", "counter", ("status",), "Commands of Odoo by what became of them.", _commands),
    Metric("iot_bridge_alarms", "gauge", ("code",), "Alarms that stand, by code.", _alarms),
    Metric("iot_bridge_process_resident_memory_bytes", "gauge", (), "Memory in use.",
           _one(lambda s: s.process.rss_bytes)),
    Metric("iot_bridge_process_cpu_seconds_total", "counter", (), "Processor time used.",
           _one(lambda s: s.process.cpu_s)),
    Metric("iot_bridge_process_open_fds", "gauge", (), "Open file descriptors.",
           _one(lambda s: s.process.descriptors)),
    Metric("iot_bridge_process_threads", "gauge", (), "Threads.", _one(lambda s: s.process.threads)),
    Metric("iot_bridge_process_tasks", "gauge", (), "Asynchronous tasks.", _one(lambda s: s.process.tasks)),
)  # fmt: skip
