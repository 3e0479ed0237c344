"""Replaying a recording: the same samples through the same signals give the same events, byte for byte.

No clock, no device and no outbox take part; the order of the recording is the only order there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .errors import Misconfigured
from .events import Event, Sample
from .record import VERSION
from .signals.counter import CounterMemory
from .signals.machine import Proposal
from .signals.machines import Machines
from .tags.model import Tag


def replay(lines: Iterable[str], tags: Sequence[Tag] | None = None) -> Iterator[Event]:
    """The events of a recording. ``tags``: these instead of the recorded ones (what would another map say?).

    Raises Misconfigured naming the line. A last line that was cut off when the bridge was killed is left out.
    """
    player = _Player(tags)
    waiting: tuple[int, str] | None = None
    for number, line in enumerate(lines, 1):
        if waiting is not None:
            yield from player.play(*waiting)
        waiting = number, line
    if waiting is not None and waiting[1].endswith("\n"):
        yield from player.play(*waiting)


def tags_of(path: Path) -> list[Tag]:
    """Tags of a JSON file: a list, or Odoo's answer ``{"tags": […]}``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = found["tags"] if isinstance(found, dict) else found
        return [Tag.model_validate(entry) for entry in entries]
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}: name a file with tags") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{path} holds no tags: {error}") from None


class _Player:
    """The state of a replay."""

    def __init__(self, tags: Sequence[Tag] | None) -> None:
        self._tags = tags
        self._machines: Machines | None = None
        self._steps = {
            "start": self._start, "tags": self._use, "feed": self._feed, "lost": self._lost, "due": self._due,
            "healed": self._heal,
        }  # fmt: skip

    def play(self, number: int, line: str) -> list[Event]:
        """One line."""
        try:
            entry = json.loads(line)
            return self._steps[entry["do"]](entry)
        except ValidationError as error:
            first = error.errors()[0]
            raise Misconfigured(f"line {number}: a tag can't be used: {first['msg']}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Misconfigured(f"line {number} is no line of a recording ({error!r}): record it anew") from None

    def _start(self, entry: Mapping[str, Any]) -> list[Event]:
        if entry["v"] != VERSION:
            raise Misconfigured(f"the recording is of version {entry['v']}, this bridge plays {VERSION}")
        self._machines = Machines(entry["boot_id"], entry["every_ms"])
        return []

    def _use(self, entry: Mapping[str, Any]) -> list[Event]:
        tags = self._tags if self._tags is not None else [Tag.model_validate(tag) for tag in entry["tags"]]
        self._running.set_tags(tags, _memories(entry["memories"]), entry["notes"])
        return []

    def _feed(self, entry: Mapping[str, Any]) -> list[Event]:
        samples = [Sample(*fields) for fields in entry["samples"]]
        return self._take(self._running.propose(samples, entry["dropped"]), entry["stored"])

    def _lost(self, entry: Mapping[str, Any]) -> list[Event]:
        return self._take(self._running.propose_loss(entry["codes"], entry["now"]), entry["stored"])

    def _due(self, entry: Mapping[str, Any]) -> list[Event]:
        return self._take(self._running.propose_due(entry["codes"], entry["now"]), entry["stored"])

    def _heal(self, entry: Mapping[str, Any]) -> list[Event]:
        self._running.remember(_memories(entry["memories"]))
        return []

    def _take(self, steps: Mapping[str, Proposal], stored: bool) -> list[Event]:
        if not stored:
            return []
        self._running.adopt(steps)
        return [event for step in steps.values() for event in step.events]

    @property
    def _running(self) -> Machines:
        if self._machines is None:
            raise ValueError("there was no start before")
        return self._machines


def _memories(plain: Mapping[str, Sequence[Any]]) -> dict[str, CounterMemory]:
    return {key: CounterMemory(*fields) for key, fields in plain.items()}
