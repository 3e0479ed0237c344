"""What is read together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus_rig import flag, measurement

from iot_bridge.drivers.modbus.blocks import Block, coalesce, plan
from iot_bridge.simulator.layout import MACHINES, machine_tags
from iot_bridge.tags import Tag
from iot_bridge.testing import make_tag

KINDS = {"uint16": 1, "uint32": 2, "float64": 4}


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from(sorted(KINDS)), st.integers(1, 2)), min_size=1, max_size=40
    ),
    st.integers(0, 30),
    st.integers(4, 125),
)  # fmt: skip
def test_blocks_cover_every_tag_within_the_limits(
    places: list[tuple[int, str, int]], gap: int, most: int
) -> None:
    tags = [measurement(at, kind, unit_id=unit) for at, kind, unit in places]
    blocks = coalesce(tags, gap, most)
    for block in blocks:
        assert 0 < block.count <= most
        assert {(tag.unit_id, tag.table) for tag in block.tags} == {(block.unit_id, block.table)}
        assert min(tag.register_ for tag in block.tags) == block.start
        assert max(tag.register_ + tag.words for tag in block.tags) == block.start + block.count
    assert sorted(id(tag) for block in blocks for tag in block.tags) == sorted(map(id, tags))
    for before, after in pairwise(blocks):
        # Two blocks only where one would be too long, or read too much for nothing.
        end = after.start + after.tags[0].words
        if before.unit_id == after.unit_id:
            assert after.start - (before.start + before.count) > gap or end - before.start > most


def test_bits_are_sixteen_to_a_register_and_at_most_what_the_protocol_allows() -> None:
    tags = [flag(at) for at in range(0, 4000, 10)]
    assert max(block.count for block in coalesce(tags, 16, 120)) == 1911
    assert max(block.count for block in coalesce(tags, 16, 125)) == 1991
    assert {block.count for block in coalesce(tags, 16, 1)} == {11}


def test_halves_of_a_refused_block() -> None:
    (block,) = coalesce([measurement(at) for at in (0, 3, 9)], 16)
    first, second = block.split()
    assert [(half.start, half.count) for half in (first, second)] == [(0, 1), (3, 7)]
    assert first.split() == []
    assert str(block) == "unit 1 holding 0-9" and str(first) == "unit 1 holding 0"


def test_machine_of_the_demo_line_is_one_request() -> None:
    tags = [Tag.model_validate(tag) for tag in machine_tags(MACHINES[1])]
    groups = plan([tag for tag in tags if tag.table], max_gap=16)
    assert [(group.poll_ms, len(group.blocks)) for group in groups] == [(500, 1)]


def test_companion_is_read_in_the_cycle_of_its_owner() -> None:
    tags = [
        make_tag("T/M1", "state", poll_ms=200, code_tag="T/M1/code"),
        make_tag("T/M1", "code", signal="companion", register=1, poll_ms=5000),
        measurement(40, poll_ms=5000),
    ]
    fast, slow = plan(tags, max_gap=0)
    assert [tag.tag for tag in fast.tags] == ["T/M1/state", "T/M1/code"]
    assert [tag.tag for tag in slow.tags] == ["T/U1/r40"]


@pytest.mark.parametrize("unit", [1, 2])
def test_units_and_tables_are_never_mixed(unit: int) -> None:
    blocks: list[Block] = coalesce(
        [measurement(0), measurement(1, table="input"), measurement(1, unit_id=2), measurement(2)], 16
    )
    assert [(b.unit_id, b.table) for b in blocks if b.unit_id == unit] == (
        [(1, "holding"), (1, "input")] if unit == 1 else [(2, "holding")]
    )
