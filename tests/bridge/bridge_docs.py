"""The tables of docs/bridge.md that follow from the code. ``python tests/bridge/bridge_docs.py`` writes them anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from iot_bridge.alarms import ALARMS  # noqa: E402
from iot_bridge.cli.exits import Exit  # noqa: E402
from iot_bridge.config.model import BridgeConfig, OdooConfig, OutboxConfig, StatusConfig  # noqa: E402
from iot_bridge.drivers import DRIVERS, ConnectionConfig, WriteRule  # noqa: E402
from iot_bridge.metrics import METRICS  # noqa: E402

DOCS = ROOT / "docs/bridge.md"
BLOCK = re.compile(r"(<!-- table: ([\w:-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
COMMON = ("name", "driver", "clock", "timeout_s", "retry_max_s", "write", "safety")


def settings(model: type[BaseModel], leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    """A row a field. In a driver's table only what differs from every connection's is there again."""
    yield "| field | default | meaning |"
    yield "|---|---|---|"
    for name, info in model.model_fields.items():
        if name not in leave_out:
            yield f"| `{name}` | {default_of(info)} | {meaning_of(info)} |"


def default_of(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or value == [] or value == {} or isinstance(value, BaseModel):
        return ""
    return f"`{value}`" if not isinstance(value, bool) else f"`{str(value).lower()}`"


def meaning_of(info: FieldInfo) -> str:
    text = (info.description or "").replace("|", "\\|")
    if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) > 1:
        text += f" ({', '.join(f'`{word}`' for word in get_args(info.annotation))})"
    return text


def differing(model: type[ConnectionConfig]) -> tuple[str, ...]:
    """Fields that this driver has as every connection has them."""
    ours, theirs = ConnectionConfig.model_fields, model.model_fields
    same = {name for name in COMMON if name != "driver" and default_of(ours[name]) == default_of(theirs[name])
            and ours[name].description == theirs[name].description}  # fmt: skip
    return (*same, "driver")


def metrics() -> Iterator[str]:
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def alarms() -> Iterator[str]:
    yield "| alarm | what happened | what to do |"
    yield "|---|---|---|"
    for code, alarm in sorted(ALARMS.items()):
        yield f"| `{code}` | {alarm.meaning} | {alarm.mend} |"


def exits() -> Iterator[str]:
    yield "| code | meaning |"
    yield "|---|---|"
    for code in Exit:
        yield f"| {int(code)} | {code.meaning} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "bridge": lambda: settings(BridgeConfig),
    "odoo": lambda: settings(OdooConfig),
    "outbox": lambda: settings(OutboxConfig),
    "status": lambda: settings(StatusConfig),
    "connection": lambda: settings(ConnectionConfig),
    "write": lambda: settings(WriteRule),
    "metrics": metrics,
    "alarms": alarms,
    "exits": exits,
    **{f"driver:{name}": lambda kind=kind: settings(kind.settings, differing(kind.settings))  # type: ignore[misc]
       for name, kind in DRIVERS.items()},
}  # fmt: skip


def render(text: str) -> str:
    """The page with every table as the code has it."""
    return BLOCK.sub(lambda found: found[1] + "\n".join(TABLES[found[2]]()) + "\n" + found[4], text)


if __name__ == "__main__":
    DOCS.write_text(render(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
