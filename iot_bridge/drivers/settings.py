"""What every connection has, whatever its protocol. Imports no protocol library and nothing of ``config``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..tags.model import Tag

CREDENTIAL = "credential:"


def _path(value: Any) -> Any:
    """``credential:<name>`` is a file that systemd hands over (LoadCredential=<name>:<file>); by hand, without
    systemd, the file <name> beside the configuration."""
    if not isinstance(value, str) or not value.startswith(CREDENTIAL):
        return Path(value) if isinstance(value, str) else value
    name, folder = value.removeprefix(CREDENTIAL), os.environ.get("CREDENTIALS_DIRECTORY")
    if not name or "/" in name or name in (".", ".."):
        raise ValueError(f"{value!r}: write credential:<name> with the name of a LoadCredential= of the systemd unit")
    return Path(folder, name) if folder else Path(name)


FilePath = Annotated[Path, BeforeValidator(_path)]


class Strict(BaseModel):
    """No unknown field, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def resolved(self, folder: Path) -> Any:
        """The same with every relative path taken from ``folder``, the configuration's own."""
        paths = {name: folder / value for name, value in self if isinstance(value, Path)}
        return self.model_copy(update=paths) if paths else self


class WriteRule(Strict):
    """One tag that commands from Odoo may write: the bridge's own allow-list. Nothing else is ever written."""

    tag: str = Field(min_length=1, description="full name of the tag")
    min: float | None = Field(default=None, strict=False, description="least value, after scaling")
    max: float | None = Field(default=None, strict=False, description="greatest value, after scaling")
    values: list[bool | int | float | str] | None = Field(default=None, description="the only values allowed")
    every_s: float = Field(default=0.0, ge=0, strict=False, description="least plant seconds between two writes")
    tolerance: float = Field(
        default=0.0, ge=0, strict=False, description="by how much the value read back may differ, after scaling"
    )

    @model_validator(mode="after")
    def _bounded(self) -> WriteRule:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max: exchange them")
        return self


class ConnectionConfig(Strict):
    """One link to one device, broker or folder. Network times are real time.

    clock says whose clock stamps a sample: ``bridge`` the time at which the request left, ``source`` the
    source's own stamp, ``corrected`` the source's stamp less its estimated offset.
    """

    # Whether a second link of the same settings would disturb the first (a session, a serial port).
    exclusive: ClassVar[bool] = False

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="what tags refer to")
    driver: str
    clock: Literal["bridge", "source", "corrected"] = Field(default="bridge", description="whose clock stamps")
    timeout_s: float = Field(default=1.0, gt=0, le=10, strict=False, description="for one request")
    retry_max_s: float = Field(default=2.0, gt=0, le=60, strict=False, description="longest pause between attempts")
    write: list[WriteRule] = Field(default_factory=list, description="tags that commands may write")
    safety: list[str] = Field(
        default_factory=list, description="tags of safety functions (* and ? as in file names): never written"
    )

    @model_validator(mode="after")
    def _writable(self) -> ConnectionConfig:
        tags = [rule.tag for rule in self.write]
        for tag in tags:
            if tags.count(tag) > 1:
                raise ValueError(f"write: two rules for {tag}: keep one")
            if self.is_safety(tag):
                raise ValueError(f"write: {tag} belongs to a safety function (see safety): remove its rule")
        return self

    def is_safety(self, tag: str) -> bool:
        """Whether a tag is never written, whatever else is said."""
        return any(fnmatchcase(tag, pattern) for pattern in self.safety)

    @property
    def slowest_s(self) -> float:
        """The longest that one step of the connection may take, besides its polls: longer means that it hangs."""
        return self.retry_max_s + 5 * self.timeout_s

    @property
    def history_stream(self) -> str | None:
        """The stream of its own that a source of history has; None: it belongs to the live plant."""
        return None

    def own_tags(self, whole: Iterable[Tag]) -> tuple[Tag, ...]:
        """Which of all tags this connection feeds. A source of history feeds tags of other connections."""
        return tuple(tag for tag in whole if tag.connection == self.name)

    def parts(self, whole: Iterable[Tag]) -> Sequence[tuple[ConnectionConfig, tuple[Tag, ...]]]:
        """The links that this connection really is, each with its tags: usually itself, alone."""
        return [(self, self.own_tags(whole))]
