"""``iot-bridge <command>``: one file a command, each with ``add_parser``; exit codes in :mod:`.exits`."""

from .main import main

__all__ = ["main"]
