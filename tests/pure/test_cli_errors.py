"""Every failure of `./mes` says what went wrong and what to do next."""

from __future__ import annotations

import ast
import errno
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from mescli import archive, browser, demo, errors, install, main, odoo_tree, postgres, processes, progress
from mescli.errors import MesError
from mescli.paths import ROOT

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """No test touches the checkout's state or cache."""
    monkeypatch.setenv("MES_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MES_CACHE", str(tmp_path / "cache"))
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "ODOO_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_an_old_python_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "mes"), run_name="__main__")
    assert "Python 3.10 or newer is needed, this is 3.8" in str(stop.value)
    assert "Next:" in str(stop.value)


def test_an_old_python_can_read_the_file_that_refuses_it():
    tree = ast.parse((ROOT / "mes").read_text(), feature_version=(3, 4))
    first = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert all(node.lineno > first.lineno for node in imports), "the check must come before our own modules"


def test_a_taken_port_is_named_with_a_free_one():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(MesError, match=f"Port {port} is taken") as error:
            processes.need_port(port)
    proposed = int(re.search(r"--port (\d+)", error.value.mend).group(1))
    assert proposed > port
    assert processes.port_is_free(proposed)


def test_the_demo_refuses_a_taken_port_before_it_makes_a_database(monkeypatch, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = demo.Settings(port=other.getsockname()[1], folder=tmp_path / "demo")
        monkeypatch.setattr(postgres, "ensure", lambda: pytest.fail("the port comes first"))
        with pytest.raises(MesError, match="is taken"):
            demo.Plant(settings).prepare()


@pytest.mark.parametrize("speed", [0, -1, 101])
def test_an_impossible_speed_is_refused(speed):
    with pytest.raises(MesError, match="speed") as error:
        demo.Settings(speed=speed).validate()
    assert "--speed" in error.value.mend


@pytest.mark.parametrize("port", [0, -5, 70000])
def test_an_impossible_port_is_refused(port):
    with pytest.raises(MesError, match="no port"):
        demo.Settings(port=port).validate()


def test_a_full_disk_is_noticed_before_anything_is_downloaded(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 10**6))
    monkeypatch.setattr(odoo_tree, "ensure", lambda: pytest.fail("must not start"))
    with pytest.raises(MesError, match="disk is full") as error:
        install.ensure(browser=False)
    assert "MES_CACHE" in error.value.mend


def test_a_disk_that_fills_up_during_a_command_is_called_so():
    script = "echo 'tar: write error: No space left on device' >&2; exit 2"
    with pytest.raises(MesError, match="disk is full"):
        progress.run(["sh", "-c", script], "Unpacking", "try again")


def test_a_missing_network_is_called_so():
    script = "echo \"Err: Temporary failure resolving 'archive.invalid'\"; exit 100"
    with pytest.raises(MesError, match="could not be downloaded") as error:
        progress.run(["sh", "-c", script], "Odoo 19", "try again")
    assert "network" in error.value.mend


def test_any_other_failure_shows_the_output_the_mend_and_the_log():
    with pytest.raises(MesError, match="first\nsecond") as error:
        progress.run(["sh", "-c", "echo first; echo second; exit 3"], "The thing", "do this")
    assert error.value.mend.startswith("do this")
    log = Path(re.search(r"is in (\S+)\.$", error.value.mend).group(1))
    assert "second" in log.read_text()


def test_a_missing_program_is_named():
    with pytest.raises(MesError, match="no-such-program is missing"):
        progress.run(["no-such-program"], "The thing", "install it")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "No permission"), (errno.ENETUNREACH, "could not be downloaded")],
)
def test_errors_of_the_operating_system_become_sentences(number, words):
    error = errors.from_os_error(OSError(number, os.strerror(number), "/some/where"))
    assert words in error.what
    assert error.mend


def test_without_apt_the_way_is_odoo_home(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MesError, match="no apt-get") as error:
        odoo_tree.ensure()
    assert "ODOO_HOME" in error.value.mend


def test_an_odoo_home_without_odoo_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    with pytest.raises(MesError, match="holds no Odoo"):
        odoo_tree.ensure()


def test_odoo_home_takes_a_source_checkout(monkeypatch, tmp_path):
    for name in ("odoo/addons", "addons"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "odoo/release.py").write_text("version = '19.0'\n")
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    assert odoo_tree.ensure() == tmp_path
    assert odoo_tree.addons_paths() == [tmp_path / "odoo/addons", tmp_path / "addons"]


def test_the_mirror_is_the_debian_archive_and_no_other():
    rows = [
        ["http://a.example/debian-security/", "Debian", "Debian-Security"],
        ["http://b.example/x/", "Debian", "Debian"],
    ]
    assert archive.choose_mirror(rows) == "http://b.example/x/"
    unknown = [["https://c.example/node_20.x/", "", ""], ["http://d.example/debian-security/", "", ""]]
    assert archive.choose_mirror(unknown) is None
    assert archive.choose_mirror([*unknown, ["http://e.example/debian/", "", ""]]) == "http://e.example/debian/"


def test_a_missing_chromium_is_an_error_for_whoever_may_not_install_it(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MesError, match="Chromium") as error:
        browser.ensure()
    assert "apt install chromium" in error.value.mend
    assert "CHROMIUM=" in error.value.mend


def test_a_chromium_of_another_name_is_put_where_odoo_looks(monkeypatch, tmp_path):
    program = tmp_path / "my-browser"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(program))
    env = browser.environment(path=str(tmp_path))
    assert env["CHROMIUM"] == str(program)
    assert Path(shutil.which("chromium", path=env["PATH"])).resolve() == program


def test_a_database_user_named_postgres_is_refused(monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGUSER", "postgres")
    with pytest.raises(MesError, match="Odoo refuses") as error:
        postgres.connection()
    assert "createuser" in error.value.mend


def test_a_server_of_the_users_own_is_used_as_given(monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.setenv("PGUSER", "plant")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert postgres.connection() == {"PGHOST": "db.example", "PGUSER": "plant", "PGPASSWORD": "secret"}


def test_a_socket_fits_however_long_the_path_of_the_checkout_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MES_STATE", str(tmp_path / ("deep/" * 40)))
    assert len(postgres.connection()["PGHOST"] + "/.s.PGSQL.5432") < 107


def test_sabotage_without_check_is_explained(capsys):
    assert main.main(["demo", "--sabotage", "drop"]) == 1
    assert "./mes demo --check --sabotage drop" in capsys.readouterr().err


def test_an_unknown_command_shows_the_usage():
    result = subprocess.run([ROOT / "mes", "nonsense"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "usage: ./mes" in result.stderr
