"""What a Modbus connection and a Modbus tag need."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...tags.model import Tag
from ..settings import ConnectionConfig


class ModbusTcpConfig(ConnectionConfig):
    """A Modbus TCP server. Modbus carries no time: the bridge's clock stamps."""

    driver: Literal["modbus_tcp"] = "modbus_tcp"
    clock: Literal["bridge"] = Field(default="bridge", description="whose clock stamps: Modbus carries no time")
    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    timeout_s: float = Field(default=1.0, gt=0, le=1, strict=False, description="for one request")
    max_gap: int = Field(default=16, ge=0, le=120, description="unused registers read to save a request")


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that can't be read over Modbus."""
    if not tag.table or tag.type == "auto" or "register_" not in tag.model_fields_set:
        raise ValueError("a Modbus tag needs table, register and type")
    if tag.table in ("coil", "discrete") and tag.type != "bool":
        raise ValueError(f"type {tag.type} can't be read from table {tag.table}: use bool, or holding or input")
    if tag.register_ + tag.words > 65536:
        raise ValueError("the value ends beyond register 65535")
