"""What several bridge tests share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from app_bench import devices  # noqa: F401  (fixture)
from brokers import broker, start_broker  # noqa: F401  (fixtures)
from jsonschema import Draft202012Validator

import iot_bridge
from iot_bridge.outbox import Outbox
from iot_bridge.testing import FakeOdoo

# The cables with a switch of the fault matrix serve here too.
sys.path.append(str(Path(__file__).parents[1] / "faults"))

SCHEMA = json.loads((Path(iot_bridge.__file__).parent / "schema" / "events.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def validate() -> Callable[[str, Mapping[str, Any]], None]:
    """validate(name, message): the message fits the schema's $defs[name], or ValidationError."""
    made: dict[str, Draft202012Validator] = {}

    def check(name: str, message: Mapping[str, Any]) -> None:
        if name not in made:
            made[name] = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})
        made[name].validate(message)

    return check


@pytest.fixture
def odoo(validate: Callable[[str, Mapping[str, Any]], None]) -> Iterator[FakeOdoo]:
    """A fake Odoo that checks everything it is sent against the schema."""
    with FakeOdoo(validate=validate) as fake:
        yield fake


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox.open(tmp_path / "outbox.db")
    yield box
    box.close()
