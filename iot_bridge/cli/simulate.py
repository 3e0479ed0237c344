"""``iot-bridge simulate``: the demo plant, or its first line."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import yaml

from ..clock import SystemClock
from ..simulator.layout import BROKER_PORT, PLANTS, PORTS, connections, line_tags, ports
from ..simulator.profiles import PROFILES
from .common import Commands, add
from .exits import Exit

PROTOCOLS = ("modbus_tcp", "modbus_rtu_tcp", "opcua", "mqtt", "sparkplug")


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "simulate", "serve a simulated bottling line, or plant", work, config=False)
    parser.add_argument("--host", default="127.0.0.1")
    row = f"first of {PORTS} ports in a row, of {ports('all')} for the whole plant"
    parser.add_argument("--base-port", "--port", type=int, default=18200, help=row)
    parser.add_argument("--plant", choices=sorted(PLANTS), default="line1", help="how much of it (default %(default)s)")
    parser.add_argument("--broker-host", help="of the MQTT broker; default: --host")
    parser.add_argument("--broker-port", type=int, default=BROKER_PORT, help="of the MQTT broker (default %(default)s)")
    parser.add_argument("--protocol", choices=PROTOCOLS, help="all machines speak this one; default: each its own")
    parser.add_argument("--control", type=int, metavar="PORT", help="take orders of iot-bridge inject on this port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="demo", choices=sorted(PROFILES))
    parser.add_argument("--truth", type=Path, help="file that gets what really happened, JSON lines")
    parser.add_argument("--memory", "--state", type=Path, help="file that keeps the counters over a restart")
    parser.add_argument("--duration", type=float, help="plant seconds of production; default: until SIGTERM")
    parser.add_argument("--linger", action="store_true", help="serve registers after the end until SIGTERM")
    parser.add_argument("--wait-for-reader", action="store_true", help="make no part before every machine was read")
    parser.add_argument("--print-tags", action="store_true", help="print the line's tags as JSON and exit")
    parser.add_argument("--print-config", action="store_true", help="print a bridge configuration and exit")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    if args.print_tags:
        print(json.dumps({"revision": 1, "tags": line_tags(args.protocol, args.plant)}, indent=1))
        return Exit.DONE
    if args.print_config:
        print(yaml.safe_dump(_example(args), sort_keys=False), end="")
        return Exit.DONE
    # Here, so that the other commands do not pay for the servers.
    from ..simulator.server import Plant, SimOptions

    options = SimOptions(
        args.host, args.base_port, args.seed, args.profile, args.truth, args.memory, args.duration, args.linger,
        args.wait_for_reader, args.broker_port, args.broker_host, args.protocol, args.control, args.plant,
    )  # fmt: skip

    async def simulate() -> None:
        await Plant(options, SystemClock.from_env()).run()

    asyncio.run(simulate())
    return Exit.DONE


def _example(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "stream": "LINE1",
        "data_dir": "bridge-data",
        "odoo": {"url": "http://127.0.0.1:8069", "database": "mes", "login": "gateway", "key_file": "gateway.key"},
        "connections": connections(
            args.host, args.base_port, args.broker_port, args.protocol, args.broker_host, args.plant
        ),
        "tags": line_tags(args.protocol, args.plant),
    }
