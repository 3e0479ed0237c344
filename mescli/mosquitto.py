"""Mosquitto, the MQTT broker of demo and tests: unpacked into the cache without root, started on this machine only.

Its defaults lose messages (nothing on disk, 1 000 queued a client); :func:`start` sets both right.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import archive
from .errors import MesError
from .paths import cache_dir, hash_text, locked
from .progress import step

LAYOUT = "1"  # raise when the way of unpacking changes
MEND = "set MOSQUITTO to a mosquitto program of yours (2.0 or newer) and run the same command again."
MAX_QUEUED = 1_000_000
START_S = 10.0


@dataclass(frozen=True)
class Tls:
    """Server certificate of a listener. With ``clients`` set, a client must show a certificate of ``ca``."""

    ca: Path
    certificate: Path
    key: Path
    clients: bool = False


@dataclass
class Broker:
    """A broker that runs. Its folder holds settings, log and database, so that it can be started again."""

    port: int
    folder: Path
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has said since it was first started."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def run(self) -> None:
        """Start it (again) and wait until it listens."""
        if self.process is not None and self.process.poll() is None:
            return
        if _listens(self.port):
            raise MesError(f"Port {self.port} is taken by another program.", "choose another, or stop that program.")
        with (self.folder / "mosquitto.log").open("ab") as out:
            self.process = subprocess.Popen(
                self.command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while not _listens(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                last = "\n".join(self.log.splitlines()[-3:])
                raise MesError(f"Mosquitto does not start on port {self.port}: {last}", f"see {self.folder}.")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in good order: its database is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, as far as the process is concerned."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it stand still: its sockets stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(number)
        self.thaw()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def is_ready() -> bool:
    """True when the broker is installed, or named by MOSQUITTO."""
    return bool(os.environ.get("MOSQUITTO")) or (_home() / "ready").is_file()


def ensure() -> None:
    """Install the broker when it is missing. Safe when several start at once."""
    home = _home()
    if is_ready():
        return
    with locked(home.with_suffix(".lock")):
        if is_ready():
            return
        shutil.rmtree(home, ignore_errors=True)
        with step("Mosquitto (download 10 MB, verify, unpack)", 10) as progress:
            home.mkdir(parents=True)
            packages = archive.unpack(["mosquitto/stable"], home, "Mosquitto", MEND, progress, libraries=True)
            (home / "ready").write_text("\n".join(sorted(packages)) + "\n")


def start(
    port: int,
    folder: Path,
    *,
    users: Mapping[str, str] | None = None,
    acl: Sequence[str] = (),
    tls: Tls | None = None,
    persistence: bool = True,
    more: Sequence[str] = (),
) -> Broker:
    """A running broker; the arguments are those of :func:`prepare`."""
    command = prepare(port, folder, users=users, acl=acl, tls=tls, persistence=persistence, more=more)
    broker = Broker(port, folder, command)
    broker.run()
    return broker


def prepare(
    port: int,
    folder: Path,
    *,
    users: Mapping[str, str] | None = None,
    acl: Sequence[str] = (),
    tls: Tls | None = None,
    persistence: bool = True,
    more: Sequence[str] = (),
) -> list[str]:
    """The command of a broker on 127.0.0.1:``port`` that keeps everything in ``folder``, for who runs it himself.

    users: name -> password; without them everybody may connect. acl: lines of Mosquitto's acl_file.
    more: further lines of its configuration.
    """
    ensure()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"listener {port} 127.0.0.1",
        f"user {getpass.getuser()}",  # started by root, it would change to a user that is not there
        "log_dest stdout", "log_type error", "log_type warning", "log_type notice",
        f"max_queued_messages {MAX_QUEUED}", "max_queued_bytes 0", "persistent_client_expiration 7d",
        f"allow_anonymous {'false' if users else 'true'}",
    ]  # fmt: skip
    if persistence:
        # It writes the whole database each time; what came in the last second dies with it.
        lines += ["persistence true", f"persistence_location {folder}/", "autosave_interval 1"]
    if users:
        lines.append(f"password_file {_password_file(folder, users)}")
    if acl:
        lines.append(f"acl_file {_private(folder / 'acl', acl)}")
    if tls:
        lines += [f"cafile {tls.ca}", f"certfile {tls.certificate}", f"keyfile {tls.key}"]
        lines += ["require_certificate true", "use_identity_as_username true"] if tls.clients else []
    settings = folder / "mosquitto.conf"
    settings.write_text("\n".join([*lines, *more]) + "\n")
    return [*_command("mosquitto"), "-c", str(settings)]


def _home() -> Path:
    return cache_dir() / f"mosquitto-{hash_text(LAYOUT)}"


def _command(program: str) -> list[str]:
    given = os.environ.get("MOSQUITTO")
    if given:
        path = Path(given) if program == "mosquitto" else Path(given).with_name(program)
        return [str(shutil.which(path) or shutil.which(program) or path)]
    root = _home() / "root"
    found = [path for path in (root / "usr/sbin" / program, root / "usr/bin" / program) if path.is_file()]
    if not found:
        raise MesError(f"{program} is missing in {root}.", f"remove {_home()} and run `./mes setup`.")
    return [*archive.loader(root), str(found[0])]


def _password_file(folder: Path, users: Mapping[str, str]) -> Path:
    path = _private(folder / "passwords", [])
    for name, password in users.items():
        command = [*_command("mosquitto_passwd"), "-b", str(path), name, password]
        subprocess.run(command, check=True, capture_output=True)
    return path


def _private(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(0o600)
    return path


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False
