"""Files dropped into a folder: each row exactly once, whatever is killed; bad rows block nothing."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from file_place import CODE, HEAD, TAGS, Place, row, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iot_bridge import supervisor
from iot_bridge.clock import from_rfc3339
from iot_bridge.connection import Connection
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.file.driver import FileDriver
from iot_bridge.errors import LinkLost
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline


@pytest.fixture
def place(tmp_path: Path, outbox: Outbox) -> Place:
    return Place(tmp_path, outbox)


def test_history_is_imported_and_raises_no_alarm(place: Place) -> None:
    place.drop("a.csv", HEAD + row(0, total=100) + row(2, 3, 110, 22.5, 1) + row(4, 3, 115, 22.5, 1))
    events = place.go()
    states = [(event["at"], event["state"]) for event in events if event["kind"] == "state"]
    assert states == [("2025-03-01T10:00:00.000Z", "running"), ("2025-03-01T10:00:02.000Z", "down")]
    assert [(event["total"], event["delta"]) for event in events if event["kind"] == "count"] == [
        (0, 0), (10, 10), (15, 5)]  # fmt: skip
    assert [event["value"] for event in events if event["kind"] == "measurement"] == [20.5, 22.5]
    assert not [event for event in events if event["kind"] == "alarm"]
    spans = [(event["from"], event["until"]) for event in events if event["kind"] == "evidence"]
    assert from_rfc3339(spans[-1][1]) - from_rfc3339(spans[0][0]) == 4000 + 5000
    assert (place.folder / "in" / "done" / "a.csv").exists() and place.said == ["a.csv: 3 rows read"]


def test_history_moves_no_live_value(place: Place) -> None:
    async def scene() -> dict[str, Any]:
        pipeline = Pipeline(Stores(place.box), place.clock, lambda: None)
        await pipeline.set_tags(place.config.own_tags(TAGS))
        driver = place.driver()
        await driver.open()
        delivery = await driver.receive()
        assert await pipeline.feed(delivery.samples)
        return pipeline.live()

    place.drop("a.csv", HEAD + row(0, 1, 100) + row(2, 3, 110))
    live = asyncio.run(scene())[CODE]
    assert live["state"] is None and "since" not in live


def test_without_a_stream_a_file_is_the_live_plant(place: Place) -> None:
    place.more = {"stream": None}
    place.drop("a.csv", HEAD + row(0, 1, 100) + row(2, 3, 110, jam=1) + row(1, 1, 105))
    events = place.go()
    assert [event["active"] for event in events if event["kind"] == "alarm"] == [True, False]
    assert [event["total"] for event in events if event["kind"] == "count"] == [0, 10]
    assert place.said == ["a.csv: 3 rows read, 1 older than a row before them"]


@pytest.mark.parametrize("seed", range(12))
def test_every_row_once_whatever_crashes(place: Place, tmp_path: Path, seed: int, monkeypatch: Any) -> None:
    """Killed between any two steps, started anew: the same events as in one go, and the same refused rows."""
    monkeypatch.setattr("iot_bridge.drivers.file.driver.ROWS", 7)
    names = [("a.csv", HEAD + rows(60) + "broken\n" + rows(20, 60)), ("b.csv", HEAD + rows(40, 90) + "x,y\n")]
    for name, text in names:
        place.drop(name, text)
    dice = random.Random(seed)
    while not asyncio.run(place.run(crash=dice)):
        pass
    smooth = Place(tmp_path / "smooth", Outbox.open(tmp_path / "smooth.db"))
    smooth.folder.mkdir()
    for name, text in names:
        smooth.drop(name, text)
    smooth.go()
    for kind in ("state", "measurement"):
        assert _facts(place, kind) == _facts(smooth, kind)
    totals = [event["total"] for event in place.events("count")]
    assert totals == sorted(totals) and totals[-1] == smooth.events("count")[-1]["total"] == 2 * 129
    assert place.refused() == smooth.refused() and len(place.refused()) == 2
    smooth.box.close()


def _facts(place: Place, kind: str) -> list[tuple[str, str]]:
    """Changes. After a restart the machine's state and values are told anew: a repetition, no change."""
    told = sorted((event["at"], str(event.get("state", event.get("value")))) for event in place.events(kind))
    return [fact for before, fact in zip([("", ""), *told], told) if before[1] != fact[1]]


def test_bad_rows_are_set_aside_with_number_and_reason(place: Place) -> None:
    bad = [
        "2025-03-01T10:00:01Z,1\n",
        "yesterday,1,2,20,0\n",
        "2025-03-01T10:00:02Z,1,2.5,20,0\n",
        "2025-03-01T10:00:03Z,1,4,20,maybe\n",
        '2025-03-01T10:00:04Z,1,"6,20,0\n',
        "1025-03-01T10:00:04Z,1,6,20,0\n",
    ]
    place.drop("a.csv", HEAD + row(0) + "".join(bad) + row(9, total=9))
    counts = [event["total"] for event in place.go() if event["kind"] == "count"]
    assert counts == [0, 9]
    found = place.refused()
    assert [line.split(",")[0] for line in found] == ["3", "4", "5", "6", "7", "8"]
    for line, why in zip(found, ("cells", "no time", "whole", "neither", "not readable", "1990"), strict=True):
        assert why in line
    assert "6 refused" in place.said[0]


def test_file_without_its_columns_is_refused_as_a_whole(place: Place) -> None:
    place.drop("a.csv", "zeit;zustand\n1;2\n")
    place.drop("b.csv", HEAD + row(0))
    place.go()
    assert "no column 'time'" in place.refused()[0] and "delimiter" in place.refused()[0]
    assert len(place.events("state")) == 1


def test_half_written_file_is_waited_for(place: Place) -> None:
    """It is taken when it stands still; a last line without an end is waited for longer."""
    place.more = {"settle_s": 0.15}
    path = place.drop("a.csv", HEAD + row(0))

    async def scene() -> list[int]:
        driver = place.driver()
        await driver.open()
        seen = []
        for number in range(1, 6):
            delivery = await driver.receive()
            seen.append(len(delivery.samples))
            with path.open("a") as file:
                file.write(row(number)[:-1] if number == 5 else row(number))
            await asyncio.sleep(0.05)
        for _ in range(30):
            seen.append(len((await driver.receive()).samples))
            await asyncio.sleep(0.01)
        with path.open("a") as file:
            file.write("\n")
        while not (delivery := await driver.receive()).samples:
            pass
        seen.append(len(delivery.samples))
        await driver.close()
        return seen

    seen = asyncio.run(asyncio.wait_for(scene(), 60))
    assert seen == [0] * 35 + [6 * 4]


def test_same_file_again_is_not_imported_again(place: Place) -> None:
    text = HEAD + rows(30)
    place.drop("a.csv", text)
    first = place.go()
    place.drop("a.csv", text)
    assert place.go() == first
    assert "imported before" in place.said[1]
    place.drop("a.csv", HEAD + rows(10, 40))
    assert len(place.go()) > len(first)
    assert sorted(path.name for path in (place.folder / "in" / "done").iterdir()) == ["a.2.csv", "a.3.csv", "a.csv"]


def test_same_file_again_while_it_runs(place: Place) -> None:
    async def scene() -> None:
        driver = place.driver()
        await driver.open()
        for _ in range(2):
            place.drop("a.csv", HEAD + rows(3))
            while (delivery := await driver.receive()).token is not None:
                await driver.stored(delivery)
        await driver.close()

    asyncio.run(scene())
    assert place.said[0] == "a.csv: 3 rows read" and "imported before" in place.said[1]


def test_full_disk_delivers_the_same_rows_again(place: Place) -> None:
    place.drop("a.csv", HEAD + rows(3))

    async def scene() -> None:
        driver = place.driver()
        await driver.open()
        first = await driver.receive()
        assert await driver.receive() is first
        await driver.stored(first)

    asyncio.run(scene())


def test_json_lines_by_dotted_paths(place: Place) -> None:
    place.more = {"format": "jsonl", "pattern": "*.jsonl", "time_column": "ts", "time_format": "epoch_ms"}
    tags = [
        TAGS[0].model_copy(update={"address": "machine.state", "map": {"RUN": "running", "STOP": "down"}}),
        TAGS[2].model_copy(update={"address": "values.temp"}),
    ]
    lines = [
        {"ts": 1_740_823_200_000, "machine": {"state": "RUN"}, "values": {"temp": 20}},
        {"ts": 1_740_823_201_000, "machine": {"state": "STOP"}},
        ["no object"],
        {"ts": 1_740_823_202_000, "machine": {"state": {"too": "deep"}}},
    ]
    place.drop("a.jsonl", "".join(json.dumps(line) + "\n" for line in lines) + "{broken\n")
    events = place.go(tags)
    assert [event["raw"] for event in events if event["kind"] == "state"] == ["RUN", "STOP"]
    assert [line.split(",")[0] for line in place.refused()] == ["3", "4", "5"]


def test_columns_and_long_rows_feed_tags_of_other_connections(place: Place) -> None:
    other = [tag.model_copy(update={"connection": "plc"}) for tag in TAGS]
    place.more = {"columns": {"Zustand": f"{CODE}/state"}, "time_column": "Zeit", "delimiter": ";", "decimal": ",",
                  "time_format": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"}  # fmt: skip
    place.drop("a.csv", "Zeit;Zustand\n01.07.2025 12:00:00;1\n01.01.2025 12:00:00;3\n")
    states = [event for event in place.go(other) if event["kind"] == "state"]
    assert [event["at"][:13] for event in states] == ["2025-01-01T11", "2025-07-01T10"]
    place.more = {"tag_column": "tag", "decimal": ",", "delimiter": ";"}
    place.drop("b.csv", f"time;tag;value\n2025-08-01T00:00:00+02:00;{CODE}/temp;3,25\n2025-08-01;{CODE}/none;1\n")
    values = [event["value"] for event in place.go(other) if event["kind"] == "measurement"]
    assert values == [3.25] and "no tag" in place.refused()[-1]


def test_a_row_vouches_for_as_long_as_the_connection_says(place: Place) -> None:
    place.more = {"holds_s": 60}
    place.drop("a.csv", HEAD + row(0) + row(50) + row(100))
    (span,) = [event for event in place.go() if event["kind"] == "evidence" and event["until"] > "2025-03-01T10:02"]
    assert span["until"] == "2025-03-01T10:02:40.000Z"


def test_memory_stays_small_and_the_file_is_read_once(place: Place, monkeypatch: Any) -> None:
    """A delivery holds a bounded number of rows, whatever the size of the file."""
    place.drop("a.csv", HEAD + "".join(row(n % 3600, total=n) for n in range(20_000)))

    async def scene() -> tuple[int, int]:
        driver = place.driver()
        await driver.open()
        sizes = []
        while (delivery := await driver.receive()).token is not None:
            sizes.append(len(delivery.samples))
            await driver.stored(delivery)
        return max(sizes), sum(sizes)

    largest, whole = asyncio.run(scene())
    assert largest <= 2000 and whole == 80_000


def test_through_a_connection_with_a_full_outbox(place: Place, monkeypatch: Any) -> None:
    """The public door: it waits while Odoo has much to catch up with, and goes on afterwards."""
    monkeypatch.setattr("iot_bridge.connection.PATIENT_BACKLOG", 40)
    monkeypatch.setattr("iot_bridge.connection.PATIENT_LOOK_S", 0.01)
    monkeypatch.setattr("iot_bridge.drivers.file.driver.ROWS", 10)
    place.drop("a.csv", HEAD + rows(100))

    async def scene() -> None:
        pipeline = Pipeline(Stores(place.box), place.clock, lambda: None, live=False)
        await pipeline.set_tags(place.config.own_tags(TAGS))
        around = Surroundings(place.folder, place.box.notes, place.said.append)
        connection = Connection(place.config, place.config.own_tags(TAGS), place.clock, pipeline, around)
        task = asyncio.create_task(connection.run())
        while pipeline.backlog <= 40:
            await asyncio.sleep(0.01)
        before, progress = place.box.last, connection.progress
        while connection.progress < progress + 10:
            await asyncio.sleep(0.01)
        assert place.box.last == before and not place.said
        while not place.said:
            place.box.acknowledge(place.box.last)
            await asyncio.sleep(0.01)
        assert connection.state == "up"
        await supervisor.end(task)

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert place.said == ["a.csv: 100 rows read"]


def test_folder_that_is_not_there_says_the_mend(place: Place) -> None:
    (place.folder / "in").write_text("a file")
    with pytest.raises(LinkLost, match="folder that the bridge may read and write"):
        asyncio.run(place.driver().open())


@pytest.mark.parametrize("text", [HEAD + row(0), "nothing\n", None])
def test_a_visitor_leaves_no_trace(place: Place, text: str | None) -> None:
    """``check --online`` looks at the newest file and takes nothing from the bridge."""
    (place.folder / "in").mkdir()
    if text is not None:
        place.drop("a.csv", text)
    around = Surroundings(place.folder, place.box.notes, place.said.append, visiting=True)

    async def scene() -> list[Any]:
        driver = FileDriver(place.config, TAGS, place.clock, around)
        await driver.open()
        seen = [sample.value for _ in range(3) for sample in (await driver.receive()).samples]
        await driver.close()
        return seen

    seen = asyncio.run(scene())
    assert seen == ([1, 0, 20.5, False] if text == HEAD + row(0) else []) and bool(seen) != bool(place.said)
    assert [path.name for path in (place.folder / "in").iterdir()] == (["a.csv"] if text is not None else [])


def test_browse_shows_columns_with_values(place: Place) -> None:
    place.drop("a.csv", HEAD + row(0))
    found = asyncio.run(place.driver().browse(None, 3))
    assert [(item.address, item.value) for item in found] == [
        ("time", "2025-03-01T10:00:00Z"), ("state", "1"), ("total", "0")]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_read_to_its_end(place: Place, content: bytes) -> None:
    place.drop("a.csv", HEAD.encode() + content)
    asyncio.run(asyncio.wait_for(place.run(), 60))
    assert not (place.folder / "in" / "a.csv").exists()
