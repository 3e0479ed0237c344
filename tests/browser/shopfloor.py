"""A demo plant behind a real Odoo server, and a gateway that speaks for its machines.

The data are committed, the server is a process, events come in over XML-RPC with the gateway's key. Times
are integer milliseconds since the epoch, UTC, of the plant's clock, which begins at an instant of its own.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
import uuid
import xmlrpc.client
from datetime import datetime, timezone
from typing import Any

from mescli import database, odoo, processes, template
from mescli.clock import PlantClock

LINE = "DEMO/PACK/L1"
UNITS = ("DEPAL", "FILLER", "CAPPER", "LABELLER", "PACKER")
# Processes that share the tests (pytest-xdist) have a row of ports each.
FIRST_PORT = 18362 + 20 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
HEARTBEAT_S = 1.0
# A Wednesday, in the middle of an hour of a shift: none of them changes while the tests run, whatever the time
# is where they run. MES_TEST_AT=2026-06-10T21:57:00Z runs them at another one.
BEGIN = "2026-06-10T08:10:00Z"


def plant_clock() -> PlantClock:
    """Real seconds from the begin on."""
    at = datetime.fromisoformat(os.environ.get("MES_TEST_AT", BEGIN).replace("Z", "+00:00"))
    return PlantClock(round(time.time(), 3), at.timestamp(), 1.0)


CLOCK = plant_clock()

SETUP = """
import json
given = env["mes.demo"].provision(history_days=1, plant="line1")
company = env["res.company"].create({"name": "Elsewhere"})
def user(login, group, company):
    env["res.users"].create({"name": login, "login": login, "password": login, "company_id": company.id,
        "company_ids": [(6, 0, company.ids)], "group_ids": [(6, 0, env.ref(group).ids)]})
user("stranger", "mes_base.group_mes_operator", company)
user("clerk", "base.group_user", env.company)
env["res.lang"]._activate_lang("de_DE")
user("hans", "mes_base.group_mes_operator", env.company)
env["res.users"].search([("login", "=", "hans")]).lang = "de_DE"
gateway = env["mes.gateway"].search([], limit=1)
answer(json.dumps({"uid": gateway.user_id.id, "key": given["key"], "line": given["line_id"]}))
"""


def text(ms: int) -> str:
    """The contract's form of an instant."""
    whole = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def now_ms() -> int:
    """The present of the plant."""
    return CLOCK.now_ms()


class Gateway:
    """The bridge as Odoo sees it: durable events by ``ingest``, and a heartbeat of live values.

    ``states`` and ``totals`` are what its machines show; a change is first ingested, then live, as a
    bridge does.
    """

    def __init__(self, port: int, name: str, uid: int, key: str) -> None:
        self.port, self.name, self.uid, self.key = port, name, uid, key
        self.epoch, self.sequence = str(uuid.uuid4()), 0
        self.states: dict[str, str | None] = dict.fromkeys(UNITS, "running")
        self.since = dict.fromkeys(UNITS, now_ms())
        self.codes: dict[str, str | None] = dict.fromkeys(UNITS)
        self.totals: dict[str, dict[str, Any]] = {}
        self._speaks = threading.Event()
        self._ends = threading.Event()
        # Held from an event to its live values: the heart never tells what has not been ingested.
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def call(self, method: str, message: dict[str, Any]) -> dict[str, Any]:
        with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{self.port}/xmlrpc/2/object") as proxy:
            answer = proxy.execute_kw(self.name, self.uid, self.key, "mes.gateway", method, [json.dumps(message)])
        assert isinstance(answer, str)
        told: dict[str, Any] = json.loads(answer)
        return told

    def start(self) -> Gateway:
        """Say hello, tell the first state of every machine, and let the heart beat."""
        told = self.call("hello", {"v": 1, "stream": "LINE1", "epoch": self.epoch, "first": 1, "last": 0})
        for unit in UNITS:
            counters = {name: told["counters"][f"{LINE}/{unit}/{name}"] for name in ("total", "reject")}
            self.totals[unit] = {name: dict(value) for name, value in counters.items()}
        self.ingest([self._state_event(unit) for unit in UNITS])
        self._speaks.set()
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ends.set()
        self._speaks.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def fall_silent(self) -> None:
        self._speaks.clear()

    def speak_again(self) -> None:
        """At once: after it the machines are heard of."""
        if not self._speaks.is_set():
            self._speaks.set()
            self.beat()

    def ingest(self, events: list[dict[str, Any]]) -> None:
        """Events, durably, in one batch."""
        with self._lock:
            numbered = [{**event, "seq": self.sequence + n} for n, event in enumerate(events, 1)]
            batch = {"v": 1, "stream": "LINE1", "epoch": self.epoch, "from": self.sequence + 1, "events": numbered}
            self.sequence += len(events)
            answer = self.call("ingest", {**batch, "to": self.sequence})
        assert answer["applied"] == self.sequence and not answer["verdicts"], answer

    def turn(self, unit: str, state: str, code: str | None = None) -> None:
        """A machine changes its state now."""
        with self._lock:
            self.states[unit], self.codes[unit], self.since[unit] = state, code, now_ms()
            self.ingest([self._state_event(unit)])
            self.live()

    def count(self, unit: str, pieces: int, name: str = "total") -> None:
        """A machine makes pieces now."""
        with self._lock:
            counter = self.totals[unit][name]
            counter["raw"] = (counter["raw"] + pieces) % 2**16
            counter["total"] += pieces
            event = {
                "kind": "count", "equipment": f"{LINE}/{unit}", "at": text(now_ms()), "quality": "good",
                "counter": name, "counter_epoch": counter["epoch"], "raw": counter["raw"],
                "total": counter["total"], "delta": pieces, "decision": "step",
            }  # fmt: skip
            self.ingest([event])
            self.live()

    def live(self) -> None:
        """Latest values of all machines: also the heartbeat."""
        now = now_ms()
        machines = {
            f"{LINE}/{unit}": {
                "at": text(now), "state": self.states[unit], "since": text(self.since[unit]), "mode": "production",
                "code": self.codes[unit], "interlock": None,
                "counts": {name: value["total"] for name, value in self.totals[unit].items()},
            }
            for unit in UNITS
        }  # fmt: skip
        head = {"stream": "LINE1", "epoch": self.epoch, "version": now, "at": text(now)}
        self.call("live", {**head, "machines": machines})

    def _state_event(self, unit: str) -> dict[str, Any]:
        raw = {"running": 1, "idle": 2, "down": 3, "setup": 4}[self.states[unit] or "idle"]
        return {
            "kind": "state", "equipment": f"{LINE}/{unit}", "at": text(self.since[unit]), "quality": "good",
            "raw": raw, "state": self.states[unit], "map": 1, "code": self.codes[unit], "interlock": None,
        }  # fmt: skip

    def _beat(self) -> None:
        while not self._ends.wait(HEARTBEAT_S):
            self._speaks.wait()
            if not self._ends.is_set():
                self.beat()

    def beat(self) -> None:
        """One beat of the heart: still there, and how the machines are."""
        with self._lock:
            self._evidence()
            self.live()

    def _evidence(self) -> None:
        now = now_ms()
        spans = [
            {
                "kind": "evidence", "equipment": f"{LINE}/{unit}", "at": text(now), "quality": "good",
                "from": text(now - 2000), "until": text(now + 3000),
            }
            for unit in UNITS
        ]  # fmt: skip
        self.ingest(spans)


class ShopFloor:
    """A copy of the template with the demo plant, a server, and the gateway."""

    def __init__(self) -> None:
        self.name = f"mes_browser_{os.getpid()}"
        self.port = 0
        self.server: odoo.OdooServer | None = None
        self.gateway: Gateway | None = None
        self._sessions: dict[str, str] = {}
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        database.copy(os.environ.get("MES_TEMPLATE") or template.ensure(), self.name)
        self.made: dict[str, Any] = json.loads(self.script(SETUP, "The plant for the browser"))
        # Looked for when it is needed: another run may have taken what was free before the plant was made.
        self.port = processes.free_port(FIRST_PORT)
        self.server = odoo.start_odoo(self.name, self.port, self._clock, name=f"browser-{self.port}")
        self.gateway = Gateway(self.port, self.name, self.made["uid"], self.made["key"])
        self.gateway.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _clock(self) -> dict[str, str]:
        return {"MES_CLOCK": CLOCK.variable or ""}

    def script(self, code: str, what: str) -> str:
        """Python on the database, in a process of its own with the plant's clock; what it answers."""
        return odoo.script(self.name, code, what=what, extra=self._clock)

    def session(self, login: str) -> str:
        """The session of one of the users, whose passwords are their logins; each logs in once."""
        if login not in self._sessions:
            asked = {"db": self.name, "login": login, "password": login}
            told, headers = self._post("/web/session/authenticate", asked)
            assert told["uid"], told
            self._sessions[login] = headers["Set-Cookie"].split("session_id=")[1].split(";")[0]
        return self._sessions[login]

    def rpc(self, login: str, model: str, method: str, *args: Any, **options: Any) -> Any:
        """A call of a model's method as one of the users."""
        asked = {"model": model, "method": method, "args": args, "kwargs": options}
        return self._post(f"/web/dataset/call_kw/{model}/{method}", asked, self.session(login))[0]

    def _post(self, path: str, asked: dict[str, Any], session: str = "") -> tuple[Any, Any]:
        headers = {"Content-Type": "application/json", "Cookie": f"session_id={session}"}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "call", "params": asked}).encode()
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
            assert "error" not in told, told["error"]
            return told.get("result"), answer.headers  # a method that answers nothing has no result

    def close(self) -> None:
        """End what has been started, as far as it got."""
        if self.gateway:
            self.gateway.stop()
        if self.server:
            self.server.kill()
        database.drop(self.name)
