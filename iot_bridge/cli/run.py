"""``iot-bridge run``: the bridge itself. SIGTERM ends it, SIGHUP reads the configuration again."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from typing import Any

from ..check import key_warnings
from ..clock import SystemClock
from ..config import load_config
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    add(commands, "run", "run the bridge until SIGTERM; SIGHUP reads the configuration again", work)


def work(args: argparse.Namespace) -> int:
    """See the module."""
    # Here, so that the other commands do not pay for it.
    from ..app import App

    config = load_config(args.config)
    for sentence in key_warnings(config.odoo):
        logging.getLogger(__name__).warning("%s", sentence.removeprefix("warning: "))

    async def run() -> None:
        await App(config, SystemClock.from_env(), args.config).run()

    asyncio.run(_leaving(run))
    return Exit.DONE


async def _leaving(run: Any) -> None:
    """Run, then leave at once: a worker thread inside a hanging call to Odoo must not hold the exit up."""
    await run()
    logging.shutdown()
    os._exit(Exit.DONE)
