"""How a scene of the matrix goes, and what comes of it.

1. Machines run and stop in turn and make parts, which arrive.
2. The fault begins. Whoever can goes on making parts.
3. All machines go to another state, and rest: during the fault, or right after it when the fault was theirs.
4. The fault ends. From here on each machine's new state has 5 s to be shown.
5. They make parts again for a moment, and end idle. What was made is compared with what was booked.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fault_links import Links
from fault_list import Fault
from fault_site import Site, own_cluster
from fault_world import PATIENCE_S, World, wait

BEFORE_S, AGAIN_S = 2.0, 1.0
STATE_LIMIT_S = 5.0


@dataclass
class Cell:
    """What came of one fault for one protocol. state_s: from the end of the fault to the true state; None: never.

    pending: events left in the queue; last: the last state on record; shown: what Odoo showed instead of the true
    state; trouble: why the scene broke off.
    """

    made: int = 0
    booked: int = 0
    state_s: float | None = None
    last: str | None = None
    pending: int | None = None
    shown: str = ""
    trouble: str = ""
    log: str = ""

    def told(self) -> dict[str, Any]:
        """For a table."""
        told = asdict(self)
        del told["log"]
        return told


def play(fault: Fault, protocols: Sequence[str], site: Site, links: Links, folder: Path) -> dict[str, Cell]:
    """Play the scene; each protocol's outcome. What breaks it off is an outcome too."""
    cells = {protocol: Cell() for protocol in protocols}
    with _prepared(fault, site, folder), contextlib.closing(World(fault, protocols, site, links, folder)) as world:
        try:
            world.start()
            _go_through(fault, world, cells)
        except Exception as error:  # a harness of processes can fail in any way; the test of the cell says it
            for cell in cells.values():
                cell.trouble = f"{type(error).__name__}: {error}"
            world.site.revive()  # the next scene finds an Odoo, whatever has become of this one's
        for protocol, cell in cells.items():
            cell.log = world.log(protocol)
    return cells


@contextlib.contextmanager
def _prepared(fault: Fault, site: Site, folder: Path) -> Iterator[None]:
    if fault.needs == "own postgres":
        with own_cluster(folder, site):
            yield
    else:
        yield


def _go_through(fault: Fault, world: World, cells: dict[str, Cell]) -> None:
    time.sleep(BEFORE_S)
    fault.inject(world)
    time.sleep(fault.hold_s)
    _await_felt(fault, world)
    if fault.settles:
        world.order("settle")
    fault.mend(world)
    mended = time.monotonic()
    if not fault.settles:
        world.order("settle")
    _await_states(world, cells, mended)
    world.order("resume")
    time.sleep(AGAIN_S)
    world.order("finish")
    _await_drain(world, cells)


def _await_felt(fault: Fault, world: World) -> None:
    """The fault lasts until it bites: a machine that stands just then has to make parts first, for example."""
    try:
        wait(f"{fault.title} to be felt", lambda: fault.felt(world))
    except AssertionError as error:
        raise AssertionError(f"{error}, so it proves nothing: {world.live()}") from None


def _await_states(world: World, cells: dict[str, Cell], mended: float) -> None:
    """When each machine's true state was shown, seen now: the stamp is later than the order to settle."""
    open_ = set(cells)
    while open_ and time.monotonic() - mended < PATIENCE_S:
        shown = world.live()
        for protocol in list(open_):
            if protocol in shown and shown[protocol].state == "setup" and world.is_present(shown[protocol].at):
                cells[protocol].state_s = round(time.monotonic() - mended, 2)
                open_.remove(protocol)
        time.sleep(0.05)
    for protocol in open_:
        cells[protocol].shown = str(world.live().get(protocol))


def _await_drain(world: World, cells: dict[str, Cell]) -> None:
    """Wait until nothing more can come, then look."""

    def is_over() -> bool:
        made = {protocol: plant.made for protocol, plant in world.plants.items()}
        idle = all(state == "idle" for state in world.last_states().values())
        return idle and world.booked() == made and world.pending() == 0

    with contextlib.suppress(AssertionError):  # the test of each cell says what is missing
        wait("the drain", is_over, PATIENCE_S)
    booked, states, pending = world.booked(), world.last_states(), world.pending()
    for protocol, cell in cells.items():
        cell.made, cell.booked = world.plants[protocol].made, booked[protocol]
        cell.last, cell.pending = states[protocol], pending
