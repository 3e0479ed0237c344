"""The durable queue between signals and uplink: nothing is forgotten before Odoo has it."""

from .store import Batch, Outbox
from .stores import Stores

__all__ = ["Batch", "Outbox", "Stores"]
