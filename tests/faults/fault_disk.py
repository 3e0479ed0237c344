"""A disk that can be filled up: a small tmpfs as root, else a limit on how long the bridge's files may grow."""

from __future__ import annotations

import contextlib
import errno
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

SIZE = "16m"


class Disk:
    """Whatever is at ``folder``; ``pid`` gives the bridge's process when there is no disk of its own."""

    def __init__(self, folder: Path, pid: Callable[[], int]) -> None:
        self._folder, self._pid = folder, pid
        self._full = threading.Event()
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
        self.mounted = bool(shutil.which("mount")) and subprocess.run(command, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no byte."""
        if not self.mounted:
            # Files that are longer than this can't grow, which is what a full disk does to them.
            self._limit(4096)
            return
        self._full.set()
        self._filling = threading.Thread(target=self._keep_full, daemon=True)
        self._filling.start()

    def _keep_full(self) -> None:
        """What the bridge gives up, such as its reserve, is eaten too."""
        with (self._folder / "filler").open("wb", buffering=0) as filler:
            while self._full.is_set():
                for size in (65536, 512):
                    with contextlib.suppress(OSError):
                        while True:
                            filler.write(bytes(size))
                time.sleep(0.02)

    def is_full(self) -> bool:
        """Whether a new file can't be written."""
        if not self.mounted:
            return True
        try:
            (self._folder / "probe").write_bytes(bytes(4096))
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            (self._folder / "probe").unlink(missing_ok=True)
        return False

    def free(self) -> None:
        """Space again."""
        if self.mounted:
            self._full.clear()
            self._filling.join()
            (self._folder / "filler").unlink()
        else:
            self._limit(resource.RLIM_INFINITY)

    def close(self) -> None:
        self._full.clear()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._folder)], check=True)

    def _limit(self, size: int) -> None:
        hard = resource.prlimit(self._pid(), resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self._pid(), resource.RLIMIT_FSIZE, (min(size, hard) if hard >= 0 else size, hard))
