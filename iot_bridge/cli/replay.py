"""``iot-bridge replay``: a recording through the signals once more; prints the events, one a line."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from ..errors import Misconfigured
from ..replay import replay, tags_of
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "replay", "replay a recording (run --record): the same events, byte for byte", work, False)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--tags", type=Path, help="JSON file with other tags: what would they have told?")
    parser.add_argument("--summary", action="store_true", help="print how many events of each kind, not the events")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    tags = None if args.tags is None else tags_of(args.tags)
    kinds: Counter[str] = Counter()
    try:
        with args.recording.open(encoding="utf-8") as lines:
            for event in replay(lines, tags):
                kinds[event.kind] += 1
                if not args.summary:
                    sys.stdout.write(event.body() + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{args.recording}: {error}: name a recording made with iot-bridge run --record") from None
    if args.summary:
        print("\n".join(f"{kind}: {count}" for kind, count in sorted(kinds.items())) or "no event")
    return Exit.DONE
