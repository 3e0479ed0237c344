"""``iot-bridge write``: one value, by the same rules as a command of Odoo, while no bridge runs."""

from __future__ import annotations

import argparse
import asyncio

import yaml

from ..check import known_tags
from ..clock import Clock, SystemClock
from ..commands.permit import NotAllowed, from_raw, matches, permit, rule_of
from ..config import BridgeConfig, ConnectionConfig, load_config
from ..drivers.base import Writable
from ..errors import Misconfigured, Rejected
from ..events import Value
from ..tags import Tag
from .common import Commands, add, choose
from .exits import Exit
from .visit import alone, visiting

SETTLE_S = (0.0, 0.2, 0.6)


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    help = "write one tag that the allow-list and the tag map permit, and read it back; needs --yes"
    parser = add(commands, "write", help, work)
    parser.add_argument("tag")
    parser.add_argument("value", help="in the tag's unit: 12.5, true, or a text")
    parser.add_argument("--yes", action="store_true", help="really write; without it only what would happen is said")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    config = load_config(args.config)
    (tag,) = choose(known_tags(config), [args.tag])
    link = next(link for link in config.connections if link.name == tag.connection)
    value = _value(args.value)
    try:
        raw = permit(link, tag, value, None)
    except NotAllowed as error:
        raise Rejected(f"not allowed: {error}") from None
    with alone(config, "send a command from Odoo's gateway form"):
        return asyncio.run(_write(config, link, tag, raw, args.yes, SystemClock.from_env()))


def _value(text: str) -> Value:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    return value if isinstance(value, bool | int | float | str) else text


async def _write(
    config: BridgeConfig, link: ConnectionConfig, tag: Tag, raw: Value, really: bool, clock: Clock
) -> int:
    async with visiting(config, link, [tag], clock) as driver:
        if not isinstance(driver, Writable):
            raise Misconfigured(f"{link.name}: driver {link.driver} can't write")
        before = await _look(driver, tag)
        if not really:
            print(f"{tag.tag} is {from_raw(tag, before)!r}; {from_raw(tag, raw)!r} would be written: add --yes")
            return Exit.FINDINGS
        await driver.write(tag, raw)
        found: Value | None = None
        for pause in SETTLE_S:
            await asyncio.sleep(pause)
            found = await _look(driver, tag)
            if matches(tag, rule_of(link.write, tag.tag), raw, found):
                print(f"{tag.tag}: {from_raw(tag, before)!r} -> {from_raw(tag, found)!r}")
                return Exit.DONE
    print(f"{tag.tag}: {from_raw(tag, raw)!r} was written, but the device holds {from_raw(tag, found)!r}")
    return Exit.FINDINGS


async def _look(driver: Writable, tag: Tag) -> Value | None:
    samples = await driver.read_tags([tag])
    return samples[0].value if samples else None
