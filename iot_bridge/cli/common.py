"""What several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config import BridgeConfig
from ..drivers import ConnectionConfig
from ..errors import Misconfigured
from ..tags import Tag

Commands = Any  # argparse's own type has no public name


def add(commands: Commands, name: str, help: str, work: Any, config: bool = True) -> argparse.ArgumentParser:
    """A command with --config."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(work=work)
    if config:
        parser.add_argument("--config", "-c", type=Path, default=Path("bridge.yaml"))
    return parser


def connection_of(config: BridgeConfig, name: str | None) -> ConnectionConfig:
    """The connection named, or the only one."""
    names = ", ".join(connection.name for connection in config.connections)
    if name is None and len(config.connections) == 1:
        return config.connections[0]
    for connection in config.connections:
        if connection.name == name:
            return connection
    what = "say which connection" if name is None else f"there is no connection {name!r}"
    raise Misconfigured(f"{what}: --connection, one of {names}")


def choose(tags: Sequence[Tag], wanted: Sequence[str]) -> list[Tag]:
    """The tags named (all when none is); raises Misconfigured for a name that no tag has."""
    if not wanted:
        return list(tags)
    known = {tag.tag: tag for tag in tags}
    missing = [name for name in wanted if name not in known]
    if missing:
        near = [name for name in known if missing[0].rpartition("/")[2] in name][:3]
        hint = f"; there is {', '.join(near)}" if near else ""
        raise Misconfigured(f"there is no tag {missing[0]!r}{hint}")
    return [known[name] for name in wanted]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded with blanks; numbers are for the eye, --json is for programs."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in (head, *rows))  # fmt: skip
