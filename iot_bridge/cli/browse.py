"""``iot-bridge browse``: what a source offers: OPC UA nodes, Modbus registers, MQTT topics, Sparkplug metrics."""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple, TextIO

from ..check import known_tags
from ..clock import Clock, SystemClock
from ..config import BridgeConfig, ConnectionConfig, load_config
from ..drivers.base import Browsable, Found
from ..errors import Misconfigured
from .common import Commands, add, connection_of, table
from .exits import Exit
from .visit import room_for, visiting

# As the import of tags in Odoo reads them.
COLUMNS = (
    "connection", "address", "table", "register", "unit_id", "type", "name", "value", "unit", "writable", "description",
)  # fmt: skip
MODBUS_TABLES = ("holding", "input", "coil", "discrete")


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "browse", "list what a source offers that can become tags", work)
    parser.add_argument("--connection", help="default: the only one")
    parser.add_argument("--start", help="where to begin: a node, a [unit/]table:register, a topic filter, a group/node")
    parser.add_argument("--limit", type=int, default=1000, help="at most so many (%(default)s)")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--csv", action="store_true", help="in the columns of Odoo's tag import")
    shape.add_argument("--json", action="store_true", help="for programs")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    config = load_config(args.config)
    if args.limit < 1:
        raise Misconfigured("--limit: at least 1")
    link = connection_of(config, args.connection)
    with room_for(config, link, "browse with a connection of another name and client_id"):
        found = asyncio.run(_browse(config, link, args.start, args.limit, SystemClock.from_env()))
    if args.csv:
        write_csv(sys.stdout, link.name, found)
    elif args.json:
        print(json.dumps([asdict(item) for item in found], indent=1, default=str))
    else:
        print(table(("address", "name", "type", "value", "writable"), [_row(item) for item in found]))
    if len(found) >= args.limit:
        print(f"{len(found)} listed; there may be more: --limit, or --start from the last address", file=sys.stderr)
    return Exit.DONE if found else Exit.FINDINGS


async def _browse(
    config: BridgeConfig, link: ConnectionConfig, start: str | None, limit: int, clock: Clock
) -> list[Found]:
    async with visiting(config, link, link.own_tags(known_tags(config)), clock) as driver:
        if not isinstance(driver, Browsable):
            raise Misconfigured(f"{link.name}: driver {link.driver} can't browse")
        return await driver.browse(start, limit)


def write_csv(out: TextIO, connection: str, found: Sequence[Found]) -> None:
    """Odoo's import takes the file as it is: what is not needed can be deleted, the rest be completed."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in found:
        row = (
            connection, *_place(item.address), item.type, item.name, "" if item.value is None else str(item.value),
            item.unit or "", "true" if item.writable else "false", item.description,
        )  # fmt: skip
        writer.writerow([_plain(cell) for cell in row])


class Place(NamedTuple):
    """Where a value is, in the columns of the import: Modbus by table and register, all else by address."""

    address: str
    table: str = ""
    register: str = ""
    unit_id: str = ""


def _place(address: str) -> Place:
    unit, _, place = address.rpartition("/")
    table_name, colon, register = place.partition(":")
    if colon and table_name in MODBUS_TABLES and register.isdecimal() and (not unit or unit.isdecimal()):
        return Place("", table_name, register, unit or "1")
    return Place(address)


def _plain(cell: str) -> str:
    """Names come from devices: no spreadsheet may take one for a formula. The import takes the sign off again."""
    if not cell.startswith(("=", "+", "-", "@")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _row(item: Found) -> tuple[str, ...]:
    value = "-" if item.value is None else str(item.value)[:40]
    return item.address, item.name, item.type, f"{value} {item.unit or ''}".strip(), "yes" if item.writable else ""
