"""The contract: valid and invalid examples of every message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from jsonschema import ValidationError

from iot_bridge.simulator.layout import line_tags

AT = "2026-11-22T10:00:00.000Z"
EPOCH = "12345678-1234-1234-1234-123456789abc"
Validate = Callable[[str, Mapping[str, Any]], None]

GOOD: dict[str, dict[str, Any]] = {
    "state": {"raw": 3, "state": "down", "map": 2, "code": "17", "interlock": None},
    "mode": {"raw": 1, "mode": "production"},
    "count": {"counter": "total", "counter_epoch": 0, "raw": 4, "total": 10, "delta": 10, "decision": "rollover"},
    "evidence": {"from": AT, "until": AT},
    "measurement": {"value": 3.5, "unit": "bar"},
    "alarm": {"code": "A1", "active": True},
    "parameter": {"name": "temp", "value": 80},
    "energy": {"meter": "m", "counter_epoch": 0, "total": 12.5},
    "material": {"lot": "L", "action": "load"},
    "unit": {"serial": "S", "action": "in"},
    "command_result": {"command": 4, "status": "done"},
    "clock": {"step_s": -3600.0, "source": "bridge"},
}
BAD: list[tuple[str, dict[str, Any]]] = [
    ("state", {"state": "flying"}),
    ("state", {"raw": ""}),
    ("mode", {"mode": "party"}),
    ("count", {"raw": -1}),
    ("count", {"total": 1.5}),
    ("count", {"decision": "guess"}),
    ("count", {"bounds": [1]}),
    ("count", {"counter_epoch": None}),
    ("evidence", {"until": "2026-11-22 10:00:00"}),
    ("measurement", {"value": "high"}),
    ("alarm", {"active": 1}),
    ("material", {"quantity": -1}),
    ("unit", {"action": "vanish"}),
    ("clock", {"step_s": None}),
    ("state", {"at": "2026-11-22T10:00:00Z"}),
    ("state", {"quality": "bad"}),
    ("state", {"seq": 0}),
    ("state", {"equipment": ""}),
]


def batch(kind: str, **fields: Any) -> dict[str, Any]:
    event = {"seq": 1, "kind": kind, "equipment": "S/A/L/M", "at": AT, "quality": "good"}
    event |= {**GOOD.get(kind, {}), **fields}
    return {"v": 1, "stream": "L1", "epoch": EPOCH, "from": 1, "to": 1, "events": [event]}


@pytest.mark.parametrize("kind", GOOD)
def test_every_kind_is_valid_and_may_carry_more(kind: str, validate: Validate) -> None:
    validate("batch", batch(kind, some_future_field={"x": 1}))


def test_unknown_kind_is_valid(validate: Validate) -> None:
    validate("batch", batch("from_a_later_version", anything=1))


@pytest.mark.parametrize(("kind", "fields"), BAD)
def test_wrong_fields_are_invalid(kind: str, fields: dict[str, Any], validate: Validate) -> None:
    with pytest.raises(ValidationError):
        validate("batch", batch(kind, **fields))


@pytest.mark.parametrize(
    "kind", [kind for kind, fields in GOOD.items() if fields and kind not in ("measurement",)]
)
def test_missing_fields_are_invalid(kind: str, validate: Validate) -> None:
    message = batch(kind)
    for name in GOOD[kind]:
        message["events"][0].pop(name)
    with pytest.raises(ValidationError):
        validate("batch", message)


def test_the_demo_line_is_a_valid_download(validate: Validate) -> None:
    validate("tags_answer", {"revision": 1, "tags": line_tags()})


def test_counter_tag_without_rate_is_invalid(validate: Validate) -> None:
    tag = next(tag for tag in line_tags() if tag["signal"] == "counter")
    with pytest.raises(ValidationError):
        validate("tag", {key: value for key, value in tag.items() if key != "max_rate"})
