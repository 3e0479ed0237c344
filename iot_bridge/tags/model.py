"""One tag: where a value is read and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..signals.counter import Counting
from ..signals.registry import KINDS
from ..signals.words import BITS, LARGEST

SIGNALS = frozenset(KINDS)


def _text_map(value: Any) -> Any:
    # YAML writes 1: running, JSON {"1": "running"}: both are meant.
    return {str(key): name for key, name in value.items()} if isinstance(value, Mapping) else value


RawMap = Annotated[dict[str, str], BeforeValidator(_text_map)]


def _tuples(value: Any) -> Any:
    # Lists come from YAML and JSON; a frozen tag holds tuples.
    if not isinstance(value, list):
        return value
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


Times = Annotated[tuple[str, ...], BeforeValidator(_tuples)]
Bits = Annotated[tuple[tuple[int | str, str], ...], BeforeValidator(_tuples)]
TagName = Annotated[str, Field(min_length=1, max_length=320)]
Limit = Annotated[float, Field(strict=False, allow_inf_nan=False)]


class AlarmBit(BaseModel):
    """One bit of an alarm word."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    code: str = Field(min_length=1, max_length=64)
    severity: str | None = Field(default=None, max_length=64)
    text: str | None = Field(default=None, max_length=255)


def _alarm_bits(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {str(bit): {"code": code} if isinstance(code, str) else code for bit, code in value.items()}


AlarmMap = Annotated[dict[str, AlarmBit], BeforeValidator(_alarm_bits)]


COMPANION_FIELDS = (
    "code_tag", "interlock_tag", "reset_flag_tag", "sequence_tag", "ack_tag", "action_tag", "trigger_tag",
    "quantity_tag", "result_tag", "batch_tag",
)  # fmt: skip


class Tag(BaseModel):
    """One tag; fields and units as in the schema's ``tag``. Null means default."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tag: str = Field(min_length=1)
    connection: str = Field(min_length=1)
    equipment: str = Field(min_length=1, max_length=255)
    signal: Literal[
        "state", "mode", "counter", "measurement", "alarm", "companion", "heartbeat", "energy", "material", "unit",
        "parameter",
    ]  # fmt: skip
    # Where: Modbus by table and register, every other protocol by address (see the driver's settings).
    address: str | None = Field(default=None, min_length=1, max_length=1024)
    table: Literal["", "holding", "input", "coil", "discrete"] = ""
    register_: int = Field(default=0, alias="register", ge=0, le=65535)
    # auto: as the source gives it.
    type: Literal[
        "auto", "bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "string"
    ] = "auto"
    length: int = Field(default=1, ge=1, le=125, description="registers of a string")
    bit: int = Field(default=0, ge=0, le=15)
    word_order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    unit_id: int = Field(default=1, ge=0, le=255)
    poll_ms: int = Field(default=500, ge=10, le=3_600_000)
    stale_ms: int | None = Field(default=None, ge=100, le=3_600_000)
    # state, mode
    map: RawMap = Field(default_factory=dict)
    map_revision: int = Field(default=0, ge=0)
    state_model: Literal["packml_packtags", "packml_opc30060"] | None = None
    bits: Bits = ()
    on_above: Limit | None = None
    off_below: Limit | None = None
    hold_on_ms: int = Field(default=0, ge=0, le=3_600_000)
    hold_off_ms: int = Field(default=0, ge=0, le=3_600_000)
    code_tag: TagName | None = None
    interlock_tag: TagName | None = None
    interlock_map: RawMap = Field(default_factory=lambda: {"1": "starved", "2": "blocked"})
    # counter, energy
    counter: str | None = Field(default=None, min_length=1, max_length=64)
    counting: Counting = "cumulative"
    modulus: int | None = Field(default=None, ge=2, le=LARGEST)
    max_rate: float | None = Field(default=None, gt=0, strict=False, allow_inf_nan=False)
    tolerance: int = Field(default=2, ge=0, le=LARGEST)
    policy: Literal["flag", "rollover", "reset"] = "flag"
    factor: int = Field(default=1, ge=1, le=1_000_000)
    cavity: int | None = Field(default=None, ge=1, le=999)
    reset_times: Times = ()
    time_zone: str = Field(default="UTC", min_length=1, max_length=64)
    reset_window_ms: int = Field(default=900_000, ge=0, le=12 * 3_600_000)
    reset_flag_tag: TagName | None = None
    sequence_tag: TagName | None = None
    ack_tag: TagName | None = None
    meter: str | None = Field(default=None, min_length=1, max_length=64)
    resolution: float | None = Field(default=None, gt=0, strict=False, allow_inf_nan=False)
    # values
    unit: str | None = Field(default=None, max_length=64)
    scale: float = Field(default=1.0, strict=False, allow_inf_nan=False)
    offset: float = Field(default=0.0, strict=False, allow_inf_nan=False)
    deadband: float = Field(default=0.0, ge=0, strict=False, allow_inf_nan=False)
    window_ms: int | None = Field(default=None, ge=100, le=86_400_000)
    batch_tag: TagName | None = None
    # alarm
    code: str | None = Field(default=None, max_length=64)
    severity: str | None = Field(default=None, max_length=64)
    text: str | None = Field(default=None, max_length=255)
    alarm_map: AlarmMap = Field(default_factory=dict)
    # material, unit
    position: str | None = Field(default=None, max_length=64)
    action: Literal["load", "consume", "in", "out", "reject"] | None = None
    action_tag: TagName | None = None
    action_map: RawMap = Field(default_factory=dict)
    trigger_tag: TagName | None = None
    quantity_tag: TagName | None = None
    result_tag: TagName | None = None
    writable: bool = Field(default=False, description="commands may write it, where the allow-list says so too")
    safety: bool = Field(default=False, description="part of a safety function: never written")

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _consistent(self) -> Tag:
        KINDS[self.signal].check(self)
        return self

    @property
    def words(self) -> int:
        """Registers (or bits, in coil and discrete) that the value takes."""
        return self.length if self.type == "string" else max(1, BITS[self.type] // 16)

    @property
    def wraps_at(self) -> int:
        """Modulus of a counter, in device counts."""
        return self.modulus if self.modulus is not None else min(2 ** BITS[self.type], LARGEST)

    @property
    def stale_limit_ms(self) -> int:
        """Plant ms without a good read after which the value counts as unknown: three polls, at most 5 s."""
        return self.stale_ms if self.stale_ms is not None else min(5000, 3 * self.poll_ms)

    @property
    def companions(self) -> list[str]:
        """Tags that are read together with this one."""
        named = [getattr(self, field) for field in COMPANION_FIELDS]
        return [*(name for name in named if name is not None), *(
            what for what, _ in self.bits if isinstance(what, str) and "/" in what
        )]  # fmt: skip

    @property
    def counter_key(self) -> str:
        """<equipment>/<counter>: how Odoo and the outbox name this counter."""
        return f"{self.equipment}/{self.counter}"
