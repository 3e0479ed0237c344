"""Odoo 19 Community from the archive's unstable suite, unpacked into the cache without touching the system."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import archive
from .errors import MesError
from .paths import cache_dir, hash_text, locked
from .progress import step

UNSTABLE = (
    "odoo-19",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-montserrat",
    "fonts-roboto-unhinted",
    "fonts-inconsolata",
    "fonts-ocr-b",
)
# Unstable's font package lacks the path that Odoo's assets link to.
STABLE = ("fonts-font-awesome",)
# Listed in the web bundle but missing in the package; without it every browser test fails.
MISSING_ASSET = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
LAYOUT = "2"  # raise when the way of unpacking changes
ODOO_HOME_MEND = (
    "set ODOO_HOME to an Odoo 19 source checkout (a folder with `odoo/` in it), for example:\n"
    "  git clone --depth 1 -b 19.0 https://github.com/odoo/odoo ~/odoo && ODOO_HOME=~/odoo ./mes demo"
)


def tree() -> Path:
    """The folder that goes on Python's path: the one that contains the package `odoo`."""
    home = os.environ.get("ODOO_HOME")
    if home:
        return _given_tree(Path(home).expanduser().resolve())
    return _cached() / "root/usr/lib/python3/dist-packages"


def _given_tree(home: Path) -> Path:
    for candidate in (home, home / "usr/lib/python3/dist-packages"):
        if (candidate / "odoo/release.py").is_file():
            return candidate
    raise MesError(f"ODOO_HOME={home} holds no Odoo (no odoo/release.py).", ODOO_HOME_MEND)


def addons_paths() -> list[Path]:
    """Odoo's own addons folders: a package has one, a source checkout two."""
    base = tree()
    candidates = (base / "odoo/addons", base / "addons")
    found = [path for path in candidates if path.is_dir()]
    return found if len({path.resolve() for path in found}) > 1 else found[:1]


def fingerprint() -> str:
    """Identity of the Odoo in use: part of every template database's name."""
    if os.environ.get("ODOO_HOME"):
        release = tree() / "odoo/release.py"
        return hash_text(str(tree()), release.read_text(), str(release.stat().st_mtime_ns))
    return _cached().name + hash_text(_version(_cached()))


def _cached() -> Path:
    return cache_dir() / f"odoo-19-{hash_text(LAYOUT, *UNSTABLE, *STABLE)}"


def _version(home: Path) -> str:
    ready = home / "ready"
    return ready.read_text().strip() if ready.is_file() else ""


def is_ready() -> bool:
    """True when Odoo is installed, or named by ODOO_HOME."""
    return bool(os.environ.get("ODOO_HOME") or _version(_cached()))


def ensure() -> Path:
    """Install Odoo when it is missing; give the folder for Python's path. Safe when several start at once."""
    if is_ready():
        return tree()
    home = _cached()
    with locked(home.with_suffix(".lock")):
        if not _version(home):
            shutil.rmtree(home, ignore_errors=True)
            with step("Odoo 19 (download 130 MB, verify, unpack)", 20) as progress:
                home.mkdir(parents=True)
                wanted = [f"{name}/sid" for name in UNSTABLE] + [f"{name}/stable" for name in STABLE]
                packages = archive.unpack(wanted, home, "Odoo 19", ODOO_HOME_MEND, progress)
                asset = tree() / "odoo/addons" / MISSING_ASSET
                asset.parent.mkdir(parents=True, exist_ok=True)
                asset.touch()
                (home / "ready").write_text("\n".join(sorted(packages)) + "\n")
    return tree()
