"""What an OPC UA server offers: its variables, breadth first, each once however often it is referenced."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import LinkLost
from ..base import Found
from .library import ua
from .session import Session
from .settings import parse_address
from .values import address_text, node_id, reading

MAX_DEPTH = 12
MAX_NODES = 200_000
AT_ONCE = 50
REFERENCES_AT_ONCE = 1000
_SERVER = ua.NodeId(ua.ObjectIds.Server)
# Types as a tag names them; of all others the source says what it gives.
_TYPES = {
    "Boolean": "bool", "Int16": "int16", "UInt16": "uint16", "Int32": "int32", "UInt32": "uint32", "Int64": "int64",
    "UInt64": "uint64", "Float": "float32", "Double": "float64", "String": "string",
}  # fmt: skip
_CLASSES = int(ua.NodeClass.Object) | int(ua.NodeClass.Variable)


@dataclass(frozen=True, slots=True)
class _Place:
    """A node to look under. variable: it is a variable itself."""

    node: Any
    path: str
    depth: int
    variable: bool = False


@dataclass(slots=True)
class _Variable:
    node: Any
    path: str
    unit_node: Any = None


async def browse(session: Session, start: str | None, limit: int) -> list[Found]:
    """At most ``limit`` variables with one value below ``start`` (the Objects folder, but not what the server tells
    of itself)."""
    first = ua.NodeId(ua.ObjectIds.ObjectsFolder)
    if start is not None:
        try:
            first = node_id(parse_address(start), session.namespaces)
        except ValueError as error:
            raise LinkLost(str(error)) from None
        if first is None:
            raise LinkLost(f"the server has no namespace of {start}; it has {', '.join(session.namespaces)}")
    variables = await _walk(session, first, limit)
    return await _describe(session, variables)


async def _walk(session: Session, first: Any, limit: int) -> list[_Variable]:
    seen = {first, _SERVER}
    found: dict[Any, _Variable] = {}
    todo = deque([_Place(first, "", 0)])
    while todo and len(seen) < MAX_NODES:
        places = [todo.popleft() for _ in range(min(AT_ONCE, len(todo)))]
        for place, references in zip(places, await _children(session, [place.node for place in places])):
            for reference in references:
                name = reference.BrowseName.Name or str(reference.NodeId.Identifier)
                if reference.ReferenceTypeId == ua.NodeId(ua.ObjectIds.HasProperty):
                    if name == "EngineeringUnits" and place.node in found:
                        found[place.node].unit_node = reference.NodeId
                    continue
                if reference.NodeId in seen or getattr(reference.NodeId, "ServerIndex", None):
                    continue
                seen.add(reference.NodeId)
                path = f"{place.path}/{name}" if place.path else name
                if reference.NodeClass == ua.NodeClass.Variable and len(found) < limit:
                    found[reference.NodeId] = _Variable(reference.NodeId, path)
                if place.depth < MAX_DEPTH and (len(found) < limit or reference.NodeId in found):
                    todo.append(_Place(reference.NodeId, path, place.depth + 1))
    return list(found.values())


async def _children(session: Session, nodes: Sequence[Any]) -> list[list[Any]]:
    """Forward hierarchical references of each node, all of them however many requests that takes."""
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = REFERENCES_AT_ONCE
    for node in nodes:
        wanted = ua.BrowseDescription()
        wanted.NodeId = node
        wanted.BrowseDirection = ua.BrowseDirection.Forward
        wanted.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
        wanted.IncludeSubtypes = True
        wanted.NodeClassMask = _CLASSES
        wanted.ResultMask = ua.BrowseResultMask.All
        parameters.NodesToBrowse.append(wanted)
    results: Any = await session.slow_call("to browsing", lambda services: services.browse(parameters))
    out: list[list[Any]] = []
    for result in results:
        references = list(result.References or ())
        point = result.ContinuationPoint
        while point:
            more = ua.BrowseNextParameters(False, [point])
            answer: Any = await session.slow_call(
                "to browsing",
                lambda services, more=more: services.browse_next(more),  # type: ignore[misc]
            )
            references += answer[0].References or ()
            point = answer[0].ContinuationPoint
        out.append(references)
    return out


async def _describe(session: Session, variables: Sequence[_Variable]) -> list[Found]:
    out: list[Found] = []
    for start in range(0, len(variables), session.nodes_per_read):
        some = variables[start : start + session.nodes_per_read]
        nodes = [one.node for one in some]
        values = await session.read_once(nodes)
        levels = await session.read_once(nodes, ua.AttributeIds.UserAccessLevel)
        texts = await session.read_once(nodes, ua.AttributeIds.Description)
        with_unit = [one for one in some if one.unit_node is not None]
        units = await session.read_once([one.unit_node for one in with_unit])
        unit_of = {one.path: _unit(data) for one, data in zip(with_unit, units)}
        for one, data, level, text in zip(some, values, levels, texts):
            now = reading(data)
            if now.value is None and now.why.startswith("it is a"):
                # An array or a structure: nothing that a tag can hold.
                continue
            out.append(
                Found(
                    address_text(one.node, session.namespaces), one.path, _type(data), now.value,
                    unit_of.get(one.path), _writable(level), _text(text),
                )
            )  # fmt: skip
    return out


def _bare(data: Any) -> Any:
    return data.Value.Value if data.Value is not None else None


def _type(data: Any) -> str:
    return _TYPES.get(data.Value.VariantType.name, "auto") if data.Value is not None else "auto"


def _writable(data: Any) -> bool:
    return bool((_bare(data) or 0) & (1 << int(ua.AccessLevel.CurrentWrite)))


def _text(data: Any) -> str:
    text = _bare(data)
    return str(getattr(text, "Text", None) or "")


def _unit(data: Any) -> str | None:
    info = _bare(data)
    name = getattr(info, "DisplayName", None)
    return str(name.Text) if name is not None and name.Text else None
