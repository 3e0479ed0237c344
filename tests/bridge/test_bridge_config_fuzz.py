"""Whatever stands in the configuration file: it is read, or refused with a sentence, in bounded time and memory."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from iot_bridge.config import load_config
from iot_bridge.config.document import LONGEST_VALUE, NotYaml, parse
from iot_bridge.errors import Misconfigured
from iot_bridge.observe import _rss_bytes as rss_bytes
from iot_bridge.simulator.layout import line_tags

# BRIDGE_FUZZ=100000 for the acceptance run.
FILES = int(os.environ.get("BRIDGE_FUZZ", "1000"))
SLOWEST_S = 2.0
GROWTH_BYTES = 10 << 20

GOOD = """\
stream: LINE1
telemetry_stream: LINE1-T
data_dir: data
odoo:
  url: https://odoo.example.com
  database: mes
  login: gateway-1-1
  key_file: key
  transport: json2
status: {port: 9720, listen: 127.0.0.1, hosts: [gateway.plant]}
outbox: {keep_days: 7, max_pending: 1000000}
connections:
  - {name: plc, host: 10.0.0.5, timeout_s: 0.5, write: [{tag: T/M1/set, min: 0, max: 10, values: [1, 2]}]}
  - {name: opc, driver: opcua, endpoint: "opc.tcp://plc7:4840", safety: ["*/estop"]}
tags:
"""
WORDS = (
    "null", "~", "true", "-1", "1e999", ".nan", ".inf", "0x1F", "0b2", "1:59:59", "2026-13-45", "2026-01-01", "''",
    '"', "'", "[", "]", "{", "}", ":", "- ", "? ", "&a ", "*a", "<<: ", "!!int x",
    "!!python/name:os.system", "!!binary =", "!!timestamp x", "%YAML 1.1\n---\n",
    "...\n", "---\n", "#", "|\n  x", ">-\n  y", "\t",
    "\x00", "\ufeff", "\u2028",
    "é", "😀", "9" * 400, "a" * 5000, "driver: mqtt", "driver: modbus_rtu", "credential:x", "../../etc", "\\", "@", "`",
    "tags: from_odoo\n", "stream: X\n",
)  # fmt: skip


def base() -> str:
    """A valid file that holds a bit of everything."""
    return GOOD + yaml.safe_dump([{**tag, "connection": "plc"} for tag in line_tags()[:6]])


def mutate(text: str, chance: random.Random) -> str:
    """One to four changes, mostly one."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        text = chance.choice(CHANGES)(text, chance) or " "
    return text


def _at(text: str, chance: random.Random) -> tuple[int, int]:
    return chance.randrange(len(text) + 1), chance.choice((1, 3, 20, 200))


def insert(text: str, chance: random.Random) -> str:
    at, _ = _at(text, chance)
    return text[:at] + chance.choice(WORDS) + text[at:]


def cut(text: str, chance: random.Random) -> str:
    at, length = _at(text, chance)
    return text[:at] + text[at + length :]


def double(text: str, chance: random.Random) -> str:
    at, length = _at(text, chance)
    return text[:at] + text[at : at + length] * chance.choice((2, 3, 30)) + text[at:]


def exchange(text: str, chance: random.Random) -> str:
    at, _ = _at(text, chance)
    return text[:at] + chr(chance.choice((0, 9, 10, 13, 34, 58, 127, 0x85, 0xFEFF, 0x1F600))) + text[at + 1 :]


def _line(change: Callable[[str, random.Random], str]) -> Callable[[str, random.Random], str]:
    def changed(text: str, chance: random.Random) -> str:
        lines = text.split("\n")
        at = chance.randrange(len(lines))
        lines[at] = change(lines[at], chance)
        return "\n".join(lines)

    return changed


def revalue(line: str, chance: random.Random) -> str:
    return line.partition(":")[0] + ": " + chance.choice(WORDS)


def indent(line: str, chance: random.Random) -> str:
    return " " * chance.randrange(8) + line.lstrip()


def move(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    lines.append(lines.pop(chance.randrange(len(lines))))
    return "\n".join(lines)


CHANGES = (insert, cut, double, exchange, _line(revalue), _line(indent), move)


def test_the_base_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "bridge.yaml"
    path.write_text(base())
    assert len(load_config(path).connections) == 2


def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    good, path = base(), tmp_path / "bridge.yaml"
    read = refused = 0
    slowest, warm = 0.0, 0
    for number in range(FILES):
        text = mutate(good, chance)
        path.write_bytes(text.encode("utf-8", "surrogatepass") + (b"\xff" if number % 50 == 0 else b""))
        began = time.process_time()
        try:
            load_config(path)
            read += 1
        except Misconfigured as error:
            refused += 1
            assert str(error).startswith(str(path)) and str(error).splitlines()[0].count(":") >= 2
        slowest = max(slowest, time.process_time() - began)
        if number == FILES // 5:
            warm = rss_bytes()
    assert read > FILES / 100 and refused > FILES / 2
    assert slowest < SLOWEST_S
    assert rss_bytes() - warm < GROWTH_BYTES
    grown = (rss_bytes() - warm) / 2**20
    print(f"{read} read, {refused} refused, slowest {slowest * 1000:.0f} ms, grown {grown:.1f} MB")


def laughs(levels: int, width: int) -> str:
    """Ten lines that unfold into width ** levels values."""
    rows = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (laughs(9, 9), "unfold into far too much"),
        (laughs(40, 2), "unfold into far too much"),
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: *a}", "contains itself"),
        ("[" * 5000, "nested more than"),
        ("- " * 3000 + "x", "nested more than"),
        ("a: " + "x" * (LONGEST_VALUE + 1), "at most 4096"),
        ("stream: A\nstream: B", "stream is there twice: keep one"),
        ("odoo: {url: a, url: b}", "url is there twice"),
        ("a: 2026-13-45", "put it in quotes"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "another document"),
    ],
)
def test_small_files_that_would_become_large_ones(text: str, words: str) -> None:
    began = time.process_time()
    with pytest.raises(NotYaml, match=words):
        parse(text)
    assert time.process_time() - began < SLOWEST_S


def test_aliases_that_pyyaml_itself_writes_are_read() -> None:
    shared = {"1": "running"}
    _, data = parse(yaml.safe_dump({"a": shared, "b": shared}))
    assert data == {"a": shared, "b": shared}
