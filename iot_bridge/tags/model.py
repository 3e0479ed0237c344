"""One tag: where a value is read and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

State = Literal["running", "idle", "down", "setup", "maintenance"]
Mode = Literal["production", "changeover", "maintenance", "cleaning", "trial", "manual"]
STATES = frozenset(State.__args__)  # type: ignore[attr-defined]
MODES = frozenset(Mode.__args__)  # type: ignore[attr-defined]
SIGNALS = frozenset({"state", "mode", "counter", "measurement", "alarm", "companion"})
BITS = {
    "bool": 1, "uint16": 16, "int16": 16, "uint32": 32, "int32": 32,
    "uint64": 64, "int64": 64, "float32": 32, "float64": 64, "auto": 64, "string": 16,
}  # fmt: skip
# Whole numbers are exact in a float up to its mantissa; a counter beyond it stands still.
EXACT = {"float32": 2**24, "float64": 2**53}
LARGEST = 2**63 - 1
# Characters of a raw state or mode that a source gives as text.
LONGEST_RAW = 64


def _text_map(value: Any) -> Any:
    # YAML writes 1: running, JSON {"1": "running"}: both are meant.
    return {str(key): name for key, name in value.items()} if isinstance(value, Mapping) else value


RawMap = Annotated[dict[str, str], BeforeValidator(_text_map)]


class Tag(BaseModel):
    """One tag; fields and units as in the schema's ``tag``. Null means default."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tag: str = Field(min_length=1)
    connection: str = Field(min_length=1)
    equipment: str = Field(min_length=1, max_length=255)
    signal: Literal["state", "mode", "counter", "measurement", "alarm", "companion"]
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
    stale_ms: int | None = Field(default=None, ge=100)
    map: RawMap = Field(default_factory=dict)
    map_revision: int = Field(default=0, ge=0)
    code_tag: str | None = None
    interlock_tag: str | None = None
    interlock_map: RawMap = Field(default_factory=lambda: {"1": "starved", "2": "blocked"})
    counter: str | None = Field(default=None, min_length=1)
    modulus: int | None = Field(default=None, ge=2, le=LARGEST)
    max_rate: float | None = Field(default=None, gt=0, strict=False)
    tolerance: int = Field(default=2, ge=0)
    policy: Literal["flag", "rollover", "reset"] = "flag"
    reset_flag_tag: str | None = None
    unit: str | None = None
    scale: float = Field(default=1.0, strict=False)
    offset: float = Field(default=0.0, strict=False)
    deadband: float = Field(default=0.0, ge=0, strict=False)
    code: str | None = None
    writable: bool = Field(default=False, description="commands may write it, where the bridge's allow-list says so too")
    safety: bool = Field(default=False, description="part of a safety function: never written")

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _consistent(self) -> Tag:
        check = {"counter": self._check_counter, "state": self._check_map, "mode": self._check_map}.get(self.signal)
        if check is not None:
            check()
        if self.signal == "alarm" and not self.code:
            raise ValueError("an alarm needs a code")
        return self

    def _check_map(self) -> None:
        known = STATES if self.signal == "state" else MODES
        wrong = sorted(set(self.map.values()) - known)
        if not self.map or wrong:
            what = f"knows no {', '.join(wrong)}" if wrong else "is missing"
            raise ValueError(f"map {what}: map raw values to {', '.join(sorted(known))}")
        if any(not 0 < len(key) <= LONGEST_RAW for key in self.map):
            raise ValueError(f"map: the keys are raw values, whole numbers or a text up to {LONGEST_RAW} characters")

    def _check_counter(self) -> None:
        if not self.counter:
            raise ValueError("a counter needs its name at the equipment: counter: total (or good, reject, …)")
        if self.max_rate is None:
            raise ValueError("a counter needs max_rate, the most counts a second that are possible")
        if self.modulus is None and not self.type.startswith("uint"):
            raise ValueError(f"a counter of type {self.type} needs modulus, the value at which it wraps")
        exact = EXACT.get(self.type)
        if exact is not None and self.wraps_at > exact:
            raise ValueError(f"a {self.type} counter stands still at {exact}: let the PLC wrap it there, or use uint32")
        if self.wraps_at <= 2 * (self.max_rate * self.poll_ms / 1000 + self.tolerance):
            raise ValueError(
                f"the counter can wrap unseen: {self.wraps_at} at {self.max_rate:g}/s within two polls of "
                f"{self.poll_ms} ms; poll faster, or use a wider counter"
            )

    @property
    def words(self) -> int:
        """Registers (or bits, in coil and discrete) that the value takes."""
        return self.length if self.type == "string" else max(1, BITS[self.type] // 16)

    @property
    def wraps_at(self) -> int:
        """Modulus of a counter."""
        return self.modulus if self.modulus is not None else min(2 ** BITS[self.type], LARGEST)

    @property
    def stale_limit_ms(self) -> int:
        """Plant ms without a good read after which the value counts as unknown: three polls, at most 5 s."""
        return self.stale_ms if self.stale_ms is not None else min(5000, 3 * self.poll_ms)

    @property
    def companions(self) -> list[str]:
        """Tags that are read together with this one."""
        return [tag for tag in (self.code_tag, self.interlock_tag, self.reset_flag_tag) if tag is not None]

    @property
    def counter_key(self) -> str:
        """<equipment>/<counter>: how Odoo and the outbox name this counter."""
        return f"{self.equipment}/{self.counter}"
