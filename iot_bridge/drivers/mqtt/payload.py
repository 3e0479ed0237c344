"""What messages say: topics and payloads to tags and values. Pure.

A payload can be anything. What is no JSON, lacks a value or is too large is a finding, never an error: each
finding is said once, and again only after it was mended.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...events import Value
from ...tags.model import Tag
from .address import MISSING, Address, Missing, Path, parse_address, pick
from .stamps import to_ms

CACHE_MAX = 10_000
# Topics have up to 64 KiB, and whoever publishes chooses them: longer ones than this are not kept.
CACHED_TOPIC = 256
TEXT_MAX = 1024
BYTES: Path = ("$bytes",)
# Type of a tag -> how its bytes are read, most significant first.
_BINARY = {
    "bool": ">?", "uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


class Findings:
    """Says a sentence once, until what it is about was good again."""

    LIMIT = 10_000
    LONGEST = 256

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, str] = {}

    def found(self, about: str, sentence: str) -> None:
        about = about[: self.LONGEST]
        if self._said.get(about) == sentence or len(self._said) >= self.LIMIT:
            return
        self._said[about] = sentence
        self._say(f"{about}: {sentence}")

    def mended(self, about: str) -> None:
        self._said.pop(about[: self.LONGEST], None)


@dataclass(frozen=True, slots=True)
class Route:
    """A tag and where it finds its value."""

    tag: Tag
    address: Address


@dataclass(frozen=True, slots=True)
class Content:
    """One tag's value in a message; ``time_ms``: the message's own time for it."""

    tag: Tag
    value: Value | None
    time_ms: int | None


class Routes:
    """Which tags a topic feeds."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._exact: dict[str, list[Route]] = {}
        self._wild: list[tuple[list[str], Route]] = []
        for tag in tags:
            route = Route(tag, parse_address(tag.address or ""))
            levels = route.address.topic.split("/")
            if "+" in levels or "#" in levels:
                self._wild.append((levels, route))
            else:
                self._exact.setdefault(route.address.topic, []).append(route)
        self._cache: dict[str, tuple[Route, ...]] = {}

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        return list(dict.fromkeys([*self._exact, *("/".join(levels) for levels, _ in self._wild)]))

    def of(self, topic: str) -> tuple[Route, ...]:
        """The routes of a topic."""
        found = self._cache.get(topic)
        if found is None:
            levels = topic.split("/")
            wild = (route for pattern, route in self._wild if matches(pattern, levels))
            found = (*self._exact.get(topic, ()), *wild)
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            if len(topic) <= CACHED_TOPIC:
                self._cache[topic] = found
        return found


def matches(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    """MQTT's rule; wildcards at the beginning do not match topics of the broker ($SYS/…)."""
    if levels[0].startswith("$") and pattern[0] in ("+", "#"):
        return False
    for index, part in enumerate(pattern):
        if part == "#":
            return True
        if index >= len(levels) or part not in ("+", levels[index]):
            return False
    return len(pattern) == len(levels)


class Reader:
    """Takes the tags' values out of messages."""

    def __init__(self, tags: Iterable[Tag], time_path: Path | None, payload_max: int, findings: Findings) -> None:
        self.routes = Routes(tags)
        self._time_path = time_path
        self._limit = payload_max
        self._findings = findings

    def read(self, topic: str, payload: bytes) -> list[Content]:
        """The values of a message. A tag whose path is not in it is left out; null is a value of None."""
        routes = self.routes.of(topic)
        if not routes:
            return []
        if len(payload) > self._limit:
            self._findings.found(topic, f"a payload has {len(payload)} bytes: raise payload_max if that is right")
            return [Content(route.tag, None, None) for route in routes]
        document: Any = _parsed(payload)
        return [content for route in routes if (content := self._content(route, topic, payload, document)) is not None]

    def _content(self, route: Route, topic: str, payload: bytes, document: Any) -> Content | None:
        address, tag = route.address, route.tag
        raw: Any
        if address.path == BYTES:
            raw = _from_bytes(payload, tag)
        elif isinstance(document, Missing):
            if address.path:
                self._findings.found(topic, "a payload is no JSON: correct the source, or use an address without |path")
                return Content(tag, None, None)
            raw = _text(payload)
        elif address.path:
            raw = pick(document, address.path)
            if raw is MISSING:
                return None
        else:
            raw = document
        value, wrong = fitted(raw, tag)
        if wrong:
            self._findings.found(tag.tag, f"{topic[:CACHED_TOPIC]}: {wrong}")
        else:
            self._findings.mended(tag.tag)
            self._findings.mended(topic)
        return Content(tag, value, self._time(address, document))

    def _time(self, address: Address, document: Any) -> int | None:
        path = address.time_path or self._time_path
        return to_ms(pick(document, path)) if path else None


def _parsed(payload: bytes) -> Any:
    """JSON, or MISSING."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):  # the decoder's own limits: digits of a number, depth
        return MISSING


def _text(payload: bytes) -> Value | None:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text.strip() or None


def _from_bytes(payload: bytes, tag: Tag) -> Any:
    if tag.type == "string":
        return payload.decode("utf-8", "replace").rstrip("\0")
    code = _BINARY.get(tag.type)
    if code is None or len(payload) != struct.calcsize(code):
        return MISSING
    words = [payload[at : at + 2] for at in range(0, len(payload), 2)]
    if tag.word_order in ("CDAB", "DCBA"):
        words.reverse()
    if tag.word_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return struct.unpack(code, b"".join(words))[0]


def fitted(raw: Any, tag: Tag) -> tuple[Value | None, str]:
    """What a payload holds as a value of the tag's type -> (value, what is wrong)."""
    if raw is MISSING:
        return None, f"a payload does not have the bytes of a {tag.type}"
    if raw is None:
        return None, ""
    if isinstance(raw, (dict, list)):
        kind = "an object" if isinstance(raw, dict) else "a list"
        return None, f"the value is {kind}: extend the path of the address into it"
    if tag.type == "string":
        return (raw if isinstance(raw, str) else json.dumps(raw))[:TEXT_MAX], ""
    if isinstance(raw, str) and tag.type == "auto":
        return raw[:TEXT_MAX], ""
    number = _number(raw) if isinstance(raw, str) else raw
    if number is None or number != number or number in (float("inf"), float("-inf")):
        return None, f"{str(raw)[:40]!r} is no {tag.type}"
    if tag.type == "bool":
        return bool(number), ""
    whole = tag.type.startswith(("int", "uint"))
    if whole and number != int(number):
        return None, f"{number!r} is no {tag.type}"
    return (int(number) if whole else number), ""


def _number(text: str) -> bool | int | float | None:
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return None


def leaves(document: Any, path: Path = (), depth: int = 8) -> Iterator[tuple[Path, Value | None]]:
    """Each value of parsed JSON with its path; long lists are not followed to their end."""
    if isinstance(document, dict) and depth:
        for key, inner in document.items():
            yield from leaves(inner, (*path, key), depth - 1)
    elif isinstance(document, list) and depth:
        for index, inner in enumerate(document[:20]):
            yield from leaves(inner, (*path, index), depth - 1)
    elif document is None or isinstance(document, (bool, int, float, str)):
        yield path, document
