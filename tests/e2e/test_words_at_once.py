"""Two people say or order the same at one moment, in two real transactions: one is heard, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests
from floor import Floor, wait

SETUP = """
from odoo.addons.mes_base.tests import common
machine = env["mrp.workcenter"].search([("mes_level", "=", "unit")], limit=1)
now = env["mes.clock"].now_ms()
start = now - 60 * common.MINUTE
common.feed_evidence(env, machine, [(start, now)])
common.feed_states(env, machine, [(start, "running"), (start + 600_000, "down", "17"), (start + 1_200_000, "running")])
env["mes.stop"]._cron_fold()
stop = env["mes.stop"].search([("workcenter_id", "=", machine.id)])
for name in ("anna", "ben"):
    common.make_user(env, "operator", name, name=name, password=name)
losses = [common.make_reason(env, name).id for name in ("Jam", "Film change")]
answer(json.dumps({"stop": stop.id, "machine": machine.id, "losses": losses}))
"""

CALLING = """
machine = env["mrp.workcenter"].search([("mes_level", "=", "unit")], limit=1)
kind = env["mes.andon.kind"].search([("area_ids", "=", False)], limit=1)
answer(json.dumps({"machine": machine.id, "kind": kind.id}))
"""

OVERTIME = """
from datetime import timedelta
from odoo.addons.mes_base.tests import common
machine = env["mrp.workcenter"].search([("mes_level", "=", "unit")], order="id desc", limit=1)
worked = env["mes.clock"].now() - timedelta(days=2)
common.make_shift_pattern(env, machine, [("D", 8, 10)], [common.EVERY_DAY[worked.weekday()]])
for name in ("carla", "dan"):
    common.make_user(env, "supervisor", name, name=name, password=name)
answer(json.dumps({"machine": machine.id, "site": machine.mes_site_id.id}))
"""


@pytest.fixture(scope="module")
def floor(new_floor: Callable[[str], Floor]) -> Floor:
    return new_floor("words")


def test_one_is_heard_the_other_gets_a_conflict(floor: Floor) -> None:
    """Both requests wait for their turn at the same time, both have read the same version; the row they wait for
    then lets one through, and the other is run again by Odoo, sees the word and says so."""
    made = floor.ask(SETUP)
    people = [Person(floor, name) for name in ("anna", "ben")]
    (version,) = {one.call("words", [made["stop"]])["result"][0]["version"] for one in people}
    outcomes: dict[str, dict[str, Any]] = {}

    def explain(person: Person, loss: int) -> None:
        outcomes[person.name] = person.call("explain", [made["stop"]], loss, version=version)

    at_once(floor, TURN, made["machine"], explain, zip(people, made["losses"], strict=True))
    (winner,) = [name for name, told in outcomes.items() if "result" in told]
    (error,) = [told["error"]["data"] for told in outcomes.values() if "error" in told]
    assert error["name"] == "odoo.addons.mes_base.exceptions.StopConflict"
    assert f"{winner} has meanwhile said" in error["message"]
    assert floor.sql("SELECT count(*) FROM mes_state_override WHERE withdrawn_at IS NULL") == [["1"]]


def test_two_tablets_make_one_call(floor: Floor) -> None:
    """Both tap at the same moment, before either sees the other's call: one call is made, both are given it."""
    made = floor.ask(CALLING)
    people = [Person(floor, name) for name in ("anna", "ben")]
    outcomes: list[dict[str, Any]] = []

    def call(person: Person) -> None:
        outcomes.append(person.call("call", made["machine"], made["kind"], model="mes.andon.call"))

    at_once(floor, TURN, made["machine"], call, [(person,) for person in people])
    assert len({told["result"] for told in outcomes}) == 1
    assert floor.sql("SELECT count(*) FROM mes_andon_call") == [["1"]]


def test_of_two_who_order_overtime_the_second_is_told(floor: Floor) -> None:
    """Both looked before either had ordered: half an hour is ordered once, and the other reads by whom. Who then
    orders all the same makes it an hour."""
    made = floor.ask(OVERTIME)
    people = {name: Person(floor, name) for name in ("carla", "dan")}
    model = "mes.shift.exception"
    seen = {name: one.call("overtime_seen", model=model)["result"] for name, one in people.items()}
    outcomes: dict[str, dict[str, Any]] = {}

    def order(name: str) -> None:
        outcomes[name] = people[name].call("overtime", made["machine"], 30, seen[name], model=model)

    at_once(floor, "UPDATE mes_site SET code = code WHERE id = %s", made["site"], order, [(name,) for name in people])
    (winner,) = [name for name, told in outcomes.items() if "result" in told]
    (second,) = set(people) - {winner}
    told = outcomes[second]["error"]["data"]["message"]
    assert f"{winner} has ordered overtime meanwhile, an additional shift from" in told
    minutes = "SELECT kind, COALESCE(extra_minutes, 0) FROM mes_shift_exception ORDER BY id"
    assert floor.sql(minutes) == [["overtime", "0"]]
    seen[second] = people[second].call("overtime_seen", model=model)["result"]
    order(second)
    assert outcomes[second]["result"]["until_ms"] == outcomes[winner]["result"]["until_ms"] + 30 * 60_000
    assert floor.sql(minutes) == [["overtime", "0"], ["extension", "30"]]


TURN = "UPDATE mrp_workcenter SET mes_word_turn = 1 WHERE id = %s"


def at_once(floor: Floor, turn: str, record: int, what: Callable[..., None], people: Iterable[tuple[Any, ...]]) -> None:
    """Two requests that have both read what there is before either may write: a third transaction holds their turn
    until both wait for it."""
    holder = floor.connect()
    holder.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute(turn, [record])
    threads = [threading.Thread(target=what, args=arguments) for arguments in people]
    for thread in threads:
        thread.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait("both requests at the turn", lambda: floor.sql(waiting) == [["2"]])
    holder.rollback()
    holder.close()
    for thread in threads:
        thread.join(timeout=60)


class Person:
    """An operator in the browser."""

    def __init__(self, floor: Floor, name: str) -> None:
        self.name, self.session = name, requests.Session()
        self.url = f"http://127.0.0.1:{floor.port}"
        told = self._post("/web/session/authenticate", {"db": floor.name, "login": name, "password": name})
        assert told["result"]["uid"], told

    def call(self, method: str, *arguments: Any, model: str = "mes.stop", **more: Any) -> dict[str, Any]:
        """A call to stops, or another model: its answer or its error."""
        parts = {"model": model, "method": method, "args": list(arguments), "kwargs": more}
        return self._post(f"/web/dataset/call_kw/{model}/{method}", parts)

    def _post(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "method": "call", "params": params}
        told: dict[str, Any] = self.session.post(self.url + path, json=message, timeout=60).json()
        return told
