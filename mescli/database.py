"""Databases by name: list, copy, drop, query, through the server's own programs."""

from __future__ import annotations

import os
import subprocess

from . import postgres, processes
from .errors import MesError, from_output


def sql(statement: str, database: str = "postgres") -> list[str]:
    """Run one statement; give its rows as text, columns separated by `|`."""
    command = [str(postgres.programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
    result = subprocess.run(
        [*command, "-c", statement],
        env=postgres.environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if result.returncode:
        raise from_output(f"The statement on {database}", result.stderr, "see `./mes status`.")
    return [line for line in result.stdout.splitlines() if line]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def names() -> list[str]:
    return sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")


def exists(name: str) -> bool:
    return bool(sql(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"))


def drop(name: str) -> None:
    """Drop a database of ours, with whoever is connected."""
    if not name or name in ("postgres", "template0", "template1"):
        raise MesError(f"{name} is not a database of ours.", "name another one.")
    sql(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def own_name(prefix: str) -> str:
    """A name for this process' scratch database; drops those that killed processes have left behind."""
    for name in names():
        pid = name.removeprefix(prefix)
        if name.startswith(prefix) and pid.isdigit() and not processes.birth(int(pid)):
            drop(name)
    return f"{prefix}{os.getpid()}"


def create(name: str) -> None:
    sql(f"CREATE DATABASE {quoted(name)} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")


def copy(source: str, target: str, *, durable: bool = False) -> None:
    """Copy a template database (0.4 s). Copies for tests wait for no disk (`synchronous_commit = off`)."""
    drop(target)
    # A template has no sessions of value: cut them, or the copy is refused.
    sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = {literal(source)} AND pid <> pg_backend_pid()"
    )
    sql(f"CREATE DATABASE {quoted(target)} TEMPLATE {quoted(source)} STRATEGY FILE_COPY")
    if not durable:
        sql(f"ALTER DATABASE {quoted(target)} SET synchronous_commit = off")


def rename(source: str, target: str) -> None:
    sql(f"ALTER DATABASE {quoted(source)} RENAME TO {quoted(target)}")
