"""What a file connection and its tags need."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from ...tags.model import Tag
from ..settings import ConnectionConfig, FilePath

ISO, EPOCH_S, EPOCH_MS = "iso", "epoch_s", "epoch_ms"


class FileConfig(ConnectionConfig):
    """A folder in which CSV or JSON lines files appear.

    A row has a time and values: wide, a column a tag (the tag's ``address``, or ``columns``), or long, a
    column with the tag's full name and one with its value. With ``stream`` it is history: stored in a stream
    of its own, it raises no alarm and moves no live value.
    """

    # Two that take files from one folder would take them from each other.
    exclusive: ClassVar[bool] = True

    driver: Literal["file"] = "file"
    clock: Literal["source"] = Field(default="source", description="rows carry their own time")
    folder: FilePath = Field(description="where files appear; write them under another name and rename them")
    pattern: str = Field(default="*.csv", min_length=1, description="which files, like *.csv; no sub-folders")
    format: Literal["csv", "jsonl"] = Field(default="csv", description="CSV, or a JSON object a line")
    time_column: str = Field(default="time", min_length=1, description="column (JSON: dotted path) of the time")
    time_format: str = Field(
        default=ISO, min_length=1, description="iso, epoch_s, epoch_ms, or a pattern like %d.%m.%Y %H:%M:%S"
    )
    time_zone: str = Field(default="UTC", min_length=1, description="IANA name, for times that name no zone")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="CSV: between two columns")
    decimal: Literal[".", ","] = Field(default=".", description="CSV: the sign before decimals")
    encoding: str = Field(default="utf-8-sig", min_length=1, description="of the text, e.g. cp1252")
    columns: dict[str, str] = Field(default_factory=dict, description="column -> full name of another's tag")
    tag_column: str | None = Field(default=None, min_length=1, description="long rows: column with the tag's name")
    value_column: str = Field(default="value", min_length=1, description="long rows: column with the value")
    stream: str | None = Field(default=None, min_length=1, max_length=64, description="of history: its own stream")
    holds_s: float | None = Field(
        default=None, gt=0, le=3600, strict=False, description="how long a row holds good; default the stale limit"
    )
    done_folder: FilePath | None = Field(default=None, description="default: done, in the folder")
    error_folder: FilePath | None = Field(default=None, description="default: errors, in the folder")
    look_s: float = Field(default=1.0, gt=0, le=60, strict=False, description="how often the folder is looked at")
    settle_s: float = Field(
        default=2.0, ge=0, le=600, strict=False, description="a file is read when unchanged for so long"
    )

    @property
    def slowest_s(self) -> float:
        return super().slowest_s + self.look_s

    @model_validator(mode="after")
    def _consistent(self) -> FileConfig:
        if "/" in self.pattern or "\\" in self.pattern:
            raise ValueError("pattern: a name only, no folders: set folder to where the files appear")
        if (self.columns or self.tag_column) and self.stream is None:
            raise ValueError("columns and tag_column feed tags of other connections: that is history, give it a stream")
        if self.columns and self.tag_column:
            raise ValueError("rows are wide (columns) or long (tag_column): keep one")
        if self.decimal == self.delimiter:
            raise ValueError("decimal and delimiter are the same sign: change one, e.g. delimiter: ;")
        try:
            ZoneInfo(self.time_zone)
            if b"ab\n".decode(self.encoding) != "ab\n":
                raise LookupError
        except UnicodeError:
            raise ValueError(f"encoding {self.encoding!r} has no single bytes: save as utf-8 or cp1252") from None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"time_zone {self.time_zone!r} is not known: write e.g. Europe/Berlin") from None
        except LookupError:
            raise ValueError(f"encoding {self.encoding!r} is not known: write e.g. utf-8 or cp1252") from None
        return self

    @property
    def history_stream(self) -> str | None:
        return self.stream

    @property
    def done(self) -> Path:
        """Where read files go."""
        return self.done_folder or self.folder / "done"

    @property
    def errors(self) -> Path:
        """Where refused rows go."""
        return self.error_folder or self.folder / "errors"

    def own_tags(self, whole: Iterable[Tag]) -> tuple[Tag, ...]:
        named = set(self.columns.values())
        own = [tag for tag in whole if tag.connection == self.name or tag.tag in named or self.tag_column is not None]
        if self.holds_s is None:
            return tuple(own)
        holds = {"stale_ms": max(100, round(self.holds_s * 1000))}
        return tuple(tag.model_copy(update=holds) for tag in own)


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that no file can give."""
    if not tag.address:
        raise ValueError("a tag of a file needs address: the column, or the dotted path in a JSON line")
    if tag.writable or tag.counting == "handshake":
        raise ValueError("a file can't be written to: remove writable, or the handshake")
