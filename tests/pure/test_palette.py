# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The palette of reports and spreadsheets is the palette of the screens, colour by colour."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "addons" / "mes_base"
PALETTE = runpy.run_path(str(ADDON / "tools" / "palette.py"))
SCSS = (ADDON / "static" / "src" / "palette" / "palette.scss").read_text()
NAMES = {
    "PLANNED": "mes-planned",
    "NO_DATA_PAPER": "mes-no-data-paper",
    "NO_DATA_LINE": "mes-no-data-line",
    "STATE_INK": "mes-state-ink",
}


def luminance(color: str) -> float:
    """The relative luminance of a colour (WCAG 2)."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_states_have_the_same_colours() -> None:
    """Every state of the stylesheet and no other."""
    block = re.search(r"\$mes-state-colors: \((.*?)\)", SCSS, re.DOTALL)
    assert block
    assert dict(re.findall(r'"(\w+)": (#[0-9A-Fa-f]{6})', block[1])) == PALETTE["STATE_COLORS"]


@pytest.mark.parametrize(("constant", "variable"), NAMES.items())
def test_the_neutral_colours_too(constant: str, variable: str) -> None:
    """What is no state: planned, no data, the ink."""
    found = re.search(rf"\${variable}: (#[0-9A-Fa-f]{{6}})", SCSS)
    assert found
    assert found[1] == PALETTE[constant]


def test_every_colour_of_the_python_palette_is_compared() -> None:
    """A colour that is added there and not here would be free to differ."""
    assert {name for name in PALETTE if name.isupper()} == {"STATE_COLORS", *NAMES}


def test_ink_is_readable_on_every_state() -> None:
    """At least 4.5 : 1, as the stylesheet promises."""
    ink = luminance(PALETTE["STATE_INK"])
    fills = [*PALETTE["STATE_COLORS"].values(), PALETTE["PLANNED"], PALETTE["NO_DATA_PAPER"]]
    assert min((luminance(fill) + 0.05) / (ink + 0.05) for fill in fills) >= 4.5
