"""From a connection's settings to its line."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TypedDict

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.framer import FramerType

from .link import Link
from .rtu import RtuLink
from .settings import ModbusConfig, ModbusRtuConfig, ModbusRtuTcpConfig


class SerialLink(RtuLink):
    """A serial port of this machine."""

    def _unreachable(self) -> str:
        if not os.path.exists(self._where):
            why = "there is no such device: plug the adapter in, or correct device (ls /dev/serial/by-id)"
        elif not os.access(self._where, os.R_OK | os.W_OK):
            why = "no permission: add the bridge's user to the device's group (often dialout)"
        else:
            why = "it is no serial port, or another program uses it"
        return f"{self._where} can't be opened: {why}"


class _Never(TypedDict):
    """The library neither retries nor reconnects: both are ours."""

    retries: int
    reconnect_delay: float


def make_link(config: ModbusConfig, leaving: Callable[[], None]) -> Link:
    """The line of a connection; ``leaving`` is called when a request leaves."""
    never: _Never = {"retries": 0, "reconnect_delay": 0}
    if isinstance(config, ModbusRtuConfig):
        serial = partial(
            AsyncModbusSerialClient, config.device, name=config.name, baudrate=config.baudrate,
            bytesize=config.bytesize, parity=config.parity, stopbits=config.stopbits,
            handle_local_echo=config.local_echo, **never,
        )  # fmt: skip
        return SerialLink(serial, config.timeout_s, config.pause_s, config.where, leaving)
    if isinstance(config, ModbusRtuTcpConfig):
        rtu = partial(
            AsyncModbusTcpClient, config.host, port=config.port, name=config.name, framer=FramerType.RTU, **never
        )
        return RtuLink(rtu, config.timeout_s, config.pause_s, config.where, leaving)
    tcp = partial(AsyncModbusTcpClient, config.host, port=config.port, name=config.name, **never)
    return Link(tcp, config.timeout_s, config.pause_s, config.where, leaving)
