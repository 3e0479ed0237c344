"""`./mes status`, `stop` and `logs`: what there is, what runs, what it said."""

from __future__ import annotations

import time

from . import browser, database, mosquitto, odoo_tree, postgres, processes, venv
from .errors import MesError
from .paths import cache_dir, state_dir, sub
from .progress import say

SHOWN = ("odoo", "bridge", "plant", "postgres", "install", "setup")


def show() -> int:
    """Print what is installed, running and stored; always 0."""
    installed = odoo_tree.is_ready()
    say(f"odoo      {odoo_tree.tree() if installed else 'not installed: ./mes setup'}")
    say(f"python    {venv.python() if installed and venv.is_ready() else 'not installed: ./mes setup'}")
    say(f"mosquitto {'installed' if mosquitto.is_ready() else 'not installed: ./mes setup'}")
    say(f"chromium  {browser.find() or 'not found (only the browser tests need it)'}")
    say(f"cache     {cache_dir()}")
    say(f"state     {state_dir()}")
    for entry in processes.all_recorded():
        what = f"pid {entry.pid}  {entry.note}" if entry.alive else "gone"
        say(f"process   {entry.name}: {what}")
    if installed and postgres.is_running():
        for line in database.sql(
            "SELECT datname || '  ' || pg_size_pretty(pg_database_size(datname)) FROM pg_database"
            " WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
        ):
            say(f"database  {line}")
    else:
        say("database  the server does not run")
    return 0


def stop_everything() -> int:
    """Stop every process on record, then the database server."""
    # The supervisor first: it would start again what is stopped beside it, and it stops its own in order.
    for entry in sorted(processes.all_recorded(), key=lambda item: item.name != "demo"):
        if entry.name != "postgres" and processes.stop_recorded(entry, patience_s=30.0):
            say(f"stopped {entry.name} ({entry.pid})")
    if odoo_tree.is_ready() and postgres.stop():
        say("stopped postgres")
    say("nothing of this checkout runs any more.")
    return 0


def logs(name: str | None, *, follow: bool, lines: int) -> int:
    """Show the end of one log, or of each."""
    known = sorted(path.stem for path in sub("log").glob("*.log"))
    if name and name not in known:
        raise MesError(f"There is no log {name}.", f"there are: {', '.join(known) or 'none yet'}.")
    if name and follow:
        return _follow(name, lines)
    for item in [name] if name else [item for item in SHOWN if item in known]:
        say(f"== {processes.log_file(item)} ==")
        say(processes.tail(item, lines))
    return 0


def _follow(name: str, lines: int) -> int:
    say(processes.tail(name, lines))
    with processes.log_file(name).open(errors="replace") as handle:
        handle.seek(0, 2)
        while True:
            text = handle.read()
            if text:
                print(text, end="", flush=True)
            else:
                time.sleep(0.2)
