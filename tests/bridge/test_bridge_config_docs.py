"""docs/bridge.md says what the code does: every setting, metric, alarm, exit code; its commands work."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bridge_docs import BLOCK, DOCS, ROOT, TABLES, render

from iot_bridge.alarms import ALARMS, mend_of
from iot_bridge.config import load_config
from iot_bridge.config.model import BridgeConfig, OdooConfig, OutboxConfig, StatusConfig
from iot_bridge.drivers import DRIVERS, WriteRule
from iot_bridge.uplink.failures import REFUSED

PAGE = DOCS.read_text(encoding="utf-8")
PACKAGE = ROOT / "iot_bridge"


def test_tables_are_as_the_code_has_them() -> None:
    """When this fails: python tests/bridge/bridge_docs.py"""
    assert render(PAGE) == PAGE


def test_every_table_is_on_the_page() -> None:
    assert {name for _, name, _, _ in BLOCK.findall(PAGE)} == set(TABLES)


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_every_setting_of_a_driver_says_its_meaning(name: str) -> None:
    fields = DRIVERS[name].settings.model_fields
    assert [field for field, info in fields.items() if field != "driver" and not info.description] == []


@pytest.mark.parametrize("model", [BridgeConfig, OdooConfig, OutboxConfig, StatusConfig, WriteRule])
def test_every_other_setting_says_its_meaning(model: type[BridgeConfig]) -> None:
    assert [field for field, info in model.model_fields.items() if not info.description] == []


def raised_alarms() -> dict[str, str]:
    """Code -> file of every alarm that the code raises by name: alarm("code", …), alarms["code"] = …"""
    found: dict[str, str] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for code in _codes(node):
                found[code] = str(path.relative_to(PACKAGE))
    return found


def _codes(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and node.args:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return [_text(node.args[0])] if name in ("alarm", "_alarm") and _text(node.args[0]) else []
    if isinstance(node, ast.Assign):
        targets = [t for t in node.targets if isinstance(t, ast.Subscript) and getattr(t.value, "attr", "") == "alarms"]
        return [_text(target.slice) for target in targets if _text(target.slice)]
    return []


def _text(node: ast.expr) -> str:
    """A constant, or the beginning of an f-string up to its colon."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value).partition(":")[0]
    return ""


def test_every_alarm_has_a_mend() -> None:
    raised = raised_alarms()
    assert len(raised) >= 10 and {"tags", "outbox", "config", "stuck"} <= set(raised)
    assert {code: file for code, file in raised.items() if code not in ALARMS} == {}
    assert [code for code in REFUSED if code not in ALARMS] == []
    assert mend_of("stuck:plc") == ALARMS["stuck"].mend and mend_of("unheard_of") == ""


def test_all_pictures_and_pages_are_there() -> None:
    named = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE)
    assert named and [name for name in named if not (DOCS.parent / name).exists()] == []


def test_the_commands_of_the_ten_minutes_work(tmp_path: Path) -> None:
    """Each ``iot-bridge`` line of the block that is marked as tested, in order, in folders of the test."""
    block = re.search(r"<!-- tested -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert block
    script = re.sub(r" *#.*", "", block[1]).replace("\\\n", " ")
    lines = [line.strip() for line in script.splitlines()]
    commands = [line for line in lines if line.startswith("iot-bridge ")]
    assert [command.split()[1] for command in commands] == ["init", "check"]
    (tmp_path / "gateway-key").write_text("k\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in commands:
        here = command.replace("/etc/iot-bridge", str(tmp_path)).replace("/var/lib/iot-bridge", str(tmp_path / "data"))
        done = subprocess.run([sys.executable, "-m", *here.replace("iot-bridge", "iot_bridge", 1).split()],
                              cwd=tmp_path, env=env, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_the_example_of_an_allow_list_is_one(tmp_path: Path) -> None:
    example = re.search(r"<!-- example -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert example
    text = "\n".join(line[4:] for line in example[1].splitlines())
    path = tmp_path / "bridge.yaml"
    head = "stream: L\ndata_dir: d\nodoo: {url: 'http://h', database: d, login: l, key_file: k}\n"
    path.write_text(head + text)
    (connection,) = load_config(path).connections
    assert len(connection.write) >= 2 and connection.safety


def test_an_installation_holds_every_package_and_asset() -> None:
    text = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^packages = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    assert listed
    here = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in PACKAGE.rglob("__init__.py")}
    assert set(re.findall(r'"([^"]+)"', listed[1])) == here
    assert "statuspage/assets/*" in text and len(list((PACKAGE / "statuspage/assets").iterdir())) == 3
