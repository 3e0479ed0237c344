# Part of Gemba MES. License LGPL-3.0 or later.
"""The event contract as pure functions: JSON text in, rows and verdicts out, no Odoo and no database.

The way of a batch::

    text --load--> object --read_batch(text, applied)--> Batch (head, the events that are new)
                                  Reader(plant, now).read(event) --> a row of its kind, or Refused
                                  decode(batch, plant, now)      --> Decoded (rows by kind, verdicts)

Two errors exist, one for each thing a caller can do: :class:`CallRefused` (the whole call changes
nothing, the sender must mend it) and :class:`Refused` (one event is set aside with a sentence, the
rest goes on). Times are integer milliseconds since 1970 UTC.
"""

from .batch import (
    Bad,
    Batch,
    Decoded,
    Dropped,
    Standing,
    decode,
    is_conserved,
    read_batch,
    suspect_counts,
)
from .calls import Hello, Live, LiveMachine, TagsRequest, read_hello, read_live, read_tags_request
from .envelope import digest, is_storable
from .errors import CODES, CallRefused, Refused, Verdict
from .limits import DAY_MS, MAX_CALL_BYTES, MAX_EVENTS
from .plant import Plant
from .rows import COLUMNS, Row
from .times import format_time, parse_time

__all__ = [
    "CODES",
    "COLUMNS",
    "DAY_MS",
    "MAX_CALL_BYTES",
    "MAX_EVENTS",
    "Bad",
    "Batch",
    "CallRefused",
    "Decoded",
    "Dropped",
    "Hello",
    "Live",
    "LiveMachine",
    "Plant",
    "Refused",
    "Row",
    "Standing",
    "TagsRequest",
    "Verdict",
    "decode",
    "digest",
    "format_time",
    "is_conserved",
    "is_storable",
    "parse_time",
    "read_batch",
    "read_hello",
    "read_live",
    "read_tags_request",
    "suspect_counts",
]
