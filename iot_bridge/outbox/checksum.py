"""A checksum for each event, so that one altered on the disk is noticed before it is sent."""

from __future__ import annotations

import zlib


def checksum(seq: int, body: str) -> int:
    """Of a body at its place in the queue: two bodies that changed places differ too."""
    return zlib.crc32(body.encode(), seq & 0xFFFFFFFF)
