"""Events drawn from the JSON Schema of the contract, and the schema as their judge."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import contract
from contract.limits import PAST_LIMIT_MS
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[2] / "iot_bridge/schema/events.schema.json").read_text())
DEFS = SCHEMA["$defs"]
KINDS = sorted(name.removeprefix("kind_") for name in DEFS if name.startswith("kind_"))
TIMES = ("at", "recv", "from", "until")
NOW = 1_790_000_000_000
EQUIPMENT = "S1/A1/L1/M1"
PLANT = contract.Plant(
    machines={EQUIPMENT: 7},
    counters={(EQUIPMENT, "total"): 11, (EQUIPMENT, "good"): 12},
    tags={f"{EQUIPMENT}/temp": 21},
)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def validator(definition: str) -> Draft202012Validator:
    """A judge of one definition."""
    return Draft202012Validator({"$schema": SCHEMA["$schema"], "$defs": DEFS, "$ref": f"#/$defs/{definition}"})


JUDGE = validator("event")


def instants() -> st.SearchStrategy[str]:
    """Times of the contract between 2001 and the server's now."""
    return st.integers(NOW - PAST_LIMIT_MS, NOW).map(contract.format_time)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of the contract allows."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return instants() if name == "time" else values(DEFS[name])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_typed(one, schema) for one in types])


def _typed(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of one JSON type within a schema's bounds."""
    if kind == "null":
        return st.none()
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**31 - 1))
    if kind == "number":
        return st.floats(schema.get("minimum", -1e300), 1e300, allow_nan=False, allow_infinity=False)
    if kind == "array":
        return st.tuples(*[values(item) for item in schema["prefixItems"]]).map(list)
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    return st.text(alphabet, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20))


@st.composite
def valid_events(draw: st.DrawFn) -> dict[str, Any]:
    """Valid events of all kinds, of machines, counters and tags that exist."""
    kind = draw(st.sampled_from(KINDS))
    common, own = DEFS["event"], DEFS[f"kind_{kind}"]
    event = {"seq": 1, "kind": kind, "equipment": EQUIPMENT}
    for name, schema in {**common["properties"], **own["properties"]}.items():
        if name not in event and (name in common["required"] + own["required"] or draw(st.booleans())):
            event[name] = draw(values(schema))
    return _made_to_fit(draw, event)


def _made_to_fit(draw: st.DrawFn, event: dict[str, Any]) -> dict[str, Any]:
    """What the schema can't say: existing counters and tags, bounds and spans in their order."""
    if event["kind"] == "count":
        event["counter"] = draw(st.sampled_from(["total", "good"]))
    if event["kind"] == "measurement":
        event["tag"] = f"{EQUIPMENT}/temp"
        if "value" not in event and "mean" not in event:
            event["value"] = 1.5
    if "bounds" in event and event["bounds"][1] is not None:
        event["bounds"].sort()
    if event["kind"] == "evidence":
        at = draw(st.integers(NOW - PAST_LIMIT_MS, NOW))
        event["at"] = contract.format_time(at)
        event["from"] = contract.format_time(at - draw(st.integers(0, 10**7)))
        event["until"] = contract.format_time(at + draw(st.integers(0, 5000)))
    return event


@st.composite
def bent_events(draw: st.DrawFn) -> dict[str, Any]:
    """Events with one field left out, or given any JSON value or a value of another field."""
    event = copy.deepcopy(draw(valid_events()))
    field = draw(st.sampled_from(sorted(event)))
    others = [event[name] for name in sorted(event)]
    what = draw(st.sampled_from(["drop", "any", "other", "number"]))
    if what == "drop":
        del event[field]
    elif what == "any":
        event[field] = draw(_JSON)
    elif what == "other":
        event[field] = draw(st.sampled_from(others))
    else:
        event[field] = draw(st.sampled_from([-1, 0, 1.0, 5.5, -1.0, 2**31, 2**63, -(2**63), 1e400, -1e400]))
    return event


def read(event: Any) -> contract.Verdict | None:
    """The contract's verdict of the one event of a batch; None when it is taken."""
    head = {"v": 1, "stream": "LINE1", "epoch": "00000000-0000-4000-8000-000000000001", "from": 1, "to": 1}
    try:
        batch = contract.read_batch(json.dumps({**head, "events": [event]}))
    except contract.CallRefused as refusal:
        return contract.Verdict(1, refusal.code, refusal.message)
    decoded = contract.decode(batch.events, PLANT, NOW, suspicious=batch.suspicious)
    return decoded.bad[0].verdict if decoded.bad else None


def in_contract_form(event: dict[str, Any]) -> dict[str, Any]:
    """The event with every readable time in the contract's own form, which is all the schema knows."""
    written = dict(event)
    for name in TIMES:
        if isinstance(written.get(name), str):
            try:
                written[name] = contract.format_time(contract.parse_time(written[name]))
            except ValueError:
                continue
    return written
