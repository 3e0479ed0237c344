"""Tags: where a value is read and what it means. Local, or downloaded from Odoo by revision."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .errors import Misconfigured

State = Literal["running", "idle", "down", "setup", "maintenance"]
Mode = Literal["production", "changeover", "maintenance", "cleaning", "trial", "manual"]
STATES = frozenset(State.__args__)  # type: ignore[attr-defined]
MODES = frozenset(Mode.__args__)  # type: ignore[attr-defined]
SIGNALS = frozenset({"state", "mode", "counter", "measurement", "alarm", "companion"})
BITS = {
    "bool": 1, "uint16": 16, "int16": 16, "uint32": 32, "int32": 32,
    "uint64": 64, "int64": 64, "float32": 32, "float64": 64,
}  # fmt: skip
# Whole numbers are exact in a float up to its mantissa; a counter beyond it stands still.
EXACT = {"float32": 2**24, "float64": 2**53}
LARGEST = 2**63 - 1


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
    table: Literal["holding", "input", "coil", "discrete"]
    register_: int = Field(alias="register", ge=0, le=65535)
    type: Literal["bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
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

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _consistent(self) -> Tag:
        if self.table in ("coil", "discrete") and self.type != "bool":
            raise ValueError(f"type {self.type} can't be read from table {self.table}: use bool, or holding or input")
        if self.register_ + self.words > 65536:
            raise ValueError("the value ends beyond register 65535")
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
        if any(not key.lstrip("-").isdigit() for key in self.map):
            raise ValueError("map: the keys are raw register values, whole numbers")

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
        return max(1, BITS[self.type] // 16)

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


def check_set(tags: Iterable[Tag], connections: Iterable[str]) -> tuple[Tag, ...]:
    """Check what only shows between tags; raise Misconfigured naming the tag and the mend."""
    whole = tuple(tags)
    by_name: dict[str, Tag] = {}
    owners: dict[tuple[str, str], str] = {}
    known = set(connections)
    for tag in whole:
        if tag.tag in by_name:
            raise Misconfigured(f"tag {tag.tag} is there twice: remove or rename one")
        by_name[tag.tag] = tag
        if tag.connection not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Misconfigured(
                f"tag {tag.tag}: connection {tag.connection!r} is not configured here (there are: {names})"
            )
        role = tag.counter_key if tag.signal == "counter" else tag.signal
        if tag.signal in ("state", "mode", "counter"):
            other = owners.setdefault((tag.equipment, role), tag.tag)
            if other != tag.tag:
                raise Misconfigured(f"tags {other} and {tag.tag} both say {role} of {tag.equipment}: keep one")
    for tag in whole:
        for name in tag.companions:
            companion = by_name.get(name)
            if companion is None:
                raise Misconfigured(f"tag {tag.tag} needs {name}, which is not among the tags: add it as a companion")
            if _place(companion) != _place(tag):
                raise Misconfigured(f"tag {tag.tag} and its {name} must be of one equipment, connection and unit")
    return whole


def _place(tag: Tag) -> tuple[str, str, int]:
    return tag.equipment, tag.connection, tag.unit_id


def parse_download(answer: Mapping[str, Any], connections: Iterable[str]) -> tuple[int, tuple[Tag, ...], list[str]]:
    """Odoo's tags_answer -> (revision, tags, findings). Unknown fields and signals are left out and reported.

    Raises Misconfigured when the set can't be used; the caller then keeps its last good one.
    """
    findings: list[str] = []
    fields = {info.alias or name for name, info in Tag.model_fields.items()}
    tags: list[Tag] = []
    for entry in answer["tags"]:
        if entry.get("signal") not in SIGNALS:
            findings.append(f"tag {entry.get('tag')}: signal {entry.get('signal')!r} is not known to this version")
            continue
        try:
            tags.append(Tag.model_validate({key: value for key, value in entry.items() if key in fields}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "tag"
            raise Misconfigured(f"tag {entry.get('tag')} from Odoo: {where}: {first['msg']}") from None
    return int(answer["revision"]), check_set(tags, connections), findings


def load_last_good(path: Path) -> Mapping[str, Any] | None:
    """The tags_answer kept on disk, or None."""
    if not path.exists():
        return None
    try:
        kept: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return kept


def keep_last_good(path: Path, answer: Mapping[str, Any]) -> None:
    """Keep a tags_answer that was applied; the file is replaced in one step."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(answer), encoding="utf-8")
    os.replace(fresh, path)
