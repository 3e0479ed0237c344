"""The durable queue between signals and uplink: nothing is forgotten before Odoo has it."""

from .base import Durability
from .batch import Batch, Stats
from .bounds import Limits
from .store import Outbox
from .stores import Stores

__all__ = ["Batch", "Durability", "Limits", "Outbox", "Stats", "Stores"]
