"""Typed and validated configuration."""

from ..drivers.settings import ConnectionConfig
from .load import load_config
from .model import BridgeConfig, OdooConfig, OutboxConfig

__all__ = ["BridgeConfig", "ConnectionConfig", "OdooConfig", "OutboxConfig", "load_config"]
