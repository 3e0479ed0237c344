"""The Odoo that the fault matrix delivers to: a real server on a database of its own, and what it has been told."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from mescli import database, odoo, postgres, processes, template

PREFIX = os.environ.get("MES_FAULTS_PREFIX", "mes_faults_")
GATEWAY = "Faults"
LINE = "FAULTS/HALL/L1"

SETUP = """
import json
from odoo.addons.mes_base.tests import common
site = common.make_site(env, "FAULTS")
line = common.make_line(env, common.make_area(env, site, "HALL"), "L1")
machines = [common.make_work_center(env, line.mes_area_id, code, line=line) for code in {names!r}]
env["mes.counter"]._ensure([(m.id, name, None, None) for m in machines for name in ("total", "reject")])
gateway = env["mes.gateway"].create({{"name": {gateway!r}, "site_id": site.id}})
env["mes.gateway.stream"].create([{{"gateway_id": gateway.id, "code": code}} for code in {streams!r}])
key = gateway.action_new_key()["context"]["default_key"]
answer(json.dumps({{"login": gateway.user_id.login, "key": key, "codes": [m.mes_code for m in machines]}}))
"""

LIVE = """
SELECT w.mes_code, l.state, (extract(epoch FROM l.at) * 1000)::int8
  FROM mes_equipment_live l JOIN mrp_workcenter w ON w.id = l.workcenter_id WHERE w.mes_code = ANY(%s)
"""
BOOKED = """
SELECT w.mes_code, max(p.total) - min(p.total), count(*)
  FROM mes_count_point p JOIN mes_counter c ON c.id = p.counter_id JOIN mrp_workcenter w ON w.id = c.workcenter_id
 WHERE c.name = 'total' AND w.mes_code = ANY(%s) GROUP BY 1
"""
LAST = """
SELECT DISTINCT ON (w.mes_code) w.mes_code, p.value
  FROM mes_state_point p JOIN mrp_workcenter w ON w.id = p.workcenter_id
 WHERE p.lane = 'state' AND w.mes_code = ANY(%s) ORDER BY w.mes_code, p.at DESC
"""


@dataclass(frozen=True)
class Shown:
    """A machine on Odoo's live lane; ``at`` in ms since the epoch."""

    state: str | None
    at: int


_given: set[int] = set()


def some_port() -> int:
    """A free port, never the same twice, that another run on this machine will hardly choose at the same moment."""
    while True:
        port = processes.free_port(random.randrange(20_200, 32_000))
        if port not in _given:
            _given.add(port)
            return port


class Site:
    """One database and the server on it; ``env`` says which database server, when it is not the usual one."""

    def __init__(self, streams: Sequence[str], names: Sequence[str], env: dict[str, str] | None = None) -> None:
        self.env = env or {}
        self.name = f"{PREFIX}{os.getpid()}"
        self.port = some_port()
        self.server: odoo.OdooServer | None = None
        self.cluster: Cluster | None = None
        self._session: Any = None
        database.copy(os.environ.get("MES_TEMPLATE") or template.ensure(), self.name, durable=True)
        code = SETUP.format(names=list(names), streams=list(streams), gateway=GATEWAY)
        self.told: dict[str, Any] = json.loads(odoo.script(self.name, code, what="The plant of the fault matrix"))

    def start(self) -> None:
        """Start Odoo, or start it again on the same port."""
        name = f"faults-{self.port}"
        self.server = odoo.start_odoo(self.name, self.port, self.env, name=name, arguments=["--max-cron-threads=0"])

    def revive(self) -> None:
        """Start Odoo if it was killed."""
        if self.server is None:
            self.start()

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self.server is not None:
            self.server.kill()
        self.server = None

    def close(self) -> None:
        self.kill()
        self.hang_up()
        database.drop(self.name)

    # -- what lies in the tables

    def live(self, codes: Sequence[str]) -> dict[str, Shown]:
        return {code: Shown(state, at) for code, state, at in self._rows(LIVE, codes)}

    def booked(self, codes: Sequence[str]) -> dict[str, int]:
        """Pieces between the first and the last point of each machine's total counter."""
        return {code: int(pieces) for code, pieces, _points in self._rows(BOOKED, codes)}

    def last_states(self, codes: Sequence[str]) -> dict[str, str]:
        return dict(self._rows(LAST, codes))

    def _rows(self, statement: str, codes: Sequence[str]) -> list[tuple[Any, ...]]:
        """Rows; none while the database server is away."""
        try:
            if self._session is None:
                known = {**postgres.connection(), **self.env}
                self._session = psycopg2.connect(
                    dbname=self.name, host=known["PGHOST"], port=known.get("PGPORT"), user=known["PGUSER"]
                )
                self._session.autocommit = True
            with self._session.cursor() as cursor:
                cursor.execute(statement, [list(codes)])
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        except psycopg2.ProgrammingError:
            raise
        except psycopg2.Error:
            self.hang_up()
            return []

    def hang_up(self) -> None:
        if self._session is not None:
            with contextlib.suppress(psycopg2.Error):
                self._session.close()
        self._session = None


class Cluster:
    """A database server of the test's own, that can be restarted without harm to anybody."""

    def __init__(self, folder: Path) -> None:
        self._data, self._log = folder / "pg", folder / "pg.log"
        # A socket's path must be short, whatever the folder of the test is called.
        self._socket = Path(os.environ.get("TMPDIR") or "/tmp") / f"mes-faults-{os.getpid()}"
        self.env = {"PGHOST": str(self._socket), "PGPORT": "5432", "PGUSER": postgres.USER}
        for path in (self._data, self._socket):
            postgres._private_folder(path)
        self._log.touch()
        self._log.chmod(0o666)
        self._run("initdb", "-U", postgres.USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def start(self) -> None:
        settings = f"-k {self._socket} -c listen_addresses='' -c shared_buffers=64MB"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-l", str(self._log), "-o", settings)

    def restart(self) -> None:
        """As an update of the system does it: sessions are cut, connections refused, then it is there again."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")
        time.sleep(2)
        self.start()

    def stop(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def take(self, name: str) -> None:
        """A copy of a database of the usual server."""
        programs = postgres.programs()
        with subprocess.Popen(
            [str(programs / "pg_dump"), name], env=postgres.environment(), stdout=subprocess.PIPE
        ) as dump:
            env = {**postgres.environment(), **self.env}
            subprocess.run([str(programs / "createdb"), name], env=env, check=True)
            load = [str(programs / "psql"), "-X", "-q", "-o", os.devnull, "-d", name]
            subprocess.run(load, env=env, stdin=dump.stdout, check=True, stderr=subprocess.DEVNULL)

    def _run(self, program: str, *arguments: str) -> None:
        command = postgres._as_account(program, [*arguments, "-D", str(self._data)])
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextlib.contextmanager
def own_cluster(folder: Path, site: Site) -> Iterator[Cluster]:
    """While it lasts, ``site`` lies on a database server of its own, with all that is in it so far."""
    cluster = Cluster(folder)
    site.kill()
    site.hang_up()
    try:
        cluster.take(site.name)
        site.env, site.cluster = cluster.env, cluster
        site.start()
        yield cluster
    finally:
        site.kill()
        site.hang_up()
        site.env, site.cluster = {}, None
        cluster.stop()
        site.start()
