"""Tags as a CSV file: the columns are the contract's names. Pure.

An empty cell says nothing: a new tag gets the default, a known one stays as it is. Maps are JSON or pairs
separated by semicolons or lines (``1 = running; 2 = down``). The output of ``iot-bridge browse --csv`` is such a file.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .pairs import FORMS

WHOLE = frozenset(
    {
        "register", "length", "bit", "unit_id", "poll_ms", "hold_on_ms", "hold_off_ms", "stale_ms", "factor",
        "cavity", "reset_window_ms", "modulus", "tolerance", "window_ms",
    }
)  # fmt: skip
NUMBERS = frozenset(
    {
        "on_above", "off_below", "max_rate", "resolution", "scale", "offset", "deadband", "write_min", "write_max",
        "limit_low", "limit_high",
    }
)  # fmt: skip
TRUTHS = frozenset({"writable", "safety", "has_limits"})
WORDS = frozenset(
    {
        "signal", "protocol", "table", "type", "word_order", "policy", "counting", "state_model", "state_by", "action",
        "time_zone",
    }
)  # fmt: skip
TEXTS = frozenset(
    {
        "connection", "address", "counter", "meter", "unit", "code", "severity", "text", "position", "code_tag",
        "interlock_tag", "reset_flag_tag", "sequence_tag", "ack_tag", "batch_tag", "action_tag", "trigger_tag",
        "quantity_tag", "result_tag", "write_words", "description",
    }
)  # fmt: skip
MAPS = frozenset(FORMS)
FIELDS = WHOLE | NUMBERS | TRUTHS | WORDS | TEXTS | MAPS
"""Columns that are fields of a tag."""

NAMES = ("tag", "equipment", "name")
"""Columns that say which tag it is: the full name, or machine and name."""

COLUMNS = (
    "tag", "signal", "connection", "protocol", "address", "table", "register", "type", "length", "bit", "word_order",
    "unit_id", "poll_ms", "unit", "scale", "offset", "deadband", "window_ms",
)  # fmt: skip
"""The first columns of an export; the others follow in the order of the alphabet."""

MOST_ROWS = 5000
_TRUE, _FALSE = ("true", "1", "yes", "x"), ("false", "0", "no")
_FORMULA = ("=", "+", "-", "@")


class File(NamedTuple):
    """The rows of a file as texts, each with its line, and the columns that nobody knows."""

    rows: list[tuple[int, dict[str, str]]]
    unknown: list[str]


def read(data: bytes) -> File:
    """The file's rows; raises ValueError with what is wrong with the file as a whole."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        known = [column for column in header if column in FIELDS or column in NAMES]
        if not known or len(set(header)) < len(header):
            raise ValueError("columns")
        rows = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, _row(header, cells)))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if len(rows) > MOST_ROWS:
        raise ValueError("long")
    unknown = [column for column in header if column and column not in FIELDS and column not in (*NAMES, "value")]
    return File(rows, unknown)


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    """The cells of a row that say something, by column."""
    said = {column: _unescaped(cell.strip()) for column, cell in zip(header, cells, strict=False)}
    return {column: cell for column, cell in said.items() if column and cell}


def values(row: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a row in their types; raises ValueError(column, cell) for a cell that can't be read."""
    found: dict[str, Any] = {}
    for column in row.keys() & FIELDS:
        try:
            found[column] = _reader(column)(row[column])
        except ValueError:
            raise ValueError(column, row[column]) from None
    return found


def _reader(column: str) -> Callable[[str], Any]:
    if column in WHOLE:
        return lambda cell: int(float(cell)) if float(cell).is_integer() else int("no whole number")
    if column in NUMBERS:
        return _number
    if column in TRUTHS:
        return _truth
    if column in MAPS:
        return lambda cell: FORMS[column][0](cell if cell.startswith(("{", "[")) else cell.replace(";", "\n"))
    return str


def _number(cell: str) -> float:
    """A number; a comma in place of the point, as some tables write it."""
    value = float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(cell)
    return value


def _truth(cell: str) -> bool:
    if cell.lower() not in _TRUE + _FALSE:
        raise ValueError(cell)
    return cell.lower() in _TRUE


def split_name(row: Mapping[str, str], pattern: str = "") -> tuple[str, str]:
    """Machine and name of a row's tag, each "" when it is not said. ``pattern`` such as ``{machine}.{name}`` takes a
    name apart that holds both."""
    if row.get("tag"):
        machine, _sign, name = row["tag"].rpartition("/")
        return machine, name
    name = row.get("name", "")
    left, sign, rest = pattern.partition("{machine}")
    between, sign_name, right = rest.partition("{name}")
    if sign and sign_name and not row.get("equipment"):
        body = name[len(left) : len(name) - len(right)] if name.startswith(left) and name.endswith(right) else ""
        machine, found, own = body.partition(between) if between else (body, "", "")
        if found and machine and own:
            return machine, own
    return row.get("equipment", ""), name


def write(rows: Iterable[Mapping[str, str]]) -> str:
    """The file of these rows, with the columns that any of them uses."""
    rows = list(rows)
    used = {column for row in rows for column, cell in row.items() if cell}
    columns = [column for column in COLUMNS if column in used or column == "tag"]
    columns += sorted(used - set(columns))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[_escaped(row.get(column, "")) for column in columns] for row in rows])
    return out.getvalue()


def _escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
