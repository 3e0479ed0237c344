"""A wrong configuration is refused with file, line, field and the mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from iot_bridge.check import key_warnings
from iot_bridge.cli import main
from iot_bridge.config import load_config
from iot_bridge.drivers.modbus.settings import check_tag as check_modbus
from iot_bridge.errors import Misconfigured
from iot_bridge.simulator.layout import PORTS, line_tags
from iot_bridge.tags import Tag, check_set, keep_last_good, load_last_good, parse_download
from iot_bridge.testing import make_tag

GOOD = """\
stream: LINE1
data_dir: data
odoo:
  url: http://127.0.0.1:8069
  database: mes
  login: gateway
  key_file: key
connections:
  - name: plc
    host: 10.0.0.5
tags:
  - tag: T/M1/state
    connection: plc
    equipment: T/M1
    signal: state
    table: holding
    register: 0
    type: uint16
    map: {1: running, 2: idle}
    map_revision: 1
"""


PLC = {"plc": check_modbus}

def write(folder: Path, text: str) -> Path:
    path = folder / "bridge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_file_with_defaults_and_relative_paths(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.data_dir == tmp_path / "data" and config.odoo.key_file == tmp_path / "key"
    assert config.connections[0].port == 502 and config.odoo.transport == "xmlrpc"
    assert isinstance(config.tags, list) and config.tags[0].map == {"1": "running", "2": "idle"}


@pytest.mark.parametrize(
    ("find", "replace", "line", "field", "mend"),
    [
        ("stream: LINE1\n", "", 1, "stream", "add this field"),
        ("data_dir: data", "data_dir: data\ndatadir: x", 3, "datadir", "correct its spelling"),
        ("  url: http://127.0.0.1:8069", "  url: 127.0.0.1:8069", 4, "odoo.url", "match pattern"),
        ("host: 10.0.0.5", "host: 10.0.0.5\n    port: '502'", 11, "connections.0.port", "without quotes"),
        ("host: 10.0.0.5", "host: 10.0.0.5\n    timeout_s: 3", 11, "connections.0.timeout_s", "less than or equal"),
        ("host: 10.0.0.5", "host: 10.0.0.5\n    driver: opc", 11, "connections.0.driver", "modbus_tcp"),
        ("register: 0", "register: 70000", 17, "tags.0.register", "65535"),
        ("2: idle", "2: sleeping", 12, "tags.0", "sleeping"),
        ("connection: plc", "connection: plx", 11, "tags", "'plx' is not configured"),
        ("type: uint16", "type: uint16\n    code_tag: T/M1/code", 11, "tags", "add it as a companion"),
        ("stream: LINE1", "stream: [", 3, "not YAML", "not YAML"),
    ],
)
def test_errors_name_line_field_and_mend(
    find: str, replace: str, line: int, field: str, mend: str, tmp_path: Path
) -> None:
    assert GOOD.count(find) == 1
    path = write(tmp_path, GOOD.replace(find, replace))
    with pytest.raises(Misconfigured) as caught:
        load_config(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}:{line}: {field}") and mend in sentence
    assert len(sentence.splitlines()) == 1


def test_several_errors_come_together(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_config(write(tmp_path, GOOD.replace("stream: LINE1\n", "").replace("login: gateway\n", "logn: x\n")))
    assert len(str(caught.value).splitlines()) == 3


def test_missing_file_and_empty_key(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--config"):
        load_config(tmp_path / "none.yaml")
    config = load_config(write(tmp_path, GOOD))
    with pytest.raises(Misconfigured, match="button in Odoo"):
        config.odoo.read_key()
    (tmp_path / "key").write_text(" \n")
    with pytest.raises(Misconfigured, match="is empty"):
        config.odoo.read_key()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("stream: LINE1\n# Füller".encode("latin-1"), ":2: not UTF-8: save the file as UTF-8"),
        (b"stream: LINE1\nodoo: a\x07b", ":2: not YAML: it holds an invisible character: remove it"),
    ],
)
def test_a_file_that_is_no_text_is_told_by_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bridge.yaml"
    path.write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_a_key_that_is_no_text(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    config.odoo.key_file.write_bytes(b"\xff\xfe")
    with pytest.raises(Misconfigured, match="is no text: put the API key into it"):
        config.odoo.read_key()


@pytest.mark.parametrize(
    ("url", "mode", "words"),
    [
        ("http://127.0.0.1:8069", 0o600, []),
        ("https://odoo.example.com", 0o600, []),
        ("http://odoo.example.com", 0o600, ["clear text"]),
        ("http://127.0.0.1:8069", 0o640, ["chmod 600"]),
    ],
)
def test_a_key_that_others_can_read_is_said(tmp_path: Path, url: str, mode: int, words: list[str]) -> None:
    config = load_config(write(tmp_path, GOOD))
    config.odoo.key_file.write_text("secret")
    config.odoo.key_file.chmod(mode)
    said = key_warnings(config.odoo.model_copy(update={"url": url}))
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))
    assert not any("secret" in sentence for sentence in said)


def test_cli_says_it_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD.replace("stream: LINE1\n", ""))
    assert main(["check", "-c", str(path)]) == 2
    assert "add this field" in capsys.readouterr().err
    assert main(["check", "-c", str(write(tmp_path, GOOD))]) == 0
    assert main(["status", "-c", str(path)]) == 2


def test_printed_example_is_valid_but_for_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--print-config", "--base-port", "18240", "--protocol", "modbus_tcp"]) == 0
    config = load_config(write(tmp_path, capsys.readouterr().out))
    assert [connection.port for connection in config.connections] == list(range(18240, 18240 + PORTS))
    assert yaml.safe_load((tmp_path / "bridge.yaml").read_text())["stream"] == "LINE1"


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"type": "float32", "modulus": 2**25}, "stands still"),
        ({"type": "int16"}, "needs modulus"),
        ({"modulus": 10}, "can wrap unseen"),
        ({"max_rate": None}, "needs max_rate"),
        ({"counter": None}, "needs its name"),
    ],
)
def test_counter_that_cannot_work_is_refused(fields: dict[str, object], mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        make_tag("T/M1", "total", **{"signal": "counter", **fields})


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"table": "coil"}, "use bool"),
        ({"register": 65535, "type": "uint32"}, "beyond register"),
        ({"type": "auto"}, "needs table, register and type"),
    ],
)
def test_tag_that_its_protocol_cannot_read_is_refused(fields: dict[str, object], mend: str) -> None:
    with pytest.raises(Misconfigured, match=mend):
        check_set([make_tag("T/M1", "speed", **{"signal": "measurement", **fields})], PLC)


def test_two_tags_for_one_thing_are_refused() -> None:
    twice = [make_tag("T/M1", "a", signal="counter", counter="total"), make_tag("T/M1", "total", signal="counter")]
    with pytest.raises(Misconfigured, match="both say"):
        check_set(twice, PLC)
    with pytest.raises(Misconfigured, match="there twice"):
        check_set([twice[0], twice[0]], PLC)


def test_download_leaves_out_what_it_does_not_know(tmp_path: Path) -> None:
    names = {str(tag["connection"]): check_modbus for tag in line_tags("modbus_tcp")}
    future = {**line_tags("modbus_tcp")[0], "tag": "T/x", "signal": "hologram"}
    answer = {"revision": 4, "tags": [{**tag, "colour": "red"} for tag in line_tags("modbus_tcp")] + [future]}
    revision, tags, findings = parse_download(answer, names)
    assert revision == 4 and len(tags) == len(line_tags("modbus_tcp")) and "hologram" in findings[0]
    keep_last_good(tmp_path / "tags.json", answer)
    assert load_last_good(tmp_path / "tags.json") == answer
    kept = (tmp_path / "tags.json").read_text()
    (tmp_path / "tags.json").write_text(json.dumps(answer))
    assert load_last_good(tmp_path / "tags.json") == answer  # as versions before kept it
    for damaged in ("", "{half", "[]", kept[:-40], kept.replace('"register": 0', '"register": 1', 1)):
        assert damaged != kept
        (tmp_path / "tags.json").write_text(damaged)
        with pytest.raises(Misconfigured, match="damaged"):
            load_last_good(tmp_path / "tags.json")
    (tmp_path / "tags.json").unlink()
    assert load_last_good(tmp_path / "tags.json") is None
    broken = {"revision": 5, "tags": [{**line_tags("modbus_tcp")[0], "register": "zero"}]}
    with pytest.raises(Misconfigured, match="register"):
        parse_download(broken, names)


def test_null_means_default() -> None:
    tag = Tag.model_validate({**line_tags("modbus_tcp")[0], "word_order": None, "code_tag": None, "stale_ms": None})
    assert (tag.word_order, tag.code_tag, tag.stale_limit_ms) == ("ABCD", None, 1500)
