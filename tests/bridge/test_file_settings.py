"""Settings of file connections, and whatever a row may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from file_place import CODE, TAGS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from iot_bridge.config import BridgeConfig
from iot_bridge.drivers import DRIVERS
from iot_bridge.drivers.file.rows import Parser, RowError
from iot_bridge.drivers.file.settings import FileConfig
from iot_bridge.testing import make_tag


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"pattern": "a/*.csv"}, "no folders"),
        ({"columns": {"a": "b"}, "stream": None}, "give it a stream"),
        ({"columns": {"a": "b"}, "tag_column": "c"}, "keep one"),
        ({"decimal": ","}, "change one"),
        ({"time_zone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"encoding": "utf-16"}, "utf-8 or cp1252"),
        ({"clock": "bridge"}, "source"),
    ],
)
def test_settings_that_can_not_work_say_the_mend(fields: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        FileConfig(**{"name": "drop", "folder": "in", "stream": "PAST", **fields})


def test_as_part_of_a_configuration(tmp_path: Path) -> None:
    """History has a stream of its own; a tag without a column is refused."""
    link = {"name": "drop", "driver": "file", "folder": "in", "stream": "PAST"}
    odoo = {"url": "http://localhost:8069", "database": "d", "login": "l", "key_file": "k"}
    config = BridgeConfig.model_validate({"stream": "L1", "data_dir": "d", "odoo": odoo, "connections": [link]})
    assert config.streams() == ["L1", "PAST"]
    with pytest.raises(ValueError, match="address"):
        DRIVERS["file"].check_tag(make_tag(CODE))


PARSER = Parser(FileConfig(name="drop", folder=Path("in"), decimal=",", delimiter=";"), TAGS)
ODD = ["1", "2,5", "2025-03-01T10:00:00", "nan", "-inf", "1e400", "1_0"]
CELLS = st.one_of(st.text(max_size=20), st.sampled_from(ODD))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["time", "state", "total", "temp", "jam"]), CELLS))
def test_whatever_a_row_holds_it_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        at, values = PARSER.parse({"time": "2025-03-01T10:00:00Z", **fields})
    except RowError as error:
        assert str(error)
        return
    assert at > 0 and all(value == value for _, value in values)
