"""Odoo 19 Community from the archive's unstable suite, unpacked into the cache without touching the system."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .errors import MesError
from .paths import cache_dir, hash_text, locked
from .progress import Step, run, step

ARCHIVE_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
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
                packages = _download(home, progress)
                _unpack(packages, home, progress)
                asset = tree() / "odoo/addons" / MISSING_ASSET
                asset.parent.mkdir(parents=True, exist_ok=True)
                asset.touch()
                (home / "ready").write_text("\n".join(sorted(path.name for path in packages)) + "\n")
                shutil.rmtree(home / "apt")
    return tree()


def mirror() -> str:
    """The archive that this machine's apt already uses."""
    rows: list[str] = []
    # With release information a mirror says who it is; a machine that never ran `apt update` has none.
    for option in ([], ["--no-release-info"]):
        command = [
            "apt-get",
            "indextargets",
            *option,
            "--format",
            "$(REPO_URI)\t$(ORIGIN)\t$(LABEL)",
            "Created-By: Packages",
        ]
        try:
            rows += subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        except (OSError, subprocess.CalledProcessError) as error:
            raise MesError("This system has no apt-get, from which Odoo 19 is taken.", ODOO_HOME_MEND) from error
    found = choose_mirror([row.split("\t") for row in rows])
    if not found or not ARCHIVE_KEYRING.is_file():
        raise MesError(
            "apt on this system does not know a Debian archive, from which Odoo 19 is taken.", ODOO_HOME_MEND
        )
    return found


def choose_mirror(rows: list[list[str]]) -> str | None:
    """The Debian archive among (address, origin, label): one that says so, else one that is named so."""
    for address, origin, label in rows:
        if origin == label == "Debian":
            return address
    for address, *_ in rows:
        last = address.rstrip("/").rpartition("/")[2]
        if "debian" in last and "security" not in last:
            return address
    return None


def _apt_options(private: Path) -> list[str]:
    """apt-get options that keep everything inside `private`."""
    options = {
        "Dir::State::Lists": private / "lists",
        "Dir::Cache": private / "cache",
        "Dir::Cache::archives": private / "cache/archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Etc::SourceList": private / "archive.sources",
        "Dir::Etc::SourceParts": private / "parts",
        "Dir::Etc::Preferences": private / "preferences",
        "Dir::Etc::PreferencesParts": private / "parts",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Update::Error-Mode": "any",  # else a missing network is only a warning
    }
    return [part for key, value in options.items() for part in ("-o", f"{key}={value}")]


def _download(home: Path, progress: Step) -> list[Path]:
    private = home / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "parts", "debs"):
        (private / folder).mkdir(parents=True)
    (private / "preferences").touch()
    (private / "archive.sources").write_text(
        f"Types: deb\nURIs: {mirror()}\nSuites: sid stable\nComponents: main\nSigned-By: {ARCHIVE_KEYRING}\n"
    )
    options = _apt_options(private)
    mend = f"check the network, or {ODOO_HOME_MEND}"
    progress.note("package lists")
    run(["apt-get", *options, "update"], "The package lists of Debian", mend)
    wanted = [f"{name}/sid" for name in UNSTABLE] + [f"{name}/stable" for name in STABLE]
    progress.note("download")
    run(["apt-get", *options, "download", *wanted], "Odoo 19", mend, cwd=private / "debs")
    packages = sorted((private / "debs").glob("*.deb"))
    if len(packages) != len(wanted):
        raise MesError(f"Only {len(packages)} of {len(wanted)} packages arrived.", mend)
    return packages


def _unpack(packages: list[Path], home: Path, progress: Step) -> None:
    root = home / "root"
    root.mkdir()
    for number, package in enumerate(packages, 1):
        progress.note(f"unpack {number} of {len(packages)}")
        run(["dpkg-deb", "-x", package, root], f"Unpacking {package.name}", "run the same command again.")
