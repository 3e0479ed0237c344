"""Tags as Odoo gives them, and the last good set on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import Misconfigured
from .check import TagCheck, check_set
from .model import SIGNALS, Tag


def parse_download(
    answer: Mapping[str, Any], connections: Mapping[str, TagCheck]
) -> tuple[int, tuple[Tag, ...], list[str]]:
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
