"""Takes a snapshot of a running bridge. On the loop only references are copied; the rest runs in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .alarms import mend_of
from .clock import to_rfc3339
from .commands.permit import from_raw
from .connection import Connection
from .events import Sample
from .lanes import Lane, outbox_file
from .snapshot import AlarmView, ConnectionView, FindingView, ProcessView, Shown, Snapshot, StreamView, TagView
from .tags import Tag

if TYPE_CHECKING:
    from .app import App

_STARTED = time.monotonic()


async def look(app: App, tags: bool = True) -> Snapshot:
    """The bridge as it is now; without ``tags`` when nobody asks for them, there are many."""
    now = app.clock.now_ms()
    links = [(_connection(c, app.fleet.restarts.get(name, 0)), c.tags if tags else (), dict(c.latest) if tags else {})
             for name, c in app.connections.items()]  # fmt: skip
    machines: dict[str, Any] = {}
    for pipeline in app.lanes.pipelines.values():
        machines.update(pipeline.live())
    alarms = tuple(AlarmView(code, text, mend_of(code)) for code, text in sorted(app.alarms_now().items()))
    lanes = [(lane, outbox_file(app.config, lane.stream)) for lane in app.lanes.all.values()]
    tasks = len(asyncio.all_tasks())
    findings = tuple(FindingView(to_rfc3339(at), name, text) for at, name, text in reversed(app.fleet.findings))
    commands, stuck, revision = dict(app.commands.counts), tuple(app.progress.late), app.tagkeeper.revision

    def build() -> Snapshot:
        return Snapshot(
            __version__, app.config.stream, to_rfc3339(now), time.monotonic() - _STARTED, revision,
            tuple(view for view, _, _ in links), tuple(_stream(lane, _size(file)) for lane, file in lanes),
            tuple(view for link, own, latest in links for view in _tags(link, own, latest, now)),
            alarms, machines, _process(tasks), commands, stuck, findings,
        )  # fmt: skip

    return await asyncio.to_thread(build)


def _connection(c: Connection, restarts: int) -> ConnectionView:
    return ConnectionView(c.name, c.config.driver, c.state, len(c.tags), c.opens, c.samples, c.overruns, restarts,
                          c.skew_s, c.figures)  # fmt: skip


def _stream(lane: Lane, size_bytes: int) -> StreamView:
    stats, status = lane.outbox.stats(), lane.durable.status
    lag_s = max(0.0, time.time() - stats.oldest_stored) if stats.oldest_stored is not None else 0.0
    return StreamView(
        lane.stream, stats.pending, lag_s, stats.last, stats.applied, stats.dropped, status.rejected,
        size_bytes, status.connected, status.error,
    )  # fmt: skip


def _size(file: Path) -> int:
    """With SQLite's own files beside it."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*") if part.exists())


def _tags(link: ConnectionView, tags: Sequence[Tag], latest: Mapping[str, Sample], now: int) -> list[TagView]:
    heard: dict[str, int] = {}
    for tag in tags:
        sample = latest.get(tag.tag)
        if sample is not None:
            heard[tag.equipment] = max(sample.at, heard.get(tag.equipment, sample.at))
    return [_tag(link, tag, latest.get(tag.tag), heard.get(tag.equipment, now), now) for tag in tags]


def _tag(link: ConnectionView, tag: Tag, sample: Sample | None, heard: int, now: int) -> TagView:
    """heard: when anything of the machine came. A source that tells changes only is silent about a mode that
    stays; what shows that the machine is watched (state and counters) has to come by itself."""
    common = tag.tag, link.name, tag.equipment, tag.signal
    if sample is None:
        return TagView(*common, None, tag.unit or "", None, None, "none", False)
    age_ms = max(0, now - sample.at)
    quality: Shown = "bad" if sample.value is None else sample.quality
    silent_ms = now - heard if tag.signal == "mode" else age_ms
    stale = silent_ms > tag.stale_limit_ms and not sample.historical and tag.signal in ("state", "mode", "counter")
    value = from_raw(tag, sample.value)
    if isinstance(value, float) and not isfinite(value):
        value = str(value)
    return TagView(*common, value, tag.unit or "", to_rfc3339(sample.at), age_ms / 1000, quality, stale)


def _process(tasks: int) -> ProcessView:
    times = os.times()
    return ProcessView(
        _rss_bytes(), times.user + times.system, len(os.listdir("/proc/self/fd")), threading.active_count(), tasks
    )


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
