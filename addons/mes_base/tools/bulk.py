"""Rows as PostgreSQL arrays: one statement for any number of rows.

Array literals are built here because psycopg2's ARRAY[...] of thousands of elements costs the
server more to parse than the insert itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL
from psycopg2.errors import UniqueViolation


def int_array(values: Iterable[int | None]) -> str:
    """The literal of an integer array."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def float_array(values: Iterable[float | None]) -> str:
    """The literal of an array of floating-point numbers, each to its last digit."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """The literal of a text array. Texts repeat (a stream, a quality): each is escaped once."""
    values = list(values)
    literals = {value: "NULL" if value is None else _text(value) for value in set(values)}
    return "{" + ",".join([literals[value] for value in values]) + "}"


def _text(value: str) -> str:
    """A text as an element of an array literal."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ARRAYS = {"int4": int_array, "int8": int_array, "float8": float_array, "text": text_array}


def unnest(rows: Sequence[Sequence[Any]], types: Sequence[str]) -> SQL:
    """``unnest(...)`` of the rows' columns; a type is int4, int8, float8 or text."""
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    arrays = [SQL("%s::" + kind + "[]", _ARRAYS[kind](column)) for column, kind in zip(columns, types, strict=True)]
    return SQL("unnest(%s)", SQL(", ").join(arrays))


def timestamp(column: str) -> SQL:
    """The timestamp of a column of milliseconds since the epoch (exact below the year 287 000)."""
    return SQL("(timestamp 'epoch' + %s * interval '1 millisecond')", SQL.identifier(*column.split(".")))


def millis(column: str) -> SQL:
    """Milliseconds since the epoch of a timestamp column."""
    return SQL("(extract(epoch FROM %s) * 1000)::int8", SQL.identifier(*column.split(".")))


@contextmanager
def retried_on_collision() -> Iterator[None]:
    """Have Odoo repeat the transaction when an insert meets a key that was free in its snapshot.

    That happens under REPEATABLE READ only, when another transaction has written the same key in between.
    """
    try:
        yield
    except UniqueViolation as error:
        raise ConcurrencyError("another transaction has just written the same fact") from error
