"""``iot-bridge check``: is the configuration right, do devices and Odoo answer?"""

from __future__ import annotations

import argparse
import asyncio

from ..check import check_drivers, check_offline, check_online
from ..clock import SystemClock
from ..config import load_config
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "check", "check the configuration; with --online also devices and Odoo", work)
    parser.add_argument("--online", action="store_true", help="read every device once and ask Odoo, changing nothing")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    config = load_config(args.config)
    for sentence in check_offline(config):
        print(sentence)
    broken = check_drivers(config, SystemClock.from_env())
    for sentence in broken:
        print(f"FAILED {sentence}")
    if broken:
        return Exit.FINDINGS
    if not args.online:
        print(f"{args.config}: valid")
        return Exit.DONE
    findings = asyncio.run(check_online(config, SystemClock.from_env()))
    for sentence in findings.lines:
        print(sentence)
    return Exit.FINDINGS if findings.failed else Exit.DONE
