"""``./mes demo --check``: run the plant, break bridge and Odoo in the middle of it, and compare with the truth.

One plant of its own (database, folder and process names of its own), about a minute of real time: parts are
made, the bridge is killed, parts are made, the bridge comes back, Odoo is killed and started again, the plant
stops, the backlog drains. Then the truth file, which neither bridge nor Odoo ever reads, is held against
Odoo's tables. ``mescli/compare.py`` has the rules, ``mescli/sabotage.py`` the lies that must be found.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from iot_bridge.simulator.layout import POLL_MS, STALE_MS

from . import bridge_config, database, facts
from .compare import Rules, Span, Verdict, compare, judge_times
from .demo import PLC_PORT, Plant, Settings
from .errors import MesError
from .paths import sub
from .progress import say, step
from .proxy import TamperingProxy
from .sabotage import saboteur

SECONDS = 60.0
#: The bridge stays dead for longer than its last evidence may reach, or nobody could see that it was.
DOWN_PLANT_S = STALE_MS / 1000 + 5.0
#: A read takes its time, and the simulator moves in steps of 100 ms: what "within one poll" allows on top.
SLACK_REAL_MS, STEP_MS = 150, 100
PATIENCE_S = 60.0
#: A meter tells every so many kWh; what is left of a step at the end is told with the next one.
ENERGY_STEP_KWH = 0.1
SHOWN = 20


def nothing() -> None:
    """What happens between a kill and a start, when nothing more does."""


@dataclass
class Run:
    """A plant while it is checked; all spans are plant ms.

    ``outages``: from the kill to the order to start again. ``downtimes``: the bridge's, until it is connected to
    every PLC. ``silences``: Odoo's, until it answers.
    """

    plant: Plant
    outages: list[Span] = field(default_factory=list)
    downtimes: list[Span] = field(default_factory=list)
    silences: list[Span] = field(default_factory=list)

    @property
    def truth(self) -> facts.Truth:
        return facts.truth_of(self.plant.truth_file)

    def now(self) -> int:
        return self.plant.plant_now_ms()

    def kill_bridge(self, meanwhile: Callable[[], object] = nothing) -> None:
        """SIGKILL, a pause in which parts are made unseen, a restart that is over when each PLC is connected."""
        broken = self.now()
        self.plant.kill_bridge()
        meanwhile()
        time.sleep(max(3.0, DOWN_PLANT_S / self.plant.settings.speed))
        mended = self.now()
        self.plant.start_bridge()
        wait("the bridge's connections", lambda: connected(self.plant.plc_port))
        self.outages.append((broken, mended))
        self.downtimes.append((broken, self.now()))

    def kill_odoo(self, meanwhile: Callable[[], object] = nothing) -> None:
        """SIGKILL and start; the bridge goes on and keeps what it sees."""
        broken = self.now()
        self.plant.kill_odoo()
        meanwhile()
        mended = self.now()
        self.plant.start_odoo()
        self.outages.append((broken, mended))
        self.silences.append((broken, self.now()))

    def drain(self) -> None:
        """Wait until Odoo has evidence from after the end: all before it in the stream has then arrived."""
        wait("the end of production", lambda: self.truth.end is not None)
        end = self.truth.end
        assert end is not None  # waited for
        late = end + 2 * STALE_MS
        wait("the drain of the bridge's backlog", lambda: self._watched_until() > late)

    def _watched_until(self) -> int:
        truth = self.truth
        ends = [max((end for _, end in m.evidence), default=0) for m in facts.machines(truth, self.database)]
        return min(ends, default=0)

    @property
    def database(self) -> str:
        return self.plant.settings.database


def run(settings: Settings, sabotage: str | None = None, seconds: float = SECONDS) -> int:
    """Run the check; print what does not hold and, as last line, the figures. 0 only if all holds."""
    try:
        verdict = examine(settings, sabotage, seconds)
    except MesError as error:
        verdict = Verdict(problems=[str(error)])
    for problem in verdict.problems[:SHOWN]:
        say(f"  ! {problem}")
    if len(verdict.problems) > SHOWN:
        say(f"  ! … and {len(verdict.problems) - SHOWN} more")
    print(json.dumps(verdict.line()), flush=True)
    return 0 if verdict.ok else 1


def examine(settings: Settings, sabotage: str | None, seconds: float) -> Verdict:
    """Make the plant, live through the run, judge it, and leave nothing running."""
    with _proxied(_own(settings), sabotage) as own:
        plant = Plant(own)
        plant.prepare()
        with step("Odoo, simulated PLCs, bridge", 8):
            plant.start()
        checked = Run(plant)
        try:
            arrivals = _live_through(checked, seconds)
            verdict = judge(checked, arrivals)
        finally:
            plant.stop()
    if verdict.ok or sabotage:
        database.drop(own.database)
    return verdict


def _own(settings: Settings) -> Settings:
    """Names that no other plant or check of this checkout uses."""
    name = f"check-{settings.port}"
    # Two checks at once would find the same free PLC ports before either has taken them.
    plc_port = PLC_PORT + 100 + settings.port % 1000 * bridge_config.port_count()
    own = replace(settings, database=f"mes_check_{settings.port}", folder=sub(name), name=f"{name}-")
    return replace(own, plc_port=plc_port, history_days=0, fresh=True, linger=True, plant="line1")


@contextlib.contextmanager
def _proxied(settings: Settings, sabotage: str | None) -> Iterator[Settings]:
    """With a saboteur between bridge and Odoo, when one is wanted."""
    if sabotage is None:
        yield settings
        return
    with TamperingProxy(settings.port, edit=saboteur(sabotage)) as proxy:
        yield replace(settings, uplink_port=proxy.port)


def _live_through(checked: Run, seconds: float) -> list[Span]:
    """The minute itself. Gives the arrivals of facts in Odoo."""
    arrivals = facts.Arrivals(checked.database, checked.now)
    arrivals.start()
    try:
        wait("the first part", lambda: bool(checked.truth.parts))
        deadline = time.monotonic() + seconds
        with step("Parts are made", seconds / 6):
            time.sleep(seconds / 6)
        with step("Bridge killed (SIGKILL) and started", DOWN_PLANT_S):
            checked.kill_bridge()
        with step("Parts are made", seconds / 6):
            time.sleep(seconds / 6)
        with step("Odoo killed (SIGKILL) and started", 5):
            checked.kill_odoo()
        left = max(seconds / 6, deadline - time.monotonic())
        with step("Parts are made", left):
            time.sleep(left)
        with step("The plant stops, the backlog drains", 15):
            checked.plant.stop_producing()
            checked.drain()
    finally:
        seen = arrivals.finish()
    return seen


def judge(checked: Run, arrivals: list[Span]) -> Verdict:
    """Truth against facts, and the times."""
    truth, name = checked.truth, checked.database
    verdict = compare(facts.machines(truth, name), facts.counters(truth, name), rules(checked, truth))
    judge_times(verdict, arrivals, checked.outages, checked.plant.settings.speed)
    if put_aside := facts.rejections(name):
        verdict.problems.append(f"Odoo put events aside: {put_aside}")
    for meter, (used, booked) in facts.energy(truth, name).items():
        if abs(used - booked) > ENERGY_STEP_KWH:
            verdict.problems.append(f"{meter}: {used:.3f} kWh used, {booked:.3f} kWh in Odoo")
    for start, end in [*checked.downtimes, *checked.silences]:
        if not any(start <= at < end for at in truth.parts):
            verdict.problems.append(f"no part was made in the outage {start}–{end}: it proves nothing")
    return verdict


def rules(checked: Run, truth: facts.Truth) -> Rules:
    """The whole production as window, and what one poll and the stale limit are in this plant."""
    assert truth.start is not None and truth.end is not None  # drain() has waited for them
    poll = POLL_MS + STEP_MS + round(SLACK_REAL_MS * checked.plant.settings.speed)
    return Rules((truth.start, truth.end), checked.downtimes, poll, STALE_MS)


def wait(what: str, condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; say what is missing when it never does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise MesError(f"The check waited {patience_s:.0f} s in vain for {what}.", "see `./mes logs`.")
        time.sleep(0.1)


def connected(first_port: int) -> bool:
    """True when somebody is connected to each simulated PLC, and the bridge to the broker, by the kernel's own table.

    At the broker the simulated machine's own connection does not count.
    """
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    remote = [int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == "01"]
    devices = set(bridge_config.device_ports(first_port))
    return devices.issubset(remote) and remote.count(first_port + bridge_config.BROKER) > 1
