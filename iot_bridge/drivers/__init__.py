"""Protocol drivers: a table of descriptors.

A new protocol is a package ``drivers/<name>/`` with ``settings.py`` (the connection's fields and what a tag
needs; imports no protocol library) and ``driver.py``, and one line in :data:`_BUILT_IN`. One that lives in
another distribution gives its :class:`DriverKind` as an entry point of the group ``iot_bridge.drivers``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from .base import Delivery, Driver, DriverFactory, DriverKind, Found, Subscriber, Surroundings
from .file import settings as files
from .modbus import settings as modbus
from .mqtt import settings as mqtt
from .opcua import settings as opcua
from .settings import ConnectionConfig, WriteRule
from .sparkplug import settings as sparkplug


def _from(module: str, name: str) -> DriverFactory:
    """The factory ``name`` of a driver's module, imported when the first connection needs it."""
    return cast(DriverFactory, getattr(import_module(module, __name__), name))


_BUILT_IN = (
    DriverKind("modbus_tcp", modbus.ModbusTcpConfig, modbus.check_tag, lambda: _from(".modbus.driver", "Modbus")),
    DriverKind(
        "modbus_rtu_tcp", modbus.ModbusRtuTcpConfig, modbus.check_serial_tag, lambda: _from(".modbus.driver", "Modbus")
    ),
    DriverKind(
        "modbus_rtu", modbus.ModbusRtuConfig, modbus.check_serial_tag, lambda: _from(".modbus.driver", "Modbus")
    ),
    DriverKind("opcua", opcua.OpcUaConfig, opcua.check_tag, lambda: _from(".opcua.driver", "OpcUa")),
    DriverKind("mqtt", mqtt.MqttConfig, mqtt.check_tag, lambda: _from(".mqtt.driver", "MqttDriver")),
    DriverKind(
        "sparkplug", sparkplug.SparkplugConfig, sparkplug.check_tag, lambda: _from(".sparkplug.driver", "SparkplugHost")
    ),
    DriverKind("file", files.FileConfig, files.check_tag, lambda: _from(".file.driver", "FileDriver")),
)

DRIVERS: dict[str, DriverKind] = {kind.name: kind for kind in _BUILT_IN}
DRIVERS.update({found.name: found.load() for found in entry_points(group="iot_bridge.drivers")})

__all__ = [
    "DRIVERS", "ConnectionConfig", "Delivery", "Driver", "DriverFactory", "DriverKind", "Found", "Subscriber",
    "Surroundings", "WriteRule",
]  # fmt: skip
