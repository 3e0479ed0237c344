"""Where an MQTT tag's value is, and how it is taken out of a payload. Pure.

An address is ``topic[|path[|time path]][ -> command topic[|path]]``. The topic may hold the wildcards ``+`` and
``#``. A path leads through JSON: ``counters.total``, ``lines[0].speed``, ``"dotted.key".x``; without one the whole
payload is the value. Behind the arrow is where a command is published: the bare value, or with a path an object
with the value at that place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
ARROW = " -> "
LONGEST_TOPIC = 65535
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|\[(-?\d{1,6})\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]"|]+)')


class Missing:
    """What :func:`pick` gives when the payload holds nothing at a path."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Address:
    """See the module. ``path`` empty: the whole payload."""

    topic: str
    path: Path = ()
    time_path: Path | None = None
    command: str | None = None
    command_path: Path = ()


def parse_address(text: str) -> Address:
    """Raise ValueError, saying the mend, for what is no address."""
    source, arrow, target = text.partition(ARROW)
    topic, *paths = _split(source)
    _check_topic(topic, wildcards=True)
    if len(paths) > 2:
        raise ValueError(f"address {text!r} has too many parts: write topic|path|time path")
    where = [parse_path(path) if path else () for path in paths]
    command, command_path = None, Path()
    if arrow:
        command, *more = _split(target)
        _check_topic(command, wildcards=False)
        if len(more) > 1:
            raise ValueError(f"address {text!r}: behind the arrow write command topic|path")
        command_path = parse_path(more[0]) if more and more[0] else ()
        if any(isinstance(part, int) for part in command_path):
            raise ValueError(f"address {text!r}: the path of a command can't hold a list index")
    return Address(topic, where[0] if where else (), where[1] if len(where) > 1 else None, command, command_path)


def _split(text: str) -> list[str]:
    """At each ``|`` that is not inside quotes."""
    parts: list[str] = []
    quoted, start = False, 0
    for index, char in enumerate(text):
        if char == '"' and parts:  # a topic may hold a quote, a path quotes with it
            quoted = not quoted if text[index - 1] != "\\" else quoted
        elif char == "|" and not quoted:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


def _check_topic(topic: str, wildcards: bool) -> None:
    if not topic or len(topic.encode()) > LONGEST_TOPIC or "\0" in topic:
        raise ValueError("the address needs a topic before the |")
    levels = topic.split("/")
    wrong = any(("+" in level or "#" in level) and len(level) > 1 for level in levels) or "#" in levels[:-1]
    if wrong or (not wildcards and {"+", "#"} & set(levels)):
        rule = "+ stands for one whole level, # for all that follow" if wildcards else "a command needs one topic"
        raise ValueError(f"topic {topic!r} can't be used: {rule}")


def parse_path(text: str) -> Path:
    """``a."b.c"[0]`` -> ("a", "b.c", 0); raise ValueError saying the mend."""
    parts: list[str | int] = []
    at = 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            raise ValueError(f'path {text!r} can\'t be read at {text[at:]!r}: write it like counters.total, a[0]."b.c"')
        quoted, index, bracketed, bare = match.groups()
        text_part = quoted if quoted is not None else bracketed
        parts.append(int(index) if index is not None else bare if text_part is None else _unquoted(text_part))
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] == ".":
            at += 1
        elif text[at] != "[":
            raise ValueError(f"path {text!r}: put a dot before {text[at:]!r}")


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        raise ValueError(f"path: {text!r} is no quoted key") from None


def write_path(path: Path) -> str:
    """The inverse of :func:`parse_path`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r'[^.\[\]"|\\]+', part) and part == part.strip() and ARROW not in part
            text += ("." if text else "") + (part if plain else json.dumps(part, ensure_ascii=False))
    return text


def pick(document: Any, path: Path) -> Any:
    """What lies at a path of parsed JSON, or MISSING."""
    for part in path:
        if isinstance(document, dict) and isinstance(part, str):
            document = document.get(part, MISSING)
        elif isinstance(document, list) and (isinstance(part, int) or part.isdecimal()):
            index = int(part)
            document = document[index] if -len(document) <= index < len(document) else MISSING
        else:
            return MISSING
    return document


def build(path: Path, value: Any) -> Any:
    """The smallest document that holds a value at a path."""
    for part in reversed(path):
        value = {part: value}
    return value
