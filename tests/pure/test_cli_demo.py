"""The demo plant keeps what belongs together, together."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from iot_bridge.config import load_config
from mescli import bridge_config, database, demo, odoo, postgres, processes, template
from mescli.demo import Plant, Settings
from mescli.errors import MesError

PROVIDED = {"login": "gateway-1-1", "stream": "LINE1", "board_path": "/odoo/mes-board", "users": []}


class World:
    """The databases and Odoo calls that a plant's preparation would make."""

    def __init__(self) -> None:
        self.databases: set[str] = set()
        self.calls: list[str] = []
        self.bundles_fail = False

    def copy(self, source: str, target: str, *, durable: bool = False) -> None:
        assert durable, "a demo database survives a power cut"
        self.databases.add(target)
        self.calls.append(f"copy {source}")

    def script(self, name: str, code: str, **_: object) -> str:
        assert name in self.databases
        if "_get_asset_bundle" in code:
            if self.bundles_fail:
                raise MesError("Bundling failed.", "look.")
            self.calls.append("pages")
            return ""
        self.calls.append("provision")
        return json.dumps({**PROVIDED, "key": "the-secret"})

    def install(self, name: str, modules: list[str], *, update: bool = False) -> None:
        assert update
        self.calls.append("update")


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("MES_STATE", str(tmp_path))
    made = World()
    monkeypatch.setattr(postgres, "ensure", lambda: None)
    monkeypatch.setattr(template, "ensure", lambda: "mes_tpl_1")
    monkeypatch.setattr(template, "current", lambda: "mes_tpl_1")
    monkeypatch.setattr(database, "exists", lambda name: name in made.databases)
    monkeypatch.setattr(database, "drop", made.databases.discard)
    monkeypatch.setattr(database, "copy", made.copy)
    monkeypatch.setattr(odoo, "script", made.script)
    monkeypatch.setattr(odoo, "install", made.install)
    return made


def prepared(tmp_path: Path, *, pages: bool = False, **settings: object) -> Plant:
    port = processes.free_port(18100)
    plant = Plant(Settings(port=port, folder=tmp_path / "demo", **settings))
    plant.prepare(pages=pages)
    return plant


def test_the_first_start_makes_the_database_and_keeps_the_key_private(world, tmp_path):
    prepared(tmp_path)
    assert world.calls == ["copy mes_tpl_1", "provision"]
    key = tmp_path / "demo/key"
    assert key.read_text() == "the-secret"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    others = [path for path in (tmp_path / "demo").iterdir() if path != key]
    assert [path for path in others if "the-secret" in path.read_text()] == []


def test_pages_are_made_while_the_plant_is(world, tmp_path):
    prepared(tmp_path, pages=True)
    assert sorted(world.calls) == ["copy mes_tpl_1", "pages", "provision"]


def test_pages_that_cannot_be_made_stop_no_plant(world, tmp_path, capsys):
    world.bundles_fail = True
    prepared(tmp_path, pages=True)
    assert "provision" in world.calls
    assert "Bundling failed" in capsys.readouterr().out


def test_the_second_start_makes_nothing_new(world, tmp_path):
    prepared(tmp_path)
    world.calls.clear()
    prepared(tmp_path, pages=True)
    assert world.calls == []


def test_changed_sources_update_the_database_in_place(world, tmp_path, monkeypatch):
    prepared(tmp_path)
    world.calls.clear()
    monkeypatch.setattr(template, "current", lambda: "mes_tpl_2")
    prepared(tmp_path)
    prepared(tmp_path)
    assert world.calls == ["update"]


def test_fresh_forgets_the_outbox_and_the_counters_with_the_database(world, tmp_path):
    folder = prepared(tmp_path).folder
    (folder / "bridge").mkdir()
    (folder / "bridge/outbox.sqlite").touch()
    (folder / "plc-memory.json").touch()
    world.calls.clear()
    prepared(tmp_path, fresh=True)
    assert world.calls == ["copy mes_tpl_1", "provision"]
    assert not (folder / "bridge").exists()
    assert not (folder / "plc-memory.json").exists()


def test_a_lost_database_takes_its_outbox_along(world, tmp_path):
    folder = prepared(tmp_path).folder
    (folder / "bridge").mkdir()
    world.databases.clear()
    prepared(tmp_path)
    assert not (folder / "bridge").exists()


def test_a_provisioning_that_failed_is_done_again(world, tmp_path):
    (prepared(tmp_path).folder / "provision.json").unlink()
    world.calls.clear()
    prepared(tmp_path)
    assert world.calls == ["provision"]


def test_the_bridge_gets_a_configuration_that_it_accepts(tmp_path):
    path = tmp_path / "bridge.yaml"
    bridge_config.write(path, "http://127.0.0.1:18100", "mes_demo", PROVIDED, plc_port=15020)
    config = load_config(path)
    assert (config.stream, config.odoo.login, config.odoo.database) == ("LINE1", "gateway-1-1", "mes_demo")
    ports = [item.port for item in config.connections]
    assert sorted(ports) == sorted([*bridge_config.device_ports(15020), 15020 + bridge_config.BROKER])
    assert len(set(ports)) == len(ports) and max(ports) < 15020 + bridge_config.CONTROL
    assert config.odoo.key_file == tmp_path / "key"
    assert "key_file" in yaml.safe_load(path.read_text())["odoo"]


def test_the_simulated_plcs_get_free_ports_in_a_row(monkeypatch):
    taken = {15021}
    monkeypatch.setattr(processes, "port_is_free", lambda port: port not in taken)
    assert demo._free_block(15020, 5) == 15025


def test_a_database_of_the_first_line_alone_gets_the_rest_of_the_plant(world, tmp_path):
    made = prepared(tmp_path)
    provided = {name: value for name, value in made.provided().items() if name != "plant"}
    (made.folder / "provision.json").write_text(json.dumps(provided))
    world.calls.clear()
    assert prepared(tmp_path).provided()["plant"] == "all"
    assert world.calls == ["provision"]


def test_the_bridge_of_the_whole_plant_reads_all_of_its_devices(tmp_path):
    path = tmp_path / "bridge.yaml"
    bridge_config.write(path, "http://127.0.0.1:18100", "mes_demo", {**PROVIDED, "plant": "all"}, plc_port=15020)
    ports = [item.port for item in load_config(path).connections]
    assert sorted(ports) == sorted([*bridge_config.device_ports(15020, "all"), 15020 + bridge_config.BROKER])
    assert max(ports) == 15020 + bridge_config.BROKER < 15020 + bridge_config.CONTROL
