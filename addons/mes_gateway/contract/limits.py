# Part of Gemba MES. License LGPL-3.0 or later.
"""Bounds of the contract, in one place."""

INT8 = 2**63 - 1
"""Greatest value of a PostgreSQL int8."""

INT4 = 2**31 - 1
"""Greatest value of a PostgreSQL int4."""

MAX_CALL_BYTES = 8 * 1024 * 1024
"""Longest text of one call. A full batch of 5000 events is about 1.5 MB."""

MAX_EVENTS = 5000
"""Most events of one batch, so that a batch stays one short transaction."""

FUTURE_TOLERANCE_MS = 60_000
"""How far ahead of the server's clock an event may lie before it is set aside."""

CLOCK_WAS_SET_MS = 946_771_200_000
"""2000-01-02: an earlier stamp comes from a device whose clock was never set."""

DAY_MS = 86_400_000

PAST_LIMIT_MS = 400 * DAY_MS
"""How far behind the server's clock an event may lie: whatever was stored meanwhile comes, but a clock
that lost its battery must not give a machine years of empty hours. Evidence reaches no further back."""

EVIDENCE_REACH_MS = 3_600_000
"""Evidence may reach one stale limit beyond its last good read; no stale limit is longer than this."""

MAX_KIND_LENGTH = 64
"""Longest name of a kind: what waits for its room is found by an index, which takes no long texts."""

MAX_SOURCE_LENGTH = 255
"""Longest name of a clock's source, for the same reason."""

MAX_ALARM_CODE_LENGTH = 255
"""Longest code of an alarm, for the same reason: one text that no index takes would stop the whole stream."""

MAX_LIVE_COUNTS = 100
"""Most counters of a machine in the live lane."""
