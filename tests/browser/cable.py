"""A cable between browser and server that a test can pull out or let die in the middle."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Cable:
    """Forwards TCP from ``port`` to ``upstream``.

    ``cut`` closes all connections and refuses new ones, ``freeze`` keeps them open and carries nothing,
    ``mend`` ends both.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.is_cut = False
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        self.is_cut = True
        for pair in list(self.pairs):
            self._close(pair)

    def freeze(self) -> None:
        self.flows.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.flows.set()

    def close(self) -> None:
        self.listener.close()
        self.mend()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return  # closed: the test is over
            if self.is_cut:
                near.close()
                continue
            try:
                pair = (near, socket.create_connection(("127.0.0.1", self.upstream)))
            except OSError:
                near.close()  # the server is away: so is the line
                continue
            self.pairs.add(pair)
            threading.Thread(target=self._carry, args=(pair,), daemon=True).start()

    def _carry(self, pair: tuple[socket.socket, socket.socket]) -> None:
        near, far = pair
        try:
            while True:
                ready, _w, _x = select.select([near, far], [], [])
                for source in ready:
                    data = source.recv(65536)
                    self.flows.wait()
                    if not data:
                        return
                    (far if source is near else near).sendall(data)
        except (OSError, ValueError):
            return  # one end is gone; closing both is all there is to do
        finally:
            self._close(pair)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self.pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):  # already shut by the other side
                end.shutdown(socket.SHUT_RDWR)
            end.close()
