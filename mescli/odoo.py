"""Odoo as a process: its settings, its environment, one-off runs, scripts, and a server for demo and tests."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import odoo_tree, postgres, processes, venv
from .errors import MesError
from .paths import ADDONS, ROOT, state_dir, sub
from .progress import run

LOG_MEND = "see `./mes logs`; if an addon is at fault, mend it and run the same command again."
# Every start, or every call of the bridge, says these, and none is news on a private server.
QUIET = (
    "odoo.modules.db:CRITICAL,odoo.addons.base.models.ir_cron:WARNING,"
    "odoo.addons.rpc.controllers.xmlrpc:ERROR,odoo.addons.rpc.controllers.jsonrpc:ERROR"
)


def addons_path() -> str:
    """Our addons before Odoo's."""
    return ",".join(str(path) for path in [ADDONS, *odoo_tree.addons_paths()])


def write_settings() -> Path:
    """Write `.mes/odoo.conf` and `.mes/env.sh` (for a developer's own shell); give the first."""
    conf = state_dir() / "odoo.conf"
    settings = {
        "addons_path": addons_path(),
        "data_dir": str(sub("data")),
        "http_interface": "127.0.0.1",
        "list_db": "False",
        "max_cron_threads": "1",
        "workers": "0",
        "admin_passwd": "unused-because-list_db-is-off",
        "limit_time_real": "1200",
        "limit_time_cpu": "600",
        "db_maxconn": "64",
    }
    text = "[options]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
    _write_if_changed(conf, text)
    # ODOO_RC itself is not exported: with it set, pytest-odoo would demand a database of every pure test.
    names = {"MES_RC": str(conf), "PYTHONPATH": str(ROOT), **postgres.connection()}
    lines = [f"export {key}={shlex.quote(value)}\n" for key, value in sorted(names.items())]
    lines += [
        f'export PATH={shlex.quote(str(venv.home() / "bin"))}:{shlex.quote(str(postgres.programs()))}:"$PATH"\n',
        'odoo() { ODOO_RC="$MES_RC" python -m odoo "$@"; }\n',
        'odoo_test() { db="$1"; shift; pytest --odoo-config="$MES_RC" --odoo-database="$db" --odoo-http "$@"; }\n',
    ]
    _write_if_changed(state_dir() / "env.sh", "".join(lines))
    return conf


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(path)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every process of ours: database, settings, programs of the virtual environment."""
    env = postgres.environment()
    env["PATH"] = f"{venv.home() / 'bin'}{os.pathsep}{env['PATH']}"
    env["ODOO_RC"] = str(write_settings())
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONPATH"] = str(ROOT)
    env.pop("PYTHONHOME", None)
    env.update(extra or {})
    return env


def command(*arguments: str | Path) -> list[str | Path]:
    return [venv.python(), "-m", "odoo", *arguments]


def install(database: str, modules: Sequence[str], *, update: bool = False) -> None:
    """Install (or update) modules in a database and end."""
    flag = "-u" if update else "-i"
    arguments = ["server", "-d", database, flag, ",".join(modules), "--stop-after-init", "--no-http"]
    quiet = ["--max-cron-threads=0", "--log-handler", QUIET.split(",")[0]]
    output = run(
        command(*arguments, *quiet),
        f"Installing {', '.join(modules)}",
        LOG_MEND,
        log="install",
        env=environment(),
        cwd=ROOT,
    )
    if " CRITICAL " in output.replace("odoo.modules.db", ""):
        raise MesError(f"Installing {', '.join(modules)} failed.", LOG_MEND)


def script(database: str, code: str, *, what: str = "The script", extra: Mapping[str, str] | None = None) -> str:
    """Run Python with `env` of a database (as `odoo shell` has it, committed at the end); give what it printed.

    The printed text is what the code writes through `answer(text)`: logs do not mix into it.
    """
    result = sub("run") / f"script-{os.getpid()}-{time.monotonic_ns()}.out"
    wrapped = (
        "import pathlib as _p\n"
        f"def answer(text):\n    _p.Path({str(result)!r}).write_text(str(text))\n"
        f"exec(compile({code!r}, 'script', 'exec'))\nenv.cr.commit()\n"
        f"_p.Path({str(result)!r}).touch()\n"
    )
    arguments = command("shell", "-d", database, "--no-http", "--max-cron-threads=0", "--log-level=warn")
    process = subprocess.run(
        [str(part) for part in arguments],
        input=wrapped,
        capture_output=True,
        text=True,
        env=environment(extra),
        cwd=ROOT,
    )
    try:
        if process.returncode or not result.exists():
            tail = "\n".join((process.stdout + process.stderr).strip().splitlines()[-12:])
            raise MesError(f"{what} failed on database {database}:\n{tail}", LOG_MEND)
        return result.read_text()
    finally:
        result.unlink(missing_ok=True)


@dataclass
class OdooServer:
    """A running Odoo: `url`, and its process on record under `name`."""

    name: str
    database: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """True when the server has loaded its registry and answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/web/health?db_server_status=1", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, timeout_s: float = 90.0) -> None:
        """Wait until it answers; a server that died says its last lines."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise MesError(f"Odoo ended while starting:\n{processes.tail(self.name)}", LOG_MEND)
            if self.is_ready():
                return
            time.sleep(0.1)
        raise MesError(f"Odoo did not answer within {timeout_s:.0f} s:\n{processes.tail(self.name)}", LOG_MEND)

    def stop(self) -> None:
        """End it in order (SIGTERM), at the latest after some seconds by force."""
        processes.stop(self.name)
        self._collect()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        processes.forget(self.name)
        self._collect()

    def _collect(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=10)


def start_odoo(
    database: str,
    port: int,
    env: Mapping[str, str] | None = None,
    *,
    name: str | None = None,
    arguments: Sequence[str] = (),
    interface: str = "127.0.0.1",
    wait: bool = True,
) -> OdooServer:
    """Start a real Odoo server (threads, one port with the websocket on it) on a database that exists.

    `env` is added to the environment (for example MES_CLOCK); `name` is the name of its log and pid file.
    """
    postgres.ensure()
    processes.need_port(port)
    name = name or f"odoo-{port}"
    line = command(
        "server",
        "-d",
        database,
        "--db-filter",
        f"^{database}$",
        "--http-port",
        str(port),
        "--http-interface",
        interface,
    )
    handler = [part for item in QUIET.split(",") for part in ("--log-handler", item)]
    process = processes.spawn(name, [*line, *handler, *arguments], environment(env), ROOT, note=f"port {port}")
    server = OdooServer(name, database, port, process)
    if wait:
        try:
            server.wait_ready()
        except BaseException:
            server.stop()
            raise
    return server
