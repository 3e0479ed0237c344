"""The configuration, typed. Every field's unit is in its name or its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from ..errors import Misconfigured
from ..tags import Tag

FilePath = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) else value)]


class Strict(BaseModel):
    """No unknown field, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OdooConfig(Strict):
    """How to reach Odoo. The key of the gateway's user lies in key_file, never here."""

    url: str = Field(pattern=r"^https?://[^/\s]+$", description="e.g. https://odoo.example.com, without a path")
    database: str = Field(min_length=1)
    login: str = Field(min_length=1, description="login of the gateway's user")
    key_file: FilePath = Field(description="file with the API key, one line")
    transport: Literal["xmlrpc", "json2"] = "xmlrpc"
    timeout_s: float = Field(default=10.0, gt=0, le=120, strict=False, description="for one ingest call")
    live_timeout_s: float = Field(default=3.0, gt=0, le=30, strict=False, description="for one call of the live lane")
    retry_max_s: float = Field(default=2.0, gt=0, le=60, strict=False, description="longest pause between attempts")

    def is_overheard(self) -> bool:
        """Whether the key crosses a network in clear text: no TLS, and Odoo on another machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")

    def read_key(self) -> str:
        """The API key; raises Misconfigured with the mend."""
        try:
            key = self.key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Misconfigured(
                f"odoo.key_file {self.key_file}: {error.strerror}. Make the key with the gateway's button in Odoo "
                "and put it into this file, readable by the bridge only"
            ) from None
        except UnicodeDecodeError:
            raise Misconfigured(f"odoo.key_file {self.key_file} is no text: put the API key into it") from None
        if not key:
            raise Misconfigured(f"odoo.key_file {self.key_file} is empty: put the gateway's API key into it")
        return key


class ConnectionConfig(Strict):
    """One device link. Network times are real time."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    driver: str = "modbus_tcp"
    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    clock: Literal["bridge"] = Field(default="bridge", description="whose clock stamps: Modbus carries no time")
    timeout_s: float = Field(default=1.0, gt=0, le=1, strict=False, description="for one request")
    retry_max_s: float = Field(default=2.0, gt=0, le=60, strict=False)
    max_gap: int = Field(default=16, ge=0, le=120, description="unused registers read to save a request")


class OutboxConfig(Strict):
    """The durable queue."""

    keep_days: float = Field(default=7.0, ge=0, strict=False, description="acknowledged events are kept so long")
    keep_max: int = Field(default=2_000_000, ge=0, description="and at most so many of them")
    max_pending: int = Field(default=1_000_000, ge=1000, description="unsent events beyond this are condensed")


class BridgeConfig(Strict):
    """The whole file."""

    stream: str = Field(min_length=1, max_length=64)
    data_dir: FilePath
    odoo: OdooConfig
    connections: list[ConnectionConfig] = Field(min_length=1)
    tags: Literal["from_odoo"] | list[Tag] = "from_odoo"
    outbox: OutboxConfig = OutboxConfig()
    batch_max: int = Field(default=500, ge=1, le=5000)
    evidence_every_ms: int | None = Field(
        default=None, ge=100, description="plant ms between evidence events; default half the stale limit"
    )

    @field_validator("connections")
    @classmethod
    def _unique_names(cls, value: list[ConnectionConfig]) -> list[ConnectionConfig]:
        names = [connection.name for connection in value]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"two connections are named {', '.join(double)}: rename one")
        return value
