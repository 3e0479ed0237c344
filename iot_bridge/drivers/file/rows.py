"""From the rows of a file to samples. Pure but for the reading of the file that is handed in."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from ...events import Sample, Value
from ...tags.model import Tag
from .settings import EPOCH_MS, EPOCH_S, ISO, FileConfig

# A row with another year is a wrong format, not history.
EARLIEST_MS, LATEST_MS = 631_152_000_000, 4_102_444_800_000
# A row longer than this is no row: the file is no text, or its line ends are missing.
LONGEST_ROW = 65_536
TRUE, FALSE = frozenset({"1", "true", "yes", "on", "x"}), frozenset({"0", "false", "no", "off"})

Record = Mapping[str, Any]
Parsed = tuple[int, list[tuple[str, Value]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its line (the first is 1), offset and number of the next, its fields or why none."""

    number: int
    after: int
    following: int
    fields: Record | None
    text: str
    reason: str = ""


class RowError(ValueError):
    """The row can't be used; the sentence says why."""


def csv_rows(file: BinaryIO, config: FileConfig, header: Sequence[str], offset: int, number: int) -> Iterator[Row]:
    """Rows from ``offset`` on. ``number``: of the row that begins there."""
    file.seek(offset)
    lines = _Lines(file, config.encoding, offset)
    reader = csv.reader(lines, delimiter=config.delimiter, strict=True)
    while True:
        first = number + lines.count
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError, RowError) as error:
            # A stray quote takes the lines after it along: only its own is refused, they are read again.
            lines.back_to_second()
            yield Row(first, lines.offset, number + lines.count, None, lines.shown, f"not readable: {error}")
            reader = csv.reader(lines, delimiter=config.delimiter, strict=True)
            continue
        if not any(cells):
            continue
        if len(cells) != len(header):
            reason = f"has {len(cells)} cells, the header has {len(header)}"
            yield Row(first, lines.offset, number + lines.count, None, lines.shown, reason)
            continue
        yield Row(first, lines.offset, number + lines.count, dict(zip(header, cells, strict=True)), lines.shown)


def json_rows(file: BinaryIO, config: FileConfig, offset: int, number: int) -> Iterator[Row]:
    """The same for JSON lines."""
    file.seek(offset)
    lines = _Lines(file, config.encoding, offset)
    while True:
        place = number + lines.count
        lines.taken.clear()
        try:
            line = next(lines)
            if not line.strip():
                continue
            found = json.loads(line)
        except StopIteration:
            return
        except (ValueError, RecursionError) as error:
            yield Row(place, lines.offset, number + lines.count, None, lines.shown, f"not readable: {error}")
            continue
        if isinstance(found, dict):
            yield Row(place, lines.offset, number + lines.count, found, lines.shown)
        else:
            yield Row(place, lines.offset, number + lines.count, None, lines.shown, "is no JSON object")


def header_of(file: BinaryIO, config: FileConfig) -> tuple[list[str], int, int]:
    """(column names, offset, number of the first row); raises RowError when it is no header."""
    lines = _Lines(file, config.encoding, 0)
    try:
        names = [name.strip() for name in next(csv.reader(lines, delimiter=config.delimiter, strict=True))]
    except StopIteration:
        raise RowError("the file is empty") from None
    except (csv.Error, UnicodeError) as error:
        raise RowError(f"the header can't be read: {error}") from None
    if config.time_column not in names:
        raise RowError(
            f"the header has no column {config.time_column!r} (it has {', '.join(names[:8])}): "
            "correct time_column or delimiter"
        )
    return names, lines.offset, 1 + lines.count


class Parser:
    """Fields of a row -> its time and the values of its tags."""

    def __init__(self, config: FileConfig, tags: Iterable[Tag]) -> None:
        own = tuple(tags)
        self._config = config
        self._time = _time_reader(config)
        self._nested = config.format == "jsonl"
        self._by_name = {tag.tag: tag for tag in own} if config.tag_column is not None else {}
        by_name = {tag.tag: tag for tag in own}
        self._columns: list[tuple[str, Tag]] = [
            (tag.address, tag) for tag in own if tag.connection == config.name and tag.address
        ]
        self._columns += [(column, by_name[name]) for column, name in config.columns.items() if name in by_name]

    def parse(self, fields: Record) -> Parsed:
        """(plant ms, [(tag, value)]); raises RowError."""
        raw = self._get(fields, self._config.time_column)
        if raw is None or raw == "":
            raise RowError(f"{self._config.time_column} is missing")
        at = self._time(raw)
        if not EARLIEST_MS <= at <= LATEST_MS:
            raise RowError(f"the time {raw!r} is not between 1990 and 2100: correct time_format")
        if self._config.tag_column is not None:
            return at, self._long(fields, self._config.tag_column)
        values = ((tag, self._get(fields, column)) for column, tag in self._columns)
        return at, [(tag.tag, self._value(tag, raw)) for tag, raw in values if raw is not None and raw != ""]

    def samples(self, parsed: Parsed, recv: int) -> list[Sample]:
        """Samples of one row. A row's own time also measures its durations."""
        at, values = parsed
        historical = self._config.stream is not None
        return [Sample(tag, value, at, at, recv, "good", historical) for tag, value in values]

    def _long(self, fields: Record, column: str) -> list[tuple[str, Value]]:
        name = self._get(fields, column)
        tag = self._by_name.get(name) if isinstance(name, str) else None
        if tag is None:
            raise RowError(f"there is no tag {name!r}")
        raw = self._get(fields, self._config.value_column)
        if raw is None or raw == "":
            raise RowError(f"{self._config.value_column} is missing")
        return [(tag.tag, self._value(tag, raw))]

    def _get(self, fields: Record, path: str) -> Any:
        if path in fields or not self._nested:
            return fields.get(path)
        found: Any = fields
        for part in path.split("."):
            if not isinstance(found, dict) or part not in found:
                return None
            found = found[part]
        return found

    def _value(self, tag: Tag, raw: Any) -> Value:
        if isinstance(raw, str) and not self._nested:
            return _from_text(tag, raw.strip(), self._config.decimal)
        if isinstance(raw, bool | int | float | str):
            return _as_type(tag, raw)
        raise RowError(f"{tag.tag}: {raw!r} is no single value")


def flat(fields: Record, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Dotted paths and values of a row's single values."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool | int | float | str):
            yield prefix + name, value


def _from_text(tag: Tag, text: str, decimal: str) -> Value:
    """A cell by the tag's type."""
    if tag.type == "string":
        return text
    if tag.type == "bool":
        return _truth(tag, text)
    number = text.replace(decimal, ".") if decimal != "." else text
    if tag.type == "auto" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        # Only plain digits: Python's int() also takes 1_000.
        if "_" in number:
            raise ValueError
        return _as_type(tag, int(number) if number.lstrip("+-").isdecimal() else float(number))
    except RowError:
        raise
    except ValueError:
        if tag.type == "auto":
            return text
        raise RowError(f"{tag.tag}: {text!r} is no number") from None


def _truth(tag: Tag, text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise RowError(f"{tag.tag}: {text!r} is neither true nor false")


def _as_type(tag: Tag, value: Value) -> Value:
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        if tag.type.startswith(("int", "uint")):
            if not value.is_integer():
                raise RowError(f"{tag.tag}: {value!r} is no whole number")
            return int(value)
    elif isinstance(value, float):
        raise RowError(f"{tag.tag}: {value!r} is no number")
    if isinstance(value, str) and tag.type not in ("auto", "string"):
        return _from_text(tag, value.strip(), ".")
    if tag.type == "bool" and not isinstance(value, bool):
        return bool(value)
    return value


def _time_reader(config: FileConfig) -> Callable[[Any], int]:
    scale = {EPOCH_S: 1000, EPOCH_MS: 1}.get(config.time_format)
    if scale is not None:
        return lambda raw: _epoch(raw, scale, config.decimal)
    zone = ZoneInfo(config.time_zone)
    pattern = None if config.time_format == ISO else config.time_format

    def read(raw: Any) -> int:
        text = str(raw).strip()
        try:
            moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(_iso(text))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
            since = moment.astimezone(timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        except (ValueError, OverflowError):
            raise RowError(f"{config.time_column} {text[:40]!r} is no time of format {config.time_format}") from None
        return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000

    return read


def _iso(text: str) -> str:
    """What Python 3.10's fromisoformat takes: no Z, three or six digits behind the second."""
    if text[-1:] in "Zz":
        text = text[:-1] + "+00:00"
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return f"{head}.{(digits + '000000')[:6]}{tail[len(digits):]}"


def _epoch(raw: Any, scale: int, decimal: str) -> int:
    try:
        text = str(raw).strip().replace(decimal, ".")
        if "_" in text:
            raise ValueError
        return int(text) * scale if text.isdecimal() else round(float(text) * scale)
    except (ValueError, OverflowError):
        raise RowError(f"{str(raw)[:40]!r} is no time in {'s' if scale == 1000 else 'ms'} since 1970") from None


class _Lines:
    """Lines of a binary file as text; knows how far it got. A csv.reader takes no more than it needs."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int) -> None:
        self._file = file
        self._encoding = encoding
        self.offset = offset
        self.count = 0
        self.taken: list[bytes] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW)
        if not line:
            raise StopIteration
        self.offset += len(line)
        self.count += 1
        self.taken.append(line)
        if len(line) == LONGEST_ROW or sum(map(len, self.taken)) > LONGEST_ROW:
            raise RowError(f"longer than {LONGEST_ROW} bytes")
        # Only the very first line may carry a byte order mark.
        encoding = self._encoding if self.offset == len(line) else self._encoding.replace("utf-8-sig", "utf-8")
        return line.decode(encoding)

    def back_to_second(self) -> None:
        """Hand out again what was taken after the first line."""
        again = self.taken[1:]
        if again:
            self.offset -= sum(map(len, again))
            self.count -= len(again)
            self._file.seek(self.offset)
            del self.taken[1:]

    @property
    def shown(self) -> str:
        """The row as it stands in the file, for people."""
        return b"".join(self.taken).decode("utf-8", "replace").rstrip("\r\n")[:2000]
