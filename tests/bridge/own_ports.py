"""Ports for the tests of one process: no other run, and no other process of this run, is given the same.

A process takes a lane of two hundred ports by listening at the lane's last one for as long as it lives. Lanes lie below
the ports that the kernel hands out, so that no passing connection takes a port whose server is just being restarted.
"""

from __future__ import annotations

import os
import socket

FIRST, LANES, WIDTH = 10_100, 24, 200
HERE = "127.0.0.1"


class Lane:
    """The ports of a process. Rows are handed out from below and stay; single ports go round above them."""

    def __init__(self) -> None:
        self._first, self._guard = self._take()
        self._kept = 0
        self._turn = 0

    def row(self, length: int) -> int:
        while self._kept + length < WIDTH // 2:
            start = self._first + self._kept
            self._kept += length
            if all(_is_free(port) for port in range(start, start + length)):
                return start
        raise AssertionError(f"no {length} ports in a row are left from {self._first}: ask for shorter rows")

    def single(self) -> int:
        width = WIDTH - 1 - WIDTH // 2
        for _ in range(width):
            self._turn = (self._turn + 1) % width
            port = self._first + WIDTH // 2 + self._turn
            if _is_free(port):
                return port
        raise AssertionError(f"no port is free from {self._first}: close programs that listen there")

    @staticmethod
    def _take() -> tuple[int, socket.socket]:
        for step in range(LANES):
            first = FIRST + (os.getpid() + step) % LANES * WIDTH
            guard = socket.socket()
            try:
                guard.bind((HERE, first + WIDTH - 1))
                guard.listen()
            except OSError:
                guard.close()
                continue
            return first, guard
        raise AssertionError("every lane is taken: how many runs of these tests are there?")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HERE, port))
        except OSError:
            return False
    return True


_lane = Lane()


def row(length: int) -> int:
    """The first of so many ports in a row for a module's own use: nobody else is given them."""
    return _lane.row(length)


def free_port() -> int:
    """A port at which nobody listens; another one each time."""
    return _lane.single()
