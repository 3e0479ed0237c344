"""P21: any count in Odoo is explained down to the raw registers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from iot_bridge.cli import main
from iot_bridge.errors import Misconfigured
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.record import Recorder
from iot_bridge.testing import START_MS, ManualClock, make_samples, make_tag
from iot_bridge.trace import Wanted, explain, registers, trace

CODE = "T/A/L1/M1"
KEY = f"{CODE}/total"
TAGS = [make_tag(CODE), make_tag(CODE, "total", signal="counter", register=4, max_rate=20.0)]
# raw value, seconds since the one before
READ = [(65500, 0), (65510, 1), (65530, 1), (4, 1), (4, 1), (10, 1), (30, 10_000), (45, 1)]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An outbox with a story: steps, a rollover, an outage in which it may have wrapped. Half is acknowledged."""
    path, clock = tmp_path / "data" / "outbox.db", ManualClock()
    box = Outbox.open(path)

    async def scene() -> None:
        pipeline = Pipeline(Stores(box), clock, lambda: None)
        pipeline.recorder = Recorder(tmp_path / "rec.jsonl", clock.boot_id, None)
        await pipeline.set_tags(TAGS)
        for raw, seconds in READ:
            clock.advance(seconds * 1000)
            await pipeline.feed(make_samples(clock, {f"{CODE}/state": 1, KEY: raw}))

    asyncio.run(scene())
    counts = [seq for seq, body in box.pending_counts(KEY)]
    box.acknowledge(counts[3], [{"seq": counts[2], "code": "in_future", "message": "ahead of the clock"}])
    box.read(2)
    box.close()
    config = {
        "stream": "L1", "data_dir": "data", "tags": [tag.model_dump(by_alias=True, exclude_unset=True) for tag in TAGS],
        "odoo": {"url": "http://localhost:1", "database": "d", "login": "l", "key_file": "key"},
        "connections": [{"name": "plc", "driver": "modbus_tcp", "host": "127.0.0.1", "port": 22500}],
    }  # fmt: skip
    (tmp_path / "bridge.yaml").write_text(yaml.safe_dump(config))
    return path


def test_every_total_is_found_and_explained(box: Path) -> None:
    """Each piece ever booked leads to the point that booked it; the chain's sums are the totals."""
    last = trace(box, KEY, Wanted(), around=99)
    assert [point.raw for point in last.points] == [65500, 65510, 65530, 4, 10, 30, 45]
    assert [point.delta for point in last.points] == [0, 10, 20, 10, 6, 20, 15]
    for total in range(1, last.points[-1].total + 1):
        point = (found := trace(box, KEY, Wanted(total=total))).points[found.place]
        assert point.total - point.delta < total <= point.total
    explain(last, TAGS)
    first, step, _, roll, _, gap, _ = last.whys
    assert "baseline" in first and "raw 65500 -> 65510 in 1 s, 10 booked as step (22 are possible" in step
    assert "raw 65530 -> 4" in roll and "modulo 65536" in roll and "holding 4 of unit 1 = 0x0004" in roll
    assert "20 booked as gap" in gap and "truly between 20 and" in gap


def test_it_tells_what_odoo_has_and_said(box: Path) -> None:
    found = trace(box, KEY, Wanted(), around=99)
    stands = [point.standing for point in found.points]
    assert stands == ["in Odoo", "in Odoo", "refused", "in Odoo", "sent, not acknowledged", "waiting", "waiting"]
    assert found.points[2].verdict == "in_future: ahead of the clock"


def test_condensed_points_are_told(tmp_path: Path) -> None:
    """Totals stay explained when a full queue has collapsed the points between."""
    from iot_bridge.outbox import Limits

    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=1000))
    clock = ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(box), clock, lambda: None)
        await pipeline.set_tags(TAGS[1:])
        for raw in range(1200):
            clock.advance(500)
            await pipeline.feed(make_samples(clock, {KEY: raw}))

    asyncio.run(scene())
    box.close()
    found = trace(tmp_path / "o.db", KEY, Wanted(), around=9999)
    assert any(point.dropped for point in found.points)
    assert sum(point.delta for point in found.points) == found.points[-1].total == 1199
    explain(found, TAGS)
    assert any("condensed" in why for why in found.whys)


def test_by_time_and_by_number(box: Path) -> None:
    found = trace(box, KEY, Wanted(at=START_MS + 2500))
    assert found.points[found.place].raw == 65530
    seq = found.points[found.place].seq
    again = trace(box, KEY, Wanted(seq=seq), around=0)
    assert [point.seq for point in again.points] == [seq]


@pytest.mark.parametrize(
    ("key", "wanted", "mend"),
    [
        (KEY, Wanted(total=10**6), "lead from 0 to 81"),
        (KEY, Wanted(seq=10**6), "not kept any more"),
        (KEY, Wanted(at=0), "begin at"),
        ("no/counter", Wanted(), f"there is {KEY}"),
    ],
)
def test_what_is_not_kept_says_so(box: Path, key: str, wanted: Wanted, mend: str) -> None:
    with pytest.raises(Misconfigured, match=mend):
        trace(box, key, wanted)
    with pytest.raises(Misconfigured, match="has not run yet"):
        trace(box.with_name("none.db"), key, wanted)


def test_command_line_in_text_and_json(box: Path, tmp_path: Path, capsys: Any) -> None:
    config = str(tmp_path / "bridge.yaml")
    arguments = ["trace", KEY, "-c", config, "--total", "35", "--recording", str(tmp_path / "rec.jsonl")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "raw 65530 -> 4" in said and "0x0004" in said and "in_future" in said
    marked = next(line for line in said.splitlines() if line.startswith(">"))
    assert "rollover" in marked and "+10" in marked
    assert main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    place = answer["place"]
    assert answer["points"][place]["total"] == 40
    samples = [sample["value"] for sample in answer["samples"][place]]
    assert samples == [65530, 4]
    assert main(["trace", KEY, "-c", config, "--at", "noon"]) != 0
    assert "2026-11-22T10" in capsys.readouterr().err


def test_samples_that_changed_nothing_are_in_the_recording(box: Path, tmp_path: Path, capsys: Any) -> None:
    arguments = ["trace", KEY, "-c", str(tmp_path / "bridge.yaml"), "--total", "46", "--recording"]
    assert main([*arguments, str(tmp_path / "rec.jsonl"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [sample["value"] for sample in answer["samples"][answer["place"]]] == [4, 4, 10]


def test_registers_of_wide_and_foreign_tags() -> None:
    wide = make_tag(CODE, "total", signal="counter", type="uint32", word_order="CDAB", register=7)
    assert registers(wide, 70_000) == "holding 7 of unit 1 = 0x1170 0x0001"
    fields = {"table": "", "register": 0, "type": "auto", "modulus": 10**6, "address": "ns=2;i=4"}
    foreign = make_tag(CODE, "total", signal="counter", **fields)
    assert registers(foreign, 5) == "ns=2;i=4"
