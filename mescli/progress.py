"""Progress on the terminal: what is being done, how far it is, how long it took."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from .errors import MesError, from_os_error, from_output
from .paths import sub
from .processes import rotate


def say(text: str = "") -> None:
    print(text, flush=True)


class Step:
    """A running step; `note` replaces the text after its name."""

    def __init__(self, name: str, expected_s: float | None) -> None:
        self.name = name
        self.detail = ""
        self.started = time.monotonic()
        self.expected_s = expected_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def note(self, detail: str) -> None:
        self.detail = detail

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def _line(self) -> str:
        usual = f" of about {self.expected_s:.0f} s" if self.expected_s else " s"
        detail = f" · {self.detail}" if self.detail else ""
        return f"  {self.name} … {self.seconds:.0f}{usual}{detail}"

    def _spin(self) -> None:
        tty = sys.stdout.isatty()
        period = 0.5 if tty else 15.0
        while not self._done.wait(period):
            if tty:
                sys.stdout.write("\r\033[K" + self._line()[:150])
                sys.stdout.flush()
            else:
                say(self._line())

    def begin(self) -> None:
        if not sys.stdout.isatty():
            usual = f" (about {self.expected_s:.0f} s)" if self.expected_s else ""
            say(f"  {self.name} …{usual}")
        self._thread.start()

    def end(self, mark: str) -> None:
        self._done.set()
        self._thread.join()
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        say(f"{clear}  {self.name}: {mark} ({self.seconds:.1f} s)")


@contextlib.contextmanager
def step(name: str, expected_s: float | None = None) -> Iterator[Step]:
    """Show one step with its running time; `expected_s` is what it usually takes on two cores."""
    running = Step(name, expected_s)
    running.begin()
    try:
        yield running
    except BaseException:
        running.end("FAILED")
        raise
    running.end("done")


def run(
    command: Sequence[str | Path],
    what: str,
    mend: str,
    *,
    log: str = "setup",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run a command, keep its output in `.mes/log/<log>.log`, and return it; a failure says the mend."""
    logfile = sub("log") / f"{log}.log"
    rotate(logfile)
    kept: list[str] = []
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=dict(os.environ if env is None else env),
            cwd=cwd,
        )
    except FileNotFoundError as error:
        raise MesError(f"{what}: the program {command[0]} is missing.", mend) from error
    except OSError as error:
        raise from_os_error(error) from error
    with logfile.open("a") as out, process:
        out.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(str(c) for c in command)}\n")
        assert process.stdout is not None
        try:
            for line in process.stdout:
                out.write(line)
                kept.append(line)
                if on_line:
                    on_line(line.rstrip())
        except BaseException:
            process.terminate()  # whoever is interrupted leaves nothing running
            raise
    if process.returncode:
        raise from_output(what, "".join(kept[-400:]), f"{mend}\nThe full output is in {logfile}.")
    return "".join(kept)
