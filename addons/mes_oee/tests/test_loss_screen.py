import io
import json
from datetime import datetime
from unittest.mock import patch

import openpyxl
from odoo import http
from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    feed_evidence,
    feed_states,
    make_area,
    make_company,
    make_line,
    make_run,
    make_user,
    make_work_center,
)
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged

from ..models import mes_loss_book, mes_loss_drill
from ..tools import loss_choice, loss_spans
from ..tools.loss_book import number_format
from .common import OeeCase
from .eight_hours import eight_hours

END = MONDAY + 8 * HOUR
NOW = MONDAY + 9 * HOUR
DAY = 24 * HOUR


class LossCase(OeeCase):
    """The eight hours of the losses' tests, seen by an operator at 09:00; stops folded."""

    def setUp(self):
        super().setUp()
        eight_hours(self)
        self.at(NOW)
        self.operator = make_user(self.env, "operator", "losses", password="losses-of-monday")
        self.fold()

    def fold(self):
        while marks := self.env["mes.dirty.span"]._take("stop"):
            self.env["mes.stop"]._fold(marks)

    def ask(self, user=None, **choice):
        asked = {"place": f"machine-{self.machine.id}", "span": "any", "since": MONDAY, "until": END, **choice}
        return self.env["mes.loss.screen"].with_user(user or self.operator).snapshot(asked)

    def losses(self, told):
        return {one["name"]: (one["ms"], one["pieces"], one["money"], one["count"]) for one in told}


@tagged("post_install", "-at_install")
class TestLossScreen(LossCase):
    """Which loss is worth attacking first, in money: asked by an operator."""

    def test_the_waterfall_closes_and_figures_stand_beside_targets(self):
        """Steps sum to calendar time; OEE is the engine's; the six are those of the service of losses."""
        told = self.ask()
        self.assertEqual(sum(one["ms"] for one in told["steps"]), told["sums"]["calendar_ms"])
        self.assertEqual(told["sums"]["calendar_ms"], 8 * HOUR)
        self.assertEqual(self.losses(told["steps"])["unplanned"], (HOUR, 1800, 3600, 1))
        oee = next(one for one in told["figures"] if one["key"] == "oee")
        self.assertEqual(oee["value"], float(self.figures(MONDAY, END)["oee"].value))
        self.assertEqual((oee["target"], oee["coverage"], oee["refusal"]), (0.85, 1.0, None))
        (six,) = self.env["mes.oee.losses"].six(self.machine, MONDAY, END)
        self.assertEqual(self.losses(told["six"]), self.losses([one.plain() for one in six.lost]))

    def test_what_has_no_reason_is_told_by_what_it_was(self):
        """A set-up and a minor stop are not stops that nobody explained; one tap leads into each."""
        told = self.ask()
        steps = {one["name"]: one["ms"] for one in told["steps"]}
        unsaid = {one["step"]: (one["label"], one["ms"]) for one in told["pareto"] if one["key"] == loss_choice.NONE}
        self.assertEqual(unsaid["minor"], ("Minor stops", steps["minor"]))
        self.assertEqual(unsaid["setup"], ("Set-up", steps["setup"]))
        self.assertEqual(sum(one["ms"] for one in told["pareto"]), sum(steps[name] for name in loss_choice.LOST_TIME))
        self.assertEqual({one["step"] for one in told["pareto"] if one["label"] == "Motor"}, {None})
        down = self.ask(drill=[["step", "setup"], ["reason", loss_choice.NONE]])
        self.assertEqual(sum(one["ms"] for one in down["singles"]["rows"]), steps["setup"])

    def test_without_a_place_it_begins_where_the_boards_do(self):
        """With the first line of the plant's order, not with that of the area whose name comes first."""
        make_line(self.env, make_area(self.env, self.site, "A0"), "L0")
        self.assertEqual(self.ask(place="")["place"], f"line-{self.line.id}")

    def test_the_way_down_to_the_single_stop(self):
        """Two taps: the step's Pareto sums to the step, the reason's stops sum to the reason."""
        told = self.ask(drill=[["step", "unplanned"]])
        self.assertEqual(sum(one["ms"] for one in told["pareto"]), HOUR)
        self.assertEqual([(one["label"], one["money"], one["count"]) for one in told["pareto"]], [("Motor", 3600, 1)])
        self.assertIsNone(told["singles"])
        told = self.ask(drill=[["step", "unplanned"], ["reason", told["pareto"][0]["key"]]])
        (row,) = told["singles"]["rows"]
        self.assertEqual((row["ms"], row["pieces"], row["money"]), (HOUR, 1800, 3600))
        self.assertEqual((row["machine"]["id"], row["start"]), (self.machine.id, MONDAY + 2 * HOUR))
        self.assertEqual(row["reason"], "Motor")
        stop = self.env["mes.stop"].browse(row["id"])
        self.assertEqual((stop.kind, stop.effective_loss_id), ("unplanned", self.reason))
        self.assertEqual([one["label"] for one in told["drill"]], ["", "Motor"])
        self.assertEqual(set(told["trend"]), {"loss"})
        self.assertEqual(sum(one["ms"] for one in told["trend"]["loss"]["now"]), HOUR)

    def test_every_step_is_parted_without_remainder(self):
        """By whatever dimension it has, the parts sum to the step; hours behind it too."""
        self.refresh()
        steps = self.losses(self.ask(compare="none")["steps"])
        for place, (step, (ms, pieces, money, count)) in enumerate(steps.items()):
            dimensions = loss_choice.choice({"drill": [["step", step]]}).dimensions
            by = dimensions[place % len(dimensions)]  # by each of them some step is parted
            told = self.ask(drill=[["step", step]], by=by, compare="none")
            with self.subTest(step=step, by=by):
                self.assertEqual(told["by"], by)
                self.assertAlmostEqual(sum(one["ms"] for one in told["pareto"]), ms, delta=1)
                self.assertAlmostEqual(sum(one["pieces"] for one in told["pareto"]), pieces, places=1)
                self.assertAlmostEqual(sum(one["money"] for one in told["pareto"]), money, places=1)
                self.assertEqual(sum(one["count"] for one in told["pareto"]), count)
        told = self.ask(drill=[["step", "speed"], ["machine", str(self.machine.id)]])
        self.assertAlmostEqual(sum(row["ms"] for row in told["singles"]["rows"]), steps["speed"][0], delta=8)
        self.assertEqual({row["what"] for row in told["singles"]["rows"]}, {"hour"})
        with patch.object(mes_loss_drill, "MOST_HOURS", 7):
            told = self.ask(drill=[["step", "speed"], ["machine", str(self.machine.id)]])
        (day,) = told["singles"]["rows"]  # of a year of a hundred machines nobody waits for each hour
        self.assertAlmostEqual(day["ms"], steps["speed"][0], delta=1)
        self.assertEqual((day["start"], day["end"]), (MONDAY, MONDAY + DAY))

    def test_set_up_and_stops_together(self):
        """Without a step all lost time is parted; what has no reason by what it was."""
        told = self.ask(by="reason")
        self.assertEqual([(one["key"], one["ms"]) for one in told["pareto"]],
                         [(str(self.reason.id), HOUR), ("-", 30 * MINUTE), ("-", 30_000)])  # fmt: skip
        told = self.ask(drill=[["reason", "-"]], unit="money")
        self.assertEqual(sum(one["ms"] for one in told["trend"]["loss"]["now"]), 30 * MINUTE + 30_000)
        rows = told["singles"]["rows"]
        self.assertEqual([(row["what"], row["ms"]) for row in rows], [("hour", 30 * MINUTE), ("stop", 30_000)])

    def test_by_code_and_shift(self):
        """Codes go by the name of their reason; what is no code is no code."""
        told = self.ask(drill=[["step", "unplanned"]], by="code")
        self.assertEqual([(one["key"], one["label"]) for one in told["pareto"]], [("17", "17 · Motor")])
        found = self.ask(drill=[["step", "breakdowns"], ["code", "17"], ["shift", told_shift(self)]])
        self.assertEqual(found["singles"]["total"], 1)
        self.assertEqual(self.ask(drill=[["step", "minor_stops"], ["code", "17"]])["singles"]["total"], 0)
        self.assertEqual(self.ask(drill=[["step", "minor_stops"], ["code", "1%"]])["singles"]["total"], 0)

    def test_compared_with_another_time(self):
        """The first four hours against the last four: each loss knows what it was; a row of then only is there."""
        middle = MONDAY + 4 * HOUR
        told = self.ask(since=middle, until=END, compare="any", other_since=MONDAY, other_until=middle)
        was = {one["name"]: one["was"]["ms"] for one in told["steps"]}
        self.assertEqual((was["unplanned"], was["setup"]), (HOUR, 30 * MINUTE))
        motor = next(one for one in told["pareto"] if one["label"] == "Motor")
        self.assertEqual((motor["ms"], motor["was"]["ms"], motor["was"]["count"]), (0, HOUR, 1))
        self.assertIsNone(self.ask(compare="none")["steps"][0]["was"])

    def test_before_the_first_fact_there_is_nothing_to_compare_with(self):
        """Rolling spans begin with the first fact, and are compared with nothing rather than with silence."""
        told = self.ask(span="last7")
        self.assertEqual((told["start"], told["end"], told["was_start"]), (MONDAY, NOW, None))
        self.assertIsNone(told["steps"][0]["was"])
        self.assertEqual(told["grain"], "hour")

    def test_spans_of_the_clock(self):
        """Today up to now is compared with yesterday up to this time; this shift with the one before."""
        self.at(NOW + DAY)
        told = self.ask(span="today")
        self.assertEqual((told["start"], told["end"]), (MONDAY + DAY, NOW + DAY))
        self.assertEqual((told["was_start"], told["was_end"]), (MONDAY, NOW))
        told = self.ask(span="yesterday")
        self.assertEqual((told["start"], told["end"], told["was_start"]), (MONDAY, MONDAY + DAY, None))
        self.assertEqual(self.ask(span="shift")["was_start"], MONDAY)
        tz = "Europe/Berlin"
        march = loss_spans.period("month", 1_774_818_000_000, tz)  # 2026-03-29 23:00 there: the clock went forward
        self.assertEqual(march, (1_772_319_600_000, 1_774_994_400_000))
        self.assertEqual(loss_spans.before("month", *march, march[1], tz), (1_769_900_400_000, march[0]))

    def test_weeks_come_from_sums_of_days(self):
        """A long span's trend has a point a week: its OEE is that of the week, not a mean of days."""
        self.at(MONDAY + 90 * DAY)
        told = self.ask(since=MONDAY, until=MONDAY + 80 * DAY)
        self.assertEqual(told["grain"], "week")
        first = told["trend"]["oee"]["now"][0]
        week = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + 7 * DAY)[0].figures["oee"]
        self.assertEqual(first["value"], None if week.value is None else float(week.value))
        self.assertEqual(first["at"], MONDAY)
        lost = sum(one["ms"] for one in told["trend"]["loss"]["now"])
        self.assertEqual(lost, sum(one["ms"] for one in told["pareto"]))

    def test_a_line_is_the_sum_of_its_machines(self):
        """Stops of both machines are behind the line's Pareto, the machine is one more tap."""
        other = make_work_center(self.env, self.area, "M2", line=self.line)
        make_run(self.env, other, self.product, MONDAY, END)
        feed_evidence(self.env, other, [(MONDAY, END)])
        points = [(MONDAY, "running"), (MONDAY + HOUR, "down", "17"), (MONDAY + 2 * HOUR, "running")]
        feed_states(self.env, other, points)
        self.fold()
        told = self.ask(place=f"line-{self.line.id}", by="machine", drill=[["step", "unplanned"]])
        parts = {one["key"]: one["ms"] for one in told["pareto"]}
        self.assertEqual(parts, {str(self.machine.id): HOUR, str(other.id): HOUR})
        told = self.ask(place=f"line-{self.line.id}", drill=[["step", "unplanned"], ["machine", str(other.id)]])
        self.assertEqual([row["machine"]["id"] for row in told["singles"]["rows"]], [other.id])
        self.assertEqual(sum(one["ms"] for one in told["pareto"]), HOUR, "only that machine's")
        self.assertEqual(sum(one["ms"] for one in told["trend"]["loss"]["now"]), HOUR)

    def test_nonsense_of_an_address_is_refused(self):
        """A sentence that says the mend, never another answer than was asked for."""
        for wrong in (
            {"span": "soon"}, {"unit": "luck"}, {"by": "password"}, {"since": "now"}, {"since": END, "until": MONDAY},
            {"drill": [["step", "x"]]}, {"drill": [["reason", "1;--"]]}, {"drill": [["id", "1"]]}, {"drill": "x"},
            {"drill": [["step", "speed"], ["reason", "1"]]}, {"drill": [["step", "setup"], ["step", "minor"]]},
            {"place": "line-999999"}, {"place": "user-1"},
        ):  # fmt: skip
            with self.subTest(wrong), self.assertRaises(UserError):
                self.ask(**wrong)

    def test_neither_strangers_nor_gateways_see_anything(self):
        """Another company's operator, a gateway, an office user."""
        stranger = make_user(self.env, "operator", "stranger", company=make_company(self.env))
        with self.assertRaises(AccessError):
            self.ask(user=stranger)
        self.assertNotIn(f"machine-{self.machine.id}", json.dumps(
            self.env["mes.loss.screen"].with_user(stranger).snapshot({})))  # fmt: skip
        clerk = self.env["res.users"].create({"name": "Clerk", "login": "clerk-losses"})
        for user in (make_user(self.env, "gateway"), clerk):
            with self.assertRaises(AccessError):
                self.ask(user=user)

    def test_reasons_of_others_keep_their_names(self):
        """A filter of the address does not tell what another company's reason is called."""
        theirs = self.reason.copy({"name": "Their secret", "company_id": make_company(self.env).id, "mes_code": False})
        told = self.ask(drill=[["step", "unplanned"], ["reason", str(theirs.id)]])
        self.assertEqual(told["drill"][1]["label"], str(theirs.id))
        self.assertEqual(told["singles"]["total"], 0)


def told_shift(case):
    """The short key of the shift that the machine works."""
    return case.env["mes.stop"].search([("workcenter_id", "=", case.machine.id)], limit=1).shift_name


@tagged("post_install", "-at_install")
class TestLossBook(LossCase, HttpCase):
    """The spreadsheet holds what the screen shows, with the rights of whoever downloads it."""

    def book(self, **choice):
        asked = {"place": f"machine-{self.machine.id}", "span": "any", "since": MONDAY, "until": END, **choice}
        books = self.env["mes.loss.book"].with_user(self.operator).with_context(lang=self.operator.lang)
        name, content = books.made(asked)
        self.assertTrue(name.endswith("2026-03-02.xlsx"), name)
        return openpyxl.load_workbook(io.BytesIO(content))

    def rows(self, page):
        return [[cell.value for cell in row] for row in page.iter_rows()]

    def test_sheets_and_their_numbers(self):
        """Six sheets; the waterfall closes; inputs redo the OEE; hours and stops sum to it."""
        book = self.book()
        self.assertEqual(book.sheetnames, ["Summary", "Waterfall", "Six big losses", "Pareto", "Hours", "Stops"])
        steps = {row[0]: row for row in self.rows(book["Waterfall"])[1:]}
        self.assertAlmostEqual(sum(row[1] for row in steps.values()), 480)
        self.assertEqual(steps["Unplanned stops"][1:5], [60, 1800, 3600, 1])
        summary = self.rows(book["Summary"])
        head = next(place for place, row in enumerate(summary) if row[0] == "Figure")
        oee, inputs = summary[head + 1], {}
        for row in summary[head + 2 :]:
            if row[0]:
                break
            inputs[row[6].split(":")[0]] = row[7]
        redone = inputs["APT"] / inputs["PBT"] * inputs["PRU*PQ"] / inputs["APT"] * inputs["GQ"] / inputs["PQ"]
        self.assertAlmostEqual(oee[1], redone)
        self.assertIn("APT / PBT", oee[5])
        hours = self.rows(book["Hours"])
        self.assertEqual(len(hours), 1 + 8)
        self.assertAlmostEqual(sum(row[9] for row in hours[1:]), 60)
        self.assertEqual(sum(row[-3] for row in hours[1:]), 10_300)
        self.assertEqual([row[3:6] for row in self.rows(book["Stops"])[1:]], [[60, 1800, 3600], [0.5, 15, 30]])

    def test_dates_are_those_of_the_reader(self):
        """Head lines in the reader's words on the site's clock; cells are dates that are shown the same way."""
        at = datetime(2026, 3, 2, 2)
        for lang, head, form in (
            ("en_US", "From 03/02/2026 12:00:00 AM until 03/02/2026 08:00:00 AM (UTC)", "mm/dd/yyyy hh:mm:ss AM/PM"),
            ("de_DE", "02.03.2026 00:00:00", "dd.mm.yyyy hh:mm:ss"),
        ):
            self.env["res.lang"]._activate_lang(lang)
            self.env["res.lang"]._lang_get(lang).time_format = "%I:%M:%S %p" if lang == "en_US" else "%H:%M:%S"
            self.operator.lang = lang
            book = self.book(compare="any", other_since=MONDAY, other_until=END)
            summary, stops = book.worksheets[0], book.worksheets[-1]
            self.assertIn(head, summary["A2"].value)
            self.assertNotRegex(" ".join(summary[f"A{row}"].value or "" for row in range(1, 6)), r"\d{4}-\d\d")
            self.assertEqual((stops["B2"].value, stops["B2"].number_format), (at, form))
            self.assertTrue(stops["B2"].is_date)

    def test_a_long_span_has_days(self):
        """Listed by day there is no time."""
        with patch.object(mes_loss_book, "HOURLY_MS", HOUR):
            days = self.book()["Days"]
        self.assertEqual([cell.number_format for cell in days["B"][1:]], ["mm/dd/yyyy"])
        self.assertEqual(days["B2"].value, datetime(2026, 3, 2))

    def test_patterns_of_languages(self):
        """Every pattern that a language of Odoo has is one of a spreadsheet: letters are letters, nothing is lost."""
        expected = {
            "%d/%m/%Y": "dd/mm/yyyy", "%Y年%m月%d日": 'yyyy"年"mm"月"dd"日"', "%d. %b %y": "dd. mmm yy",
            "%I:%M %p": "hh:mm AM/PM", "%H시 %M분": 'hh"시" mm"분"', "%-d.%-m.%Y.": "d.m.yyyy.", '%H"h"%M': 'hh"h"mm',
            "%j": "",
        }  # fmt: skip
        self.assertEqual({pattern: number_format(pattern) for pattern in expected}, expected)

    def test_it_is_of_what_was_tapped(self):
        """Pareto and stops pass the filters and say so."""
        book = self.book(drill=[["step", "minor"], ["reason", "-"]], by="machine")
        pareto = self.rows(book["Pareto"])
        self.assertEqual(pareto[0][0], "Only: Minor stops › No reason given")
        self.assertEqual(pareto[3][:5], [self.machine.name, 0.5, 15, 30, 1])
        self.assertEqual(len(self.rows(book["Stops"])), 2)

    def test_words_are_never_formulas(self):
        """A reason called =1+1 and a machine called @cmd stay words; sheets keep odd names out of their titles."""
        self.reason.name = '=HYPERLINK("http://x","y")'
        self.machine.name = "=1+1"
        book = self.book(by="reason")
        for page in book:
            for row in page.iter_rows():
                for cell in row:
                    self.assertNotEqual(cell.data_type, "f", cell.value)
                    self.assertIsNone(cell.hyperlink)
        self.assertEqual(self.rows(book["Pareto"])[1][0], '=HYPERLINK("http://x","y")')

    def test_downloaded_by_an_operator_only(self):
        """Over the door with the session's rights: the file, or an error that the web client can tell."""
        choice = {"place": f"machine-{self.machine.id}", "span": "any", "since": MONDAY, "until": END}
        self.authenticate("losses", "losses-of-monday")
        found = self.download(choice)
        self.assertEqual(found.status_code, 200, found.text[:300])
        self.assertIn("losses-2026-03-02.xlsx", found.headers["Content-Disposition"])
        self.assertEqual(openpyxl.load_workbook(io.BytesIO(found.content)).sheetnames[0], "Summary")
        self.assertIn("not there", self.download({**choice, "span": "../../etc"}).text)
        self.assertEqual(self.download("[").status_code, 400)
        make_user(self.env, "operator", "stranger", company=make_company(self.env), password="stranger-at-the-door")
        self.authenticate("stranger", "stranger-at-the-door")
        self.assertEqual(self.download(choice).status_code, 400)
        self.logout()
        self.assertNotIn("spreadsheet", self.download(choice).headers.get("Content-Type", ""))

    def download(self, choice):
        text = choice if isinstance(choice, str) else json.dumps(choice)
        if not getattr(self, "session", None):
            self.authenticate(None, None)
        data = {"choice": text, "csrf_token": http.Request.csrf_token(self)}
        return self.url_open("/mes_oee/losses.xlsx", data=data, allow_redirects=True)
