"""The unit of the bridge: valid, hardened, and in agreement with the program."""

from __future__ import annotations

import configparser
import re
import shutil
from pathlib import Path

import pytest

from iot_bridge.cli.exits import Exit
from mescli import systemd
from mescli.paths import ROOT

UNIT = ROOT / "deploy/iot-bridge.service"
SERIAL = ROOT / "deploy/iot-bridge-serial.conf"


class Unit(configparser.ConfigParser):
    """A unit file; of a setting that is there several times the last one counts here."""

    def __init__(self, path: Path) -> None:
        super().__init__(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(path)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that exists."""
    program = tmp_path / "iot-bridge"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / "units" / UNIT.name
    path.parent.mkdir()
    path.write_text(UNIT.read_text().replace("/opt/gemba/venv/bin/iot-bridge", str(program)))
    return path


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` says: 0 is locked up, 10 is open."""
    done = systemd.analyze(["security", "--offline=true", "--no-pager", str(unit)])
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


def with_drop_in(unit: Path, drop_in: Path) -> Path:
    folder = unit.with_name(unit.name + ".d")
    folder.mkdir()
    shutil.copy(drop_in, folder / "serial.conf")
    return unit


def test_systemd_finds_nothing_wrong_with_the_unit(installed: Path) -> None:
    done = systemd.analyze(["verify", "--man=no", str(installed)])
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_systemd_would_find_something(installed: Path) -> None:
    installed.write_text(installed.read_text().replace("Type=notify", "Typo=notify"))
    assert "Typo" in systemd.analyze(["verify", "--man=no", str(installed)]).stderr


def test_exposure_is_at_most_two(installed: Path) -> None:
    assert exposure(installed) <= 2.0


def test_exposure_with_a_serial_port_is_at_most_two(installed: Path) -> None:
    unit = with_drop_in(installed, SERIAL)
    assert exposure(unit) <= 2.0
    done = systemd.analyze(["verify", "--man=no", str(unit)])
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_what_a_restart_does_not_mend_is_not_restarted() -> None:
    service = Unit(UNIT)["Service"]
    assert service["Restart"] == "always"
    named = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert named == {Exit.USAGE, Exit.REFUSED}


def test_unit_and_program_agree() -> None:
    service = Unit(UNIT)["Service"]
    assert service["Type"] == "notify" and service["ExecReload"].endswith("-HUP $MAINPID")
    assert re.fullmatch(r"\S+/iot-bridge run --config /etc/iot-bridge/bridge.yaml", service["ExecStart"])
    assert service["StateDirectory"] == "iot-bridge" and service["DynamicUser"] == "yes"
    name, file = service["LoadCredential"].split(":")
    assert file.startswith("/etc/iot-bridge/") and f"credential:{name}" in UNIT.read_text()
    docs = (ROOT / "docs/bridge.md").read_text()
    assert f"credential:{name}" in docs and file in docs


def test_boot_id_stays_readable() -> None:
    """Counters compare monotonic times only within one boot, and ask the kernel which one it is."""
    assert "ProcSubset" not in Unit(UNIT)["Service"]
