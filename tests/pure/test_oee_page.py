# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""docs/oee.md: its arithmetic is right, it names everything that exists, and nothing else.

That the *engine* gives these numbers is tested where the shift is entered: addons/mes_oee/tests/test_worked_example.py.
"""

from __future__ import annotations

import importlib.util
import re
from fractions import Fraction
from pathlib import Path

import pytest
from kpi import INDUSTRIES, REGISTRY, SIX, STEPS, WORLD_CLASS

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "addons" / "mes_oee" / "tests"
_spec = importlib.util.spec_from_file_location("oee_page", TESTS / "oee_page.py")
assert _spec
assert _spec.loader
page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(page)

TEXT = page.PAGE.read_text(encoding="utf-8")
FIGURES = {**page.keyed("The figures"), **{key: ["", *row] for key, row in page.keyed("Coverage").items()}}
YEARLY = page.keyed("The value of ten points")
COMMUNITY = [row for row in page.tables()["Why Community's figure differs"] if row[-1].startswith("`test_")]


@pytest.mark.parametrize(("left", "right"), list(page.equations(TEXT)))
def test_a_calculator_agrees(left: str, right: str) -> None:
    """Whatever the page writes as "a = b"."""
    assert page.shown(page.calculated(left), right)


@pytest.mark.parametrize("key", FIGURES)
def test_a_calculator_gives_each_figure(key: str) -> None:
    """The calculation beside each value."""
    _number, _words, calculation, value = FIGURES[key]
    if not value.startswith("refused"):
        assert page.shown(page.calculated(calculation), value)


@pytest.mark.parametrize("what", ["pieces", "money", "months"])
def test_a_calculator_gives_the_value_of_ten_points(what: str) -> None:
    """A year's pieces and money, and the payback."""
    calculation, value = YEARLY[what]
    assert page.shown(page.calculated(calculation), value)


def test_each_figure_is_explained() -> None:
    """Every registered indicator, with its number, and no other."""
    told = {key: row[0] for key, row in page.keyed("The figures").items()}
    assert told == {kpi.key: str(kpi.number or "") for kpi in REGISTRY}


def test_each_element_is_explained() -> None:
    """What the formulas ask for; what no room tells yet is left out."""
    told = set(page.keyed("Where the time went"))
    made_of = {name for kpi in REGISTRY for part in kpi.inputs for name in part.split("+")}
    assert made_of - told == {"PRU*PQ", "1", "RQ"}


def test_steps_and_losses_are_those_of_the_engine() -> None:
    """In their order; each of the six with its steps, which sum to it."""
    steps = page.keyed("The waterfall")
    assert tuple(steps) == STEPS
    told = page.keyed("The six big losses")
    assert {key: tuple(row[0].split(", ")) for key, row in told.items()} == SIX
    for key, row in told.items():
        parts = [[page.number(cell) for cell in steps[step]] for step in SIX[key]]
        assert [page.number(cell) for cell in row[1:]] == [sum(column) for column in zip(*parts, strict=True)]


def test_the_waterfall_closes_on_the_page() -> None:
    """To calendar time; and the money that is lost is what the text says."""
    steps = page.keyed("The waterfall")
    assert sum(page.number(row[0]) for row in steps.values()) == 1440
    lost = sum(page.number(row[2]) for step, row in steps.items() if step != "value_adding")
    assert f"all other money is lost: {float(lost):.2f}" in TEXT
    assert re.search(r"\n(960 \+ [0-9 +]+) = 1440 minutes", TEXT)


def test_the_minutes_of_the_shift_are_those_of_the_clock() -> None:
    """Each row lasts as long as it says, each begins where the one before ends."""
    clock = "06:00"
    for start, end, _what, minutes, _bucket in page.tables()["The shift"]:
        assert start == clock
        length = [int(one[:2]) * 60 + int(one[3:]) for one in (start, end)]
        assert length[1] - length[0] == page.calculated(minutes)
        clock = end
    assert clock == "14:00"


def test_the_industries_and_targets_are_the_engine_s() -> None:
    """World class, and the table of what others say."""
    told = {key: row for key, row in YEARLY.items() if len(row) == 3}
    wanted = {
        one.key: [f"{one.average[0]}–{one.average[1]} %", f"{one.world_class[0]}–{one.world_class[1]} %",
                  f"{one.ten_points[0]}–{one.ten_points[1]}"]
        for one in INDUSTRIES
    }  # fmt: skip
    assert told == wanted
    targets = page.keyed("Targets")
    assert {key: page.number(row[0]) for key, row in targets.items()} == WORLD_CLASS
    assert {key: row[1] for key, row in targets.items()} == {key: FIGURES[key][3] for key in targets}


def test_each_of_community_s_seven_failures_has_its_row() -> None:
    """As many as there are tests, and each names one."""
    files = {path.stem for path in TESTS.glob("test_community_*.py")} - {"test_community_fields"}
    assert len(files) == 7
    assert sorted(row[-1].strip("`") for row in COMMUNITY) == sorted(files)


@pytest.mark.parametrize("row", COMMUNITY, ids=lambda row: row[-1].strip("`"))
def test_community_s_figure_is_the_one_its_test_asserts(row: list[str]) -> None:
    """Community's number, ours, and that ours is the truth."""
    _what, figure, community, ours, truth, name = row
    source = (TESTS / f"{name.strip('`')}.py").read_text()
    assert ours == truth
    if figure == "MTTR":
        assert "assertEqual(equipment.mttr, 0)" in source
        assert 'self.ours("mttr", start, end), 30 * MINUTE)' in source
        assert (community, ours) == ("0 days", "30 min")
        return
    asserted = re.search(r"self\.community_oee\(\), ([0-9.]+)\)", source)
    assert asserted
    assert float(asserted[1]) == float(page.number(community) * 100)
    ratios = re.findall(rf'self\.ours\("{figure.lower()}",.*Fraction\((\d+)(?:, (\d+))?\)', source)
    assert len(ratios) == 1
    assert page.shown(Fraction(int(ratios[0][0]), int(ratios[0][1] or 1)), ours)


def test_the_way_to_add_something_is_found() -> None:
    """README and the page about figures lead here; the README's table names what a newcomer adds."""
    readme = (ROOT / "README.md").read_text()
    assert "docs/oee.md" in readme
    assert "(oee.md)" in (ROOT / "docs/kpi.md").read_text()
    table = readme.split("## Where to add …")[1].split("\n## ")[0]
    for what in ("a machine", "a stop or loss reason", "a reason rule", "a driver", "a KPI"):
        assert f"| {what}" in table
    named = re.findall(r"`((?:addons|iot_bridge)/[\w/.]+)`", table)
    assert len(named) >= 4
    assert [one for one in named if not (ROOT / one).exists()] == []
