"""The command line: each command through ``main``, its output and its exit code."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench_driver import NAME, BenchConfig, Device, kind
from cli_runs import Capture, quiet_log, run  # noqa: F401  (fixture)

from iot_bridge.cli import main
from iot_bridge.cli.exits import Exit, exit_of
from iot_bridge.cli.logs import JournalFormatter
from iot_bridge.cli.main import COMMANDS
from iot_bridge.drivers import DRIVERS
from iot_bridge.drivers.base import Found
from iot_bridge.errors import BridgeError, InUse, LinkLost, Misconfigured, Refused, Rejected, Transient
from iot_bridge.lock import lock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """The device behind connection ``plc``."""
    made = Device()
    monkeypatch.setitem(DRIVERS, NAME, kind({"plc": made, "other": made}))
    return made


def point(name: str, **more: Any) -> dict[str, Any]:
    return {"tag": f"T/M1/{name}", "connection": "plc", "equipment": "T/M1", "signal": "measurement",
            "table": "holding", "register": 0, "type": "uint16", **more}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, device: Device) -> Path:
    """A bridge with a measurement, a setpoint that may be written, and one that may not."""
    whole = {
        "stream": "L1", "data_dir": "data",
        "odoo": {"url": "http://127.0.0.1:1", "database": "d", "login": "l", "key_file": "key"},
        "connections": [{"name": "plc", "driver": NAME, "write": [{"tag": "T/M1/set", "min": 0, "max": 50}]}],
        "tags": [point("temp", scale=0.1, unit="°C"), point("set", writable=True), point("fixed")],
    }  # fmt: skip
    path = tmp_path / "bridge.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


# -- exit codes


def test_exit_codes_are_documented() -> None:
    docs = (ROOT / "docs/bridge.md").read_text()
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|$", docs, re.M)
    assert {int(code): meaning.strip() for code, meaning in rows} == {int(e): e.meaning for e in Exit}


def test_commands_are_documented() -> None:
    docs = (ROOT / "docs/bridge.md").read_text()
    names = [command.__name__.rpartition(".")[2] for command in COMMANDS]
    assert [name for name in names if f"`iot-bridge {name}" not in docs] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("x"), 2), (InUse("x"), 75), (LinkLost("x"), 69), (Transient("x"), 69), (Rejected("x"), 77),
        (Refused("access_denied", "x"), 77),
    ],
)  # fmt: skip
def test_each_failure_has_its_code(error: BridgeError, code: int) -> None:
    assert exit_of(error) == code


def test_wrong_command_lines_end_with_2(capsys: Capture) -> None:
    for arguments in ([], ["fly"], ["read", "--colour"], ["browse", "--csv", "--json"], ["--log-level", "loud", "run"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == Exit.USAGE
    capsys.readouterr()


def test_a_defect_ends_with_70_and_its_traceback(
    config: Path, device: Device, capsys: Capture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("iot_bridge.cli.read.known_tags", lambda config: 1 / 0)
    code, _, _ = run(capsys, "read", "-c", str(config))
    assert code == Exit.DEFECT and "ZeroDivisionError" in caplog.text and "report it" in caplog.text


# -- read


def test_read_shows_scaled_values_with_quality(config: Path, device: Device, capsys: Capture) -> None:
    device.values = {"temp": 215, "set": 7, "fixed": 1}
    code, out, _ = run(capsys, "read", "-c", str(config))
    assert code == Exit.DONE
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["tag", "value", "unit", "age", "quality", "connection"]
    assert rows[1][:3] == ["T/M1/temp", "21.5", "°C"] and rows[1][-2:] == ["good", "plc"]
    code, out, _ = run(capsys, "read", "-c", str(config), "--json", "T/M1/set")
    (only,) = json.loads(out)
    assert code == Exit.DONE and (only["tag"], only["value"], only["quality"]) == ("T/M1/set", 7, "good")
    assert 0 <= only["age_s"] < 5


def test_read_says_what_it_did_not_get(config: Path, device: Device, capsys: Capture) -> None:
    device.values = {"temp": None}  # type: ignore[dict-item]
    code, out, _ = run(capsys, "read", "-c", str(config))
    assert code == Exit.FINDINGS and re.search(r"temp +- .* bad +plc", out)
    device.down = True
    code, out, err = run(capsys, "read", "-c", str(config))
    assert code == Exit.UNAVAILABLE and "plc: the device is away: check address and cable" in err
    code, _, err = run(capsys, "read", "-c", str(config), "T/M9/temp")
    assert code == Exit.USAGE and "there is no tag 'T/M9/temp'; there is T/M1/temp" in err


# -- write


def test_write_needs_yes_and_reads_back(config: Path, device: Device, capsys: Capture) -> None:
    device.values = {"T/M1/set": 3}
    code, out, _ = run(capsys, "write", "-c", str(config), "T/M1/set", "40")
    assert code == Exit.FINDINGS and "T/M1/set is 3; 40 would be written: add --yes" in out
    assert device.values == {"T/M1/set": 3}
    code, out, _ = run(capsys, "write", "-c", str(config), "T/M1/set", "40", "--yes")
    assert code == Exit.DONE and "3 -> 40" in out and device.values == {"T/M1/set": 40}


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        ("T/M1/fixed", "1", "not writable in Odoo's tag map"),
        ("T/M1/set", "51", "outside 0..50"),
        ("T/M1/set", "fast", "no number"),
        ("T/M1/set", "1.5", "whole numbers"),
    ],
)
def test_write_obeys_the_same_rules_as_commands(
    tag: str, value: str, words: str, config: Path, device: Device, capsys: Capture
) -> None:
    code, _, err = run(capsys, "write", "-c", str(config), tag, value, "--yes")
    assert code == Exit.REFUSED and words in err and device.values == {}


def test_write_is_for_a_bridge_that_does_not_run(config: Path, device: Device, capsys: Capture) -> None:
    with lock(config.parent / "data"):
        code, _, err = run(capsys, "write", "-c", str(config), "T/M1/set", "40", "--yes")
        assert code == Exit.BUSY and "send a command from Odoo" in err and device.values == {}
        assert run(capsys, "read", "-c", str(config))[0] == Exit.DONE, "reading disturbs nobody"


def test_write_that_does_not_arrive_is_a_finding(
    config: Path, device: Device, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iot_bridge.cli.write.SETTLE_S", (0.0,))
    device.takes = False
    code, out, _ = run(capsys, "write", "-c", str(config), "T/M1/set", "40", "--yes")
    assert code == Exit.FINDINGS and "40 was written, but the device holds 1" in out


def test_a_link_that_a_visitor_would_disturb_is_left_to_the_bridge(
    config: Path, device: Device, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BenchConfig, "exclusive", True)
    (config.parent / "key").write_text("k")
    with lock(config.parent / "data"):
        for command in ("read", "browse"):
            code, _, err = run(capsys, command, "-c", str(config))
            assert code == Exit.BUSY and "the bridge is running" in err
        _, out, _ = run(capsys, "check", "-c", str(config), "--online")
        assert "not checked plc: the bridge runs and has the link" in out
    assert device.opens == 0
    assert run(capsys, "read", "-c", str(config))[0] == Exit.DONE


# -- check


def test_check_builds_every_driver_and_looks_through_the_allow_list(
    config: Path, device: Device, capsys: Capture
) -> None:
    assert run(capsys, "check", "-c", str(config)) == (Exit.DONE, f"{config}: valid\n", "")
    text = config.read_text()
    config.write_text(text.replace("tag: T/M1/fixed", "tag: T/M1/impossible"))
    code, out, _ = run(capsys, "check", "-c", str(config))
    assert code == Exit.FINDINGS and "FAILED connection plc: a tag that this driver can't be built with" in out
    whole = yaml.safe_load(text)
    whole["connections"][0]["write"] += [{"tag": "T/M1/fixed"}, {"tag": "T/M1/sett"}]
    config.write_text(yaml.safe_dump(whole))
    code, out, _ = run(capsys, "check", "-c", str(config))
    assert code == Exit.DONE and "T/M1/fixed is not writable in the tag map" in out
    assert "T/M1/sett is no tag of this connection" in out and device.opens == 0


# -- browse

OFFERS = [
    Found("holding:7", "holding 7", "uint16", 215, writable=True),
    Found("nsu=urn:x;s=Oven.Temp", "Temp", "float64", 21.5, "°C", False, 'of the "oven", top'),
    Found("plant/l1|a.b", "b", "string", None),
    Found("7/coil:3", "unit 7 coil 3", "bool", True, writable=True),
]  # fmt: skip


def test_browse_for_people_programs_and_odoos_import(config: Path, device: Device, capsys: Capture) -> None:
    device.offers = OFFERS
    code, out, _ = run(capsys, "browse", "-c", str(config))
    assert code == Exit.DONE and re.search(r"nsu=urn:x;s=Oven.Temp +Temp +float64 +21.5 °C", out)
    code, out, _ = run(capsys, "browse", "-c", str(config), "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["connection", "address", "table", "register", "unit_id", "type", "name", "value", "unit",
                             "writable", "description"]  # fmt: skip
    assert (rows[0]["address"], rows[0]["table"], rows[0]["register"], rows[0]["writable"]) == (
        "", "holding", "7", "true")  # fmt: skip
    assert [row["unit_id"] for row in rows] == ["1", "", "", "7"] and rows[3]["register"] == "3"
    assert rows[1]["address"] == "nsu=urn:x;s=Oven.Temp" and rows[1]["description"] == 'of the "oven", top'
    assert rows[2]["value"] == "" and rows[2]["connection"] == "plc"
    code, out, _ = run(capsys, "browse", "-c", str(config), "--json", "--start", "nsu")
    assert [item["name"] for item in json.loads(out)] == ["Temp", "b"]


def test_browse_names_the_unit_and_no_spreadsheet_calculates_names(
    config: Path, device: Device, capsys: Capture
) -> None:
    device.offers = [
        Found("7/holding:100", "unit 7 holding 100", "int16", -5), Found("plant/7/holding:x", "=1+1", "string", "@x"),
    ]  # fmt: skip
    _, out, _ = run(capsys, "browse", "-c", str(config), "--csv")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["address"], first["table"], first["register"], first["unit_id"]) == ("", "holding", "100", "7")
    assert first["value"] == "-5" and (second["name"], second["value"]) == ("'=1+1", "'@x")
    assert second["address"] == "plant/7/holding:x" and second["unit_id"] == ""


def test_browse_is_bounded_and_says_so(config: Path, device: Device, capsys: Capture) -> None:
    device.offers = OFFERS
    code, out, err = run(capsys, "browse", "-c", str(config), "--limit", "2")
    assert code == Exit.DONE and len(out.splitlines()) == 3 and "there may be more" in err
    assert run(capsys, "browse", "-c", str(config), "--limit", "0")[0] == Exit.USAGE
    device.offers = []
    assert run(capsys, "browse", "-c", str(config))[0] == Exit.FINDINGS
    device.down = True
    assert run(capsys, "browse", "-c", str(config))[0] == Exit.UNAVAILABLE


def test_browse_asks_which_of_several(config: Path, device: Device, capsys: Capture) -> None:
    whole = yaml.safe_load(config.read_text())
    whole["connections"].append({"name": "other", "driver": NAME})
    config.write_text(yaml.safe_dump(whole))
    code, _, err = run(capsys, "browse", "-c", str(config))
    assert code == Exit.USAGE and "--connection, one of plc, other" in err
    code, _, err = run(capsys, "browse", "-c", str(config), "--connection", "third")
    assert code == Exit.USAGE and "no connection 'third'" in err
    device.offers = OFFERS
    assert run(capsys, "browse", "-c", str(config), "--connection", "other")[0] == Exit.DONE


# -- status


def a_status(**more: Any) -> dict[str, Any]:
    return {
        "version": "1", "pid": os.getpid(), "stream": "L1", "plant_time": "t", "odoo": "up", "uptime_s": 1.0,
        "pending": 3, "alarms": ["outbox: the outbox can't store"],
        "machines": {"T/M1": {"state": None, "counts": {}}, "T/M2": {"state": "running", "counts": {"total": 12345}}},
        "streams": [{"name": "L1", "pending": 3, "lag_s": 1.5, "applied": 1000, "rejected": 0}],
        "links": [{"name": "plc", "driver": "modbus_tcp", "state": "down: no answer", "tags": 3, "opens": 1,
                   "overruns": 0, "restarts": 0}], **more,
    }  # fmt: skip


def test_status_for_people_and_programs(config: Path, device: Device, capsys: Capture) -> None:
    file = config.parent / "data/status.json"
    file.parent.mkdir()
    file.write_text(json.dumps(a_status()))
    code, out, _ = run(capsys, "status", "-c", str(config))
    assert code == Exit.DONE
    for words in ("L1: running", "down: no answer", "no data", "total 12,345", "can't store", "1,000", "1.5 s"):
        assert words in out
    code, out, _ = run(capsys, "status", "-c", str(config), "--json")
    assert json.loads(out)["running"] is True


@pytest.mark.parametrize(("pid", "age_s"), [(2**22 + 1, 0), (os.getpid(), 60)], ids=["gone", "hangs"])
def test_status_of_a_bridge_that_is_gone_or_hangs(
    pid: int, age_s: int, config: Path, device: Device, capsys: Capture
) -> None:
    file = config.parent / "data/status.json"
    file.parent.mkdir()
    file.write_text(json.dumps(a_status(pid=pid)))
    moment = file.stat().st_mtime - age_s
    os.utime(file, (moment, moment))
    code, out, _ = run(capsys, "status", "-c", str(config))
    assert code == Exit.FINDINGS and "NOT RUNNING" in out
    file.write_text("{half")
    assert run(capsys, "status", "-c", str(config))[0] == Exit.USAGE


# -- the log


def test_the_journal_gets_priorities_on_every_line() -> None:
    formatter = JournalFormatter("%(name)s: %(message)s")
    try:
        raise ValueError("x")
    except ValueError:
        record = logging.LogRecord("plc", logging.ERROR, "f", 1, "bad", None, sys.exc_info())
    lines = formatter.format(record).splitlines()
    assert lines[0] == "<3>plc: bad" and len(lines) > 3 and all(line.startswith("<3>") for line in lines)
    levels = {logging.CRITICAL: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
    for level, priority in levels.items():
        assert formatter.format(logging.LogRecord("a", level, "f", 1, "t", None, None)) == f"<{priority}>a: t"


@pytest.mark.parametrize("journal", [True, False])
def test_the_log_knows_the_journal_by_its_file(journal: bool, tmp_path: Path) -> None:
    """As systemd does it: JOURNAL_STREAM names the device and inode of standard error."""
    script = "from iot_bridge.cli import logs; import logging; logs.set_up('info'); logging.getLogger('a').info('b')"
    with (tmp_path / "err").open("w+b") as err:
        status = os.fstat(err.fileno())
        stream = f"{status.st_dev}:{status.st_ino}" if journal else "1:2"
        env = {**os.environ, "JOURNAL_STREAM": stream, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", script], stderr=err, env=env, check=True)
    said = (tmp_path / "err").read_text()
    assert (said == "<6>a: b\n") if journal else re.fullmatch(r"\d{4}-\S+ \S+ INFO a: b\n", said)


def test_parsing_the_command_line_loads_no_protocol_library() -> None:
    """``status`` on a small machine must not pay for drivers and servers."""
    script = (
        "import sys; from iot_bridge.cli.main import _parser; _parser(); "
        "print([m for m in ('asyncua', 'paho', 'pymodbus', 'prometheus_client', 'cryptography') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_of_every_command_is_there(capsys: Capture) -> None:
    check: Callable[[str], None] = lambda name: main([name, "--help"]) and None  # noqa: E731
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        with pytest.raises(SystemExit) as ended:
            check(name)
        assert ended.value.code == 0 and f"iot-bridge {name}" in capsys.readouterr().out
