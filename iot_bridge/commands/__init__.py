"""Commands of Odoo: checked against the local allow-list, written once, read back, reported.

Never for safety functions: a stop that people rely on belongs into the safety controller, not behind a network.
"""

from .executor import Executor
from .model import Command, parse_command
from .permit import NotAllowed, permit

__all__ = ["Command", "Executor", "NotAllowed", "parse_command", "permit"]
