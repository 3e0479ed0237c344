"""The command line as tests call it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from iot_bridge.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """``main`` sets the log up for a process; the test process keeps its own."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:], logging.getLogger().level = before


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = main(["--log-level", "error", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err
