"""Packages of the Debian archive, fetched and verified by apt-get but kept away from the system.

The mirror is the one that this machine's apt already uses. Lists, cache and sources are private folders, so
no rights are needed and nothing of the system changes; signatures are checked against the archive's keyring.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import MesError
from .progress import Step, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack(
    wanted: Sequence[str], home: Path, what: str, mend: str, progress: Step, *, libraries: bool = False
) -> list[str]:
    """Fetch packages (`name/suite`, suites sid and stable) and unpack them into `home/root`; give their file names.

    libraries: with the shared libraries they need, C library included, so that a program among them runs
    whatever this system's own release is (see `loader`).
    """
    private = home / "apt"
    shutil.rmtree(private, ignore_errors=True)
    packages = _download(wanted, private, what, mend, progress, libraries)
    root = home / "root"
    root.mkdir(exist_ok=True)
    for number, package in enumerate(packages, 1):
        progress.note(f"unpack {number} of {len(packages)}")
        run(["dpkg-deb", "-x", package, root], f"Unpacking {package.name}", "run the same command again.")
    shutil.rmtree(private)
    return [package.name for package in packages]


def loader(root: Path) -> list[str]:
    """What to put before a program of `root` that was unpacked with its libraries: its own dynamic loader."""
    # The real file: the links to it are absolute or through /lib, which is the system's.
    linkers = sorted(root.glob("usr/lib/*/ld-linux*.so.*"))
    if not linkers:
        raise MesError(f"{root} holds no C library.", f"remove {root.parent} and run `./mes setup`.")
    return [str(linkers[0]), "--library-path", str(linkers[0].parent)]


def _with_libraries(wanted: Sequence[str], options: Sequence[str]) -> list[str]:
    """`wanted` and, from the suite of each, the libraries they need, directly or through others."""
    whole: dict[str, None] = {}
    for name, _, suite in (entry.partition("/") for entry in wanted):
        kinds = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
        command = ["apt-cache", *options, "-o", f"APT::Default-Release={suite}", "depends", "--recurse", *kinds, name]
        listed = run(command, f"The libraries of {name}", "run the same command again.")
        whole.update(dict.fromkeys(f"{package}/{suite}" for package in [name, *needed_libraries(name, listed)]))
    return list(whole)


def needed_libraries(name: str, listed: str) -> list[str]:
    """The libraries among `apt-cache depends --recurse` of a package; those of other programs are not followed."""
    needs: dict[str, list[str]] = {}
    package = ""
    for line in listed.splitlines():
        if not line.startswith((" ", "|", "<")):
            package = line.strip()
        elif (words := line.replace("|", " ").split()) and words[0] in ("Depends:", "PreDepends:"):
            needs.setdefault(package, []).append(words[1])
    found: dict[str, None] = {}
    waiting = list(needs.get(name, []))
    while waiting:
        library = waiting.pop(0)
        if library not in found and library.startswith(("lib", "zlib1g")):
            found[library] = None
            waiting += needs.get(library, [])
    return list(found)


def _download(
    wanted: Sequence[str], private: Path, what: str, mend: str, progress: Step, libraries: bool
) -> list[Path]:
    for folder in ("lists/partial", "cache/archives/partial", "parts", "debs"):
        (private / folder).mkdir(parents=True)
    (private / "preferences").touch()
    (private / "archive.sources").write_text(
        f"Types: deb\nURIs: {mirror(mend)}\nSuites: sid stable\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    options = _apt_options(private)
    progress.note("package lists")
    run(["apt-get", *options, "update"], "The package lists of Debian", f"check network and clock, or {mend}")
    if libraries:
        wanted = _with_libraries(wanted, options)
    progress.note("download")
    run(["apt-get", *options, "download", *wanted], what, f"check the network, or {mend}", cwd=private / "debs")
    packages = sorted((private / "debs").glob("*.deb"))
    if len(packages) != len(wanted):
        raise MesError(f"Only {len(packages)} of {len(wanted)} packages arrived.", "run the same command again.")
    return packages


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


def mirror(mend: str) -> str:
    """The archive that this machine's apt already uses."""
    asked = ["--format", "$(REPO_URI)\t$(ORIGIN)\t$(LABEL)", "Created-By: Packages"]
    rows: list[str] = []
    # With release information a mirror says who it is; a machine that never ran `apt update` has none.
    for option in ([], ["--no-release-info"]):
        command = ["apt-get", "indextargets", *option, *asked]
        try:
            rows += subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        except (OSError, subprocess.CalledProcessError) as error:
            raise MesError("This system has no apt-get, from which the packages are taken.", mend) from error
    found = choose_mirror([row.split("\t") for row in rows])
    if not found or not KEYRING.is_file():
        raise MesError("apt on this system knows no Debian archive, from which the packages are taken.", mend)
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
