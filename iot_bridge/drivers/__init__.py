"""Protocol drivers. A new protocol is one class and one entry here."""

from .base import Driver, DriverFactory
from .modbus import ModbusTcp

DRIVERS: dict[str, DriverFactory] = {"modbus_tcp": ModbusTcp}

__all__ = ["DRIVERS", "Driver", "DriverFactory", "ModbusTcp"]
