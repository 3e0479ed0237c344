"""``iot-bridge run | check | simulate | status``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .app import App
from .check import check_offline, check_online, key_warnings
from .clock import SystemClock
from .config import load_config
from .errors import Misconfigured
from .simulator.layout import MACHINES, connections, line_tags
from .simulator.profiles import PROFILES
from .simulator.server import Plant, SimOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 1: findings; 2: the configuration or the command line can't work."""
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=args.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        code: int = args.work(args)
    except Misconfigured as error:
        print(error, file=sys.stderr)
        code = 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iot-bridge", description="Reads PLCs, delivers to Odoo exactly once.")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run the bridge until SIGTERM")
    run.set_defaults(work=_run)
    check = commands.add_parser("check", help="check the configuration; with --online also devices and Odoo")
    check.add_argument("--online", action="store_true")
    check.set_defaults(work=_check)
    status = commands.add_parser("status", help="what the running bridge does, as JSON")
    status.set_defaults(work=_status)
    for command in (run, check, status):
        command.add_argument("--config", "-c", type=Path, default=Path("bridge.yaml"))
    _simulate_parser(commands.add_parser("simulate", help="serve a simulated bottling line over Modbus TCP"))
    return parser


def _simulate_parser(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(work=_simulate)
    parser.add_argument("--host", default="127.0.0.1")
    ports = f"first of {len(MACHINES)} ports in a row"
    parser.add_argument("--base-port", "--port", type=int, default=18200, help=ports)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="demo", choices=sorted(PROFILES))
    parser.add_argument("--truth", type=Path, help="file that gets what really happened, JSON lines")
    parser.add_argument("--memory", "--state", type=Path, help="file that keeps the counters over a restart")
    parser.add_argument("--duration", type=float, help="plant seconds of production; default: until SIGTERM")
    parser.add_argument("--linger", action="store_true", help="serve registers after the end until SIGTERM")
    parser.add_argument("--wait-for-reader", action="store_true", help="make no part before every machine was read")
    parser.add_argument("--print-tags", action="store_true", help="print the line's tags as JSON and exit")
    parser.add_argument("--print-config", action="store_true", help="print a bridge configuration and exit")


def _run(args: argparse.Namespace) -> int:
    config = load_config(args.config)
    for sentence in key_warnings(config.odoo):
        logging.getLogger(__name__).warning("%s", sentence.removeprefix("warning: "))

    async def run() -> None:
        await App(config, SystemClock.from_env()).run()

    asyncio.run(_leaving(run))
    return 0


async def _leaving(run: Any) -> None:
    """Run, then leave at once: a worker thread inside a hanging call to Odoo must not hold the exit up."""
    await run()
    logging.shutdown()
    os._exit(0)


def _check(args: argparse.Namespace) -> int:
    config = load_config(args.config)
    for sentence in check_offline(config):
        print(sentence)
    if not args.online:
        print(f"{args.config}: valid")
        return 0
    findings = asyncio.run(check_online(config, SystemClock.from_env()))
    for sentence in findings.lines:
        print(sentence)
    return 1 if findings.failed else 0


def _status(args: argparse.Namespace) -> int:
    path = load_config(args.config).data_dir / "status.json"
    if not path.exists():
        raise Misconfigured(f"{path} is not there: the bridge has not run yet; start it with iot-bridge run")
    status = json.loads(path.read_text(encoding="utf-8"))
    status["running"] = Path(f"/proc/{status['pid']}").exists()
    print(json.dumps(status, indent=1))
    return 0 if status["running"] else 1


def _simulate(args: argparse.Namespace) -> int:
    if args.print_tags:
        print(json.dumps({"revision": 1, "tags": line_tags()}, indent=1))
        return 0
    if args.print_config:
        print(yaml.safe_dump(_example(args.host, args.base_port), sort_keys=False), end="")
        return 0
    options = SimOptions(
        args.host, args.base_port, args.seed, args.profile, args.truth, args.memory, args.duration, args.linger,
        args.wait_for_reader,
    )  # fmt: skip

    async def simulate() -> None:
        await Plant(options, SystemClock.from_env()).run()

    asyncio.run(simulate())
    return 0


def _example(host: str, base_port: int) -> dict[str, Any]:
    return {
        "stream": "LINE1",
        "data_dir": "bridge-data",
        "odoo": {"url": "http://127.0.0.1:8069", "database": "mes", "login": "gateway", "key_file": "gateway.key"},
        "connections": connections(host, base_port),
        "tags": line_tags(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
