"""V27, V28: Odoo killed in the middle of a commit, databases and bridge disks restored: the facts stay the same."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from floor import MACHINES, STREAMS, Floor, Outbox, wait
from made_facts import HOUR_MS, Event, events, expected

from mescli import database

CODES = [f"E2E/HALL/L1/{code}" for code in MACHINES[:3]]
START = (int(time.time()) // 3600 - 12) * HOUR_MS
BATCH = 100
LOCK = 4711
NewFloor = Callable[[str], Floor]

#: Every transaction that advances a stream stands still when it commits, as long as somebody holds the lock:
#: all statements are done and nothing is durable.
HOLD_COMMITS = f"""
CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE OF applied ON mes_gateway_stream
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit();
"""
WAITING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event = 'advisory' AND query ILIKE 'COMMIT%'
"""


@pytest.fixture
def told(request: pytest.FixtureRequest) -> dict[str, list[Event]]:
    """About 900 events over three streams, others for each test."""
    seed = sum(map(ord, request.node.name))
    return events(seed=seed, number=900, codes=CODES, streams=STREAMS, start=START)


@contextmanager
def held_commits(floor: Floor) -> Iterator[Any]:
    """Commits of this floor stand still until the session that is given releases them."""
    with closing(floor.connect()) as session, session.cursor() as cursor:
        cursor.execute(HOLD_COMMITS)
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield cursor
        cursor.execute("DROP TRIGGER IF EXISTS hold_commit ON mes_gateway_stream")


def waiting_backend(cursor: Any) -> int:
    def look() -> int:
        cursor.execute(WAITING)
        found = cursor.fetchone()
        return int(found[0]) if found else 0

    return int(wait("a transaction between its last statement and its commit", look))


@pytest.mark.parametrize("landed", [False, True], ids=["commit_lost", "commit_landed"])
def test_server_killed_between_statement_and_commit(
    new_floor: NewFloor, told: dict[str, list[Event]], landed: bool
) -> None:
    """SIGKILL with everything written and nothing committed: all of the batch or nothing, then a resend heals.

    The database hears of the death (``commit_lost``: it rolls back) or finishes the commit it was asked
    for although nobody waits for the answer any more (``commit_landed``).
    """
    floor = new_floor(f"killed_{landed}")
    outboxes = [Outbox(stream, told[stream]) for stream in STREAMS]
    first = outboxes[0]
    first.deliver(floor.client(), until=BATCH)
    before, victim = floor.facts(), first.batch(BATCH + 1, 2 * BATCH)
    with held_commits(floor) as cursor:
        sender = threading.Thread(target=send_and_lose, args=(floor, victim))
        sender.start()
        backend = waiting_backend(cursor)
        floor.kill()
        sender.join()
        assert floor.facts() == before, "a part of the batch could be seen before its commit"
        if not landed:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        wait("the end of the killed server's transaction", lambda: not is_alive(cursor, backend))
    assert floor.applied()[first.stream] == (2 * BATCH if landed else BATCH)
    assert (floor.facts() == before) is not landed
    floor.start()
    again = floor.client().call("ingest", victim)  # a bridge without an answer sends the same again
    assert again["applied"] == 2 * BATCH
    for outbox in outboxes:
        outbox.deliver(floor.client())
    assert floor.facts() == expected(told)


def send_and_lose(floor: Floor, batch: dict[str, Any]) -> None:
    with pytest.raises(OSError):
        floor.client().call("ingest", batch)


def is_alive(cursor: Any, backend: int) -> bool:
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [backend])
    return bool(cursor.fetchone()[0])


def test_a_late_copy_of_a_batch_waits_for_the_first(new_floor: NewFloor, told: dict[str, list[Event]]) -> None:
    """Two connections with one stream at once: the second stands until the first has committed, and then sees it.

    Without the lock on the stream the shorter, older copy would set the applied number back.
    """
    floor = new_floor("copies")
    outbox = Outbox("S1", told["S1"])
    floor.client().hello("S1", outbox.epoch, len(outbox))
    answers: list[int] = []

    def send(last: int) -> threading.Thread:
        batch = outbox.batch(1, last)
        thread = threading.Thread(target=lambda: answers.append(floor.client().call("ingest", batch)["applied"]))
        thread.start()
        return thread

    with held_commits(floor) as cursor:
        threads = [send(2 * BATCH)]
        waiting_backend(cursor)
        threads.append(send(BATCH))
        wait("the second call to wait for the first", lambda: blocked(cursor) == 2)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        for thread in threads:
            thread.join()
    assert answers == [2 * BATCH, 2 * BATCH]
    assert floor.applied()["S1"] == 2 * BATCH
    assert floor.facts() == expected({"S1": told["S1"][: 2 * BATCH]})


def blocked(cursor: Any) -> int:
    """Sessions of this database that wait for a lock."""
    cursor.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(cursor.fetchone()[0])


def test_v27_odoo_restored_from_a_backup_two_batches_old(new_floor: NewFloor, told: dict[str, list[Event]]) -> None:
    """Odoo is behind: the bridge finds it out by its hello and sends again from there."""
    floor = new_floor("restored")
    outboxes = [Outbox(stream, told[stream]) for stream in STREAMS]
    for outbox in outboxes:
        outbox.deliver(floor.client(), until=BATCH, size=BATCH)
    backup = f"{floor.name}_backup"
    database.copy(floor.name, backup)
    for outbox in outboxes:
        assert outbox.deliver(floor.client(), until=min(len(outbox), 3 * BATCH), size=BATCH) > BATCH
    floor.kill()
    database.drop(floor.name)
    database.rename(backup, floor.name)
    floor.start()
    for outbox in outboxes:
        answer = floor.client().hello(outbox.stream, outbox.epoch, len(outbox))
        assert (answer["applied"], answer["epoch"]) == (BATCH, outbox.epoch)
        outbox.deliver(floor.client(), size=BATCH)
    assert floor.facts() == expected(told)


def test_v28_bridge_restored_from_an_old_snapshot(new_floor: NewFloor, told: dict[str, list[Event]]) -> None:
    """Odoo is ahead of the bridge: a new epoch, in which some of the old comes again; nothing lost or doubled."""
    floor = new_floor("snapshot")
    outbox = Outbox("S1", told["S1"])
    outbox.deliver(floor.client(), until=200, size=BATCH)
    snapshot = 120  # what the restored disk knows: 80 events that Odoo has were never heard of
    answer = floor.client().hello("S1", outbox.epoch, snapshot)
    assert answer["applied"] == 200 > snapshot
    renewed = Outbox("S1", told["S1"][snapshot - 50 :], epoch=str(uuid.uuid4()))
    taken = floor.client().hello("S1", renewed.epoch, 1, supersedes=outbox.epoch)
    assert (taken["applied"], taken["epoch"]) == (0, renewed.epoch)
    renewed.deliver(floor.client(), size=BATCH)
    assert floor.facts() == expected({"S1": told["S1"]})
