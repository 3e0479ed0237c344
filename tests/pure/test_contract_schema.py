"""The hand-written contract and the JSON Schema say the same of every event."""

from __future__ import annotations

import math
from typing import Any

import contract
import pytest
from contract_samples import (
    DEFS,
    EQUIPMENT,
    JUDGE,
    KINDS,
    NOW,
    bent_events,
    in_contract_form,
    read,
    valid_events,
    validator,
)
from hypothesis import given, settings

# What the contract knows beyond the schema: the plant, the clock, order between fields, the calendar, int4.
BEYOND = {
    "unknown_equipment",
    "unknown_counter",
    "unknown_tag",
    "unmapped",
    "in_future",
    "clock_not_set",
    "too_old",
    "not_finite",
}
INT4_FIELDS = ("map", "counter_epoch")


def is_finite(value: Any) -> bool:
    """No NaN or infinity anywhere: JSON has none, so the schema can't judge them."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(is_finite, value))
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return True


def may_differ(event: dict[str, Any], verdict: contract.Verdict) -> bool:
    """Whether an event that the schema allows may be refused: it breaks a rule that no schema can say."""
    if verdict.code in BEYOND:
        return True
    if verdict.code == "batch_invalid":
        return event["seq"] != 1  # a number that is not due
    if verdict.code == "bad_time":
        return any("-02-3" in str(event.get(name)) or "31T" in str(event.get(name)) for name in ("at", "recv", "from"))
    if verdict.code == "bad_value" and event["kind"] == "evidence":
        return "evidence" in verdict.message.lower()
    if verdict.code == "bad_value" and "the least comes first" in verdict.message:
        return True
    if verdict.code == "bad_value" and "A text holds a NUL" in verdict.message:
        return True
    return any(isinstance(event.get(name), (int, float)) and event[name] > 2**31 - 1 for name in INT4_FIELDS)


@settings(max_examples=400, deadline=None)
@given(valid_events())
def test_what_the_schema_allows_is_taken(event: dict[str, Any]) -> None:
    """Every valid event of every kind is taken, but for a raw value that is in no map."""
    assert JUDGE.is_valid(event)
    verdict = read(event)
    if event["kind"] in ("state", "mode") and event[event["kind"]] is None:
        assert verdict is not None and verdict.code == "unmapped"
    else:
        assert verdict is None, verdict


@settings(max_examples=1500, deadline=None)
@given(bent_events())
def test_contract_and_schema_agree_on_bent_events(event: dict[str, Any]) -> None:
    """An event with one broken field is refused by both or taken by both; each refusal has a known code."""
    verdict = read(event)
    if verdict is not None:
        assert verdict.code in {*contract.CODES, "batch_invalid"} and verdict.message
    if not is_finite(event):
        return
    valid = JUDGE.is_valid(in_contract_form(event))
    if valid:
        assert verdict is None or may_differ(event, verdict), (verdict, event)
    else:
        assert verdict is not None, list(JUDGE.iter_errors(event))


@pytest.mark.parametrize("kind", KINDS)
def test_each_required_field_is_missed_by_name(kind: str) -> None:
    """A missing field is named in the sentence."""
    for field in DEFS[f"kind_{kind}"]["required"]:
        event = {"seq": 1, "kind": kind, "equipment": EQUIPMENT, "at": contract.format_time(NOW), "quality": "good"}
        event |= {name: SAMPLE[name] for name in DEFS[f"kind_{kind}"]["required"] if name != field}
        verdict = read(event)
        assert verdict is not None and verdict.code == "malformed" and field in verdict.message, verdict


SAMPLE: dict[str, Any] = {
    "raw": 1,
    "state": "running",
    "mode": "production",
    "map": 1,
    "counter": "total",
    "counter_epoch": 1,
    "total": 5,
    "delta": 1,
    "decision": "step",
    "from": contract.format_time(NOW),
    "until": contract.format_time(NOW),
    "code": "E7",
    "active": True,
    "name": "speed",
    "value": 1.0,
    "meter": "m",
    "lot": "L",
    "action": "load",
    "serial": "S",
    "command": "c",
    "status": "done",
    "step_s": 2.0,
    "source": "PLC",
}


def test_answers_of_the_contract_are_valid() -> None:
    """The verdicts that the contract makes are what the schema promises a bridge."""
    judge = validator("verdict")
    for code, message in contract.CODES.items():
        judge.validate(contract.Verdict(1, code, message)._asdict())
