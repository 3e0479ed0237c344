"""Snapshots for tests of metrics and the status page."""

from __future__ import annotations

from pathlib import Path

from iot_bridge.snapshot import (
    AlarmView,
    ConnectionView,
    FindingView,
    ProcessView,
    Snapshot,
    StreamView,
    TagView,
)

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-11-22T10:00:00.000Z"
FILLER, CAPPER = "DEMO/PACK/L1/FILLER", "DEMO/PACK/L1/CAPPER"


def a_snapshot() -> Snapshot:
    """A line in trouble: one link up, one down, a backlog, an alarm; a tag of each quality."""
    return Snapshot(
        version="1.0", stream="LINE1", plant_time=AT, uptime_s=75.2, tag_revision=7,
        connections=(
            ConnectionView("plc_filler", "modbus_tcp", "up", 2, 1, 4711, 3, 0),
            ConnectionView("broker", "mqtt", "down: connection refused", 2, 4, 20, 0, 1, -3.5),
        ),
        streams=(StreamView("LINE1", 12, 3.5, 1012, 1000, 0, 2, 1 << 20, False, "URLError: timed out"),),
        tags=(
            TagView(f"{FILLER}/total", "plc_filler", FILLER, "counter", 12345, "pcs", AT, 0.3, "good", False),
            TagView(f"{FILLER}/temp", "plc_filler", FILLER, "measurement", None, "°C", AT, 1.5, "bad", False),
            TagView(f"{CAPPER}/state", "broker", CAPPER, "state", "Execute", "", AT, 75.2, "good", True),
            TagView(f"{CAPPER}/torque", "broker", CAPPER, "measurement", None, "Nm", None, None, "none", False),
        ),
        alarms=(AlarmView("epoch_conflict", "stream LINE1 is in use by another bridge", "stop the copy"),),
        machines={
            FILLER: {"at": AT, "state": "running", "since": AT, "counts": {"total": 12345, "good": 12300}},
            CAPPER: {"at": AT, "state": None, "counts": {}},
        },
        process=ProcessView(50 << 20, 12.5, 30, 9, 20), commands={"done": 3, "refused": 1},
        findings=(FindingView(AT, "plc_filler", "unit 7 answers again"),),
    )  # fmt: skip


def an_empty_snapshot() -> Snapshot:
    """A bridge that has just started and knows nothing yet."""
    stream = StreamView("LINE1", 0, 0.0, 0, 0, 0, 0, 4096, True, "")
    return Snapshot("1.0", "LINE1", AT, 1.0, None, (), (stream,), (), (), {}, ProcessView(1, 1.0, 1, 1, 1))


def many_tags(count: int) -> tuple[TagView, ...]:
    """So many good tags of one connection."""
    return tuple(
        TagView(f"{FILLER}/t{i}", "plc_filler", FILLER, "measurement", i / 7, "bar", AT, 0.4, "good", False)
        for i in range(count)
    )
