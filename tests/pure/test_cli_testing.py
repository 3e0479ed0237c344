"""`./mes test`: what did not run and pass has failed, and the last line says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mescli import processes, testing
from mescli.errors import MesError
from mescli.paths import ROOT
from mescli.testing import Outcome, judge, parse, report

MIXED = """
import pytest
import unittest

def test_good(): pass
def test_bad(): assert False
def test_skips(): pytest.skip("no tool")
@pytest.mark.skip(reason="later")
def test_marked(): pass
@pytest.mark.xfail(reason="known")
def test_expected(): assert False
@pytest.mark.xfail
def test_unexpected(): pass
@pytest.fixture
def breaks_after():
    yield
    raise RuntimeError
def test_teardown(breaks_after): pass
class Case(unittest.TestCase):
    @unittest.skip("why")
    def test_unittest_skip(self): pass
    def test_unittest_good(self): pass
"""


# The plugins that happen to be installed take a second of each start.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}


def last_line(capsys) -> str:
    return capsys.readouterr().out.rstrip().splitlines()[-1]


def run_pytest(folder, source, *arguments):
    """A real pytest with our plugin, in a process of its own."""
    (folder / "test_it.py").write_text(source)
    target = folder / "report.json"
    env = {**os.environ, **BARE, "MES_TEST_REPORT": str(target), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:odoo",
        "-p",
        "mescli.pytest_counts",
        "-p",
        "no:cacheprovider",
    ]
    result = subprocess.run([*command, *arguments, "--rootdir", str(folder), str(folder)], env=env, cwd=folder)
    return json.loads(target.read_text()), result.returncode


def test_only_what_ran_and_passed_has_passed(tmp_path):
    outcomes, code = run_pytest(tmp_path, MIXED)
    passed = {name.rpartition("::")[2] for name, outcome in outcomes.items() if outcome == "passed"}
    assert passed == {"test_good", "test_unittest_good"}
    result = judge("pure", outcomes, code, 0.1)
    assert (result.passed, len(result.failures)) == (2, 7)


def test_processes_that_share_the_tests_count_as_one_would(tmp_path):
    """Every outcome once, from whichever process; a process that dies is a failure of the test it had."""
    dies = "import os\ndef test_dies(): os._exit(7)\n"
    alone, code = run_pytest(tmp_path, MIXED)
    shared, same_code = run_pytest(tmp_path, MIXED + dies, "-n", "2", "--dist", "worksteal")
    died = {name for name, outcome in shared.items() if name.endswith("::test_dies") and outcome.startswith("failed")}
    assert len(died) == 1 and code == same_code == 1
    assert {name: outcome for name, outcome in shared.items() if name not in died} == alone
    broken, code = run_pytest(tmp_path, "import no_such_module\n", "-n", "2")
    assert len(judge("pure", broken, code, 0.1).failures) == 1


def test_a_skipped_test_fails_the_run_even_if_nothing_else_does(tmp_path, capsys):
    outcomes, code = run_pytest(
        tmp_path, "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no browser')\n"
    )
    assert code == 0, "pytest itself is content"
    assert report([judge("pure", outcomes, code, 0.1)], narrowed=False) == 1
    assert last_line(capsys) == "1 passed, 1 failed"


def test_a_module_that_skips_itself_has_failed(tmp_path):
    outcomes, code = run_pytest(tmp_path, "import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass\n")
    assert [why for _, why in judge("pure", outcomes, code, 0.1).failures if "no_such_module" in why]


def test_a_file_that_cannot_be_imported_has_failed_once(tmp_path):
    outcomes, code = run_pytest(tmp_path, "import no_such_module\n")
    assert len(judge("pure", outcomes, code, 0.1).failures) == 1


def test_pytest_that_died_without_a_report_is_a_failure(capsys):
    assert report([judge("odoo", None, -9, 0.1)], narrowed=True) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_an_exit_code_that_no_test_explains_is_a_failure():
    assert judge("odoo", {"a": "passed"}, 3, 0.1).failures
    assert judge("odoo", {"a": "passed"}, 1, 0.1).failures
    assert not judge("odoo", {"a": "passed"}, 0, 0.1).failures


def test_the_stages_are_summed_and_the_last_line_is_plain(capsys):
    outcomes = [Outcome("pure", 40, (), 1.0), Outcome("odoo", 2, (("x", "failed in call"),), 2.0)]
    assert report(outcomes, narrowed=False) == 1
    assert last_line(capsys) == "42 passed, 1 failed"
    assert report(outcomes[:1], narrowed=False) == 0
    assert last_line(capsys) == "40 passed, 0 failed"


def test_a_stage_without_tests_is_a_failure_unless_some_were_asked_for(capsys):
    empty = [Outcome("pure", 3, (), 1.0), Outcome("browser", 0, (), 0.1)]
    assert report(empty, narrowed=False) == 1
    assert last_line(capsys) == "3 passed, 1 failed"
    assert report(empty, narrowed=True) == 0


def test_a_selection_that_matches_nothing_is_a_failure():
    assert report([Outcome("pure", 0, (), 0.1)], narrowed=True) == 1


def test_without_arguments_all_stages_run_in_order():
    request = parse([])
    assert request.stages == ["pure", "odoo", "e2e", "faults", "browser"]
    assert not request.narrowed


def test_two_stages_run_side_by_side_unless_something_is_asked_for():
    assert testing.groups(testing.parse([])) == [("pure", "odoo"), ("e2e", "faults"), ("browser",)]
    assert testing.groups(testing.parse(["odoo", "browser"])) == [("odoo",), ("browser",)]
    assert testing.groups(testing.parse(["pure", "e2e", "faults"])) == [("pure",), ("e2e", "faults")]
    assert testing.groups(testing.parse(["pure", "odoo", "-x"])) == [("pure",), ("odoo",)]


def test_a_whole_stage_is_shared_out_and_what_is_asked_for_has_one_process():
    assert testing._whole("pure", [], []) and testing._whole("e2e", [], [])
    assert not testing._whole("pure", ["tests/pure/test_x.py"], []) and not testing._whole("pure", [], ["--pdb"])
    assert not testing._whole("odoo", [], []), "one database, one process"


def test_what_runs_aside_is_shown_and_counted(tmp_path, monkeypatch, capfd):
    """Its output comes after that of the stage beside it, whole, and its result in the sum."""
    monkeypatch.setenv("MES_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(testing.template, "ensure", lambda: "")
    for name, value in BARE.items():
        monkeypatch.setenv(name, value)
    files = {}
    for stage, source in (("pure", "def test_a(): print('beside')"), ("odoo", "def test_b(): assert 0, 'aside'")):
        files[stage] = tmp_path / f"test_{stage}.py"
        files[stage].write_text(source)

        def runner(paths, extra, stage=stage):
            return testing._pytest(stage, ["-p", "no:odoo", "-s", str(files[stage])], os.environ)

        monkeypatch.setitem(testing._RUNNERS, stage, runner)
    assert testing.run(testing.Request(stages=["pure", "odoo"])) == 1
    told = capfd.readouterr().out
    assert told.index("beside") < told.index("== odoo, meanwhile ==") < told.index("aside")
    assert told.splitlines()[-1] == "1 passed, 1 failed"


UNSTEADY = """
from pathlib import Path

def test_good(): pass
def test_late():
    marker = Path(__file__).with_suffix(".seen")
    seen = marker.exists()
    marker.touch()
    assert seen
def test_bad(): assert False
"""

NINE_CASES = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("case", range(9))
def test_late(case):
    marker = Path(__file__).with_suffix(f".{case}")
    seen = marker.exists()
    marker.touch()
    assert seen
"""


def looked_at_again(folder, monkeypatch, source, strict="0"):
    """A whole run of one stage over ``source``; what it ended with."""
    monkeypatch.setenv(testing.STRICT, strict)
    monkeypatch.setenv("MES_STATE", str(folder / "state"))
    for name, value in BARE.items():
        monkeypatch.setenv(name, value)
    (folder / "test_it.py").write_text(source)
    monkeypatch.setattr(testing, "ROOT", folder)

    def runner(paths, extra):
        where = paths or [str(folder / "test_it.py")]
        return testing._pytest("pure", ["-p", "no:odoo", "--rootdir", str(folder), *where], os.environ)

    monkeypatch.setitem(testing._RUNNERS, "pure", runner)
    return testing.run(testing.Request(stages=["pure"]))


def test_what_fails_beside_the_others_and_passes_alone_is_named(tmp_path, monkeypatch, capfd):
    assert looked_at_again(tmp_path, monkeypatch, UNSTEADY.replace("assert False", "pass")) == 0
    told = capfd.readouterr().out
    assert "Unsteady" in told and "test_it.py::test_late" in told.split("Unsteady")[1]
    assert told.splitlines()[-1] == "3 passed, 0 failed"


def test_what_fails_twice_has_failed(tmp_path, monkeypatch, capfd):
    assert looked_at_again(tmp_path, monkeypatch, UNSTEADY) == 1
    told = capfd.readouterr().out
    assert "test_it.py::test_bad" in told.split("Failed (")[1].split("Unsteady")[0]
    assert told.splitlines()[-1] == "2 passed, 1 failed"


def test_no_second_look_when_strict_or_when_many_fail(tmp_path, monkeypatch, capfd):
    many = UNSTEADY + "".join(f"def test_bad_{n}(): assert False\n" for n in range(testing.LOOKED_AT_AGAIN))
    assert looked_at_again(tmp_path, monkeypatch, many) == 1
    assert capfd.readouterr().out.splitlines()[-1] == f"1 passed, {2 + testing.LOOKED_AT_AGAIN} failed"
    (tmp_path / "test_it.seen").unlink()
    assert looked_at_again(tmp_path, monkeypatch, UNSTEADY.replace("assert False", "pass"), strict="1") == 1
    assert "Unsteady" not in capfd.readouterr().out


def test_the_cases_of_a_test_are_one_test(tmp_path, monkeypatch, capfd):
    """A scene that breaks off fails in all of its cases."""
    assert looked_at_again(tmp_path, monkeypatch, NINE_CASES) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "9 passed, 0 failed"


def test_what_was_skipped_or_did_not_run_again_has_failed():
    skipped = Outcome("pure", 1, (("a.py::b", "skipped: no tool"), ("stage pure", "pytest ended with 3")), 1.0)
    assert testing.second_look([skipped]) == [skipped]


BROKEN_OFF = """
import os, subprocess, sys, time
from pathlib import Path
from mescli import testing

def stage(name):
    env = {**os.environ, "MES_PROBE": name}
    options = ["-p", "no:odoo", "-s", *sys.argv[2:], sys.argv[1]]
    return lambda paths, extra: testing._pytest(name, options, env, alone=True)

testing.template.ensure = lambda: ""
for name in ("pure", "odoo"):
    testing._RUNNERS[name] = stage(name)
try:
    testing.run(testing.Request(stages=["pure", "odoo"]))
except KeyboardInterrupt:
    sys.exit(130)
"""
WAITS = """
import os, subprocess, sys, time
from pathlib import Path

def test_waits():
    me = Path(__file__).parent / os.environ["MES_PROBE"]
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True) as server:
        try:
            me.with_suffix(".began").write_text(f"{os.getpid()} {server.pid}")
            time.sleep(120)
        finally:
            server.kill()
            me.with_suffix(".cleaned").touch()
"""


@pytest.mark.parametrize(
    ("number", "shared"), [(signal.SIGINT, ()), (signal.SIGTERM, ("-n", "1"))], ids=["ctrl_c", "term_shared"]
)
def test_what_is_broken_off_cleans_up_and_leaves_no_process(tmp_path, number, shared):
    """Ctrl-C reaches both stages, once; each test may put away its server, and then nothing of them is left."""
    (tmp_path / "test_it.py").write_text(WAITS)
    env = {**os.environ, **BARE, "PYTHONPATH": str(ROOT), "MES_STATE": str(tmp_path / "state")}
    command = [sys.executable, "-c", BROKEN_OFF, str(tmp_path / "test_it.py"), *shared]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    began = [tmp_path / f"{name}.began" for name in ("pure", "odoo")]
    eventually(lambda: all(path.exists() and path.read_text() for path in began))
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopping" in told, told
    assert {path.name for path in tmp_path.glob("*.cleaned")} == {"pure.cleaned", "odoo.cleaned"}
    pids = [int(pid) for path in began for pid in path.read_text().split()]
    eventually(lambda: not any(processes.birth(pid) for pid in pids))


def eventually(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.02)


def test_a_path_chooses_its_stage(monkeypatch):
    monkeypatch.chdir(ROOT)
    request = parse(["tests/pure/test_cli_testing.py", "-x"])
    assert request.stages == ["pure"]
    assert request.paths == {"pure": [str(ROOT / "tests/pure/test_cli_testing.py")]}
    assert request.pytest == ["-x"]
    assert testing.stage_of("addons/mes_base/tests/test_x.py::T::t") == "odoo"
    assert testing.stage_of("tests/browser/test_x.py") == "browser"
    assert testing.stage_of("tests/e2e/test_x.py") == "e2e"
    assert testing.stage_of("tests/faults/test_x.py") == "faults"


def test_a_value_of_an_option_is_not_taken_for_a_stage():
    request = parse(["pure", "-k", "odoo", "--maxfail", "1"])
    assert request.stages == ["pure"]
    assert request.pytest == ["-k", "odoo", "--maxfail", "1"]


@pytest.mark.parametrize("words", [["nonsense"], ["-k"]])
def test_a_wrong_argument_is_explained(words):
    with pytest.raises(MesError):
        parse(words)


def test_only_what_old_tests_have_left_is_swept(tmp_path, monkeypatch):
    monkeypatch.setenv("MES_STATE", str(tmp_path))
    (tmp_path / "log").mkdir()
    names = ("check-1/truth.jsonl", "check-2/truth.jsonl", "demo/key", "log/e2e-1.log", "log/e2e-2.log", "log/odoo.log")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("check-1", "demo", "log/e2e-1.log", "log/odoo.log"):
        os.utime(tmp_path / name, (0, 0))
    testing.sweep()
    assert [name for name in names if not (tmp_path / name).exists()] == ["check-1/truth.jsonl", "log/e2e-1.log"]
