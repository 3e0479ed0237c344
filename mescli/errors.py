"""The one exception that reaches a person: what went wrong, and what to do next."""

from __future__ import annotations

import errno


class MesError(Exception):
    """A failure with a mend.

    `what` is one sentence about the fact, `mend` one or more lines that say what to do next.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        lines = self.mend.strip().splitlines()
        return "\n".join([self.what, f"  Next: {lines[0]}", *(f"        {line}" for line in lines[1:])])


DISK_WORDS = ("no space left on device", "disk quota exceeded", "not enough free space", "you don't have enough free")
NETWORK_WORDS = (
    "temporary failure resolving",
    "could not resolve",
    "name or service not known",
    "temporary failure in name resolution",
    "network is unreachable",
    "connection refused",
    "connection timed out",
    "failed to establish a new connection",
    "no matching distribution found",
    "could not connect to",
    "failed to fetch",
)


def disk_full(where: object) -> MesError:
    return MesError(
        f"The disk is full ({where}).",
        "free about 4 GB there, or point MES_CACHE (installed software) at a larger disk,\n"
        "then run the same command again: it continues where it stopped.",
    )


def no_network(what: str, detail: str = "") -> MesError:
    tail = f" ({detail.strip()[-200:]})" if detail.strip() else ""
    return MesError(
        f"{what} could not be downloaded{tail}.",
        "check the network and the proxy settings (http_proxy, https_proxy), then run the same command again.\n"
        "Without a network: copy the cache folder of a machine where `./mes setup` has run, and set MES_CACHE to it.",
    )


def from_os_error(error: OSError) -> MesError:
    """Translate an operating-system error that no closer place has understood."""
    where = error.filename or "unknown path"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MesError(
            f"No permission for {where}: {error.strerror}.",
            "make it writable for you, or set MES_CACHE and MES_STATE to folders of yours.",
        )
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ETIMEDOUT):
        return no_network("Something", str(error))
    return MesError(f"{error.strerror or error} ({where}).", "see `./mes status` and `./mes logs`, then try again.")


def from_output(what: str, output: str, mend: str) -> MesError:
    """Find the reason in a failed command's output: disk, network, or the given mend."""
    low = output.lower()
    if any(word in low for word in DISK_WORDS):
        return disk_full(what)
    if any(word in low for word in NETWORK_WORDS):
        lines = [line for line in output.splitlines() if any(w in line.lower() for w in NETWORK_WORDS)]
        return no_network(what, lines[-1] if lines else "")
    tail = "\n".join(output.strip().splitlines()[-12:])
    return MesError(f"{what} failed:\n{tail}", mend)
