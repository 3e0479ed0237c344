"""Our processes: started with a pid file and a log, found again after a crash, stopped by id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import MesError
from .paths import sub

LOG_LIMIT = 20 * 2**20


@dataclass(frozen=True)
class Recorded:
    """What a pid file says: which process, and when it was born (a pid alone may be someone else's by now)."""

    name: str
    pid: int
    born: str
    note: str

    @property
    def alive(self) -> bool:
        return bool(self.born) and birth(self.pid) == self.born


def birth(pid: int) -> str:
    """The start time of a running process; empty when there is none (or only its corpse)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        return _birth_by_ps(pid) if not Path("/proc/self").exists() else ""


def _birth_by_ps(pid: int) -> str:
    result = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return result.stdout.strip()


def _pid_file(name: str) -> Path:
    return sub("run") / f"{name}.pid"


def log_file(name: str) -> Path:
    return sub("log") / f"{name}.log"


def rotate(path: Path) -> None:
    """Put a log that has grown large aside; one older one is kept."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))


def record(name: str, pid: int, note: str = "") -> None:
    """Write the pid file in one step, so that a reader never sees half of it."""
    path = _pid_file(name)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"pid": pid, "born": birth(pid), "note": note}))
    draft.replace(path)


def recorded(name: str) -> Recorded | None:
    try:
        data = json.loads(_pid_file(name).read_text())
        return Recorded(name, int(data["pid"]), str(data["born"]), str(data.get("note", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_recorded() -> list[Recorded]:
    found = [recorded(path.stem) for path in sorted(sub("run").glob("*.pid"))]
    return [entry for entry in found if entry]


def forget(name: str) -> None:
    _pid_file(name).unlink(missing_ok=True)


def spawn(
    name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, note: str = "", fresh_log: bool = True
) -> subprocess.Popen[bytes]:
    """Start a process of its own session, its output in `.mes/log/<name>.log`, its pid on record."""
    rotate(log_file(name))
    with log_file(name).open("wb" if fresh_log else "ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    record(name, process.pid, note)
    return process


def stop_recorded(entry: Recorded, patience_s: float = 10.0) -> bool:
    """Stop the process on record and its session; True when there was one."""
    if not entry.alive:
        forget(entry.name)
        return False
    _signal_group(entry.pid, signal.SIGTERM)
    if not _wait_gone(entry, patience_s):
        _signal_group(entry.pid, signal.SIGKILL)
        _wait_gone(entry, 5.0)
    forget(entry.name)
    return True


def _wait_gone(entry: Recorded, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while entry.alive:
        if time.monotonic() >= deadline:
            return False
        _reap(entry.pid)
        time.sleep(0.02)
    return True


def stop(name: str, patience_s: float = 10.0) -> bool:
    entry = recorded(name)
    return entry is not None and stop_recorded(entry, patience_s)


def _signal_group(pid: int, number: int) -> None:
    try:
        # spawn() made it the leader of its own group; never signal a group that is ours.
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    """Collect the exit status when the process is a child of ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def need_port(port: int, option: str = "--port") -> None:
    """Refuse early, with a sentence, when somebody else listens on the port."""
    if not 0 < port < 65536:
        raise MesError(f"{port} is no port.", f"give {option} a number from 1024 to 65535.")
    if not port_is_free(port):
        raise MesError(
            f"Port {port} is taken by another program.",
            f"choose another with `{option} {free_port(port + 1)}`,\nor stop the other program (`ss -ltnp` shows it).",
        )


def free_port(first: int) -> int:
    """The first free port from `first` upward."""
    for port in range(first, min(first + 500, 65536)):
        if port_is_free(port):
            return port
    raise MesError(f"No free port from {first} upward.", "close programs that listen there.")


def tail(name: str, lines: int = 15) -> str:
    try:
        return "\n".join(log_file(name).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
