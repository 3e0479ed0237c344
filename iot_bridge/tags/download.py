"""Tags as Odoo gives them, and the last good set on disk."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import Misconfigured
from .check import TagCheck, check_set
from .model import SIGNALS, Tag

FIELDS = frozenset(info.alias or name for name, info in Tag.model_fields.items())


def parse_download(
    answer: Mapping[str, Any], connections: Mapping[str, TagCheck]
) -> tuple[int, tuple[Tag, ...], list[str]]:
    """Odoo's tags_answer -> (revision, tags, findings). Unknown fields and signals are left out and reported.

    Raises Misconfigured when the set can't be used; the caller then keeps its last good one.
    """
    revision, entries = _shape(answer)
    findings: list[str] = []
    tags: list[Tag] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping):
            raise Misconfigured(f"tag {number} from Odoo is no tag but {str(entry)[:40]!r}: correct it there")
        signal = entry.get("signal")
        if isinstance(signal, str) and signal not in SIGNALS:
            findings.append(f"tag {_name(entry)}: signal {signal[:64]!r} is not known to this version")
            continue
        tags.append(_tag(entry))
    return revision, check_set(tags, connections), findings


def _shape(answer: Any) -> tuple[int, list[Any]]:
    """Revision and entries of an answer."""
    revision = answer.get("revision") if isinstance(answer, Mapping) else None
    entries = answer.get("tags") if isinstance(answer, Mapping) else None
    if not isinstance(revision, int) or isinstance(revision, bool) or not isinstance(entries, list):
        raise Misconfigured("Odoo's answer has no revision and list of tags: is mes_gateway of another version?")
    return revision, entries


def _tag(entry: Mapping[str, Any]) -> Tag:
    try:
        return Tag.model_validate({key: value for key, value in entry.items() if key in FIELDS})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "tag"
        raise Misconfigured(f"tag {_name(entry)} from Odoo: {where}: {first['msg']}") from None


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("tag"))[:320]


def load_last_good(path: Path) -> Mapping[str, Any] | None:
    """The tags_answer kept on disk, or None when none was kept. Raises Misconfigured for a damaged file."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(whole, dict):
        raise _damaged(path, "it holds no object")
    if "crc" not in whole:
        # As versions before wrote it.
        return whole
    answer = whole.get("answer")
    if not isinstance(answer, dict) or whole["crc"] != _checksum(answer):
        raise _damaged(path, "its checksum does not hold")
    return answer


def keep_last_good(path: Path, answer: Mapping[str, Any]) -> None:
    """Keep a tags_answer that was applied; after a power cut the file is the old or the new one, whole."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"crc": _checksum(answer), "answer": answer}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checksum(answer: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(answer, sort_keys=True).encode())


def _damaged(path: Path, why: str) -> Misconfigured:
    return Misconfigured(
        f"the tags kept in {path} are damaged ({why}): look at the disk; nothing is read before Odoo gives them anew"
    )
