"""What the status page is told of a tag's age."""

from __future__ import annotations

import pytest

from iot_bridge.events import Sample
from iot_bridge.observe import _tags
from iot_bridge.snapshot import ConnectionView
from iot_bridge.testing import START_MS, make_tag

LINK = ConnectionView("broker", "sparkplug", "up", 2, 1, 2, 0, 0, None)
STATE = make_tag()
MODE = make_tag(name="mode", signal="mode", register=1, map={"1": "production"})


@pytest.mark.parametrize(
    ("state_age_ms", "mode_age_ms", "stale"),
    [
        (700, 600_000, {"state": False, "mode": False}),  # a mode that stays is told once
        (600_000, 700, {"state": True, "mode": False}),
        (600_000, 600_000, {"state": True, "mode": True}),
    ],
)
def test_a_mode_is_old_when_its_machine_is_silent(
    state_age_ms: int, mode_age_ms: int, stale: dict[str, bool]
) -> None:
    """A state must come by itself; a mode holds while anything of its machine comes."""
    latest = {
        tag.tag: Sample(tag.tag, 1, START_MS - age, 0, START_MS)
        for tag, age in ((STATE, state_age_ms), (MODE, mode_age_ms))
    }
    assert {view.signal: view.stale for view in _tags(LINK, [STATE, MODE], latest, START_MS)} == stale
