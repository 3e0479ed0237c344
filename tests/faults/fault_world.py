"""One scene: little plants of several protocols, a broker, cables, a bridge, and the Odoo they deliver to.

Every part is a process that can be killed, frozen and started again. Cables (``fault_links``) stand in
front of each device, of the broker and of Odoo.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from fault_certificates import Authority, Pair
from fault_disk import Disk
from fault_links import Link, Links
from fault_site import LINE, Shown, Site, some_port
from little_plant import machine_of

from iot_bridge.simulator import layout
from mescli import mosquitto
from mescli.paths import ROOT
from mescli.proxy import TamperingProxy

HERE = Path(__file__).resolve().parent
DEVICE_NAME, ODOO_NAME = "plc.faults", "odoo.faults"
DEVICE_URI = "urn:gemba:demo:plc"
PATIENCE_S = 60.0


def machine_name(scene: str, protocol: str) -> str:
    """Code of a machine below its line, e.g. PLC_KILLED_OPCUA."""
    return f"{scene}_{protocol}".upper()


def wait(what: str, condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> float:
    """Seconds until the condition held; fails by name when it never does."""
    began = time.monotonic()
    while not condition():
        took = time.monotonic() - began
        assert took < patience_s, f"waited {patience_s:.0f} s in vain for {what}"
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass
class LittlePlant:
    """A machine's process, and its truth."""

    machine: layout.Machine
    port: int  # its own, or the broker's for machines
    truth: Path
    shows: Pair | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self, zero: bool = False) -> None:
        machine = self.machine
        command = [sys.executable, str(HERE / "little_plant.py"), "--protocol", machine.protocol]
        command += ["--name", machine.name, "--line", machine.line, "--port", str(self.port)]
        command += ["--truth", str(self.truth)]
        if self.shows:
            command += ["--certificate", str(self.shows.der), "--key", str(self.shows.key)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.truth.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *(["--zero"] if zero else [])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env,
            )  # fmt: skip

    def await_ready(self) -> None:
        assert self.process and self.process.stdout
        assert self.process.stdout.readline() == b"ready\n", self.truth.with_suffix(".log").read_text()

    def order(self, word: str) -> None:
        assert self.process and self.process.stdin
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def ordered(self, word: str) -> None:
        """Order it and wait until it is so."""
        before = sum(told["t"] == word for told in self.told())
        self.order(word)
        wait(f"{self.machine.name} to {word}", lambda: sum(told["t"] == word for told in self.told()) > before)

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process = None

    def told(self) -> list[dict[str, Any]]:
        if not self.truth.exists():
            return []
        lines = self.truth.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def made(self) -> int:
        """Parts made so far, truly."""
        return max((told["total"] for told in self.told() if told["t"] == "count"), default=0)


class Needs(Protocol):
    """What a world takes from its fault: the name of the scene, and what it needs."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> str: ...


class World:
    """One scene, of the protocols given."""

    def __init__(self, fault: Needs, protocols: Sequence[str], site: Site, links: Links, folder: Path) -> None:
        self.scene, self.needs = fault.name, fault.needs
        self.protocols, self.site, self.folder, self.links = list(protocols), site, folder, links
        self.control = folder / "control"
        self.plants: dict[str, LittlePlant] = {}
        self.cables: dict[str, Link] = {}
        self.broker: mosquitto.Broker | None = None
        self.plant_port = 0
        self.bridge: subprocess.Popen[bytes] | None = None
        self.authority = Authority(folder) if self.needs == "tls" else None
        self.proxy = TamperingProxy(site.port)
        self.odoo_cable = links.link(some_port(), self.proxy.port, self._odoo_tls(expired=False))
        self.data_dir = folder / "data"
        self.disk = Disk(self.data_dir, self._bridge_pid) if self.needs == "small disk" else None

    # -- begin and end

    def start(self) -> None:
        """Start all of it and wait until each machine's parts arrive in Odoo."""
        self.control.mkdir()
        self.set_clock(0.0)
        self.set_names(known=True)
        self.proxy.__enter__()
        if layout.BROKERED & set(self.protocols):
            self._start_broker()
        for protocol in self.protocols:
            self._add_plant(protocol)
        for plant in self.plants.values():
            plant.await_ready()
        self._configure()
        self.start_bridge()
        codes = list(self.codes.values())
        wait("each counter's first point", lambda: self._runs() and self.site.booked(codes).keys() == set(codes))
        self.order("begin")
        wait("the first parts", lambda: all(pieces > 3 for pieces in self.site.booked(codes).values()))

    def close(self) -> None:
        for plant in self.plants.values():
            plant.kill()
        self.kill_bridge()
        if self.broker is not None:
            self.broker.kill()
        for cable in [*self.cables.values(), self.odoo_cable]:
            cable.shut()
        self.proxy.__exit__()
        if self.disk is not None:
            self.disk.close()

    def _start_broker(self) -> None:
        """The machines talk to a port of their own, without certificates: it is the bridge's link that is tried."""
        self.plant_port = some_port()
        tls = None
        if self.authority:
            shown = self.authority.issue("broker", DEVICE_URI, DEVICE_NAME, expired=False)
            tls = mosquitto.Tls(self.authority.pair.certificate, shown.certificate, shown.key)
        more = [f"listener {self.plant_port} 127.0.0.1"]
        self.broker = mosquitto.start(some_port(), self.folder / "broker", tls=tls, more=more)

    def _add_plant(self, protocol: str) -> None:
        machine = machine_of(protocol, machine_name(self.scene, protocol), LINE)
        brokered = protocol in layout.BROKERED
        port = self.plant_port if brokered else some_port()
        plant = LittlePlant(machine, port, self.folder / f"{protocol}.truth")
        if self.authority and protocol == "opcua":
            plant.shows = self.authority.issue("plc", DEVICE_URI, DEVICE_NAME, expired=False)
        self.plants[protocol] = plant
        plant.start()
        self.cables[protocol] = self.links.link(some_port(), self.broker.port if brokered and self.broker else port)

    def _configure(self) -> None:
        (self.folder / "key").write_text(self.site.told["key"])
        (self.folder / "key").chmod(0o600)
        machines = {protocol: plant.machine for protocol, plant in self.plants.items()}
        scheme = "https" if self.authority else "http"
        whole = {
            "stream": self.scene, "data_dir": str(self.data_dir),
            "odoo": {
                "url": f"{scheme}://{ODOO_NAME}:{self.odoo_cable.port}", "database": self.site.name,
                "login": self.site.told["login"], "key_file": "key",
            },
            "connections": [
                {**layout.connection(machine, DEVICE_NAME, self.cables[protocol].port), **self._security(protocol)}
                for protocol, machine in machines.items()
            ],
            "tags": [tag for machine in machines.values() for tag in layout.machine_tags(machine)
                     if tag["signal"] != "measurement"],
        }  # fmt: skip
        (self.folder / "bridge.yaml").write_text(yaml.safe_dump(whole))

    # -- certificates

    def _security(self, protocol: str) -> dict[str, Any]:
        """What a connection needs to check certificates."""
        if not self.authority or protocol in layout.MODBUS:
            return {}
        if protocol == "opcua":
            trusted = self.data_dir / "pki" / "trusted"
            trusted.mkdir(parents=True)
            shutil.copy(self.authority.pair.der, trusted / "ca.der")
            return {"security_policy": "Basic256Sha256"}
        return {"tls": True, "ca_file": str(self.authority.pair.certificate)}

    def use_device_certificate(self, expired: bool) -> None:
        """Broker and OPC UA server show this one from now on: both start anew with it."""
        assert self.authority
        if self.broker is not None:
            self.authority.issue("broker", DEVICE_URI, DEVICE_NAME, expired=expired)
            self.broker.kill()
            self.broker.run()
        if "opcua" in self.plants:
            self.authority.issue("plc", DEVICE_URI, DEVICE_NAME, expired=expired)
            self.plants["opcua"].kill()
            self.plants["opcua"].start()
            self.plants["opcua"].await_ready()

    def use_odoo_certificate(self, expired: bool) -> None:
        """Odoo shows this one from now on."""
        tls = self._odoo_tls(expired)
        assert tls
        self.odoo_cable.secure(tls)

    def _odoo_tls(self, expired: bool) -> ssl.SSLContext | None:
        if self.authority is None:
            return None
        return self.authority.issue("odoo", DEVICE_URI, ODOO_NAME, expired=expired).context()

    # -- the bridge

    def start_bridge(self) -> None:
        env = {**os.environ, "PYTHONPATH": f"{HERE / 'shim'}{os.pathsep}{ROOT}", "FAULTS_CONTROL": str(self.control)}
        if self.authority:
            env["SSL_CERT_FILE"] = str(self.authority.pair.certificate)
        command = [sys.executable, "-m", "iot_bridge", "run", "-c", str(self.folder / "bridge.yaml")]
        with (self.folder / "bridge.log").open("ab") as log:
            self.bridge = subprocess.Popen(command, stderr=log, env=env, start_new_session=True)

    def _runs(self) -> bool:
        assert self.bridge and self.bridge.poll() is None, "the bridge has ended by itself"
        return True

    def kill_bridge(self) -> None:
        """SIGKILL."""
        if self.bridge is not None:
            self.bridge.kill()
            self.bridge.wait()
        self.bridge = None

    def signal_bridge(self, number: int) -> None:
        assert self.bridge
        self.bridge.send_signal(number)

    def _bridge_pid(self) -> int:
        assert self.bridge
        return self.bridge.pid

    def pending(self) -> int | None:
        """Events that Odoo has not acknowledged, as the bridge last said; None before it has."""
        path = self.data_dir / "status.json"
        if not path.exists():
            return None
        pending: int = json.loads(path.read_text())["pending"]
        return pending

    # -- surroundings

    def set_clock(self, seconds: float) -> None:
        """How wrong the bridge's wall clock is."""
        path = self.control / "clock"
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def set_names(self, known: bool) -> None:
        names = dict.fromkeys((DEVICE_NAME, ODOO_NAME), "127.0.0.1") if known else {}
        fresh = self.control / "names.new"
        fresh.write_text(json.dumps(names))
        fresh.replace(self.control / "names")

    # -- plants

    def each(self, work: Callable[[LittlePlant], object]) -> None:
        for plant in self.plants.values():
            work(plant)

    def freeze_plants(self) -> None:
        self.each(lambda plant: plant.signal(signal.SIGSTOP))

    def thaw_plants(self) -> None:
        self.each(lambda plant: plant.signal(signal.SIGCONT))

    def start_plants(self, zero: bool = False) -> None:
        self.each(lambda plant: plant.start(zero))
        self.each(LittlePlant.await_ready)

    def order(self, word: str) -> None:
        self.each(lambda plant: plant.ordered(word))

    # -- what Odoo shows

    @property
    def codes(self) -> dict[str, str]:
        return {protocol: plant.machine.code_path for protocol, plant in self.plants.items()}

    def live(self) -> dict[str, Shown]:
        """By protocol."""
        shown = self.site.live(list(self.codes.values()))
        return {protocol: shown[code] for protocol, code in self.codes.items() if code in shown}

    def booked(self) -> dict[str, int]:
        found = self.site.booked(list(self.codes.values()))
        return {protocol: found.get(code, 0) for protocol, code in self.codes.items()}

    def last_states(self) -> dict[str, str | None]:
        found = self.site.last_states(list(self.codes.values()))
        return {protocol: found.get(code) for protocol, code in self.codes.items()}

    def is_present(self, at: int) -> bool:
        """Whether a stamp (ms) is of the last two stale limits, so no leftover of what was shown before."""
        return abs(time.time() * 1000 - at) < 10_000

    def log(self, protocol: str) -> str:
        """What the bridge and the machine have said, the end of it."""
        paths = [self.folder / "bridge.log", self.folder / f"{protocol}.log"]
        return "\n".join(path.read_text(errors="replace")[-5000:] for path in paths if path.exists())
