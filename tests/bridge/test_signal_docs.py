"""The page on signals: its examples work, and it names every field and every signal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from iot_bridge.signals.registry import KINDS
from iot_bridge.tags import Tag
from iot_bridge.tags.model import COMPANION_FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "bridge-signals.md").read_text(encoding="utf-8")
EXAMPLES = [entry for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) for entry in yaml.safe_load(block)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda entry: entry["tag"])
def test_examples_are_tags_that_work(example: dict[str, object]) -> None:
    assert Tag.model_validate(example).signal == example["signal"]


def test_every_signal_and_field_is_described() -> None:
    assert {entry["signal"] for entry in EXAMPLES} == set(KINDS)
    names = {info.alias or name for name, info in Tag.model_fields.items()}
    assert not [name for name in sorted(names) if not re.search(rf"\b{name}\b", PAGE)]
    assert set(COMPANION_FIELDS) <= names
