"""A YAML text as nodes (which know their lines) and as plain data, with bounds: it may come from anywhere.

Aliases are followed (PyYAML itself writes them), but counted as what they stand for: a small file that would
unfold into a large one is refused before it does.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

LARGEST = 16 << 20
DEEPEST = 30
LONGEST_VALUE = 4096
# Keys and values, aliases unfolded: a bridge with 10 000 local tags has half as many.
MOST_NODES = 1_000_000


class NotYaml(ValueError):
    """The sentence says what is wrong and the mend; ``line`` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses deep nesting and long values while it reads."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if self.check_event(yaml.ScalarEvent) and len(event.value) > LONGEST_VALUE:
            raise NotYaml(line, f"a value of {len(event.value)} characters: at most {LONGEST_VALUE} are allowed")
        if self._depth >= DEEPEST:
            raise NotYaml(line, f"nested more than {DEEPEST} deep: flatten it")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def parse(text: str) -> tuple[Node | None, Any]:
    """(nodes, data); None and None for an empty text. Raises NotYaml."""
    if len(text) > LARGEST:
        raise NotYaml(1, f"{len(text)} characters: at most {LARGEST} are allowed")
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _Extent().of(root)
        return root, None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(mark.line + 1 if mark else 1, f"{error.problem}: correct this line") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(line, "it holds an invisible character: remove it") from None
    except NotYaml:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        # PyYAML's own constructors fail like this on a date that is none, or a number that is none.
        raise NotYaml(1, f"a value can't be read ({error}): put it in quotes") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Extent:
    """How large and deep a document is when its aliases are unfolded, without unfolding them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def of(self, node: Node) -> tuple[int, int]:
        """(nodes, depth); raises NotYaml for a key that is there twice, a loop, or too much."""
        if id(node) in self._known:
            return self._known[id(node)]
        line = node.start_mark.line + 1
        if id(node) in self._open:
            raise NotYaml(line, "it contains itself: write the value out")
        self._open.add(id(node))
        parts = [self.of(child) for child in _children(node)]
        count, depth = 1 + sum(size for size, _ in parts), 1 + max((deep for _, deep in parts), default=0)
        if count > MOST_NODES or depth > DEEPEST:
            raise NotYaml(line, "its aliases unfold into far too much: write the values out")
        self._open.discard(id(node))
        self._known[id(node)] = count, depth
        return count, depth


def _children(node: Node) -> list[Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, MappingNode):
        return []
    seen: set[str] = set()
    for key, _ in node.value:
        # A key that is there twice would silently hide the first.
        if isinstance(key, ScalarNode) and key.value in seen:
            raise NotYaml(key.start_mark.line + 1, f"{key.value} is there twice: keep one")
        if isinstance(key, ScalarNode):
            seen.add(key.value)
    return [part for pair in node.value for part in pair]
