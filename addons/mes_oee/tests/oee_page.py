"""What docs/oee.md prints, read without Odoo: its tables by heading, and the arithmetic in their cells."""

import ast
import operator
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "oee.md"
_DOES = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-"})


def tables(text: str | None = None) -> dict[str, list[list[str]]]:
    """Heading -> the rows of its tables as cells, without the tables' heads."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    lines = (PAGE.read_text(encoding="utf-8") if text is None else text).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|") and not line.startswith("|---") and not following.startswith("|---"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def keyed(heading: str) -> dict[str, list[str]]:
    """The rows below a heading whose first cell is a `key`, by that key."""
    return {row[0].strip("`"): row[1:] for row in tables()[heading] if row[0].startswith("`")}


def number(text: str) -> Fraction:
    """The number that a cell gives: after its last "=", without its unit; percent as a share."""
    shown = text.rsplit("=", 1)[-1].strip()
    found = re.match(r"-?[0-9]+(?:\.[0-9]+)?", shown)
    if not found:
        raise ValueError(f"there is no number in {text!r}")
    return Fraction(found[0]) / (100 if "%" in shown else 1)


def shown(value: Fraction, text: str) -> bool:
    """Whether the cell shows this value, rounded (a half upwards) to the digits that it has."""
    printed = re.match(r"-?[0-9]+(?:\.([0-9]+))?", text.rsplit("=", 1)[-1].strip())
    unit = Fraction(1, 10 ** (len(printed[1] or "") + (2 if "%" in text else 0))) if printed else Fraction(1)
    return (value / unit + Fraction(1, 2)) // 1 * unit == number(text)


def calculated(text: str) -> Fraction:
    """The value of an arithmetic expression as the page writes it."""
    return _value(ast.parse(text.translate(_SIGNS).strip(), mode="eval").body)


def equations(text: str) -> Iterator[tuple[str, str]]:
    """The cells that say "expression = value"."""
    for rows in tables(text).values():
        for row in rows:
            for cell in row:
                if " = " in cell:
                    left, right = cell.split(" = ")
                    yield left, right


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(repr(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in _DOES:
        return _DOES[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError(f"no arithmetic: {ast.dump(node)}")
