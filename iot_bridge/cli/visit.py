"""A link of its own to a device, beside (or instead of) the running bridge."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from ..clock import Clock
from ..config import BridgeConfig
from ..drivers import DRIVERS, ConnectionConfig, Driver, Subscriber, Surroundings
from ..errors import InUse, Misconfigured
from ..lock import lock
from ..tags import Tag


@contextmanager
def alone(config: BridgeConfig, instead: str) -> Iterator[None]:
    """Hold the data folder, so that no bridge runs meanwhile; ``instead`` says what to do when one does."""
    try:
        held = lock(config.data_dir)
    except InUse:
        raise InUse(f"the bridge is running: {instead}, or stop it first") from None
    with held:
        yield


def room_for(config: BridgeConfig, link: ConnectionConfig, instead: str) -> contextlib.AbstractContextManager[None]:
    """Hold the data folder where a second link would disturb the bridge's own."""
    return alone(config, instead) if link.exclusive else contextlib.nullcontext()


@asynccontextmanager
async def visiting(
    config: BridgeConfig, link: ConnectionConfig, tags: Sequence[Tag], clock: Clock
) -> AsyncIterator[Driver | Subscriber]:
    """The opened driver of a connection; raises LinkLost."""
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr)  # noqa: E731
    try:
        folder = config.data_dir / "drivers" / link.name
        around = Surroundings(folder, found=say, visiting=True, shared=config.data_dir)
        driver = DRIVERS[link.driver].load()(link, tags, clock, around)
    except (ValueError, ImportError) as error:
        raise Misconfigured(f"connection {link.name}: {error}") from None
    try:
        await driver.open()
        yield driver
    finally:
        await driver.close()
