"""What a broker sends again is known, over a restart too; how old a message is does not hang on the wall clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from iot_bridge.drivers.mqtt.link import Message
from iot_bridge.drivers.mqtt.repeats import KEPT, ON_THE_WAY, Repeats, name_of
from iot_bridge.drivers.mqtt.stamps import Stamper
from iot_bridge.testing import ManualClock

NO_LINK: Any = None


def message(mid: int, payload: bytes, qos: int = 1, dup: bool = False) -> Message:
    return Message("plant/m1", payload, qos, False, mid, NO_LINK, dup)


def deliver(repeats: Repeats, *messages: Message) -> str:
    repeats.delivered(name_of(one) for one in messages)
    return repeats.note()


def test_what_was_delivered_and_comes_again_is_known() -> None:
    repeats = Repeats(None)
    first = message(7, b"1")
    assert not repeats.is_known(first)
    deliver(repeats, first)
    assert repeats.is_known(replace(first, dup=True))
    assert not repeats.is_known(first), "the broker marks what it sends again"


def test_what_was_sent_before_and_never_came_is_news() -> None:
    """A number or a payload alone says nothing: numbers are used again, payloads are alike."""
    repeats = Repeats(None)
    deliver(repeats, message(7, b"1"), message(8, b"2"))
    assert not repeats.is_known(message(9, b"1", dup=True))
    assert not repeats.is_known(message(7, b"3", dup=True))
    assert not repeats.is_known(message(9, b"9", qos=0, dup=True))


def test_it_is_known_over_a_restart_by_the_note_of_the_last_deliveries() -> None:
    before = Repeats(None)
    deliver(before, message(1, b"a"))
    note = deliver(before, message(2, b"b"))
    after = Repeats(note)
    assert after.is_known(message(1, b"a", dup=True)) and after.is_known(message(2, b"b", dup=True))
    for broken in (None, "", "{", "7", "null"):
        assert not Repeats(broken).is_known(message(1, b"a", dup=True))


def test_the_note_of_an_event_names_what_came_before_and_told_nothing() -> None:
    """Brokers wait for our word on up to a hundred messages: an older one of them must not be taken for news."""
    before = Repeats(None)
    for mid in range(ON_THE_WAY):
        before.delivered([name_of(message(mid, b"5"))])
    after = Repeats(deliver(before, message(ON_THE_WAY, b"6")))
    assert all(after.is_known(message(mid, b"5", dup=True)) for mid in range(ON_THE_WAY))
    assert after.is_known(message(ON_THE_WAY, b"6", dup=True))
    # However long the silence was, the note stays small.
    for mid in range(10_000):
        before.delivered([name_of(message(mid, b"5"))])
    assert len(before.note()) < 40 * (ON_THE_WAY + 1)


def test_no_more_is_kept_than_can_be_on_its_way() -> None:
    repeats = Repeats(None)
    for mid in range(KEPT + 10):
        deliver(repeats, message(mid, b"x"))
    assert not repeats.is_known(message(5, b"x", dup=True))
    assert repeats.is_known(message(10, b"x", dup=True))


@pytest.mark.parametrize("policy", ["source", "corrected"])
@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000, 86_400_000, -86_400_000])
def test_the_bridges_wall_clock_may_be_set_while_a_source_counts_on(policy: Any, step_ms: int) -> None:
    """The time between two messages, by which a count is judged, is the source's own, whatever the wall clock does."""
    clock = ManualClock()
    stamper = Stamper(policy, clock)
    source, monos = clock.now_ms(), []
    for second in range(6):
        if second in (2, 4):
            clock.step_wall(step_ms if second == 2 else -step_ms)
        monos.append(stamper.stamp(source + second * 1000).mono)
        clock.advance(1000)
    assert [later - earlier for earlier, later in pairwise(monos)] == [1000] * 5
