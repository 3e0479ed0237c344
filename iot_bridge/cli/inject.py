"""``iot-bridge inject``: a fault for a machine of a simulated line that runs with ``--control``."""

from __future__ import annotations

import argparse

from ..simulator.faults import FAULTS, SECONDS
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "inject", "let a simulated machine fail", work, config=False)
    parser.add_argument("machine", help="its name, e.g. FILLER")
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long (real time, default %(default)s)")
    parser.add_argument("--value", type=float, help="latency: seconds; stop: the code")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--control", type=int, required=True, metavar="PORT", help="the simulated line's")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    from ..simulator.control import send

    order = {name: getattr(args, name) for name in ("machine", "fault", "seconds", "value")}
    print(send(args.host, args.control, order))
    return Exit.DONE
