"""``python -m iot_bridge.outbox downgrade FILE VERSION``: for going back to an older bridge, with all that waits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import Misconfigured
from ..lock import lock
from .schema import OLDEST, VERSION, downgrade


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 2: it can't be, and nothing was changed."""
    parser = argparse.ArgumentParser(prog="python -m iot_bridge.outbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    down = commands.add_parser("downgrade", help="bring an outbox file back to an older version")
    down.add_argument("file", type=Path, help="data_dir/outbox.db, or another stream's outbox.<stream>.db")
    down.add_argument("version", type=int, help=f"what the older bridge knows: {OLDEST} to {VERSION}")
    args = parser.parse_args(argv)
    try:
        if not args.file.is_file():
            raise Misconfigured(f"{args.file} is not there: name the file of an outbox")
        # No bridge may run on this folder meanwhile.
        with lock(args.file.parent):
            before = downgrade(str(args.file), args.version)
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{args.file}: version {before} is now {args.version}; start the older bridge")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
