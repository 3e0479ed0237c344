# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What an instant counts as: the first rule that fits. The one place where the rules stand.

Stops and counts of this package need them as much as the KPI engine does, so they live here, below both;
the engine adds what only it knows (how long a delay must be to be more than a minor stop).
"""

from __future__ import annotations

from .model import (
    DELAY,
    NO_DATA,
    NO_ORDER,
    NOT_SCHEDULED,
    PLANNED,
    PRODUCTION,
    SETUP,
    Category,
)

RUNNING = "running"
PLANNED_MODES = frozenset({"cleaning", "maintenance", "trial"})
SETUP_VALUES = frozenset({"setup", "changeover"})


def categorise(
    *,
    scheduled: bool,
    watched: bool,
    on_break: bool,
    planned: bool,
    setup: bool,
    state: str | None,
    mode: str | None,
    ordered: bool,
) -> Category:
    """The category of an instant.

    ``planned`` and ``setup`` are the flags of the reason that a person gave; ``ordered`` says that an order
    ran. A state that was never told is no data, however well the source was watched. The *state*
    maintenance is a delay (somebody repairs); only the *mode* maintenance is planned.
    """
    if not scheduled:
        return NOT_SCHEDULED
    if not watched or state is None:
        return NO_DATA
    if on_break or planned or mode in PLANNED_MODES:
        return PLANNED
    if setup or state in SETUP_VALUES or mode in SETUP_VALUES:
        return SETUP
    if not ordered:
        return NO_ORDER
    return PRODUCTION if state == RUNNING else DELAY
