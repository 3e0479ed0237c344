"""Loss analysis in real Chromium: from the waterfall to the single stop, units, payback, spreadsheet, keys."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from steady import at_rest, not_for_fingers

from mescli.paths import sub

READY = ".o_mes_losses[data-phase=ready]"
# The line made stops the whole night: of the last days there is something to lose.
LAST = "/odoo/mes-losses?span=last7"
SCREENS = {
    "desk": ((1440, 900), "light", False),
    "tablet": ((768, 1024), "dark", True),
}


def picture(page: Page, name: str) -> None:
    """Left for a person to look at."""
    at_rest(page).screenshot(path=Path(sub("pictures")) / f"losses-{name}.png")


def tap_step(page: Page, step: str) -> None:
    page.locator(f"[data-step={step}] .mes-loss-tap").click()
    expect(page.locator("[data-crumb=step]")).to_be_visible()
    at_rest(page)


@pytest.mark.parametrize("screen", SCREENS)
def test_everything_fits_on_the_screen(open_page: Any, screen: str) -> None:
    size, theme, touch = SCREENS[screen]
    page = open_page(LAST, READY, size=size, theme=theme, touch=touch)
    expect(page.locator("[data-step=value_adding]")).to_be_visible()
    expect(page.locator("[data-figure=oee] .mes-loss-big")).to_contain_text("%")
    expect(page.locator(".mes-loss-pareto [data-key]").first).to_be_visible()
    expect(page.locator(".mes-loss-six tbody tr")).to_have_count(6)
    page.wait_for_function("document.querySelector('.mes-loss-trend canvas')?.width > 0")
    picture(page, screen)
    sideways = at_rest(page).locator(".o_mes_losses").evaluate("one => one.scrollWidth - one.clientWidth")
    assert sideways <= 0, "the page scrolls sideways"
    assert not_for_fingers(page, ".o_mes_losses", "button select", narrow=0) == []


def test_from_the_waterfall_to_the_single_stop_in_two_taps(open_page: Any) -> None:
    page = open_page(LAST, READY, touch=True)
    tap_step(page, "unplanned")
    page.locator(".mes-loss-pareto [data-key] button").first.tap()
    single = page.locator(".mes-loss-single").first
    expect(single).to_be_visible()
    at_rest(page)
    picture(page, "stop")
    expect(page.locator("[data-crumb]")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"drill=step\.unplanned~reason\.(\d+|-)"))
    stop = int(single.get_attribute("data-stop") or 0)
    assert stop
    money = single.locator(".mes-loss-money")
    told = money.inner_text()
    money.tap()
    panel = page.locator(".mes-provenance[data-phase=ready]")
    expect(panel.locator("[data-interval-text]")).to_contain_text("–")
    expect(panel.locator("[data-part]")).to_have_count(1)
    assert number(panel.locator(".mes-provenance-value").inner_text()) == pytest.approx(number(told), rel=0.01)
    assert not_for_fingers(page, ".mes-loss-singles", "button", narrow=0) == []
    money.scroll_into_view_if_needed()
    picture(page, "stop-money")
    panel.get_by_role("button", name="Close").tap()
    expect(panel).to_have_count(0)
    page.go_back()
    expect(page.locator("[data-crumb]")).to_have_count(1)
    at_rest(page).go_forward()
    expect(page.locator("[data-crumb]")).to_have_count(2)
    at_rest(page).locator(f"[data-stop='{stop}'] .mes-loss-open").click()
    expect(page.locator(".o_mes_timeline[data-phase=ready]")).to_be_visible()
    expect(page).to_have_url(re.compile(f"stop={stop}"))
    at_rest(page).go_back()
    page.locator(f"[data-stop='{stop}']").get_by_role("button", name="Open the stop").click()
    expect(page.locator(".o_form_view")).to_be_visible()
    # The step is in the history a moment after the form is there.
    expect(page).to_have_url(re.compile(rf"mes\.stop/{stop}"))
    at_rest(page).go_back()
    page.get_by_role("button", name="All losses").click()
    expect(page.locator("[data-crumb]")).to_have_count(0)
    at_rest(page)


def test_units_order_and_dimensions(open_page: Any) -> None:
    """Another unit: other bars, the same losses; a head of the Pareto orders it; parted by another thing."""
    page = open_page(LAST, READY)
    expect(page.locator("[data-step=planned] rect")).to_be_attached()
    bar = page.locator("[data-step=unplanned] rect")
    before = at_rest(page).locator("[data-step=unplanned] rect").get_attribute("width")
    page.locator("[data-unit=money]").click()
    expect(bar).not_to_have_attribute("width", str(before))
    expect(page.locator("[data-measure=money]")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("unit=money"))
    page.locator("[data-measure=count]").click()
    expect(page.locator("[data-measure=count]")).to_have_attribute("aria-pressed", "true")
    column = at_rest(page).locator(".mes-loss-lines [data-key] > :nth-child(4)")
    counts = [int(text) for text in column.all_inner_texts()]
    assert counts[:10] == sorted(counts[:10], reverse=True), counts
    page.get_by_role("button", name="Code", exact=True).click()
    at_rest(page)
    expect(page.locator(".mes-loss-pareto [data-key='202']")).to_be_visible()
    page.reload()
    expect(page.locator(".mes-loss-pareto [data-key='202']")).to_be_visible()
    expect(page.locator("[data-measure=count]")).to_have_attribute("aria-pressed", "true")


def test_another_time_against_another(open_page: Any) -> None:
    """Today against yesterday has changes and ghosts; any span is typed on the site's clock."""
    page = open_page("/odoo/mes-losses?span=today", READY)
    expect(page.locator(".mes-loss-ghost").first).to_be_attached()
    expect(page.locator(".mes-loss-when")).to_contain_text("against")
    picture(page, "against")
    page.get_by_label("Time", exact=True).select_option("any")
    page.locator("input[type=datetime-local]").nth(1).fill("2020-01-01T00:00")
    page.locator("input[type=datetime-local]").nth(0).fill("2020-01-02T00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".mes-loss-any [role=alert]")).to_contain_text("later")
    page.locator("input[type=datetime-local]").nth(0).fill("2019-12-31T00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".mes-message, [data-figure=oee] .mes-loss-big")).to_contain_text(re.compile("–|Nothing"))
    picture(page, "nothing")
    page.get_by_label("Time", exact=True).select_option("yesterday")
    page.get_by_label("Compared with").select_option("none")
    expect(page.locator(".mes-loss-when")).not_to_contain_text("against")
    expect(page.locator(".mes-loss-ghost")).to_have_count(0)


def test_a_figure_opens_what_it_was_made_of(open_page: Any) -> None:
    page = open_page(LAST, READY)
    page.locator("[data-figure=availability]").click()
    panel = page.locator(".mes-provenance[data-phase=ready]")
    expect(panel).to_contain_text("APT / PBT")
    expect(panel.locator("[data-input=PBT]")).to_contain_text("ms")
    picture(page, "provenance")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    money = page.locator("[data-step=unplanned] .mes-loss-money")
    told = money.inner_text()
    money.click()
    opened = number(panel.locator(".mes-provenance-value").inner_text())
    assert abs(opened - number(told)) <= 0.01 * number(told), "the plant goes on between two readings"
    expect(panel.locator("[data-part]").first).to_contain_text("lost time")
    picture(page, "money")
    panel.locator("[data-interval=stops]").click()
    expect(page.locator(".o_list_view .o_data_row").first).to_be_visible()


def test_payback(open_page: Any) -> None:
    """Half the points earn half; the investment is back after twice the time; all of it stands in the address."""
    page = open_page(LAST, READY)
    page.get_by_role("button", name="What is OEE worth?").click()
    months = page.locator("[data-value=months]")
    expect(months).to_contain_text("months")
    page.get_by_label("Investment").fill("1000000")
    expect(page).to_have_url(re.compile("invest=1000000"))
    page.locator("input[name=points]").fill("5")
    expect(page).to_have_url(re.compile("points=5"))
    expect(page.get_by_label("Points of OEE", exact=True)).to_have_value("5")
    at_rest(page)
    ten, five = (number(page.locator(f"[data-value={name}]").inner_text()) for name in ("ten", "money"))
    assert abs(ten - 2 * five) <= 0.01 * ten
    assert abs(number(months.inner_text()) - 12 * 1_000_000 / five) <= 0.6
    page.get_by_label("Industry").select_option("packaging")
    expect(page.locator("[data-industry=packaging]")).to_have_class(re.compile("mes-loss-on"))
    picture(page, "payback")
    page.locator(".mes-loss-money[data-value=months]").click()
    panel = page.locator(".mes-provenance[data-phase=ready]")
    expect(panel.locator("[data-input=investment]")).to_contain_text("1000000")
    told = number(panel.locator(".mes-provenance-value").inner_text())
    assert abs(told - five) <= 0.01 * five, "the plant goes on between two readings"
    picture(page, "payback-money")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.locator("input[name=points]").fill("0")
    expect(page.locator(".mes-payback [role=alert]")).to_contain_text("above 0")
    page.reload()
    expect(page.get_by_label("Investment")).to_have_value("1000000")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".o_main_navbar")).to_be_hidden()
    expect(months).to_be_visible()


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def test_by_keys_alone(open_page: Any) -> None:
    """Tab and Enter go down, Escape goes up; on the way the spreadsheet of what is shown is downloaded."""
    page = open_page(LAST, READY)
    page.locator("[data-step=unplanned] .mes-loss-tap").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-crumb]")).to_have_count(1)
    at_rest(page)
    page.get_by_role("button", name="Spreadsheet").focus()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".xlsx")
    book = openpyxl.load_workbook(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    assert book.sheetnames == ["Summary", "Waterfall", "Six big losses", "Pareto", "Hours", "Stops"]
    assert book["Pareto"]["A1"].value == "Only: Unplanned stops"
    assert len(list(book["Stops"].rows)) > 2
    page.locator("[data-measure=money]").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('[data-key]') !== null"), "reasons come after the heads"
    page.keyboard.press("Enter")
    expect(page.locator(".mes-loss-single").first).to_be_visible()
    at_rest(page)
    page.keyboard.press("Escape")
    expect(page.locator("[data-crumb]")).to_have_count(1)
    at_rest(page)
    page.keyboard.press("Escape")
    expect(page.locator("[data-crumb]")).to_have_count(0)


def test_what_cannot_be_read_is_said(open_page: Any) -> None:
    """A place that is gone: what failed, what still works, another place to choose; strangers see their emptiness."""
    page = open_page("/odoo/mes-losses?place=line-999999")
    expect(page.locator("[data-phase=error]")).to_contain_text("gone")
    picture(page, "error")
    at_rest(page).locator(".mes-place-picker").select_option(index=0)
    expect(page.locator(READY)).to_be_visible()
    empty = open_page("/odoo/mes-losses", login="stranger")
    expect(empty.locator("[data-phase=empty]")).to_contain_text("Set up work centers")
