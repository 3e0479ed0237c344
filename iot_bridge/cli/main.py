"""The command line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import BridgeError
from . import browse, check, init, inject, logs, read, replay, run, simulate, status, trace, write
from .exits import Exit, exit_of

COMMANDS = (run, check, status, browse, read, write, trace, replay, simulate, inject, init)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see :class:`.exits.Exit`)."""
    args = _parser().parse_args(argv)
    logs.set_up(args.log_level)
    try:
        code: int = args.work(args)
    except BridgeError as error:
        print(error, file=sys.stderr)
        return exit_of(error)
    except BrokenPipeError:
        # Whoever read us has seen enough.
        sys.stderr.close()
        return Exit.DONE
    except Exception:
        # Policy: the last edge; systemd starts the bridge anew.
        logging.getLogger(__name__).exception("a defect: please report it with this text")
        return Exit.DEFECT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iot-bridge", description="Reads PLCs, delivers to Odoo exactly once.")
    parser.add_argument("--version", action="version", version=f"iot-bridge {__version__}")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
