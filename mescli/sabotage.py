"""Lies between bridge and Odoo, each of which ``./mes demo --check`` must find.

Every saboteur edits batches on their way through ``mescli.proxy`` and keeps them *valid*: sequence numbers,
checksums and times stay acceptable to Odoo, so that the lie arrives as a fact and only the comparison with
the truth file can tell. A resent batch is edited the same way again, as a real broken middle box would.

- ``drop``: every state is thrown away (declared as a dropped range, or Odoo would refuse the batch): a short run may
  have no stop at all, but each has states to lose;
- ``double``: one part of each counter, its tenth, is counted twice;
- ``shift``: every state comes several polls too late;
- ``stretch``: evidence claims to have watched since long before it did, which hides a downtime.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mescli.proxy import Edit

Event = dict[str, Any]
#: Gets one event of a batch, answers what is sent instead; ``None`` throws it away.
Lie = Callable[[Event], "Event | None"]

#: Plant time by which ``shift`` delays states and ``stretch`` antedates evidence. Both are far above a
#: poll and a stale limit of the demo plant, and far below what Odoo would quarantine as a wrong clock.
SHIFT = timedelta(seconds=4)
STRETCH = timedelta(seconds=60)
DOUBLED = 10
REASON = "sabotage"


def _moved(stamp: str, by: timedelta) -> str:
    """An RFC 3339 time moved, in the contract's form: UTC with exactly milliseconds."""
    moment = datetime.fromisoformat(stamp.replace("Z", "+00:00")) + by
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _drop(event: Event) -> Event | None:
    return None if event["kind"] == "state" else event


def _double(event: Event) -> Event:
    if event["kind"] != "count" or event["total"] < DOUBLED:
        return event
    comes_here = event["total"] - event["delta"] < DOUBLED
    return {**event, "total": event["total"] + 1, "delta": event["delta"] + comes_here}


def _shift(event: Event) -> Event:
    return {**event, "at": _moved(event["at"], SHIFT)} if event["kind"] == "state" else event


def _stretch(event: Event) -> Event:
    return {**event, "from": _moved(event["from"], -STRETCH)} if event["kind"] == "evidence" else event


LIES: dict[str, Lie] = {"drop": _drop, "double": _double, "shift": _shift, "stretch": _stretch}


def tamper(batch: dict[str, Any], lie: Lie) -> dict[str, Any]:
    """The batch with the lie told; thrown away events become declared holes, so that Odoo takes the rest."""
    told = [(event["seq"], lie(event)) for event in batch["events"]]
    holes = [{"from": seq, "to": seq, "reason": REASON} for seq, event in told if event is None]
    dropped = sorted([*batch.get("dropped", []), *holes], key=lambda hole: hole["from"])
    return {**batch, "dropped": dropped, "events": [event for _, event in told if event is not None]}


def saboteur(name: str) -> Edit:
    """An edit for ``TamperingProxy``: it changes ``mes.gateway.ingest`` and leaves every other call alone."""
    lie = LIES[name]

    def edit(model: str, method: str, text: str) -> str:
        if (model, method) != ("mes.gateway", "ingest"):
            return text
        return json.dumps(tamper(json.loads(text), lie))

    return edit
