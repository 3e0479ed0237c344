"""Two column types that Odoo lacks: 8-byte integers and timestamps with milliseconds."""

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
