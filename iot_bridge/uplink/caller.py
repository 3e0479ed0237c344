"""Runs a transport in a thread of its own, so that a hanging call holds nothing else up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import Transient
from .transport import Transport


class Caller:
    """Asynchronous face of a transport: JSON text out, a decoded object back."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport = transport
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        # Is shown every answer: commands ride on those of both lanes.
        self.answered: Callable[[Mapping[str, Any]], None] = lambda answer: None

    async def call(self, method: str, payload: str) -> Mapping[str, Any]:
        """Raises what the transport raises; Transient when the answer is not a JSON object."""
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(self._thread, self._transport.call, method, payload)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Transient(f"{method}: the answer is no JSON object")
        self.answered(answer)
        return answer

    def replace(self, transport: Transport) -> None:
        """Use another transport from the next call on (new key, new address)."""
        old, self._transport = self._transport, transport
        # In the calls' own thread: a call under way still uses the old one.
        self._thread.submit(old.close)

    def close(self) -> None:
        """Let a running call end by its own timeout."""
        self._thread.shutdown(wait=False, cancel_futures=True)
