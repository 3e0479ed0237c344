"""Processes of ours are found again after a crash, and only they are stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from mescli import clock, paths, processes, progress, supervisor
from mescli.demo import Settings
from mescli.errors import MesError

IGNORES_TERM = "import signal,time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess,sys; subprocess.run([sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(60)'])"
)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("MES_STATE", str(tmp_path))


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.01)


def start(name, code, tmp_path):
    return processes.spawn(name, [sys.executable, "-c", code], os.environ, tmp_path)


def test_a_process_is_recorded_logged_and_stopped(tmp_path):
    process = start("some", "print('hello', flush=True); import time; time.sleep(60)", tmp_path)
    wait_until(lambda: "hello" in processes.tail("some"))
    entry = processes.recorded("some")
    assert (entry.pid, entry.alive) == (process.pid, True)
    assert processes.stop("some") is True
    assert processes.recorded("some") is None
    assert processes.birth(process.pid) == ""


def test_a_process_that_ignores_the_polite_signal_is_killed(tmp_path):
    process = start("stubborn", IGNORES_TERM, tmp_path)
    wait_until(lambda: "ready" in processes.tail("stubborn"))
    assert processes.stop_recorded(processes.recorded("stubborn"), patience_s=0.2)
    assert processes.birth(process.pid) == ""


def test_children_of_a_process_are_stopped_with_it(tmp_path):
    start("parent", PARENT, tmp_path)
    wait_until(lambda: "1" in processes.tail("parent"))
    entry = processes.recorded("parent")
    children = subprocess.run(["ps", "-o", "pid=", "-g", str(entry.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 2
    processes.stop("parent")
    wait_until(lambda: not any(processes.birth(int(pid)) for pid in children))


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (paths.sub("run") / "old.pid").write_text(json.dumps({"pid": stranger.pid, "born": "12345"}))
        assert processes.stop("old") is False
        assert stranger.poll() is None
        assert processes.recorded("old") is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_pid_file_is_no_process(text):
    (paths.sub("run") / "broken.pid").write_text(text)
    assert processes.recorded("broken") is None
    assert processes.all_recorded() == []


def test_a_second_demo_is_refused_while_the_first_lives(tmp_path):
    first = start("demo", "import time; time.sleep(60)", tmp_path)
    with pytest.raises(MesError, match="already runs") as error, supervisor.claimed(Settings()):
        pytest.fail("there is one already")
    assert "./mes stop" in error.value.mend
    assert processes.recorded("demo").alive, "the first one stays on record"
    processes.stop("demo")
    first.wait(timeout=10)
    with supervisor.claimed(Settings()):
        assert processes.recorded("demo").pid == os.getpid()
    assert processes.recorded("demo") is None


def test_an_interrupted_command_leaves_nothing_running():
    def interrupt(line):
        raise KeyboardInterrupt

    script = "echo $$; exec sleep 60"
    with pytest.raises(KeyboardInterrupt):
        progress.run(["sh", "-c", script], "The thing", "again", log="interrupted", on_line=interrupt)
    pid = int(processes.tail("interrupted").splitlines()[-1])
    assert processes.birth(pid) == ""


def test_a_lock_between_processes_lets_one_in_at_a_time(tmp_path):
    inside = []

    def work(number):
        with paths.locked(tmp_path / "x.lock"):
            inside.append(number)
            count = len(inside)
            time.sleep(0.01)
            assert len(inside) == count, "somebody else came in"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(inside) == [0, 1, 2, 3, 4]


def test_plant_time_is_real_time_at_speed_one(tmp_path):
    started = clock.begin(tmp_path / "clock.json", 1.0, now=1000.0)
    assert started.variable is None


def test_plant_time_runs_at_the_given_speed(tmp_path):
    started = clock.begin(tmp_path / "clock.json", 10.0, now=1000.0)
    assert started.at(1002.0) == 1020.0
    assert started.variable == "1000.000,1000.000,10"


def test_plant_time_never_goes_back_from_one_run_to_the_next(tmp_path):
    memory = tmp_path / "clock.json"
    fast = clock.begin(memory, 10.0, now=1000.0)
    clock.end(memory, fast, now=1100.0)
    later = clock.begin(memory, 1.0, now=1200.0)
    assert later.at(1200.0) == 2000.0
    assert later.variable == "1200.000,2000.000,1"


def test_plant_time_never_goes_back_after_a_killed_run(tmp_path):
    memory = tmp_path / "clock.json"
    clock.begin(memory, 10.0, now=1000.0)
    assert clock.begin(memory, 1.0, now=1100.0).plant0 == 2000.0
