"""The local status page, ``/metrics``, ``/status.json``, ``/healthz``: read only, on loopback unless set otherwise."""

from .server import StatusServer

__all__ = ["StatusServer"]
