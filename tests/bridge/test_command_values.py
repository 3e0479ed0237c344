"""Values of commands: what is written is what was asked for, in the tag's unit and kind."""

from __future__ import annotations

import pytest
from command_bench import ORDER, SPEED, offer, settings
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge.clock import to_rfc3339
from iot_bridge.commands import NotAllowed, parse_command, permit
from iot_bridge.commands.model import Unreadable
from iot_bridge.commands.permit import from_raw, matches, rule_of, to_raw
from iot_bridge.testing import START_MS, FakeOdoo, make_tag


def test_raw_values_keep_their_type() -> None:
    assert to_raw(make_tag(signal="measurement", type="bool"), 1) is True
    assert to_raw(make_tag(signal="measurement", type="float32"), 1) == 1
    assert to_raw(ORDER, "WO/7") == "WO/7"
    for tag, value in ((ORDER, 7), (make_tag(signal="measurement", type="int16"), 32768), (SPEED, "x"),
                       (make_tag(signal="measurement", type="bool"), 2)):  # fmt: skip
        with pytest.raises(NotAllowed):
            to_raw(tag, value)


@given(value=st.integers(-(2**15), 2**15 - 1), scale=st.sampled_from([1.0, 0.1, 0.5, 10.0, -0.25]),
       offset=st.sampled_from([0.0, -40.0, 273.15]))  # fmt: skip
def test_scaling_there_and_back(value: int, scale: float, offset: float) -> None:
    tag = make_tag(signal="measurement", type="int16", scale=scale, offset=offset)
    shown = from_raw(tag, value)
    assert shown is not None and to_raw(tag, shown) == value and matches(tag, None, value, value)


def test_tolerance_is_in_the_tags_unit() -> None:
    config = settings([{"tag": SPEED.tag, "tolerance": 1}])
    rule = rule_of(config.write, SPEED.tag)
    assert matches(SPEED, rule, 80, 82) and not matches(SPEED, rule, 80, 83)
    assert not matches(SPEED, None, 80, 81) and not matches(SPEED, rule, 80, None)
    assert matches(ORDER, None, "AB", "AB\0\0") and matches(make_tag(signal="measurement"), None, 0.1, 0.1000000001)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["id", "tag", "value", "deadline", "kind", "reason"]), inner, max_size=6),
                    max_leaves=8))  # fmt: skip
def test_anything_offered_is_a_command_or_is_told(raw: object) -> None:
    try:
        command = parse_command(raw)
    except Unreadable as error:
        assert str(error)
    else:
        assert command.kind != "write" or command.value is not None


def test_values_list_means_their_kind() -> None:
    config = settings([{"tag": SPEED.tag, "values": [0, 50]}])
    assert permit(config, SPEED, 50, None) == 100
    for value in (False, 51, "50"):
        with pytest.raises(NotAllowed, match="not one of"):
            permit(config, SPEED, value, None)


def test_fake_odoo_offers_until_the_result_is_stored(odoo: FakeOdoo) -> None:
    odoo.commands = [offer()]
    assert odoo.answer("live", {"stream": "L1", "epoch": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "version": 1,
                                "at": to_rfc3339(START_MS), "machines": {}})["commands"] == [offer()]  # fmt: skip
