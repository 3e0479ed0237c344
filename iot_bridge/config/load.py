"""Reads the YAML file; every error names file, line, field and the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..errors import Misconfigured
from .document import NotYaml, parse
from .model import UNKNOWN_DRIVER, BridgeConfig

# pydantic's type -> what to do about it.
MENDS = {
    "missing": "add this field",
    "extra_forbidden": "remove it or correct its spelling",
    "literal_error": "use one of the values named",
    "string_type": "write text (in quotes if it looks like a number)",
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
}


def load_config(path: Path) -> BridgeConfig:
    """The configuration in ``path``; relative paths in it are relative to its folder.

    Raises Misconfigured; several errors come in one message, a line each.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(
            f"{path}: {error.strerror}: give the path of the configuration, e.g. --config bridge.yaml"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Misconfigured(f"{path}:{line}: not UTF-8: save the file as UTF-8") from None
    try:
        root, data = parse(text)
    except NotYaml as error:
        raise Misconfigured(f"{path}:{error.line}: not YAML: {error}") from None
    if root is None or not isinstance(data, dict):
        raise Misconfigured(f"{path}:1: the file must hold fields like 'stream: LINE1'")
    try:
        config = BridgeConfig.model_validate(data)
    except ValidationError as error:
        raise Misconfigured("\n".join(_sentences(path, root, error))) from None
    _check_across(path, root, config)
    return _resolve(config, path.parent)


def _sentences(path: Path, root: yaml.Node, error: ValidationError) -> list[str]:
    out = []
    for item in error.errors():
        # pydantic names the branch of a union in the path: list[...] or literal[...].
        branches = [part for part in item["loc"] if str(part).startswith(("list[", "literal["))]
        loc = [part for part in item["loc"] if part not in branches]
        if any(str(part).startswith("literal[") for part in branches) and _is_list(root, "tags"):
            continue
        message = item["msg"].removeprefix("Value error, ")
        mend = MENDS.get(item["type"])
        loc += ["driver"] if item["type"] == UNKNOWN_DRIVER else []
        field = ".".join(str(part) for part in loc)
        out.append(f"{path}:{line_of(root, loc)}: {field}: {message}" + (f": {mend}" if mend else ""))
    return out


def _is_list(root: yaml.Node, key: str) -> bool:
    return any(k.value == key and isinstance(v, yaml.SequenceNode) for k, v in root.value)


def line_of(node: yaml.Node, loc: list[Any]) -> int:
    """Line (from 1) of the deepest part of ``loc`` that is in the document."""
    line = node.start_mark.line + 1
    for part in loc:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    found, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            line = found.start_mark.line + 1
        if found is None:
            return line
        node = found
    return line


def _check_across(path: Path, root: yaml.Node, config: BridgeConfig) -> None:
    try:
        config.check_tags()
    except Misconfigured as error:
        raise Misconfigured(f"{path}:{line_of(root, ['tags'])}: tags: {error}") from None


def _resolve(config: BridgeConfig, folder: Path) -> BridgeConfig:
    return config.model_copy(
        update={
            "data_dir": folder / config.data_dir,
            "odoo": config.odoo.resolved(folder),
            "connections": [connection.resolved(folder) for connection in config.connections],
        }
    )
