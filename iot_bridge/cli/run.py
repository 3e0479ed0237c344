"""``iot-bridge run``: the bridge itself. SIGTERM ends it, SIGHUP reads the configuration again."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from .. import memory
from ..check import key_warnings
from ..clock import SystemClock
from ..config import load_config
from ..record import Recorder
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "run", "run the bridge until SIGTERM; SIGHUP reads the configuration again", work)
    parser.add_argument("--record", type=Path, help="append everything that comes in to this file, for replay")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    # Here, so that the other commands do not pay for it.
    from ..app import App

    memory.limit_arenas()
    config = load_config(args.config)
    for sentence in key_warnings(config.odoo):
        logging.getLogger(__name__).warning("%s", sentence.removeprefix("warning: "))

    async def run() -> None:
        app = App(config, SystemClock.from_env(), args.config)
        if args.record is not None:
            app.pipeline.recorder = Recorder(args.record, app.clock.boot_id, config.evidence_every_ms)
        await app.run()

    asyncio.run(_leaving(run))
    return Exit.DONE


async def _leaving(run: Any) -> None:
    """Run, then leave at once: a worker thread inside a hanging call to Odoo must not hold the exit up."""
    await run()
    logging.shutdown()
    os._exit(Exit.DONE)
