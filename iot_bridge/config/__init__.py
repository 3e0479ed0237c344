"""Typed and validated configuration."""

from ..drivers.settings import ConnectionConfig
from .load import load_config
from .model import BridgeConfig, OdooConfig, OutboxConfig, StatusConfig

__all__ = ["BridgeConfig", "ConnectionConfig", "OdooConfig", "OutboxConfig", "StatusConfig", "load_config"]
