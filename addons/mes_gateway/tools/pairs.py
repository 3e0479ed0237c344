"""Maps of a tag as lines that a person reads and writes: pure.

    1 = running
    2 = down

A text that begins with a bracket is read as JSON. All readers raise ValueError with the line at fault.
"""

import json
from collections.abc import Callable
from typing import Any

Pairs = list[tuple[str, str]]


def read_pairs(text: str) -> Pairs:
    """The pairs of the lines, in their order."""
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        # The last sign: a raw value may hold one, a word of the map can't.
        left, sign, right = line.rpartition("=")
        if not (sign and left.strip() and right.strip()):
            raise ValueError(line.strip())
        found.append((left.strip(), right.strip()))
    return found


def read_map(text: str) -> dict[str, str]:
    """A map of words; a key that is there twice is an error."""
    if text.lstrip().startswith(("{", "[")):
        return _json(text, dict)
    pairs = read_pairs(text)
    found = dict(pairs)
    for left, right in pairs:
        if found[left] != right:
            raise ValueError(f"{left} = {right}")
    return found


def read_bits(text: str) -> list[list[Any]]:
    """Pairs whose order matters; a bit's number is a number."""
    if text.lstrip().startswith(("{", "[")):
        return _json(text, list)
    return [[int(left) if left.isdecimal() else left, right] for left, right in read_pairs(text)]


def read_alarms(text: str) -> dict[str, Any]:
    """Bit -> code, or code with severity and text: ``3 = E7, high, Door open``."""
    if text.lstrip().startswith(("{", "[")):
        return _json(text, dict)
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        bit, sign, said = line.partition("=")
        parts = [part.strip() for part in said.split(",", 2)]
        if not (sign and bit.strip() and parts[0]) or bit.strip() in found:
            raise ValueError(line.strip())
        named = {name: part for name, part in zip(("code", "severity", "text"), parts, strict=False) if part}
        found[bit.strip()] = parts[0] if len(named) == 1 else named
    return found


def read_times(text: str) -> list[str]:
    """Times of day, ``06:00, 14:00``."""
    if text.lstrip().startswith("["):
        return _json(text, list)
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def show_map(value: dict[str, Any]) -> str:
    """The lines of a map or of a map of alarms."""
    return "\n".join(f"{left} = {_shown(right)}" for left, right in value.items())


def show_list(value: list[list[Any]]) -> str:
    """The lines of a list of pairs."""
    return "\n".join(f"{left} = {right}" for left, right in value)


def show_times(value: list[str]) -> str:
    """Times of day in one line."""
    return ", ".join(value)


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    parts = [value.get("code", ""), value.get("severity", ""), value.get("text", "")]
    while parts and not parts[-1]:
        parts.pop()
    return ", ".join(parts)


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, kind):
        raise ValueError(text)
    return value


FORMS: dict[str, tuple[Callable[[str], Any], Callable[[Any], str]]] = {
    "map": (read_map, show_map),
    "interlock_map": (read_map, show_map),
    "action_map": (read_map, show_map),
    "bits": (read_bits, show_list),
    "alarm_map": (read_alarms, show_map),
    "reset_times": (read_times, show_times),
}
"""Field -> (reader, writer) of its text."""
