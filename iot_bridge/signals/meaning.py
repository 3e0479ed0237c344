"""What a raw value of a state or mode tag means: by a map, by PackML, by bits or by thresholds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from . import packml, values
from .bitset import BitSet, bit_set
from .frame import Look
from .threshold import Limits, Side, decide
from .words import LONGEST_RAW, MODES, STATES

if TYPE_CHECKING:
    from ..tags.model import Tag

Raw = int | str
# The raw values of a threshold, which has none of its own.
ON, OFF = "on", "off"
DEFAULT_SIDES: Mapping[str, str] = {ON: "running", OFF: "idle"}


class Reader(Protocol):
    """One way to read a state or mode."""

    def read(self, look: Look) -> tuple[Raw, str | None, int] | None:
        """(raw, word or None when the map has none, since when); None: no usable value. Remembers in the draft."""

    def usable(self, look: Look) -> bool:
        """Whether the value says a state; changes nothing."""

    def pending(self, look: Look) -> bool:
        """Whether the same value once more could change something."""


class MapReader:
    """raw -> word by a table."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = table

    def read(self, look: Look) -> tuple[Raw, str | None, int] | None:
        value = look.sample.value
        if value is None or value == "":
            return None
        raw = values.raw(value)
        return raw, self.table.get(str(raw)), look.sample.at

    def usable(self, look: Look) -> bool:
        found = self.read(look)
        return found is not None and found[1] is not None

    def pending(self, look: Look) -> bool:
        return False


class BitReader:
    """The first true bit says the word."""

    def __init__(self, bits: BitSet) -> None:
        self.bits = bits

    def read(self, look: Look) -> tuple[Raw, str | None, int] | None:
        found = self.bits.read(look.sample.value, look.companion)
        return None if found is None else (*found, look.sample.at)

    def usable(self, look: Look) -> bool:
        found = self.bits.read(look.sample.value, look.companion)
        return found is not None and found[1] is not None

    def pending(self, look: Look) -> bool:
        return False


class ThresholdReader:
    """On or off by limits, hysteresis and hold times."""

    def __init__(self, limits: Limits, scale: float, offset: float, sides: Mapping[str, str]) -> None:
        self.limits = limits
        self.scale = scale
        self.offset = offset
        self.sides = sides

    def read(self, look: Look) -> tuple[Raw, str | None, int] | None:
        value = values.scaled(look.sample.value, self.scale, self.offset)
        if value is None:
            return None
        side = decide(self.limits, look.memo, value, look.sample.at, look.fresh)
        look.memo = side
        raw = ON if side.on else OFF
        return raw, self.sides.get(raw), side.since

    def usable(self, look: Look) -> bool:
        return values.scaled(look.sample.value, self.scale, self.offset) is not None

    def pending(self, look: Look) -> bool:
        return isinstance(look.memo, Side) and look.memo.crossing is not None


def reader(tag: Tag) -> Reader:
    """How this state or mode tag is read; raises ValueError with the mend."""
    words = STATES if tag.signal == "state" else MODES
    ways = [name for name, given in (
        ("bits", tag.bits), ("state_model", tag.state_model), ("on_above and off_below", _has_limits(tag)),
    ) if given]  # fmt: skip
    if len(ways) > 1:
        raise ValueError(f"{' and '.join(ways)} say the {tag.signal} in two ways: keep one")
    if tag.bits:
        if tag.map:
            raise ValueError("bits name the words themselves: remove map, or bits")
        return BitReader(bit_set(tag.bits, words))
    _check_words(tag.map, words)
    if _has_limits(tag):
        return _threshold(tag)
    if tag.state_model is not None:
        return MapReader(_packml(tag))
    if not tag.map:
        raise ValueError(f"map is missing: map raw values to {', '.join(sorted(words))}")
    return MapReader(dict(tag.map))


def _has_limits(tag: Tag) -> bool:
    return tag.on_above is not None or tag.off_below is not None


def _check_words(table: Mapping[str, str], words: frozenset[str]) -> None:
    wrong = sorted(set(table.values()) - words)
    if wrong:
        raise ValueError(f"map knows no {', '.join(wrong)}: map raw values to {', '.join(sorted(words))}")
    if any(not 0 < len(key) <= LONGEST_RAW for key in table):
        raise ValueError(f"map: the keys are raw values, whole numbers or a text of at most {LONGEST_RAW} characters")


def _threshold(tag: Tag) -> ThresholdReader:
    if tag.signal != "state":
        raise ValueError("on_above and off_below say a state: use a map for the mode")
    if tag.on_above is None or tag.off_below is None:
        raise ValueError("thresholds come in pairs: give on_above and off_below (the same value for no hysteresis)")
    if tag.off_below > tag.on_above:
        raise ValueError("off_below is above on_above: exchange them")
    if set(tag.map) - {ON, OFF}:
        raise ValueError('map: with thresholds the raw values are "on" and "off"')
    limits = Limits(tag.on_above, tag.off_below, tag.hold_on_ms, tag.hold_off_ms)
    return ThresholdReader(limits, tag.scale, tag.offset, {**DEFAULT_SIDES, **tag.map})


def _packml(tag: Tag) -> dict[str, str]:
    """The model's table with the tag's own words; a state named in the map stands for its number too."""
    model = str(tag.state_model)
    table = packml.state_map(model) if tag.signal == "state" else packml.mode_map(model)
    numbers = {name: str(number) for number, name in packml.NUMBERINGS[model].items()}
    for key, word in tag.map.items():
        table[key] = word
        if tag.signal == "state" and key in numbers:
            table[numbers[key]] = word
    return table
