"""systemd-analyze, which judges the unit files: of this system, else unpacked into the cache without root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import archive
from .errors import MesError
from .paths import cache_dir, hash_text, locked
from .progress import step

LAYOUT = "1"  # raise when the way of unpacking changes
MEND = "install systemd (it need not run), and run the same command again."


def analyze(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `systemd-analyze`; its output and exit code."""
    command, env = _command()
    whole = [*command, *arguments]
    return subprocess.run(whole, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def ensure() -> None:
    """See that systemd-analyze is there."""
    _command()


def _command() -> tuple[list[str], dict[str, str]]:
    found = shutil.which("systemd-analyze")
    return ([found], {}) if found else _from(_unpacked())


def _unpacked() -> Path:
    """The folder with an unpacked systemd. Safe when several start at once."""
    home = cache_dir() / f"systemd-{hash_text(LAYOUT)}"
    with locked(home.with_suffix(".lock")):
        if not (home / "ready").is_file():
            shutil.rmtree(home, ignore_errors=True)
            with step("systemd-analyze (download 15 MB, verify, unpack)", 10) as progress:
                home.mkdir(parents=True)
                wanted = ["systemd/stable", "libsystemd-shared/stable"]
                packages = archive.unpack(wanted, home, "systemd", MEND, progress, libraries=True)
                (home / "ready").write_text("\n".join(sorted(packages)) + "\n")
    return home / "root"


def _from(root: Path) -> tuple[list[str], dict[str, str]]:
    program = root / "usr/bin/systemd-analyze"
    if not program.is_file():
        raise MesError(f"systemd-analyze is missing in {root}.", f"remove {root.parent} and run `./mes setup`.")
    linker, option, libraries, *_ = archive.loader(root)
    # Its private library lies in a folder of its own, and it looks for units where the system would have them.
    command = [linker, option, f"{libraries}:{libraries}/systemd", str(program)]
    return command, {"SYSTEMD_UNIT_PATH": f"{root}/usr/lib/systemd/system:"}
