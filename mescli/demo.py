"""`./mes demo`: the demo plant. `Plant` starts, stops and kills each of its processes; `run` supervises them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import bridge_config, clock, database, mosquitto, odoo, postgres, processes, template, venv
from .errors import MesError
from .pages import made_meanwhile
from .paths import ROOT, state_dir
from .progress import say, step

PORT = 8069
DATABASE = "mes_demo"
PLC_PORT = 15020  # first port of the simulated PLCs; the next free block is taken
LOG_MEND = "see `./mes logs`; `./mes demo --fresh` starts from nothing."


@dataclass(frozen=True)
class Settings:
    """What a plant is to be. `name` is put before the names of its logs and pid files."""

    port: int = PORT
    speed: float = 1.0
    fresh: bool = False
    interface: str = "127.0.0.1"
    database: str = DATABASE
    folder: Path = field(default_factory=lambda: state_dir() / "demo")
    name: str = ""
    history_days: int = 7
    seed: int = 1
    profile: str = "demo"
    plant: str = "all"  # how much of it: a name of iot_bridge.simulator.cells.PLANTS
    linger: bool = False  # PLCs can be read after the end of production
    plc_port: int = PLC_PORT
    uplink_port: int | None = None  # where the bridge finds Odoo, when a proxy stands between

    def validate(self) -> None:
        if not 0 < self.speed <= 100:
            raise MesError(f"A speed of {self.speed:g} is not possible.", "give --speed a number from 0.1 to 100.")
        if not 0 < self.port < 65536:
            raise MesError(f"{self.port} is no port.", "give --port a number from 1024 to 65535.")


class Plant:
    """PostgreSQL's demo database, Odoo, MQTT broker, simulated PLCs and bridge, each a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.odoo: odoo.OdooServer | None = None
        self.clock = clock.PlantClock(0.0, 0.0, 1.0)
        self.plc_port = 0
        self.broker: subprocess.Popen[bytes] | None = None
        self.simulator: subprocess.Popen[bytes] | None = None
        self.bridge: subprocess.Popen[bytes] | None = None
        self._producing = False

    # -- preparation

    @property
    def truth_file(self) -> Path:
        return self.folder / "truth.jsonl"

    @property
    def config_file(self) -> Path:
        return self.folder / "bridge.yaml"

    @property
    def bridge_url(self) -> str:
        return f"http://127.0.0.1:{self.plc_port + bridge_config.STATUS}/"

    @property
    def board_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}{self.provided()['board_path']}"

    def process_name(self, part: str) -> str:
        return f"{self.settings.name}{part}"

    def provided(self) -> dict[str, object]:
        """What `mes.demo.provision` answered when the database was made."""
        found: dict[str, object] = json.loads((self.folder / "provision.json").read_text())
        return found

    def _provided_plant(self) -> object:
        """How much of the plant the database has; None: nothing. One of before there was more is line 1."""
        if not (self.folder / "provision.json").exists():
            return None
        return self.provided().get("plant", "line1")

    def prepare(self, *, pages: bool = False) -> None:
        """Stop leftovers, and make the database, the gateway's key and the bridge's configuration where missing.

        With `pages` also what the web client's pages are made of, for people who will look at them.
        """
        self.stop_leftovers()
        processes.need_port(self.settings.port)
        self.folder.mkdir(parents=True, exist_ok=True)
        postgres.ensure()
        if self.settings.fresh:
            self._forget()
        if not database.exists(self.settings.database):
            self._forget()
            self._create_database()
        else:
            self._update_database()
        if self._provided_plant() != self.settings.plant:
            with made_meanwhile(self.settings.database) if pages else contextlib.nullcontext():
                self._provision()

    def stop_leftovers(self) -> None:
        """Processes of an earlier run that was killed."""
        for part in ("bridge", "plant", "broker", "odoo"):
            if processes.stop(self.process_name(part)):
                say(f"  stopped {part} of an earlier run")

    def _forget(self) -> None:
        """The database, and with it key, outbox and counters: each means nothing to another database."""
        database.drop(self.settings.database)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def _create_database(self) -> None:
        name = template.ensure()
        database.copy(name, self.settings.database, durable=True)
        (self.folder / "template").write_text(name)

    def _update_database(self) -> None:
        """Bring the database to the present sources; its data stays."""
        stamp = self.folder / "template"
        name = template.current()
        if stamp.exists() and stamp.read_text() == name:
            return
        with step("Demo database: update to the present sources", 30):
            odoo.install(self.settings.database, list(template.manifests()), update=True)
        stamp.write_text(name)

    def _provision(self) -> None:
        days = self.settings.history_days
        wanted = f"history_days={days}, new_key=True, plant={self.settings.plant!r}"
        code = f"import json\nanswer(json.dumps(env['mes.demo'].provision({wanted})))"
        with step(f"Demo plant: master data{f', {days} days of history' if days else ''}", 30):
            answer = json.loads(odoo.script(self.settings.database, code, what="Making the demo plant"))
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_text(answer.pop("key"))
        (self.folder / "provision.json").write_text(json.dumps({**answer, "plant": self.settings.plant}))

    # -- environment and time

    def environment(self) -> dict[str, str]:
        """The environment of the plant's processes; all follow one clock."""
        extra: Mapping[str, str] = {"MES_CLOCK": self.clock.variable} if self.clock.variable else {}
        env = odoo.environment(extra)
        if not self.clock.variable:
            env.pop("MES_CLOCK", None)
        return env

    def plant_now_ms(self) -> int:
        return self.clock.now_ms()

    # -- the processes

    def start(self) -> None:
        """Start all of it; when one part fails, none stays."""
        self.clock = clock.begin(self.folder / "clock.json", self.settings.speed)
        self.plc_port = _free_block(self.settings.plc_port, bridge_config.port_count())
        self.truth_file.unlink(missing_ok=True)
        try:
            self.start_odoo()
            self.start_broker()
            self.start_simulator()
            self.start_bridge()
        except BaseException:
            self.stop()
            raise

    def start_odoo(self) -> None:
        settings = self.settings
        self.odoo = odoo.start_odoo(
            settings.database,
            settings.port,
            self.environment(),
            name=self.process_name("odoo"),
            interface=settings.interface,
        )

    @property
    def broker_port(self) -> int:
        return self.plc_port + bridge_config.BROKER

    def start_broker(self) -> None:
        command = mosquitto.prepare(self.broker_port, self.folder / "broker")
        name = self.process_name("broker")
        self.broker = processes.spawn(name, command, self.environment(), ROOT, fresh_log=False)

    def stop_broker(self) -> None:
        self._end("broker", self.broker, signal.SIGTERM)
        self.broker = None

    def start_simulator(self) -> None:
        settings = self.settings
        arguments = bridge_config.simulate_arguments(
            self.plc_port,
            settings.seed,
            settings.profile,
            self.truth_file,
            memory=self.folder / "plc-memory.json",
            linger=settings.linger,
            plant=settings.plant,
        )
        self.simulator = self._spawn("plant", arguments)
        self._producing = True

    def start_bridge(self) -> None:
        url = f"http://127.0.0.1:{self.settings.uplink_port or self.settings.port}"
        bridge_config.write(self.config_file, url, self.settings.database, self.provided(), self.plc_port)
        self.bridge = self._spawn("bridge", ["run", "--config", str(self.config_file)])

    def _spawn(self, part: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        command = [str(venv.python()), "-m", "iot_bridge", *arguments]
        return processes.spawn(self.process_name(part), command, self.environment(), ROOT, fresh_log=False)

    def stop(self) -> None:
        """Stop all of it in the order of the data, so that nothing is left undelivered."""
        self.stop_simulator()
        self.stop_bridge()
        self.stop_broker()
        self.stop_odoo()
        if self.clock.real0:
            clock.end(self.folder / "clock.json", self.clock)

    def stop_odoo(self) -> None:
        if self.odoo:
            self.odoo.stop()
        self.odoo = None

    def kill_odoo(self) -> None:
        """SIGKILL."""
        if self.odoo:
            self.odoo.kill()
        self.odoo = None

    def stop_bridge(self) -> None:
        self._end("bridge", self.bridge, signal.SIGTERM)
        self.bridge = None

    def kill_bridge(self) -> None:
        """SIGKILL."""
        self._end("bridge", self.bridge, signal.SIGKILL)
        self.bridge = None

    def stop_producing(self) -> None:
        """The machines make no more parts; with `linger` their PLCs can still be read."""
        if self.simulator and self._producing:
            self.simulator.send_signal(signal.SIGTERM)
        self._producing = False

    def stop_simulator(self) -> None:
        """End the PLCs. One that lingers has two ends; who skips the first wants no more than its end."""
        abrupt = self.settings.linger and self._producing
        self._end("plant", self.simulator, signal.SIGKILL if abrupt else signal.SIGTERM)
        self.simulator = None

    def _end(self, part: str, process: subprocess.Popen[bytes] | None, number: int) -> None:
        if process is None:
            return
        if number == signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            process.wait(timeout=10)
        processes.stop(self.process_name(part))
        process.poll()

    def parts(self) -> dict[str, tuple[subprocess.Popen[bytes] | None, Callable[[], None]]]:
        """Each part: its process, and how to start it again."""
        return {
            "odoo": (self.odoo.process if self.odoo else None, self.start_odoo),
            "broker": (self.broker, self.start_broker),
            "plant": (self.simulator, self.start_simulator),
            "bridge": (self.bridge, self.start_bridge),
        }


def _free_block(first: int, size: int) -> int:
    """The first port of `size` free ones in a row."""
    for start in range(first, 65000, size):
        if all(processes.port_is_free(port) for port in range(start, start + size)):
            return start
    raise MesError("There are no free ports for the simulated PLCs.", "close programs that listen on many ports.")


def run(settings: Settings) -> int:
    """Start the plant, show what it does, and stop all of it on Ctrl-C."""
    from . import supervisor

    started = time.monotonic()
    with supervisor.claimed(settings):
        plant = Plant(settings)
        plant.prepare(pages=True)
        with step("Odoo, broker, simulated PLCs, bridge", 8):
            plant.start()
        return supervisor.watch(plant, time.monotonic() - started)
