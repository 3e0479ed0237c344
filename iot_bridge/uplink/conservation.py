"""Are the counts that leave the queue the counts that entered it? Odoo asks the same on its side.

Each count event says its total and what was booked with it: the total before is their difference. Where
the queue was condensed the deltas were added up, so that the chain holds there too.
"""

from __future__ import annotations

import json

from ..outbox.batch import Batch
from ..outbox.condense import REASON

_COUNT = '{"kind":"count"'


class Conservation:
    """Follows the totals of one stream in the order of sending."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def restart(self) -> None:
        """What comes next does not follow what came before."""
        self._last.clear()

    def check(self, batch: Batch) -> list[str]:
        """A sentence for each count event of the batch that does not follow from the one before it."""
        lost = [last for _, last, reason in batch.dropped if reason != REASON]
        out = []
        for seq, text in batch.events:
            if not text.startswith(_COUNT):
                continue
            body = json.loads(text)
            key, total = f"{body['equipment']}/{body['counter']}", body["total"]
            before = self._last.get(key)
            self._last[key] = seq, total
            if before is None or before[0] >= seq or body["decision"] == "first":
                continue
            if total - before[1] != body["delta"] and not any(before[0] < last < seq for last in lost):
                out.append(
                    f"{key}: total {before[1]} + delta {body['delta']} is not {total} (event {seq}): look at the disk"
                )
        return out
