"""Test runs as processes: several at a time, and none of them survives the run that has started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence

from .paths import ROOT
from .progress import say

PATIENCE_S = 60.0  # servers and databases of tests are put away in this time

_lock = threading.Lock()
_running: dict[subprocess.Popen[bytes], bool] = {}
"""Each process now running, and whether it leads a group of its own."""
_ending = threading.Event()


def run(command: Sequence[str], env: Mapping[str, str], output: int | None, *, alone: bool) -> int:
    """Run to the end and give the exit code.

    alone: in a session of its own, with all that it starts, so that one signal reaches them all, once. Without it the
    process has the terminal, for a debugger; then Ctrl-C comes to it from there.
    """
    with _lock:
        if _ending.is_set():
            raise KeyboardInterrupt
        process = subprocess.Popen(
            list(command), cwd=ROOT, env=dict(env), stdout=output, stderr=output, start_new_session=alone
        )
        _running[process] = alone
    try:
        # A wait that Ctrl-C breaks off leaves the process to interruptible(), which lets it clean up.
        code = process.wait()
    finally:
        if process.returncode is not None:
            with _lock:
                _running.pop(process, None)
    return code


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Whatever breaks the block off, such as Ctrl-C or SIGTERM, ends every process begun in it, cleaned up.

    Only in the main thread.
    """
    _ending.clear()
    # Ctrl-C too: a shell that starts a job in the background has it ignored, and so would all its children.
    before = {one: signal.signal(one, signal.default_int_handler) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except BaseException:
        _end_all()
        raise
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end_all() -> None:
    with _lock:
        _ending.set()
        left = dict(_running)
    if left:
        say("\nstopping: the tests put away what they have started …")
    for process, alone in left.items():
        if alone:
            _signal(process, signal.SIGINT)
    for process, alone in left.items():
        try:
            process.wait(PATIENCE_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C does not want to wait
            if alone:
                _signal(process, signal.SIGKILL)
            process.kill()
            process.wait()
        with _lock:
            _running.pop(process, None)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
