"""Tables as a workbook. Words stay words: no cell becomes a formula or a link, whatever somebody typed."""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import xlsxwriter

# A sheet of Excel holds 1 048 576 rows; so many are still written within seconds.
MOST_ROWS = 50_000
_WIDTHS = {"text": 28, "long": 60, "number": 14, "money": 14, "ratio": 12, "minutes": 14, "date": 14, "time": 20}
_FORMATS = {"number": "#,##0.##", "money": "#,##0.00", "ratio": "0.0 %", "minutes": "#,##0.0"}
# How a language of Odoo writes a date (strftime), and a spreadsheet the same; what neither knows is left out.
_DATE_CODES = {
    "a": "ddd", "A": "dddd", "d": "dd", "-d": "d", "b": "mmm", "B": "mmmm", "m": "mm", "-m": "m", "y": "yy",
    "Y": "yyyy", "H": "hh", "-H": "h", "I": "hh", "-I": "h", "M": "mm", "S": "ss", "p": "AM/PM",
}  # fmt: skip


class Column(NamedTuple):
    """``kind``: text, long, number, money, ratio, minutes, date or time (a naive datetime on the site's clock)."""

    title: str
    kind: str = "text"


class Sheet(NamedTuple):
    """``above`` are lines over the table; ``cut`` is said under it if rows had to be left out."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    above: Sequence[str] = ()
    cut: str = ""


def workbook(sheets: Iterable[Sheet], date: str = "%Y-%m-%d", time: str = "%H:%M:%S") -> bytes:
    """An .xlsx file. Cells that are None stay empty; dates and times are shown by these patterns (strftime)."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, options)
    codes = {**_FORMATS, "date": number_format(date), "time": number_format(f"{date} {time}")}
    formats = {kind: book.add_format({"num_format": code}) for kind, code in codes.items()}
    bold = book.add_format({"bold": True})
    for sheet in sheets:
        _write(book.add_worksheet(_title(sheet.title)), sheet, formats, bold)
    book.close()
    return buffer.getvalue()


def number_format(pattern: str) -> str:
    """The number format of a spreadsheet that shows a date as a strftime pattern does; other letters stay letters."""

    def code(found: re.Match[str]) -> str:
        if found["code"]:
            return _DATE_CODES.get(found["code"], "")
        return f'"{found["text"].replace(chr(34), "")}"'

    return re.sub(r"%(?P<code>-?[a-zA-Z])|(?P<text>[^\s\d%./,:-]+)", code, pattern).strip()


def _write(page: Any, sheet: Sheet, formats: dict[str, Any], bold: Any) -> None:
    """One sheet: its lines, the head of the table, the rows."""
    for row, line in enumerate(sheet.above):
        page.write_string(row, 0, line)
    head = len(sheet.above) + bool(sheet.above)
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, _WIDTHS[column.kind])
        page.write_string(head, place, column.title, bold)
    page.freeze_panes(head + 1, 0)
    last = head
    for last, values in enumerate(sheet.rows, head + 1):
        if last - head > MOST_ROWS:
            page.write_string(last, 0, sheet.cut)
            return
        for place, (value, column) in enumerate(zip(values, sheet.columns, strict=True)):
            _cell(page, last, place, value, formats.get(column.kind))


def _cell(page: Any, row: int, place: int, value: Any, form: Any) -> None:
    """One value by its type; text is always written as text."""
    if value is None:
        return
    if isinstance(value, datetime):
        page.write_datetime(row, place, value, form)
    elif isinstance(value, (int, float)):
        page.write_number(row, place, value, form)
    else:
        page.write_string(row, place, str(value), form)


def _title(text: str) -> str:
    """A name that a sheet may have."""
    return "".join(" " if letter in "[]:*?/\\'" else letter for letter in text)[:31].strip() or "Sheet"
