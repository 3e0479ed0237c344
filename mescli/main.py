"""The command line: one parser, one function a command, one place where failures become sentences."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from . import odoo, odoo_tree, postgres, processes, template, venv
from .errors import MesError, from_os_error
from .paths import ROOT
from .progress import say


def ensure_installed() -> None:
    """Odoo, the virtual environment and the database server: whatever is missing."""
    odoo_tree.ensure()
    venv.ensure()
    postgres.ensure()
    odoo.write_settings()


def cmd_setup(options: argparse.Namespace) -> int:
    ensure_installed()
    say(f"  vendor template: {template.ensure_vendor()}")
    if not options.vendor:
        say(f"  template: {template.ensure()}")
    say("Ready. `./mes demo` runs the plant, `./mes test` the tests.")
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="./mes", description="Gemba MES: the one command line.")
    commands = top.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="install what is missing and build the template databases")
    setup.add_argument("--vendor", action="store_true", help="only Odoo's own modules")
    setup.set_defaults(run=cmd_setup)
    return top


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except MesError as error:
        say(f"\nmes {options.command}: {error}")
        return 1
    except OSError as error:
        say(f"\nmes {options.command}: {from_os_error(error)}")
        return 1
    except KeyboardInterrupt:
        say("\nstopped.")
        return 130
