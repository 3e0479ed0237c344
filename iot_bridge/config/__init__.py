"""Typed and validated configuration."""

from .load import load_config
from .model import BridgeConfig, ConnectionConfig, OdooConfig, OutboxConfig

__all__ = ["BridgeConfig", "ConnectionConfig", "OdooConfig", "OutboxConfig", "load_config"]
