"""What a fault does to the bridge's own surroundings: its clock steps, its names are not found.

Python imports this before anything else when this folder leads PYTHONPATH. It changes nothing unless
FAULTS_CONTROL names a folder, where the harness writes ``clock`` (seconds by which the wall clock is
wrong, a double) and ``names`` (JSON: the names that can be resolved). The monotonic clock stays true, as
it does when NTP or a person sets a clock.
"""

import json
import mmap
import os
import socket
import struct
import time

_folder = os.environ.get("FAULTS_CONTROL")


def _step_clock(folder: str) -> None:
    with open(os.path.join(folder, "clock"), "r+b") as file:
        offset = mmap.mmap(file.fileno(), 8)
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + struct.unpack("d", offset[:8])[0]
    time.time_ns = lambda: real_ns() + round(struct.unpack("d", offset[:8])[0] * 1e9)


def _own_names(folder: str) -> None:
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):  # type: ignore[no-untyped-def]
        if isinstance(host, str) and host.endswith(".faults"):
            with open(os.path.join(folder, "names"), encoding="utf-8") as file:
                known = json.load(file)
            if host not in known:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = known[host]
        return real(host, *args, **kwargs)

    socket.getaddrinfo = resolve


if _folder:
    _step_clock(_folder)
    _own_names(_folder)
