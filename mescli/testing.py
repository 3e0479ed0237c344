"""`./mes test`: five stages, one sum. What did not run and pass has failed."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from . import browser, children, database, odoo, template, venv
from .errors import MesError
from .paths import ADDONS, ROOT, state_dir, sub
from .progress import say

STAGES = ("pure", "odoo", "e2e", "faults", "browser")
TESTS = ROOT / "tests"
# Side by side, because the one waits (for timers, sockets, processes) while the other computes: two cores are filled,
# and no stage has more than one neighbour that it could starve.
TOGETHER = (("pure", "odoo"), ("e2e", "faults"))
# Processes that share the tests of a whole stage. Single tests go to whoever is free; end-to-end tests go by file,
# in order, because a file has a server of its own.
SHARED = {
    "pure": ("-n", "2", "--dist", "worksteal"),
    "e2e": ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"),
}
OWN_STAGE = ("e2e", "faults", "browser", "benchmarks")  # folders of tests/ that are not pure
SWEPT_AFTER_S = 86400.0
# A run of everything gives at most so many failed tests (each with all of its cases) a second look, alone on the
# machine: more is no accident.
LOOKED_AT_AGAIN = 3
STRICT = "MES_TEST_STRICT"  # set to 1: no second look
VALUE_OPTIONS = ("-k", "-m", "-o", "-p", "-n", "-c", "-W", "--maxfail", "--durations", "--tb", "--hypothesis-seed")


@dataclass
class Request:
    """What was asked: stages, paths (by stage), and pytest's own arguments."""

    stages: list[str] = field(default_factory=list)
    paths: dict[str, list[str]] = field(default_factory=dict)
    pytest: list[str] = field(default_factory=list)

    @property
    def narrowed(self) -> bool:
        """True when an empty stage is no fault, because only some tests were asked for."""
        return bool(self.pytest or self.paths)


@dataclass(frozen=True)
class Outcome:
    """The result of one stage."""

    stage: str
    passed: int
    failures: tuple[tuple[str, str], ...]
    seconds: float
    unsteady: tuple[str, ...] = ()
    """Tests that failed beside the others and passed alone; they are counted as passed, and named."""


def stage_of(path: str) -> str:
    """Which stage a path belongs to."""
    resolved = Path(path.split("::")[0]).resolve()
    if resolved.is_relative_to(ADDONS):
        return "odoo"
    for name in ("e2e", "faults", "browser"):
        if resolved.is_relative_to(TESTS / name):
            return name
    return "pure"


def parse(arguments: Sequence[str]) -> Request:
    """Sort the arguments: names of stages, existing paths, and the rest, which is pytest's."""
    request = Request()
    words = iter(arguments)
    for word in words:
        if word in VALUE_OPTIONS:
            value = next(words, None)
            if value is None:
                raise MesError(f"{word} needs a value.", f"for example: ./mes test {word} counts")
            request.pytest += [word, value]
        elif word in STAGES:
            request.stages.append(word)
        elif not word.startswith("-") and Path(word.split("::")[0]).exists():
            request.paths.setdefault(stage_of(word), []).append(str(Path(word).absolute()))
        elif not word.startswith("-"):
            raise MesError(f"`{word}` is neither a stage nor a file.", f"stages are: {', '.join(STAGES)}.")
        else:
            request.pytest.append(word)
    chosen = set(request.stages) | set(request.paths)
    request.stages = [stage for stage in STAGES if stage in chosen or not chosen]
    return request


def run(request: Request) -> int:
    """Run the stages, print the sum; 0 only if every test has passed."""
    with children.interruptible():
        outcomes = [outcome for group in groups(request) for outcome in _run_group(group, request)]
        if not request.narrowed and os.environ.get(STRICT) != "1":
            outcomes = second_look(outcomes)
    return report(outcomes, request.narrowed)


def second_look(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Run the few tests that failed once more, alone: what fails again has failed, what passes is named as unsteady.

    On two cores that four processes share, a test of real processes and clocks may come too late through no fault of
    the product. Only tests that ran get this; what was skipped, could not be imported, or crashed has failed.
    """
    suspects = [_suspects(outcome) for outcome in outcomes]
    if not 0 < len({name.partition("[")[0] for names in suspects for name in names}) <= LOOKED_AT_AGAIN:
        return list(outcomes)
    pairs = zip(outcomes, suspects, strict=True)
    return [_look_again(outcome, names) if names else outcome for outcome, names in pairs]


def _suspects(outcome: Outcome) -> list[str]:
    return [name for name, why in outcome.failures if "::" in name and why.startswith("failed in ")]


def _look_again(outcome: Outcome, names: Sequence[str]) -> Outcome:
    say(f"\nA second look, alone, at {', '.join(names)}")
    second = _run_stage(outcome.stage, Request([outcome.stage], {outcome.stage: [str(ROOT / name) for name in names]}))
    failed = {name for name, _ in second.failures}
    has_run_all = second.passed + len(failed & set(names)) == len(names)  # else they have failed as they did
    steady = [name for name in names if has_run_all and name not in failed]
    return replace(
        outcome,
        passed=outcome.passed + len(steady),
        failures=tuple(failure for failure in outcome.failures if failure[0] not in steady),
        seconds=outcome.seconds + second.seconds,
        unsteady=tuple(steady),
    )


def groups(request: Request) -> list[tuple[str, ...]]:
    """The stages in order, those that run side by side as one."""
    if request.narrowed:
        return [(stage,) for stage in request.stages]
    found: list[tuple[str, ...]] = []
    for stage in request.stages:
        pair = next((pair for pair in TOGETHER if stage in pair and set(pair) <= set(request.stages)), (stage,))
        if pair not in found:
            found.append(pair)
    return found


def _run_group(stages: Sequence[str], request: Request) -> list[Outcome]:
    """The first stage prints as it goes; what the others say is kept and shown after it."""
    if len(stages) == 1:
        return [_run_stage(stages[0], request)]
    template.ensure()
    pool = ThreadPoolExecutor(len(stages) - 1)
    others = [pool.submit(_run_aside, stage, request) for stage in stages[1:]]
    pool.shutdown(wait=False)  # of no more work: when the run is broken off, nobody waits here
    outcomes = [_run_stage(stages[0], request)]
    for stage, other in zip(stages[1:], others, strict=True):
        outcomes.append(other.result())
        say(f"\n== {stage}, meanwhile ==")
        say(_log_of(stage).read_text(errors="replace"))
    return outcomes


def _run_aside(stage: str, request: Request) -> Outcome:
    """A stage whose output goes to a file."""
    with _log_of(stage).open("w") as log:
        _output.set(log.fileno())
        return _run_stage(stage, request)


def _log_of(stage: str) -> Path:
    return sub("log") / f"test-{stage}.log"


_output: contextvars.ContextVar[int | None] = contextvars.ContextVar("_output", default=None)
"""Where this thread's pytest writes; None: to the terminal."""


def report(outcomes: Sequence[Outcome], narrowed: bool) -> int:
    """Print failures, times and the last line `N passed, M failed`."""
    failures = [failure for outcome in outcomes for failure in _failures(outcome, narrowed)]
    if narrowed and not failures and not sum(outcome.passed for outcome in outcomes):
        failures = [("the selection", "no test matches it")]
    if failures:
        say("\nFailed (a skipped test has failed):")
        for name, why in failures:
            say(f"  {name}: {why}")
    if unsteady := [name for outcome in outcomes for name in outcome.unsteady]:
        say("\nUnsteady: failed beside the others, passed alone. Find out why.")
        for name in unsteady:
            say(f"  {name}")
    say("")
    for outcome in outcomes:
        bad = len(_failures(outcome, narrowed))
        say(f"  {outcome.stage:8} {outcome.passed:6} passed {bad:5} failed {outcome.seconds:8.1f} s")
    say(f"{sum(outcome.passed for outcome in outcomes)} passed, {len(failures)} failed")
    return 1 if failures else 0


def _failures(outcome: Outcome, narrowed: bool) -> list[tuple[str, str]]:
    if not outcome.passed and not outcome.failures and not narrowed:
        return [(f"stage {outcome.stage}", "no test was found, and there should be some")]
    return list(outcome.failures)


def _run_stage(stage: str, request: Request) -> Outcome:
    if _output.get() is None:
        say(f"\n== {stage} ==")
    started = time.monotonic()
    paths = request.paths.get(stage, [])
    try:
        outcomes, code = _RUNNERS[stage](paths, request.pytest)
    except MesError as error:
        return Outcome(stage, 0, ((f"stage {stage}", str(error)),), time.monotonic() - started)
    return judge(stage, outcomes, code, time.monotonic() - started)


def judge(stage: str, outcomes: Mapping[str, str] | None, code: int, seconds: float) -> Outcome:
    """Turn pytest's outcomes and exit code into a result; a crash is a failure too.

    `code` is pytest's: 0 passed, 1 failures, 2 interrupted, 5 nothing collected, others broken.
    """
    if outcomes is None:
        return Outcome(stage, 0, ((f"stage {stage}", f"pytest ended with {code} and no report"),), seconds)
    failures = [(name, outcome) for name, outcome in outcomes.items() if outcome != "passed"]
    if code not in (0, 1, 2, 5) or (code in (1, 2) and not failures):
        failures.append((f"stage {stage}", f"pytest ended with {code}"))
    passed = sum(1 for outcome in outcomes.values() if outcome == "passed")
    return Outcome(stage, passed, tuple(failures), seconds)


def _whole(stage: str, paths: Sequence[str], extra: Sequence[str]) -> Sequence[str]:
    """How a stage that nothing narrows is shared out; a debugger, or a look at one test, wants one process."""
    return () if paths or extra else SHARED.get(stage, ())


def _pytest(
    stage: str, arguments: Sequence[str], env: Mapping[str, str], *, alone: bool = False
) -> tuple[dict[str, str] | None, int]:
    target = sub("run") / f"tests-{stage}-{os.getpid()}.json"
    target.unlink(missing_ok=True)
    command = [
        str(venv.python()),
        "-m",
        "pytest",
        "-p",
        "mescli.pytest_counts",
        "-q",
        "--continue-on-collection-errors",
    ]
    command += arguments
    code = children.run(command, {**env, "MES_TEST_REPORT": str(target)}, _output.get(), alone=alone)
    try:
        return json.loads(target.read_text()), code
    except (OSError, ValueError):
        return None, code
    finally:
        target.unlink(missing_ok=True)


def _pure(paths: list[str], extra: Sequence[str]) -> tuple[dict[str, str] | None, int]:
    env = odoo.environment()
    env.pop("ODOO_RC")  # with it, pytest-odoo would ask for a database
    where = paths or [str(TESTS), *(f"--ignore={TESTS / name}" for name in OWN_STAGE)]
    options = ["-p", "no:odoo", *_whole("pure", paths, extra)]
    return _pytest("pure", [*options, *where, *extra], env, alone=not paths and not extra)


def _odoo(paths: list[str], extra: Sequence[str]) -> tuple[dict[str, str] | None, int]:
    """On a copy of the template, in a process of its own, HttpCase and browser tests included."""
    env = odoo.environment()
    env.update(browser.environment(env["PATH"]))
    name = database.own_name("mes_test_")
    database.copy(template.ensure(), name)
    where = paths or [str(path) for path in sorted(ADDONS.glob("*/tests")) if path.is_dir()]
    if not where:
        return {}, 5
    # Errors in the log (a failed JavaScript test names itself there) are shown with the test that failed.
    options = [f"--odoo-database={name}", "--odoo-http", "--odoo-log-level=error"]
    try:
        return _pytest("odoo", [*options, *where, *extra], env, alone=not paths and not extra)
    finally:
        database.drop(name)


def _real_server(stage: str, paths: list[str], extra: Sequence[str]) -> tuple[dict[str, str] | None, int]:
    """Tests that start real servers themselves, through `mescli`; the template is made before, so none waits for it."""
    env = odoo.environment()
    env.pop("ODOO_RC")
    if stage == "browser":
        env.update(browser.environment(env["PATH"]))
    env["MES_TEMPLATE"] = template.ensure()
    sweep()
    where = paths or [str(TESTS / stage)]
    if not Path(where[0].split("::")[0]).exists():
        return {}, 5
    options = ["-p", "no:odoo", *_whole(stage, paths, extra)]
    return _pytest(stage, [*options, *where, *extra], env, alone=not paths and not extra)


def sweep() -> None:
    """Remove what the servers of old tests have left in the state folder: each has a name of its own."""
    old = time.time() - SWEPT_AFTER_S
    for prefix in ("e2e-", "faults-", "browser-", "check-"):
        for path in [*state_dir().glob(f"{prefix}*"), *sub("log").glob(f"{prefix}*.log*")]:
            # Another stage may sweep at the same time.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < old:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


_RUNNERS: dict[str, Callable[[list[str], Sequence[str]], tuple[dict[str, str] | None, int]]] = {
    "pure": _pure,
    "odoo": _odoo,
    "e2e": partial(_real_server, "e2e"),
    "faults": partial(_real_server, "faults"),
    "browser": partial(_real_server, "browser"),
}


def mutants(arguments: Sequence[str]) -> int:
    """Apply the listed one-line breaks one by one; each must be caught."""
    script = TESTS / "mutants.py"
    if not script.exists():
        raise MesError("tests/mutants.py is missing.", "restore it from the repository.")
    command = [str(venv.python()), str(script), *arguments]
    return subprocess.run(command, cwd=ROOT, env=odoo.environment()).returncode
