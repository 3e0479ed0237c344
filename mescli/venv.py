"""The virtual environment with the locked requirements, in the cache, keyed by the locks' content."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from . import archive, odoo_tree
from .errors import MesError
from .paths import ROOT, cache_dir, hash_files, locked
from .progress import Step, run, step

LOCKS = ("odoo.txt", "bridge.txt", "dev.txt")
PIP_MEND = "check the network (and pip's settings: `pip config list`), then run the same command again."


def home() -> Path:
    """The environment's folder for this Python, machine and content of the locks."""
    files = [ROOT / "requirements" / name for name in LOCKS]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    key = hash_files(files, ROOT, version, platform.machine(), sys.base_prefix, str(odoo_tree.tree()))
    return cache_dir() / f"venv-{key}"


def python() -> Path:
    return home() / "bin/python"


def site_packages() -> Path:
    return home() / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def is_ready() -> bool:
    return (home() / "ready").is_file()


def ensure() -> Path:
    """Build the environment when it is missing; give its Python. Safe when several start at once."""
    where = home()
    if is_ready():
        return python()
    with locked(where.with_suffix(".lock")):
        if not is_ready():
            _build(where)
    return python()


def _build(where: Path) -> None:
    shutil.rmtree(where, ignore_errors=True)
    with step("Python environment", 4) as progress:
        _bare(where, progress)
    wanted = sum(
        1 for name in LOCKS for line in (ROOT / "requirements" / name).read_text().splitlines() if "==" in line
    )
    with step(f"Python packages ({wanted})", 40) as progress:
        seen = 0

        def count(line: str) -> None:
            nonlocal seen
            seen += line.startswith(("Collecting ", "Processing "))
            progress.note("installing" if line.startswith("Installing ") else f"{min(seen, wanted)} of {wanted}")

        pip = [str(where / "bin/python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        locks = [part for name in LOCKS for part in ("-r", str(ROOT / "requirements" / name))]
        run([*pip, *locks], "The Python packages", PIP_MEND, on_line=count, env=_pip_env())
    (site_packages() / "odoo-tree.pth").write_text(f"{odoo_tree.tree()}\n")
    check = "import odoo.release, psycopg2, pymodbus, pytest, websocket"
    run([where / "bin/python", "-c", check], "The check of the environment", f"remove {where} and run again.")
    (where / "ready").write_text("ok\n")


def _bare(where: Path, progress: Step) -> None:
    """An environment with nothing but pip."""
    # The base interpreter: a venv made from within a venv would break when that one goes.
    base = Path(getattr(sys, "_base_executable", sys.executable) or sys.executable)
    mend = "install the missing part (Debian/Ubuntu: apt install python3-venv), then run the same command again."
    if importlib.util.find_spec("ensurepip"):
        run([base, "-m", "venv", where], "The virtual environment", mend)
        return
    # Debian keeps pip's own wheel in a package of its own, which a bare system lacks.
    where.mkdir(parents=True)
    archive.unpack(["python3-pip-whl/stable"], where, "pip", mend, progress)
    wheels = where / "root/usr/share/python-wheels"
    run([base, "-m", "venv", "--without-pip", where], "The virtual environment", mend)
    pip = [str(where / "bin/python"), str(next(wheels.glob("pip-*.whl")) / "pip"), "install", "--no-index"]
    run([*pip, f"--find-links={wheels}", "pip"], "pip", mend, env=_pip_env())
    shutil.rmtree(where / "root")


def _pip_env() -> dict[str, str]:
    # A foreign PYTHONPATH or --user setting would install beside the environment.
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_USER", "PIP_TARGET", "PYTHONHOME")}


def program(name: str) -> Path:
    """A console program of the environment, such as ruff."""
    path = home() / "bin" / name
    if not path.exists():
        raise MesError(f"{name} is missing in {home()}.", "run `./mes setup`.")
    return path
