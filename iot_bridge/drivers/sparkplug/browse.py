"""What births have named, as things that can become tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..base import Found
from .datatypes import NAMES
from .node import Definition, Node, engineering_unit
from .topics import BDSEQ, Address, Source

# Data type -> type of a tag; all others can't be one.
TAG_TYPES = {
    1: "int16", 2: "int16", 3: "int32", 4: "int64", 5: "uint16", 6: "uint16", 7: "uint32", 8: "uint64", 9: "float32",
    10: "float64", 11: "bool", 12: "string", 13: "uint64", 14: "string", 15: "string",
}  # fmt: skip


def found_metrics(nodes: Iterable[Node], start: str | None, limit: int) -> list[Found]:
    """At most ``limit`` metrics of nodes and devices; ``start``: group[/node[/device]]."""
    found: list[Found] = []
    for node in sorted(nodes, key=lambda node: str(node.edge)):
        for source, table in sorted(node.tables.items(), key=lambda item: str(item[0])):
            if not table.born or not _below(source, start):
                continue
            for definition in table.metrics.values():
                if definition.name != BDSEQ and len(found) < limit:
                    found.append(_found(source, definition))
    return found


def _below(source: Source, start: str | None) -> bool:
    return not start or f"{source}/".startswith(start.rstrip("/") + "/")


def _found(source: Source, definition: Definition) -> Found:
    usable = definition.datatype in TAG_TYPES
    kind = NAMES.get(definition.datatype, str(definition.datatype))
    return Found(
        address=str(Address(source, definition.name)),
        name=definition.name.rsplit("/", 1)[-1],
        type=TAG_TYPES.get(definition.datatype, kind),
        value=definition.value,
        unit=engineering_unit(definition),
        writable=usable,
        description=kind if usable else f"{kind} can't become a tag",
    )
