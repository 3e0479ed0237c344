"""``iot-bridge read``: tags once, over a link of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..check import first_samples, known_tags
from ..clock import Clock, SystemClock, to_rfc3339
from ..commands.permit import from_raw
from ..config import BridgeConfig, load_config
from ..errors import LinkLost, Misconfigured
from ..events import Sample, Value
from ..tags import Tag
from .common import Commands, add, choose, table
from .exits import Exit
from .visit import room_for, visiting


@dataclass(frozen=True, slots=True)
class Reading:
    """One tag as it was found; value in the tag's unit."""

    tag: str
    value: Value | None
    unit: str
    age_s: float | None
    at: str | None
    quality: str
    connection: str


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "read", "read tags once, with age and quality", work)
    parser.add_argument("tag", nargs="*", help="full names; default: all")
    parser.add_argument("--json", action="store_true", help="for programs")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    config = load_config(args.config)
    tags = choose(known_tags(config), args.tag)
    if not tags:
        raise Misconfigured("there are no tags yet: they come from Odoo on the first run of the bridge")
    readings, unreached = asyncio.run(_read(config, tags, SystemClock.from_env()))
    if args.json:
        print(json.dumps([asdict(reading) for reading in readings], indent=1))
    else:
        print(table(("tag", "value", "unit", "age", "quality", "connection"), [_row(r) for r in readings]))
    for sentence in unreached:
        print(sentence, file=sys.stderr)
    if unreached:
        return Exit.UNAVAILABLE
    return Exit.DONE if all(reading.value is not None for reading in readings) else Exit.FINDINGS


async def _read(config: BridgeConfig, tags: Sequence[Tag], clock: Clock) -> tuple[list[Reading], list[str]]:
    readings: list[Reading] = []
    unreached: list[str] = []
    for link in config.connections:
        own = [tag for tag in tags if tag.connection == link.name]
        if not own:
            continue
        # Companions are read in one request with the tag that names them, so the driver gets all tags.
        whole = link.own_tags(known_tags(config))
        last: dict[str, Sample] = {}
        with room_for(config, link, "its status page shows every value"):
            try:
                async with visiting(config, link, whole, clock) as driver:
                    last = {sample.tag: sample for sample in await first_samples(driver, len(whole))}
            except LinkLost as error:
                unreached.append(f"{link.name}: {error}: check address and cable")
        readings += [_reading(tag, last.get(tag.tag), clock.now_ms()) for tag in own]
    return readings, unreached


def _reading(tag: Tag, sample: Sample | None, now: int) -> Reading:
    if sample is None:
        return Reading(tag.tag, None, tag.unit or "", None, None, "none", tag.connection)
    quality = "bad" if sample.value is None else sample.quality
    age_s = round(max(0, now - sample.at) / 1000, 3)
    value = from_raw(tag, sample.value)
    return Reading(tag.tag, value, tag.unit or "", age_s, to_rfc3339(sample.at), quality, tag.connection)


def _row(r: Reading) -> tuple[str, ...]:
    age = "-" if r.age_s is None else f"{r.age_s:.1f} s"
    return r.tag, "-" if r.value is None else str(r.value), r.unit, age, r.quality, r.connection
