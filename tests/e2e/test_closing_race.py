"""A period is closed while a batch of facts is being stored: the fact is in the closed figures, or it waits (V26)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from floor import Floor

# Two connections: the batch has asked whether its time is closed and is about to mark what it touched, when
# another transaction, which has begun before, closes the period.
RACE = """
import threading, time
from unittest.mock import patch
from odoo import api
from odoo.addons.mes_base.models.mes_fact_writer import LOCK_SPACE
from odoo.addons.mes_base.tests import common
from odoo.addons.mes_base.tools import clock

HOUR = common.HOUR
machine = env["mrp.workcenter"].search([("mes_level", "=", "unit")], limit=1)
start = (env["mes.clock"].now_ms() // HOUR - 30) * HOUR
common.feed_evidence(env, machine, [(start, start + 20 * HOUR)])
common.feed_states(env, machine, [(start, "running")])
refresh = env["mes.oee.refresh"]
while refresh._fold() or refresh._advance():
    pass
env.cr.commit()
registry, uid, begun = env.registry, env.uid, threading.Event()

def close():
    with registry.cursor() as cr:
        other = api.Environment(cr, uid, {})
        other["res.company"].search_count([])
        begun.set()
        other["mes.period.lock"].create({"at_until": clock.from_ms(start + 10 * HOUR)})

def waits():
    with registry.cursor() as cr:
        cr.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %s"
                   " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", [LOCK_SPACE])
        return cr.fetchone()[0]

closer = threading.Thread(target=close)
dirty = type(env["mes.dirty.span"])
mark = dirty._mark

def late_mark(self, touched, why):
    if why == "fact" and not begun.is_set():
        closer.start()
        begun.wait(30)
        deadline = time.monotonic() + 30
        while closer.is_alive() and not waits() and time.monotonic() < deadline:
            time.sleep(0.02)
    return mark(self, touched, why)

with patch.object(dirty, "_mark", late_mark), registry.cursor() as cr:
    cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    mine = api.Environment(cr, uid, {})
    common.feed_states(
        mine, machine.with_env(mine), [(start + 2 * HOUR, "down"), (start + 3 * HOUR, "running")], stream="RACE")
closer.join(60)
env.cr.rollback()
env.invalidate_all()
while refresh._fold() or refresh._advance():
    pass
def stopped():
    env.cr.execute("SELECT sum(unplanned_ms)::int8 FROM mes_oee_rollup WHERE workcenter_id = %s AND hour_at < %s",
                   [machine.id, clock.from_ms(start + 10 * HOUR)])
    return env.cr.fetchone()[0]
pieces = env["mes.timeline"].effective(machine, start, start + 10 * HOUR)[machine.id]
lock = env["mes.period.lock"].search([])
answer(json.dumps({
    "closed": len(lock), "alive": closer.is_alive(), "stored": sum(p.ms for p in pieces if p.category == "delay"),
    "closed_figure": stopped(), "waiting": env["mes.late.fact"].search_count([]),
}))
"""


@pytest.fixture(scope="module")
def floor(new_floor: Callable[[str], Floor]) -> Floor:
    return new_floor("closing")


def test_v26_closing_waits_for_the_batch_and_its_figures(floor: Floor) -> None:
    """The hour that the batch told is in the facts and in the closed figure alike, and nothing waits."""
    told = floor.ask(RACE)
    assert told == {"closed": 1, "alive": False, "stored": 3_600_000, "closed_figure": 3_600_000, "waiting": 0}
