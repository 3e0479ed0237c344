"""The container files agree with each other and with the product."""

from __future__ import annotations

import configparser
import re
import subprocess

import pytest
import yaml

from iot_bridge.cli import main as bridge_cli
from iot_bridge.config import load_config
from iot_bridge.simulator.layout import connections
from mescli.paths import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_there_are_database_odoo_broker_plant_and_bridge():
    assert set(SERVICES) == {"db", "odoo", "broker", "plant", "bridge"}


def test_every_volume_that_is_used_is_declared():
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    named = {name for name in used if not name.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    assert all((ROOT / name).exists() for name in used - named)


@pytest.mark.parametrize("service", ["odoo", "plant", "bridge"])
def test_every_image_is_built_from_files_that_exist(service):
    dockerfile = SERVICES[service]["build"]["dockerfile"]
    copied = re.findall(r"^COPY (?:--\S+ )*(\S+) \S+$", text(dockerfile), re.M)
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_bridge_of_the_containers_reads_the_plant_of_the_containers():
    ours = yaml.safe_load(text("deploy/bridge.yaml"))["connections"]
    command = SERVICES["plant"]["command"]
    port, broker = (command[command.index(option) + 1] for option in ("--port", "--broker-host"))
    assert broker in SERVICES
    assert ours == connections("plant", int(port), broker_host=broker, plant=command[command.index("--plant") + 1])


def test_the_bridge_of_the_containers_is_a_valid_configuration(capsys):
    assert bridge_cli(["check", "--config", str(ROOT / "deploy/bridge.yaml")]) == 0
    assert "valid" in capsys.readouterr().out


def test_the_key_is_read_where_odoo_lays_it():
    key = str(load_config(ROOT / "deploy/bridge.yaml").odoo.key_file)
    assert f'"{key}"' in text("deploy/odoo-start.sh")
    assert any(mount.startswith("gateway:/gateway") for mount in SERVICES["bridge"]["volumes"])


def test_the_start_script_is_a_valid_shell_script():
    assert subprocess.run(["sh", "-n", ROOT / "deploy/odoo-start.sh"]).returncode == 0
    assert subprocess.run(["sh", "-n", ROOT / ".ci/run"]).returncode == 0


def test_the_settings_of_a_plant_name_one_database_and_hide_the_list():
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(ROOT / "odoo.conf")
    options = conf["options"]
    assert options["list_db"] == "False"
    assert re.fullmatch(options["dbfilter"], options["db_name"])
    assert load_config(ROOT / "deploy/bridge.yaml").odoo.database == options["db_name"]


@pytest.mark.parametrize("name", ["odoo.txt", "bridge.txt", "dev.txt"])
def test_every_requirement_is_locked(name):
    lines = [line for line in text(f"requirements/{name}").splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.match(r"[\w.-]+==[\w.]+(; .*)?$", line)] == []


def test_the_readme_begins_with_the_two_commands():
    commands = [line.split("#")[0].strip() for line in text("README.md").splitlines() if line.startswith("    ./mes")]
    assert commands[:2] == ["./mes demo", "./mes test"]
    assert text("README.md").index("./mes demo") < 200


def test_every_package_of_the_bridge_is_packed():
    listed = set(re.findall(r'^    "(iot_bridge[\w.]*)",$', text("iot_bridge/pyproject.toml"), re.MULTILINE))
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "iot_bridge").rglob("__init__.py")}
    assert listed == there
