"""What a Modbus connection and a Modbus tag need. Three drivers, one engine: only the way to the device differs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ...tags.model import Tag
from ..settings import ConnectionConfig

# What one request may ask for.
PROTOCOL_REGISTERS = 125
BITS_A_REGISTER = 16
SILENCE_CHARACTERS = 3.5
# Above this speed the standard fixes the silence between two frames.
FAST_BAUD = 19200
FAST_SILENCE_S = 0.00175


class ModbusLine(ConnectionConfig):
    """What the three share. Modbus carries no time: the bridge's clock stamps."""

    clock: Literal["bridge"] = Field(default="bridge", description="whose clock stamps: Modbus carries no time")
    timeout_s: float = Field(default=1.0, gt=0, le=1, strict=False, description="for one request")
    max_gap: int = Field(default=16, ge=0, le=120, description="unused registers read to save a request")
    max_registers: int = Field(
        default=120, ge=1, le=PROTOCOL_REGISTERS, description="registers a request (16 bits each for coils)"
    )
    pause_ms: float = Field(
        default=0.0, ge=0, le=1000, strict=False, description="silence between an answer and the next request"
    )
    unit_retry_max_s: float = Field(
        default=10.0, gt=0, le=3600, strict=False, description="longest pause before a silent unit is asked again"
    )
    write_function: Literal["single", "multiple"] = Field(
        default="single", description="how one register or coil is written: function 6 and 5, or 16 and 15"
    )
    bit_write: Literal["mask", "read_modify_write"] = Field(
        default="mask",
        description="how one bit of a holding register is written: by the device (function 22), or by reading, "
        "changing and writing the register, which loses what the device changes meanwhile",
    )

    @property
    def pause_s(self) -> float:
        """Silence kept before a request."""
        return self.pause_ms / 1000


class ModbusTcpConfig(ModbusLine):
    """A Modbus TCP server, or a gateway with several units behind it."""

    driver: Literal["modbus_tcp"] = "modbus_tcp"
    host: str = Field(min_length=1, description="name or address of the device")
    port: int = Field(default=502, ge=1, le=65535, description="TCP port")
    per_unit_connections: bool = Field(
        default=False, description="a connection of its own, polled on its own, for each unit"
    )

    @property
    def where(self) -> str:
        """The device's address, for sentences."""
        return f"{self.host}:{self.port}"

    def parts(self, whole: Iterable[Tag]) -> list[tuple[ConnectionConfig, tuple[Tag, ...]]]:
        own = self.own_tags(whole)
        if not self.per_unit_connections:
            return [(self, own)]
        by_unit: dict[int, list[Tag]] = {}
        for tag in own:
            by_unit.setdefault(tag.unit_id, []).append(tag)
        # A colon can't stand in a configured name, so no name is there twice.
        return [
            (self.model_copy(update={"name": f"{self.name}:{unit}"}), tuple(tags))
            for unit, tags in sorted(by_unit.items())
        ]


class ModbusRtuTcpConfig(ModbusLine):
    """RTU frames carried by TCP: a serial device server in transparent mode."""

    # The device server gives every answer to all, or to the last, of those that are connected.
    exclusive: ClassVar[bool] = True
    driver: Literal["modbus_rtu_tcp"] = "modbus_rtu_tcp"
    host: str = Field(min_length=1, description="name or address of the device")
    port: int = Field(default=502, ge=1, le=65535, description="TCP port")

    @property
    def where(self) -> str:
        """The device's address, for sentences."""
        return f"{self.host}:{self.port}"


class ModbusRtuConfig(ModbusLine):
    """A serial line."""

    exclusive: ClassVar[bool] = True

    driver: Literal["modbus_rtu"] = "modbus_rtu"
    device: str = Field(min_length=1, description="serial port, e.g. /dev/ttyUSB0, or its lasting /dev/serial/by-id/…")
    baudrate: int = Field(default=19200, ge=300, le=4_000_000, description="speed of the line, bit/s")
    bytesize: Literal[7, 8] = Field(default=8, description="data bits of a character")
    parity: Literal["N", "E", "O"] = Field(default="E", description="the standard's default is even")
    stopbits: Literal[1, 2] = Field(default=1, description="without parity the standard asks for 2, most devices for 1")
    local_echo: bool = Field(default=False, description="the adapter sends back what was sent")

    @property
    def where(self) -> str:
        """The serial port, for sentences."""
        return self.device

    @property
    def pause_s(self) -> float:
        """At least the 3.5 characters by which devices tell two frames apart."""
        bits = 1 + self.bytesize + (self.parity != "N") + self.stopbits
        silence = FAST_SILENCE_S if self.baudrate > FAST_BAUD else SILENCE_CHARACTERS * bits / self.baudrate
        return max(self.pause_ms / 1000, silence)

    @model_validator(mode="after")
    def _answer_fits(self) -> ModbusRtuConfig:
        bits = 1 + self.bytesize + (self.parity != "N") + self.stopbits
        slowest = (5 + 2 * self.max_registers + 8) * bits / self.baudrate
        if slowest > self.timeout_s:
            raise ValueError(
                f"max_registers: {self.max_registers} registers take {slowest:.1f} s at {self.baudrate} baud, more "
                f"than timeout_s ({self.timeout_s:g}): read fewer at once, e.g. {self._most()}, or raise the speed"
            )
        return self

    def _most(self) -> int:
        bits = 1 + self.bytesize + (self.parity != "N") + self.stopbits
        return max(1, int((self.timeout_s * self.baudrate / bits / 2 - 13) / 2))


ModbusConfig = ModbusTcpConfig | ModbusRtuTcpConfig | ModbusRtuConfig


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that can't be read over Modbus."""
    if not tag.table or tag.type == "auto" or "register_" not in tag.model_fields_set:
        raise ValueError("a Modbus tag needs table, register and type")
    if tag.table in ("coil", "discrete") and tag.type != "bool":
        raise ValueError(f"type {tag.type} can't be read from table {tag.table}: use bool, or holding or input")
    if tag.register_ + tag.words > 65536:
        raise ValueError("the value ends beyond register 65535")


def check_serial_tag(tag: Tag) -> None:
    """As :func:`check_tag`, for a serial line."""
    check_tag(tag)
    if not 1 <= tag.unit_id <= 247:
        raise ValueError(f"unit_id {tag.unit_id}: on a serial line units are numbered 1 to 247 (0 is for everybody)")
