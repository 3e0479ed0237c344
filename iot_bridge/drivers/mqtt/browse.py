"""What a broker's clients publish, as it appears."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from ...errors import LinkLost
from ...events import Value
from ..base import Found
from .address import write_path
from .link import Link, Message
from .payload import leaves
from .settings import BrokerConfig

LISTEN_S = 5.0
TEXT_MAX = 200
SPARKPLUG = "spBv1.0/"


async def listen(config: BrokerConfig, topic_filter: str, limit: int, seconds: float = LISTEN_S) -> list[Found]:
    """Topics and paths that appear within ``seconds`` (real time), with an example value; raise LinkLost.

    Over a connection of its own, so that the bridge's session is not touched.
    """
    found: dict[str, Found] = {}
    full = asyncio.Event()

    def take(message: Message) -> None:
        for entry in _found(message):
            if len(found) < limit:
                found[entry.address] = entry
        if len(found) >= limit:
            full.set()

    link = Link(config, f"iot-bridge-browse-{secrets.token_hex(4)}", take, clean=True)
    try:
        await link.open()
        await link.subscribe([(topic_filter, 0)])
        waits = [asyncio.ensure_future(full.wait()), asyncio.ensure_future(link.lost())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if link.failure is not None:
            raise LinkLost(link.failure)
    finally:
        await link.close()
    return [found[address] for address in sorted(found)]


def _found(message: Message) -> list[Found]:
    topic, note = message.topic, "retained" if message.retain else ""
    try:
        document: Any = json.loads(message.payload)
    except (ValueError, RecursionError):
        return [_unstructured(message, note)]
    return [
        Found(
            f"{topic}|{write_path(path)}" if path else topic,
            str(path[-1]) if path else topic.rsplit("/", 1)[-1],
            _type(value),
            value[:TEXT_MAX] if isinstance(value, str) else value,
            description=note,
        )
        for path, value in leaves(document)
    ]


def _unstructured(message: Message, note: str) -> Found:
    topic, name = message.topic, message.topic.rsplit("/", 1)[-1]
    if topic.startswith(SPARKPLUG):
        return Found(topic, name, "string", description="Sparkplug B: read it with driver sparkplug")
    try:
        return Found(topic, name, "string", message.payload.decode()[:TEXT_MAX], description=note)
    except UnicodeDecodeError:
        return Found(f"{topic}|$bytes", name, "string", description=f"{len(message.payload)} bytes {note}".rstrip())


def _type(value: Value | None) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    return "float64" if isinstance(value, float) else "string"
