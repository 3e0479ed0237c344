"""What the benchmarks of the bridge share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iot_bridge.config import OdooConfig
from iot_bridge.testing import FakeOdoo


@contextmanager
def helper(script: str, role: str) -> Iterator[str]:
    """Another process of ``script`` in ``role``; yields the first line it prints."""
    with subprocess.Popen([sys.executable, script, "--role", role], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def odoo_config(url: str, folder: Path) -> OdooConfig:
    """How the bridge reaches a fake Odoo at ``url``."""
    (folder / "key").write_text(FakeOdoo.key)
    return OdooConfig(url=url, database=FakeOdoo.database, login=FakeOdoo.login, key_file=folder / "key")


def rss_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
