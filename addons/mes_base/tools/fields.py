"""Column types that Odoo lacks: 8-byte integers, timestamps with milliseconds, unchecked links."""

from datetime import datetime

from odoo import fields


class BigInteger(fields.Integer):
    """An integer in an ``int8`` column (PLC totals and sequence numbers end beyond 2**31)."""

    _column_type = ("int8", "int8")


class Timestamp(fields.Datetime):
    """A UTC datetime in a ``timestamp(3)`` column.

    Server-side reads keep the milliseconds; the web client shows whole seconds, so never take
    a displayed time back as a key: send the record's id and an offset.
    """

    _column_type = ("timestamp", "timestamp(3)")

    @staticmethod
    def to_datetime(value) -> datetime | None:
        """A datetime of a datetime, a date or a string with or without milliseconds."""
        if isinstance(value, str) and "." in value:
            return datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f")
        return fields.Datetime.to_datetime(value)


class UncheckedMany2one(fields.Many2one):
    """A link without a foreign key, for tables that take thousands of rows a second.

    A foreign key is checked row by row, which costs half as much as the insert of a narrow row
    (6 of 16 us). So the writer looks up and locks each machine and counter once a batch, and the
    machine and the counter refuse to be deleted while they have points.
    """

    def update_db_foreign_key(self, model, column):
        """Leave the column without a constraint."""
