"""``iot-bridge trace``: explains a count in Odoo down to the raw registers."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..check import known_tags
from ..clock import from_rfc3339
from ..config import load_config
from ..errors import Misconfigured
from ..lanes import outbox_file
from ..trace import Point, Trace, Wanted, add_samples, explain, trace
from .common import Commands, add, table
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "trace", "explain a count in Odoo down to the raw registers", work)
    parser.add_argument("counter", help="<equipment>/<counter>, e.g. DEMO/PACK/L1/FILLER/total")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--total", type=int, help="the point that brought the total to this")
    which.add_argument("--at", help="the point in force at this time, RFC 3339 UTC, e.g. 2026-11-22T10:00:00.000Z")
    which.add_argument("--seq", type=int, help="the event with this number, as Odoo's count points show it")
    parser.add_argument("--around", type=int, default=3, help="neighbours to show on both sides (3)")
    parser.add_argument("--stream", help="of a source of history; default: the main stream")
    parser.add_argument("--recording", type=Path, help="a recording (run --record): shows every sample between")
    parser.add_argument("--json", action="store_true", help="for programs")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    config = load_config(args.config)
    stream = args.stream or config.stream
    if stream not in config.streams():
        raise Misconfigured(f"--stream {stream}: there is {', '.join(config.streams())}")
    wanted = Wanted(args.total, None if args.at is None else _moment(args.at), args.seq)
    found = trace(outbox_file(config, stream), args.counter, wanted, max(0, args.around))
    explain(found, known_tags(config))
    if args.recording is not None:
        try:
            with args.recording.open(encoding="utf-8") as lines:
                add_samples(found, lines)
        except OSError as error:
            raise Misconfigured(f"--recording {args.recording}: {error.strerror}") from None
    print(json.dumps(asdict(found), indent=1) if args.json else shown(found))
    return Exit.DONE


def shown(found: Trace) -> str:
    """For people."""
    head = ("", "seq", "at", "raw", "delta", "decision", "epoch", "total", "quality", "stands")
    rows = [_row(point, place == found.place) for place, point in enumerate(found.points)]
    lines = [f"{found.key}: stream epoch {found.stream_epoch}, Odoo has everything up to {found.applied}",
             table(head, rows), ""]  # fmt: skip
    for place, (point, why) in enumerate(zip(found.points, found.whys, strict=True)):
        lines.append(f"{point.seq}: {why}")
        if point.verdict is not None:
            lines.append(f"    Odoo said {point.verdict}")
        if found.samples:
            lines += [f"    {sample.at}  {sample.value!r}  {sample.quality}" for sample in found.samples[place]]
    return "\n".join(lines)


def _row(point: Point, wanted: bool) -> tuple[str, ...]:
    return (
        ">" if wanted else "", str(point.seq), point.at, str(point.raw), f"+{point.delta}", point.decision,
        str(point.epoch), str(point.total), point.quality, point.standing,
    )  # fmt: skip


def _moment(text: str) -> int:
    whole = text if "." in text else text.replace("Z", ".000Z")
    try:
        return from_rfc3339(whole)
    except ValueError:
        raise Misconfigured(f"--at {text!r}: write it like 2026-11-22T10:00:00.000Z (UTC)") from None
