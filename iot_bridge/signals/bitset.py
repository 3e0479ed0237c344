"""A state (or mode) from bits: the first of a list that is true says it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..events import Value
from . import values

ALWAYS = "*"


@dataclass(frozen=True, slots=True)
class BitSet:
    """entries: (mask of the own value, companion tag, word) in order of precedence.

    An entry has a mask or a companion; one with neither is always true.
    """

    entries: tuple[tuple[int, str | None, str], ...]

    @property
    def names(self) -> list[str]:
        """The companion tags that are looked at."""
        return [name for _, name, _ in self.entries if name is not None]

    def read(self, value: Value | None, companion: Callable[[str], Value | None]) -> tuple[int, str | None] | None:
        """(raw, word): raw holds only bits that matter; None when the value is no set of bits.

        With companion tags, bit n of raw is the n-th entry of the list.
        """
        own = values.bits(value)
        if own is None:
            return None
        word: str | None = None
        raw = 0
        mixed = any(name is not None for _, name, _ in self.entries)
        for place, (mask, name, meaning) in enumerate(self.entries):
            always = not mask and name is None
            true = always or bool(own & mask) if name is None else bool(values.whole(companion(name)))
            if mixed:
                raw |= (true and not always) << place
            else:
                raw |= own & mask
            if true and word is None:
                word = meaning
        # The schema's raw is a signed 64-bit number.
        return raw - (1 << 64) if raw >= 1 << 63 else raw, word


def bit_set(entries: Sequence[Sequence[Any]], words: frozenset[str]) -> BitSet:
    """The tag's ``bits``; raises ValueError with the mend."""
    out: list[tuple[int, str | None, str]] = []
    for place, entry in enumerate(entries):
        if len(entry) != 2 or entry[1] not in words:
            raise ValueError(f"bits: write [what, word] with a word of {', '.join(sorted(words))}, not {list(entry)}")
        out.append((*_what(entry[0], place == len(entries) - 1), str(entry[1])))
    return BitSet(tuple(out))


def _what(what: Any, last: bool) -> tuple[int, str | None]:
    if isinstance(what, int) and not isinstance(what, bool) and 0 <= what <= 63:
        return 1 << what, None
    if what == ALWAYS:
        if not last:
            raise ValueError('bits: "*" is always true: put it last')
        return 0, None
    if isinstance(what, str) and what[:2].lower() == "0x":
        try:
            mask = int(what, 16)
        except ValueError:
            mask = 0
        if 0 < mask < 1 << 64:
            return mask, None
    elif isinstance(what, str) and "/" in what:
        return 0, what
    raise ValueError(f'bits: {what!r} is no bit number (0-63), mask ("0x0030"), tag name or "*"')

