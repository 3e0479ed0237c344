"""What hangs on other rooms' settings: targets of changeovers, ladders of calls."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .master import Plant


def ensure_targets(env: Any, plant: "Plant") -> None:
    """How long a changeover between products should take."""


def ensure_andon(env: Any, plant: "Plant") -> None:
    """Who is called, after how long, when nobody answers a call: the ladders of calls that come without one."""
