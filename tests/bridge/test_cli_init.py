"""``init``: the file it writes is valid, said field by field, and keeps its secrets."""

from __future__ import annotations

import io
import re
import stat
import sys
from pathlib import Path

import pytest
from cli_runs import Capture, quiet_log, run  # noqa: F401  (fixture)

from iot_bridge.cli.exits import Exit
from iot_bridge.config import load_config
from iot_bridge.drivers import DRIVERS
from iot_bridge.errors import Misconfigured

# -- init

INIT = ("init", "--odoo", "https://odoo.example.com/", "--database", "mes", "--login", "gateway-1-1")


def init(folder: Path, capsys: Capture, *more: str) -> tuple[int, str, str]:
    return run(capsys, *INIT, "--output", str(folder / "bridge.yaml"), *more)


def needs(driver: str, folder: Path) -> list[str]:
    """Flags for what a driver can't do without."""
    out = []
    for name, info in DRIVERS[driver].settings.model_fields.items():
        if not info.is_required() or name in ("name", "driver"):
            continue
        made = {"host": "10.0.0.5", "endpoint": "opc.tcp://plc7:4840", "device": "/dev/ttyUSB0", "stream": "HISTORY"}
        value = made.get(name, str(folder))
        out += ["--host", value] if name == "host" else ["--set", f"{name}={value}"]
    return out


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_init_writes_a_valid_file_for_every_driver(driver: str, tmp_path: Path, capsys: Capture) -> None:
    code, out, err = init(tmp_path, capsys, "--driver", driver, *needs(driver, tmp_path))
    assert (code, err) == (Exit.DONE, "") and "check" in out
    made = load_config(tmp_path / "bridge.yaml")
    assert made.connections[0].driver == driver and made.odoo.url == "https://odoo.example.com"
    assert made.status is not None and made.status.listen == "127.0.0.1"


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_inits_comments_are_the_defaults(driver: str, tmp_path: Path, capsys: Capture) -> None:
    """With every commented setting taken in, the file means the same."""
    init(tmp_path, capsys, "--driver", driver, *needs(driver, tmp_path))
    text = (tmp_path / "bridge.yaml").read_text()
    whole = re.sub(r"^( +)# (\w+: (?!null))", r"\1\2", text, flags=re.M)
    assert whole != text
    (tmp_path / "whole.yaml").write_text(whole)
    assert load_config(tmp_path / "whole.yaml") == load_config(tmp_path / "bridge.yaml")


def test_init_overwrites_nothing(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bridge.yaml").write_text("mine")
    code, _, err = init(tmp_path, capsys, "--driver", "modbus_tcp", "--host", "h")
    assert code == Exit.EXISTS and "is there already" in err and (tmp_path / "bridge.yaml").read_text() == "mine"


def test_init_keeps_the_key_to_its_owner(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))
    code, out, _ = init(tmp_path, capsys, "--driver", "modbus_tcp", "--host", "h", "--key-stdin")
    key = tmp_path / "gateway.key"
    assert code == Exit.DONE and key.read_text() == "secret\n" and "secret" not in out
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    monkeypatch.setattr(sys, "stdin", io.StringIO("other\n"))
    (tmp_path / "bridge.yaml").unlink()
    assert init(tmp_path, capsys, "--driver", "modbus_tcp", "--host", "h", "--key-stdin")[0] == Exit.EXISTS
    assert key.read_text() == "secret\n" and not (tmp_path / "bridge.yaml").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--driver", "modbus_tcp"), "needs host (name or address of the device): --host"),
        (("--driver", "opcua"), "needs endpoint (e.g. opc.tcp://plc7:4840): --set endpoint=…"),
        (("--driver", "opcua", "--set", "endpoint=http://x"), "connections.0.endpoint"),
        (("--driver", "modbus_tcp", "--host", "h", "--set", "hots=x"), "has no hots"),
        (("--driver", "modbus_tcp", "--host", "h", "--set", "timeout_s"), "write FIELD=VALUE"),
        (("--driver", "modbus_tcp", "--host", "h", "--set", "timeout_s=99"), "timeout_s"),
        (("--driver", "modbus_tcp", "--host", "h", "--stream", ""), "stream"),
        (("--driver", "modbus_tcp", "--host", "h", "--key-stdin", "--key-file", "credential:k"), "leave one"),
    ],
)  # fmt: skip
def test_init_writes_nothing_that_would_not_work(
    flags: tuple[str, ...], words: str, tmp_path: Path, capsys: Capture
) -> None:
    code, _, err = init(tmp_path, capsys, *flags)
    assert code == Exit.USAGE and words in err and list(tmp_path.iterdir()) == []


def test_credential_is_what_systemd_hands_over_or_lies_beside_the_file(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, _ = init(tmp_path, capsys, "--driver", "modbus_tcp", "--host", "h", "--key-file", "credential:gateway-key")
    assert code == Exit.DONE
    path = load_config(tmp_path / "bridge.yaml").odoo.key_file
    assert path == tmp_path / "gateway-key", "by hand it lies beside the configuration"
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/gateway-key").write_text("k\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert load_config(tmp_path / "bridge.yaml").odoo.read_key() == "k"
    text = (tmp_path / "bridge.yaml").read_text().replace("credential:gateway-key", "credential:../etc/shadow")
    (tmp_path / "bridge.yaml").write_text(text)
    with pytest.raises(Misconfigured, match="credential:<name>"):
        load_config(tmp_path / "bridge.yaml")
