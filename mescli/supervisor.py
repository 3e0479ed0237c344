"""Watches a running demo plant: status line, restart of what died, clean stop on Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
import webbrowser
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import bridge_config, database, processes, venv
from .errors import MesError
from .progress import say

if TYPE_CHECKING:
    from .demo import Plant, Settings

DEATHS_A_MINUTE = 5
STATUS = """
SELECT concat_ws(' ', regexp_replace(w.mes_code, '.*/', ''), coalesce(l.state, 'no-data'), l.counts->>'total')
  FROM mes_equipment_live l JOIN mrp_workcenter w ON w.id = l.workcenter_id
 ORDER BY w.sequence, w.id
"""


def _claim(settings: Settings) -> None:
    """Refuse when another demo is alive, else put ours on record."""
    other = processes.recorded("demo")
    if other and other.alive and other.pid != os.getpid():
        raise MesError(
            f"A demo of this checkout already runs ({other.note}, pid {other.pid}).",
            "open it, or end it with `./mes stop`.",
        )
    processes.record("demo", os.getpid(), f"http://127.0.0.1:{settings.port}")


@contextlib.contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Only one demo a checkout; SIGTERM and SIGHUP end it as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    _claim(settings)
    kept = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        processes.forget("demo")
        for number, handler in kept.items():
            signal.signal(number, handler)


def watch(plant: Plant, seconds: float) -> int:
    """Show the plant until it is interrupted; then stop all of it."""
    try:
        _greet(plant, seconds)
        _loop(plant)
    except KeyboardInterrupt:
        say("\nstopping …")
    finally:
        # A second signal must not leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        plant.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    say("all stopped. The database stays; `./mes demo` goes on with it, `./mes stop` ends PostgreSQL too.")
    return 0


def _greet(plant: Plant, seconds: float) -> None:
    say(f"\nThe plant runs (started in {seconds:.0f} s).  Ctrl-C stops all of it.\n")
    say(f"  board   {plant.board_url}")
    say(f"  bridge  {plant.bridge_url}  (its own status page)")
    users = plant.provided().get("users")
    for user in users if isinstance(users, list) else []:
        say(f"  login   {user['login']}  password {user['password']}  ({user['role']})")
    say("  login   admin  password admin  (administrator)")
    say("  logs    ./mes logs odoo | bridge | plant      state  ./mes status")
    control = plant.plc_port + bridge_config.CONTROL
    say(f"  faults  {venv.home() / 'bin/python'} -m iot_bridge inject FILLER freeze --control {control}\n")
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(plant.board_url)


def _loop(plant: Plant) -> None:
    deaths: deque[float] = deque()
    shown = 0.0
    period = 2.0 if sys.stdout.isatty() else 10.0
    while True:
        for name, (process, start) in plant.parts().items():
            if process is not None and process.poll() is not None:
                _revive(plant, name, process.returncode, start, deaths)
        if time.monotonic() - shown >= period:
            shown = time.monotonic()
            _show(status_line(plant))
        time.sleep(0.5)


def _revive(plant: Plant, name: str, code: int, start: object, deaths: deque[float]) -> None:
    now = time.monotonic()
    deaths.append(now)
    while deaths[0] < now - 60:
        deaths.popleft()
    log = plant.process_name(name)
    if len(deaths) > DEATHS_A_MINUTE:
        raise MesError(
            f"{name} ended again and again (last exit code {code}):\n{processes.tail(log)}",
            f"see `./mes logs {log}`; `./mes demo --fresh` starts from nothing.",
        )
    say(f"\n{name} ended with {code}; starting it again. Its last line: {processes.tail(log, 1)}")
    assert callable(start)
    start()


def status_line(plant: Plant) -> str:
    """One line: plant time, each machine's state and count, in the order of the line."""
    at = time.strftime("%H:%M:%S", time.localtime(plant.plant_now_ms() / 1000))
    if plant.clock.variable:
        at = f"plant time {at} ×{plant.clock.speed:g}"
    try:
        machines = database.sql(STATUS, plant.settings.database)
    except MesError as error:
        return f"{at}  {error.what.splitlines()[-1]}"
    return f"{at}  " + ("  ·  ".join(machines) or "waiting for the first values")


def _show(line: str) -> None:
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r\033[K" + line[:width])
        sys.stdout.flush()
    else:
        say(line)
