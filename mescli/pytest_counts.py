"""A pytest plugin: one outcome for each test, written as JSON to $MES_TEST_REPORT.

Only a test that ran and passed has passed. Skipped, expected to fail, unexpectedly passing, broken in
set-up or tear-down, or not even importable: failed, with the reason.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

outcomes: dict[str, str] = {}


def _note(key: str, outcome: str) -> None:
    # Several reports make one test (set-up, call, tear-down, subtests): a bad one stays.
    if outcome != "passed" or key not in outcomes:
        outcomes[key] = outcome


def pytest_runtest_logreport(report) -> None:  # type: ignore[no-untyped-def]
    if report.skipped or hasattr(report, "wasxfail"):
        _note(report.nodeid, f"skipped: {_reason(report)}")
    elif report.failed:
        _note(report.nodeid, f"failed in {report.when}")
    elif report.when == "call":
        _note(report.nodeid, "passed")


def pytest_collectreport(report) -> None:  # type: ignore[no-untyped-def]
    if report.failed:
        _note(report.nodeid or "collection", "failed to collect")
    elif report.skipped:
        _note(report.nodeid or "collection", f"skipped: {_reason(report)}")


def _reason(report) -> str:  # type: ignore[no-untyped-def]
    if getattr(report, "wasxfail", None):
        return f"expected failure {report.wasxfail}".strip()
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
    return text.removeprefix("Skipped: ")


def pytest_sessionfinish(session) -> None:  # type: ignore[no-untyped-def]
    target = os.environ.get("MES_TEST_REPORT")
    # A process that shares the tests with others (pytest-xdist) tells the first one, which counts for all.
    if target and not hasattr(session.config, "workerinput"):
        Path(target).write_text(json.dumps(outcomes))
