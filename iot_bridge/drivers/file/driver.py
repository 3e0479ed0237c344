"""Files dropped into a folder, each row exactly once, whatever is killed when.

1. A file whose size has not changed for ``settle_s`` is opened (oldest first); one that ends without a line
   end is waited for ten times as long: its writer may be slow.
2. Some hundred rows at a time become a delivery, with the file's progress as a note of the same transaction.
3. Refused rows go to an error file first; its length is part of the progress, so that what a crash repeats is
   cut off again.
4. Only when a delivery is stored the next is read; at its end the file is moved to the done folder.
"""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ...clock import Clock
from ...errors import LinkLost
from ...events import Sample
from ...tags.model import Tag
from ..base import Delivery, Found, Surroundings
from .progress import Ledger, Progress
from .rows import Parser, Row, RowError, csv_rows, flat, header_of, json_rows
from .settings import FileConfig

ROWS = 500
SAMPLES = 5000
WRITING_FACTOR = 10


@dataclass(slots=True)
class _Open:
    """The file that is being read."""

    path: Path
    file: BinaryIO
    rows: Iterator[Row]
    progress: Progress


class FileDriver:
    """See :class:`..base.Subscriber`. ``patient``: it can wait while the outbox is full."""

    patient = True

    def __init__(self, config: FileConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._clock = clock
        self._around = around
        self._parser = Parser(config, tags)
        self._ledger = Ledger(config.name, {})
        self._open: _Open | None = None
        self._visited = False
        # Read, but not stored yet: delivered again until it is.
        self._pending: Delivery | None = None
        # File -> (size, since when it has been so, real s).
        self._sizes: dict[Path, tuple[int, float]] = {}

    async def open(self) -> None:
        await asyncio.to_thread(self._prepare)

    async def receive(self) -> Delivery:
        if self._around.visiting:
            return await self._visit()
        if self._pending is None:
            try:
                self._pending = await asyncio.to_thread(self._next)
            except OSError as error:
                self._close_file()
                raise LinkLost(f"{self._config.folder}: {error}") from None
        if self._pending is None:
            await asyncio.sleep(self._config.look_s)
            return Delivery([])
        return self._pending

    async def _visit(self) -> Delivery:
        """For a short look: the first good row of the newest file, without a trace."""
        if self._visited:
            await asyncio.sleep(self._config.look_s)
            return Delivery([])
        self._visited = True
        try:
            return Delivery(await asyncio.to_thread(self._peek))
        except RowError as error:
            self._around.found(f"{self._config.name}: {error}")
            return Delivery([])
        except OSError as error:
            raise LinkLost(f"{self._config.folder}: {error}") from None

    async def stored(self, delivery: Delivery) -> None:
        if delivery.token is None:
            return
        progress: Progress = delivery.token
        self._pending = None
        self._ledger.stored(progress, delivery.notes)
        if progress.done:
            self._close_file()
            try:
                await asyncio.to_thread(self._put_away, progress)
            except OSError as error:
                raise LinkLost(f"{progress.name} can't be moved to {self._config.done}: {error}") from None

    async def close(self) -> None:
        self._close_file()
        self._pending = None

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        """The columns (fields) of the newest file, with the values of its first row; start: its name."""
        try:
            return (await asyncio.to_thread(self._columns, start))[:limit]
        except (OSError, RowError) as error:
            raise LinkLost(f"{self._config.folder}: {error}") from None

    # -- in a thread

    def _columns(self, start: str | None) -> list[Found]:
        with self._newest(start) as file:
            first = next((row.fields for row in self._rows(file) if row.fields is not None), {})
        return [Found(address, address, "auto", value) for address, value in flat(first)]

    def _peek(self) -> list[Sample]:
        with self._newest(None) as file:
            for row in islice(self._rows(file), ROWS):
                if row.fields is not None:
                    return self._parser.samples(self._parser.parse(row.fields), self._clock.now_ms())
        raise RowError("the newest file has no row that can be read")

    def _newest(self, name: str | None) -> BinaryIO:
        config = self._config
        files = [path for path in config.folder.glob(name or config.pattern) if _is_own_file(path)]
        if not files:
            raise RowError(f"there is no file {name or config.pattern} in {config.folder}")
        return max(files, key=lambda path: path.stat().st_mtime_ns).open("rb")

    def _rows(self, file: BinaryIO) -> Iterator[Row]:
        """From the beginning."""
        config = self._config
        if config.format == "jsonl":
            return json_rows(file, config, 0, 1)
        header, offset, number = header_of(file, config)
        return csv_rows(file, config, header, offset, number)

    def _prepare(self) -> None:
        config = self._config
        try:
            for folder in () if self._around.visiting else (config.done, config.errors):
                folder.mkdir(parents=True, exist_ok=True)
            os.scandir(config.folder).close()
        except OSError as error:
            raise LinkLost(
                f"{error.filename}: {error.strerror}: make it a folder that the bridge may read and write"
            ) from None
        self._ledger = Ledger(config.name, self._around.notes())

    def _next(self) -> Delivery | None:
        """The next rows; None when there is nothing to read."""
        while True:
            if self._open is None:
                path = self._settled()
                if path is None:
                    return None
                progress = self._ledger.begin(path)
                if progress.done:
                    self._around.found(f"{path.name} was imported before: moved away, not read again")
                    self._put_away(progress)
                    continue
                self._open = self._opened(path, progress)
            return self._read(self._open)

    def _settled(self) -> Path | None:
        """The oldest file that nobody writes to any more."""
        now, ready = time.monotonic(), []
        with os.scandir(self._config.folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_file()]
        found = [path for path in found if path.match(self._config.pattern)]
        for path in found:
            if path.is_symlink():
                self._around.found(f"{path.name} is a link: left out, put the file itself there")
            elif not os.access(path, os.R_OK):
                self._around.found(f"{path.name} may not be read: left out, give the bridge's user the right")
        present = {path: path.stat() for path in found if _is_own_file(path) and os.access(path, os.R_OK)}
        self._sizes = {path: kept for path, kept in self._sizes.items() if path in present}
        for path, stat in present.items():
            if self._sizes.get(path, (-1, 0.0))[0] != stat.st_size:
                self._sizes[path] = (stat.st_size, now)
            quiet = now - self._sizes[path][1]
            if quiet >= self._config.settle_s * (1 if _ends_a_line(path, stat.st_size) else WRITING_FACTOR):
                ready.append((stat.st_mtime_ns, path.name, path))
        return min(ready)[2] if ready else None

    def _opened(self, path: Path, progress: Progress) -> _Open:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        _cut(self._error_file(progress), progress.error_size)
        config = self._config
        if config.format == "jsonl":
            rows = json_rows(file, config, progress.offset, progress.row or 1)
            return _Open(path, file, rows, progress)
        try:
            header, offset, row = header_of(file, config)
        except RowError as error:
            # Nothing of it can be read: the file as a whole is refused.
            refused = Row(1, path.stat().st_size, 2, None, "", str(error))
            return _Open(path, file, iter([refused]), progress)
        if progress.offset > offset:
            offset, row = progress.offset, progress.row
        return _Open(path, file, csv_rows(file, config, header, offset, row), progress)

    def _read(self, current: _Open) -> Delivery:
        samples: list[Sample] = []
        refused: list[Row] = []
        progress, recv, taken = current.progress, self._clock.now_ms(), 0
        ended = False
        while taken < ROWS and len(samples) < SAMPLES:
            row = next(current.rows, None)
            if row is None:
                ended = True
                break
            taken += 1
            progress = replace(progress, offset=row.after, row=row.following)
            try:
                if row.fields is None:
                    raise RowError(row.reason)
                parsed = self._parser.parse(row.fields)
            except RowError as error:
                refused.append(replace(row, reason=str(error)))
                continue
            late = progress.last_at is not None and parsed[0] < progress.last_at
            progress = replace(
                progress, good=progress.good + 1, late=progress.late + late,
                last_at=progress.last_at if late else parsed[0],
            )  # fmt: skip
            samples += self._parser.samples(parsed, recv)
        size = self._refuse(self._error_file(progress), refused, progress.error_size)
        progress = replace(progress, refused=progress.refused + len(refused), error_size=size, done=ended)
        current.progress = progress
        return Delivery(samples, token=progress, notes=self._ledger.notes_for(progress))

    def _refuse(self, path: Path, rows: Sequence[Row], size: int) -> int:
        """Write refused rows with number and reason; returns the size of the error file."""
        if not rows:
            return size
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(["row", "reason", "text"])
            writer.writerows((row.number, row.reason, row.text) for row in rows)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def _put_away(self, progress: Progress) -> None:
        path = self._config.folder / progress.name
        if not path.exists():
            return
        target, number = self._config.done / progress.name, 1
        while target.exists():
            number += 1
            target = self._config.done / f"{path.stem}.{number}{path.suffix}"
        # The done folder may lie on another file system.
        shutil.move(path, target)
        self._sizes.pop(path, None)
        found = f"{progress.name}: {progress.good} rows read"
        if progress.refused:
            found += f", {progress.refused} refused (see {self._error_file(progress)})"
        if progress.late:
            found += f", {progress.late} older than a row before them"
        self._around.found(found)

    def _error_file(self, progress: Progress) -> Path:
        """Of this file alone, also when another of its name comes later."""
        return self._config.errors / f"{progress.name}.{progress.head[:8]}.errors.csv"

    def _close_file(self) -> None:
        if self._open is not None:
            self._open.file.close()
            self._open = None


def _is_own_file(path: Path) -> bool:
    """Not a link: it could lead to a secret, whose rows would then stand in the file of refused ones."""
    return path.is_file() and not path.is_symlink()


def _ends_a_line(path: Path, size: int) -> bool:
    if size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) in (b"\n", b"\r")


def _cut(path: Path, size: int) -> None:
    """Take away what was written about rows that were not stored."""
    if path.exists() and path.stat().st_size > size:
        os.truncate(path, size)
