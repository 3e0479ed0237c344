"""The configuration, typed. Every field's unit is in its name or its description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, field_validator
from pydantic_core import PydanticCustomError

from ..drivers import DRIVERS, ConnectionConfig
from ..drivers.settings import FilePath, Strict
from ..errors import Misconfigured
from ..tags import Tag, TagCheck, check_set


def _by_driver(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A connection by the settings of its driver (Modbus TCP when it names none)."""
    if not isinstance(value, Mapping):
        return handler(value)
    driver = value.get("driver", DEFAULT_DRIVER)
    kind = DRIVERS.get(driver) if isinstance(driver, str) else None
    if kind is None:
        names = ", ".join(sorted(DRIVERS))
        raise PydanticCustomError(UNKNOWN_DRIVER, f"{driver!r} is unknown: use one of {names}")
    return kind.settings.model_validate({**value, "driver": driver})


DEFAULT_DRIVER = "modbus_tcp"
UNKNOWN_DRIVER = "driver_unknown"
Connection = Annotated[ConnectionConfig, WrapValidator(_by_driver)]


class OdooConfig(Strict):
    """How to reach Odoo. The key of the gateway's user lies in key_file, never here."""

    url: str = Field(pattern=r"^https?://[^/\s]+$", description="e.g. https://odoo.example.com, without a path")
    database: str = Field(min_length=1, description="name of the database")
    login: str = Field(min_length=1, description="login of the gateway's user")
    key_file: FilePath = Field(description="file with the API key, one line")
    transport: Literal["xmlrpc", "json2"] = Field(
        default="xmlrpc", description="json2 where XML-RPC is switched off (Odoo 19 and newer)"
    )
    timeout_s: float = Field(default=10.0, gt=0, le=120, strict=False, description="for one ingest call")
    live_timeout_s: float = Field(default=1.5, gt=0, le=30, strict=False, description="for one call of the live lane")
    retry_max_s: float = Field(default=2.0, gt=0, le=60, strict=False, description="longest pause between attempts")
    ca_file: FilePath | None = Field(default=None, description="authority of Odoo's certificate, PEM; else system's")
    client_cert: FilePath | None = Field(default=None, description="this bridge's certificate and key, one PEM file")
    proxy: str | None = Field(
        default=None, min_length=1, description="http://[user:password@]host:port, or none; default: the environment's"
    )

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username is not None:
            raise ValueError("no login belongs here (see login and key_file): write e.g. https://odoo.example.com")
        try:
            parts.port  # noqa: B018 (it is checked when it is asked for)
        except ValueError:
            raise ValueError("the port is none: write e.g. https://odoo.example.com:8069") from None
        return url

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
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise Misconfigured(f"odoo.key_file {self.key_file} holds more than a key: one line with the key, no other")
        return key


class OutboxConfig(Strict):
    """The durable queue."""

    keep_days: float = Field(default=7.0, ge=0, strict=False, description="acknowledged events are kept so long")
    keep_max: int = Field(default=2_000_000, ge=0, description="and at most so many of them")
    max_pending: int = Field(default=1_000_000, ge=1000, description="unsent events beyond this are condensed")
    max_bytes: int = Field(
        default=1_000_000_000, ge=1 << 20, description="bytes on the disk of one stream's outbox; beyond is condensed"
    )
    max_age_days: float = Field(
        default=30.0, gt=0, strict=False, description="unsent measurements older than this are dropped"
    )


class StatusConfig(Strict):
    """The status page, metrics and health, read only. Without this section nothing listens."""

    listen: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; there is no login")
    port: int = Field(default=9720, ge=0, le=65535, description="0: any free one, see the log")
    hosts: list[str] = Field(
        default_factory=list, description="names by which browsers may ask, besides localhost and addresses"
    )


class BridgeConfig(Strict):
    """The whole file."""

    stream: str = Field(min_length=1, max_length=64, description="states, counts, evidence, alarms")
    telemetry_stream: str | None = Field(
        default=None, min_length=1, max_length=64, description="measurements; default: the same stream"
    )
    data_dir: FilePath = Field(description="outboxes, last good tags, certificates; one bridge a folder")
    odoo: OdooConfig = Field(description="where events go, see below")
    connections: list[Connection] = Field(min_length=1, description="devices, brokers and folders, see below")
    tags: Literal["from_odoo"] | list[Tag] = Field(
        default="from_odoo", description="downloaded by revision, or a list of tags here"
    )
    outbox: OutboxConfig = Field(default=OutboxConfig(), description="the queue on disk, see below")
    status: StatusConfig | None = Field(default=None, description="status page; see below")
    batch_max: int = Field(default=5000, ge=1, le=5000, description="most events of a call; it finds how many are good")
    evidence_every_ms: int | None = Field(
        default=None, ge=100, description="plant ms between evidence events; default half the stale limit"
    )

    @field_validator("connections")
    @classmethod
    def _unique_names(cls, value: list[Connection]) -> list[Connection]:
        names = [connection.name for connection in value]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"two connections are named {', '.join(double)}: rename one")
        return value

    @property
    def tag_checks(self) -> dict[str, TagCheck]:
        """Connection name -> what its protocol demands of a tag."""
        return {connection.name: DRIVERS[connection.driver].check_tag for connection in self.connections}

    def streams(self) -> list[str]:
        """Every stream that this bridge delivers, the main one first."""
        extra = [self.telemetry_stream, *(connection.history_stream for connection in self.connections)]
        return list(dict.fromkeys([self.stream, *(name for name in extra if name is not None)]))

    def check_tags(self) -> None:
        """Raise Misconfigured when the local tags don't fit the connections."""
        if self.tags != "from_odoo":
            check_set(self.tags, self.tag_checks)
