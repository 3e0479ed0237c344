"""Chromium for the browser tests: found, installed through apt where that is allowed, or explained."""

from __future__ import annotations

import os
import shutil
import subprocess

from .errors import MesError
from .paths import sub
from .progress import run, step

# The names that Odoo looks for, in its order.
NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
BY_HAND = (
    "install it:  apt install chromium  (Debian; as root)\n"
    "or set CHROMIUM=/path/to/a/chromium; without it: `./mes test pure`, `./mes test e2e`."
)


def find() -> str | None:
    """The path of Chromium: $CHROMIUM, or the first of the usual names."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        path = shutil.which(name) if name else None
        if path:
            return path
    return None


def _apt() -> list[str] | None:
    """How this user may call apt-get: as root, or by sudo without a question."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n", "apt-get"]
    return None


def ensure() -> str:
    """Give the path of Chromium, installed when it is missing; never go on without it in silence."""
    found = find()
    if found:
        return found
    apt = _apt()
    if apt is None:
        raise MesError("The browser tests need Chromium, and it is not installed.", BY_HAND)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step("Chromium (through apt)", 60) as progress:
        progress.note("package lists")
        run([*apt, "update"], "The package lists", BY_HAND, env=env)
        progress.note("download and install")
        options = ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"]
        run([*apt, *options, "chromium"], "Chromium", BY_HAND, env=env)
    found = find()
    if not found:
        raise MesError("apt has installed Chromium, but it is not on the PATH.", BY_HAND)
    return found


def environment(path: str) -> dict[str, str]:
    """What the tests read: CHROMIUM for playwright, and a PATH on which Odoo finds it by name."""
    chromium = ensure()
    if any(shutil.which(name, path=path) for name in NAMES):
        return {"CHROMIUM": chromium, "PATH": path}
    link = sub("bin") / "chromium"
    link.unlink(missing_ok=True)
    link.symlink_to(chromium)
    return {"CHROMIUM": chromium, "PATH": f"{link.parent}{os.pathsep}{path}"}
