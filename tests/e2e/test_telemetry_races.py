"""Telemetry of several streams at once, while days are made, rolled up and dropped: nothing is lost or doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from floor import STREAMS, Floor, Outbox, wait
from made_facts import stamp

DAY_MS = 86_400_000
MINUTE_MS = 60_000
TODAY = int(time.time() * 1000) // DAY_MS * DAY_MS
DAYS = 40
KEPT_DAYS = 12

SETUP = f"""
env.company.write({{"mes_raw_days": {KEPT_DAYS}}})
gateway = env["mes.gateway"].search([("name", "=", "Floor")])
machine = env["mrp.workcenter"].search([("mes_level", "=", "unit")], limit=1)
env["mes.gateway.tag"].create([{{"gateway_id": gateway.id, "workcenter_id": machine.id, "name": name, "signal":
    "measurement", "connection": "plc", "register": 1}} for name in {STREAMS!r}])
answer(json.dumps(machine.mes_code))
"""
JOBS = """
env["mes.telemetry"]._cron_roll_up()
env["mes.telemetry"]._cron_keep()
answer(json.dumps(env["mes.telemetry"].floor("raw")))
"""
REBUILT = """
env["mes.telemetry"]._cron_roll_up()
table = "SELECT tag_id, at, n, value_min, value_max, value_mean, value_last FROM mes_measurement_{} ORDER BY 1, 2"
def rows():
    found = []
    for name in ("minute", "hour"):
        env.cr.execute(table.format(name))
        found.append([[str(cell) for cell in row] for row in env.cr.fetchall()])
    return found
before = rows()
env["mes.telemetry"].rebuild(0, 2**42)
answer(json.dumps([before == rows(), len(before[0])]))
"""

AT_THE_REST = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO mes_measurement AS%'
"""


@pytest.fixture(scope="module")
def floor(new_floor: Callable[[str], Floor]) -> Floor:
    return new_floor("telemetry")


@pytest.fixture(scope="module")
def machine(floor: Floor) -> str:
    """The code of the machine whose tags the streams tell."""
    code: str = floor.ask(SETUP)
    return code


def measured(stream: str, machine: str) -> list[dict[str, Any]]:
    """Ten values on each of many days: today, then day by day into the past, as a history is read."""
    return [
        {
            "kind": "measurement", "equipment": machine, "at": stamp(TODAY - day * DAY_MS + n * MINUTE_MS),
            "quality": "good", "name": stream, "value": float(n),
        }
        for day in range(DAYS)
        for n in range(10)
    ]  # fmt: skip


def test_streams_that_make_the_same_days_at_once(floor: Floor, machine: str) -> None:
    """Every value is in the hours exactly once, though days were made, rolled up and dropped meanwhile; what is kept
    of single values is what a rebuild sums up to."""
    wrong: list[BaseException] = []
    begin = threading.Barrier(len(STREAMS))

    def deliver(stream: str) -> None:
        try:
            begin.wait(30)
            Outbox(stream, measured(stream, machine)).deliver(floor.client(), size=25)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=deliver, args=(stream,)) for stream in STREAMS]
    for thread in threads:
        thread.start()
    jobs = 0
    while any(thread.is_alive() for thread in threads) or not jobs:
        floor.ask(JOBS)
        jobs += 1
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong
    since = floor.ask(JOBS)
    assert since == TODAY - KEPT_DAYS * DAY_MS
    sent = len(STREAMS) * DAYS * 10
    assert floor.sql("SELECT sum(n), count(*) FROM mes_measurement_hour") == [[str(sent), str(len(STREAMS) * DAYS)]]
    kept = floor.sql("SELECT count(*), min(at) >= now() - interval '14 days' FROM mes_measurement")
    assert kept == [[str(len(STREAMS) * (KEPT_DAYS + 1) * 10), "t"]]
    same, minutes = floor.ask(REBUILT)
    assert same and minutes == sent


def test_a_table_in_use_is_left_for_the_next_run(floor: Floor, machine: str) -> None:
    """Somebody reads for long (a backup): no partition is made or dropped, and nobody waits for him."""
    floor.ask(f"""
env["ir.config_parameter"].set_param("mes_gateway.telemetry_raw_from", "0")
env.flush_all()
env["mes.measurement"].prepare_days([{TODAY // DAY_MS - 100}])
answer("1")
""")
    days = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'mes_measurement'::regclass"
    before = floor.sql(days)
    reader = floor.connect()
    reader.autocommit = False
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mes_measurement")
        began = time.monotonic()
        floor.ask(JOBS)
        assert time.monotonic() - began < 60
        assert floor.sql(days) == before
        # Neither does a batch for a day that has no partition: its values wait in the rest.
        stray = measured("S1", machine)[0] | {"at": stamp(TODAY - 101 * DAY_MS)}
        began = time.monotonic()
        Outbox("T1", [stray]).deliver(floor.client())
        assert time.monotonic() - began < 30
        assert floor.sql("SELECT count(*) FROM mes_measurement_rest") == [["1"]]
    reader.rollback()
    reader.close()
    floor.ask(JOBS)
    assert int(floor.sql(days)[0][0]) < int(before[0][0])
    hour = f"SELECT sum(n) FROM mes_measurement_hour WHERE at < to_timestamp({TODAY // 1000 - 86_400 * 60})"
    assert floor.sql(hour) == [["1"]]


def test_a_day_whose_partition_is_made_meanwhile_is_stored(floor: Floor, machine: str) -> None:
    """The maker takes longer than others wait for him: their values were on their way to the rest, which no longer
    takes that day."""
    day = TODAY // DAY_MS - 150
    floor.ask("""
env["ir.config_parameter"].set_param("mes_gateway.telemetry_raw_from", "0")
answer("1")
""")
    begin, end = (f"'{stamp((day + n) * DAY_MS)[:10]}'" for n in (0, 1))
    maker = floor.connect()
    maker.autocommit = False
    sender = threading.Thread(
        target=lambda: Outbox("T2", [measured("S1", machine)[0] | {"at": stamp(day * DAY_MS)}]).deliver(floor.client())
    )
    with maker.cursor() as cursor:
        cursor.execute("LOCK TABLE mes_measurement IN SHARE UPDATE EXCLUSIVE MODE")
        cursor.execute("LOCK TABLE ONLY mes_measurement_rest IN ACCESS EXCLUSIVE MODE")
        cursor.execute("CREATE TABLE made_late (LIKE mes_measurement INCLUDING DEFAULTS)")
        cursor.execute(f"ALTER TABLE mes_measurement ATTACH PARTITION made_late FOR VALUES FROM ({begin}) TO ({end})")
        sender.start()
        wait("the sender at the rest", lambda: floor.sql(AT_THE_REST) == [["1"]])
    maker.commit()
    maker.close()
    sender.join(60)
    assert floor.sql("SELECT count(*) FROM made_late") == [["1"]]
