"""``iot-bridge init``: writes a commented bridge.yaml. Asks nothing, overwrites nothing."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ..config import OdooConfig, OutboxConfig, StatusConfig, load_config
from ..drivers import DRIVERS
from ..drivers.settings import CREDENTIAL, Strict
from ..errors import Misconfigured
from .common import Commands, add
from .exits import Exit


def add_parser(commands: Commands) -> None:
    """The command's arguments."""
    parser = add(commands, "init", "write a commented bridge.yaml; overwrites nothing", work, config=False)
    parser.add_argument("--output", "-o", type=Path, default=Path("bridge.yaml"))
    parser.add_argument("--odoo", required=True, metavar="URL", help="e.g. https://odoo.example.com")
    parser.add_argument("--database", required=True)
    parser.add_argument("--login", required=True, help="as the gateway shows it beside its key: gateway-<id>-<id>")
    parser.add_argument("--stream", default="LINE1", help="as the gateway in Odoo names it (%(default)s)")
    parser.add_argument("--data-dir", default="bridge-data", help="(%(default)s)")
    parser.add_argument("--key-file", default="gateway.key", help="or credential:<name> (%(default)s)")
    parser.add_argument("--key-stdin", action="store_true", help="write the key from standard input into the key file")
    parser.add_argument("--driver", required=True, choices=sorted(DRIVERS))
    parser.add_argument("--name", default="plc1", help="of the connection; Odoo's tags use it (%(default)s)")
    parser.add_argument("--host", help="of the device or broker")
    parser.add_argument("--port", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any other field of the "
                        "connection, e.g. --set endpoint=opc.tcp://plc7:4840")  # fmt: skip
    parser.add_argument("--status-port", type=int, help="of the status page; default: 9720")


def work(args: argparse.Namespace) -> int:
    """See the module."""
    key = _key(args)
    key_path = args.output.parent / args.key_file
    for path in [args.output, *([key_path] if key is not None else [])]:
        if path.exists():
            print(f"{path} is there already: remove it, or choose another with --output or --key-file", file=sys.stderr)
            return Exit.EXISTS
    text = render(args)
    _check(args.output, text)
    if key is not None:
        _create(key_path, key + "\n", 0o600)
    _create(args.output, text, 0o644)
    print(f"{args.output} is written. Next: iot-bridge check --config {args.output} --online")
    return Exit.DONE


def render(args: argparse.Namespace) -> str:
    """The file's text. What is commented out is the default."""
    odoo = {"url": args.odoo.rstrip("/"), "database": args.database, "login": args.login, "key_file": args.key_file}
    page = {} if args.status_port is None else {"port": args.status_port}
    lines = [
        "# The IoT bridge. `iot-bridge check -c <this file>` says what is wrong with it, by line.",
        "# What is commented out is the default. All settings: docs/bridge.md.",
        "",
        "# Name of the stream at the gateway in Odoo; one bridge a stream.",
        f"stream: {_yaml(args.stream)}",
        "# Outbox, last good tags, certificates: on a disk that lasts, in a folder of its own.",
        f"data_dir: {_yaml(args.data_dir)}",
        "# Tags are edited in Odoo and downloaded.",
        "tags: from_odoo",
        "",
        "odoo:",
        *_fields(OdooConfig, odoo, "  "),
        "",
        "# Devices. Odoo's tags name them.",
        "connections:",
        *_connection(args),
        "",
        "# The queue on disk.",
        "outbox:",
        *_fields(OutboxConfig, {"keep_days": 7}, "  "),
        "",
        "# Status page, /metrics and /healthz, read only and without login: keep it on this machine.",
        "status:",
        *_fields(StatusConfig, {"listen": "127.0.0.1", **page}, "  "),
    ]
    return "\n".join(lines) + "\n"


def _connection(args: argparse.Namespace) -> list[str]:
    kind = DRIVERS[args.driver]
    given: dict[str, Any] = {"name": args.name, "driver": args.driver}
    for field in ("host", "port"):
        if getattr(args, field) is not None:
            given[field] = getattr(args, field)
    for item in args.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise Misconfigured(f"--set {item}: write FIELD=VALUE")
        given[name] = yaml.safe_load(value)
    fields = kind.settings.model_fields
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise Misconfigured(f"driver {args.driver} has no {unknown[0]}; it has {', '.join(sorted(fields))}")
    missing = [name for name, info in fields.items() if info.is_required() and name not in given]
    if missing:
        flag = f"--{missing[0]} …" if missing[0] in ("host", "port") else f"--set {missing[0]}=…"
        why = fields[missing[0]].description
        raise Misconfigured(f"driver {args.driver} needs {missing[0]}{f' ({why})' if why else ''}: {flag}")
    lines = list(_fields(kind.settings, given, "    "))
    lines[0] = "  - " + lines[0].lstrip()
    return lines


def _fields(model: type[Strict], given: Mapping[str, Any], indent: str) -> Iterator[str]:
    """What is given, then every other field as a comment with its default."""
    fields = model.model_fields
    for name in given:
        yield f"{indent}{name}: {_yaml(given[name])}{_why(fields[name])}"
    for name, info in fields.items():
        if name not in given:
            yield f"{indent}# {name}: {_yaml(_default(info))}{_why(info)}"


def _why(info: FieldInfo) -> str:
    return f"  # {info.description}" if info.description else ""


def _default(info: FieldInfo) -> Any:
    made = info.get_default(call_default_factory=True, validated_data={})
    return None if made is PydanticUndefined else made


def _yaml(value: Any) -> str:
    """On one line. JSON is YAML; a plain word needs no quotes."""
    if isinstance(value, str) and value.replace("_", "").replace("-", "").replace(".", "").isalnum():
        return value if yaml.safe_load(value) == value else json.dumps(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _key(args: argparse.Namespace) -> str | None:
    if not args.key_stdin:
        return None
    if args.key_file.startswith(CREDENTIAL):
        raise Misconfigured("--key-stdin writes a file, but a credential comes from systemd: leave one of them out")
    key = sys.stdin.readline().strip()
    if not key:
        raise Misconfigured("--key-stdin: no key came; e.g. iot-bridge init … --key-stdin < key")
    return key


def _check(target: Path, text: str) -> None:
    """What would be written is a configuration that works, or nothing is written."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        _create(draft, text, 0o600)
        load_config(draft)
    except Misconfigured as error:
        raise Misconfigured(str(error).replace(str(draft), str(target))) from None
    finally:
        draft.unlink(missing_ok=True)


def _create(path: Path, text: str, mode: int) -> None:
    """A new file; the mode holds from its first byte on."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}: choose a folder that can be written to") from None
