from datetime import UTC, datetime
from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    feed_counts,
    feed_evidence,
    feed_states,
    make_product,
    make_reason,
    make_run,
    make_shift_pattern,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.tests import tagged

from .. import kpi
from . import oee_page
from .common import OeeCase

ELEMENTS_MS = ("CT", "POT", "PDOT", "PBT", "ADOT", "AUST", "APT", "ADET", "AUPT", "AUBT", "TTR", "CMT", "PMT")
UNITS = {" min": Fraction(1, MINUTE), " a minute": Fraction(MINUTE)}


def clock(text):
    """The ms of a time of this Monday."""
    return MONDAY + int(text[:2]) * HOUR + int(text[3:]) * MINUTE


@tagged("post_install", "-at_install")
class TestWorkedExample(OeeCase):
    """The shift of docs/oee.md, entered as facts: every number that the page prints is the product's answer."""

    def setUp(self):
        """A filler that is the bottleneck of its line, behind a depalletizer; it is Tuesday, 06:00."""
        super().setUp()
        make_shift_pattern(self.env, self.site, [("E", 6, 14, [(10, 30)])])
        self.machine.write(
            {"costs_hour": 48.0, "mes_startup_minutes": 10, "mes_minor_stop_ms": MINUTE, "mes_planned_scrap": 2.0,
             "sequence": 5}
        )  # fmt: skip
        self.line.mes_bottleneck_id = self.machine
        set_ideal_cycle(self.env, self.machine, 2.0)
        self.motor = make_reason(self.env, "Motor", mes_code="17", mes_failure=True)
        self.cola, self.lemonade = (
            make_product(self.env, name, list_price=0.60, standard_price=0.35) for name in ("Cola", "Lemonade")
        )
        make_run(self.env, self.line, self.cola, clock("06:30"), clock("11:30"))
        make_run(self.env, self.line, self.lemonade, clock("11:30"), clock("14:00"))
        self.env["mes.changeover.target"].create(
            {"minutes": 15, "from_product_id": self.cola.id, "to_product_id": self.lemonade.id}
        )
        self.feed_filler()
        self.feed_depalletizer()
        self.at(MONDAY + 30 * HOUR)
        self.env = self.env(user=make_user(self.env, "supervisor"))
        self.machine = self.machine.with_env(self.env)

    def feed_filler(self):
        """States, mode, evidence and counts as the page's first table tells them."""
        feed_evidence(self.env, self.machine, [(clock("06:00"), clock("07:30")), (clock("07:42"), clock("14:00"))])
        service = [(clock("06:00"), "maintenance"), (clock("06:20"), "production")]
        feed_states(self.env, self.machine, service, "mode", seq=1000)
        states = [
            ("06:00", "idle"), ("06:30", "running"), ("08:30", "down", "17"), ("08:55", "running"), ("10:00", "idle"),
            ("10:30", "running"), ("11:30", "setup"), ("11:50", "running"), ("13:00", "idle", None, "starved"),
            ("13:09", "running"), ("14:00", "idle"),
        ]  # fmt: skip
        points = [(clock(at), *rest) for at, *rest in states]
        for at in ("09:10", "09:20", "09:30", "09:40", "12:10", "12:20", "12:30", "12:40"):
            points += [(clock(at), "idle"), (clock(at) + MINUTE // 2, "running")]
        feed_states(self.env, self.machine, sorted(points, key=lambda point: point[0]))
        total = [("06:30", 0), ("07:30", 1660), ("07:42", 1960), ("08:30", 3280), ("08:55", 3280), ("10:00", 5020),
                 ("10:30", 5020), ("11:30", 6670), ("11:50", 6670), ("13:00", 8550), ("13:09", 8550),
                 ("14:00", 9960)]  # fmt: skip
        rejected = [("06:30", 0), ("07:30", 30), ("07:42", 30), ("08:30", 50), ("08:55", 50), ("10:00", 80),
                    ("10:30", 80), ("11:30", 100), ("11:50", 100), ("12:00", 160), ("13:00", 190), ("13:09", 190),
                    ("14:00", 210)]  # fmt: skip
        for name, readings in (("total", total), ("reject", rejected)):
            feed_counts(self.env, self.machine, [(clock(at), count) for at, count in readings], name)

    def feed_depalletizer(self):
        """The first machine of the line; nothing but what it sent matters here."""
        first = make_work_center(self.env, self.area, "DEPAL", line=self.line, sequence=1)
        set_ideal_cycle(self.env, first, 2.0)
        feed_evidence(self.env, first, [(clock("06:30"), clock("14:00"))])
        feed_states(self.env, first, [(clock("06:30"), "running")])
        sent = [("06:30", 0), ("10:00", 5000), ("10:30", 5000), ("14:00", 10_000)]
        feed_counts(self.env, first, [(clock(at), count) for at, count in sent])

    def assert_printed(self, key, value, cell):
        self.assertTrue(oee_page.shown(Fraction(value), cell), f"{key}: the page says {cell}, the product {value}")

    def test_the_elements(self):
        """Times in minutes, pieces as they are; what a formula uses besides is told by the figures."""
        (part,) = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + DAY)
        found = kpi.elements(part.totals, kpi.Settings())
        found |= {name: value for figure in part.figures.values() for name, value in figure.inputs.items()}
        printed = oee_page.keyed("Where the time went")
        self.assertGreater(len(printed), 18)
        for name, row in printed.items():
            value = found[name]
            self.assert_printed(name, Fraction(value, MINUTE) if name in (*ELEMENTS_MS, "AOET") else value, row[-1])
        self.assertEqual(part.totals.outside_total, 300, "made while nobody watched")

    def test_each_figure(self):
        """By key; a refusal with its code."""
        figures = self.figures(MONDAY, MONDAY + DAY)
        printed = oee_page.keyed("The figures")
        self.assertEqual(set(printed), set(figures))
        for key, (*_words, cell) in printed.items():
            figure = figures[key]
            if cell.startswith("refused"):
                self.assertEqual((figure.value, cell), (None, f"refused: {figure.refusal}"))
                continue
            unit = next((factor for end, factor in UNITS.items() if cell.endswith(end)), 1)
            self.assert_printed(key, figure.value * unit, cell)
        self.assert_printed("coverage", figures["oee"].coverage, oee_page.keyed("Coverage")["coverage"][-1])

    def test_the_waterfall_and_the_six(self):
        """Time, pieces and money of each step, exactly."""
        losses = self.env["mes.oee.losses"]
        for heading, asked, first in (("The waterfall", losses.waterfall, 0), ("The six big losses", losses.six, 1)):
            printed = oee_page.keyed(heading)
            (whole,) = asked(self.machine, MONDAY, MONDAY + DAY)
            self.assertEqual([one.name for one in whole.lost], list(printed))
            for one in whole.lost:
                cells = printed[one.name][first:]
                told = (Fraction(one.ms, MINUTE), one.pieces, one.money)
                self.assertEqual(told, tuple(map(oee_page.number, cells)), one.name)

    def test_stops_by_number(self):
        """Eight minor ones against two; and the page's Monday is one."""
        self.assertEqual(datetime.fromtimestamp(MONDAY / 1000, UTC).weekday(), 0)
        totals = self.totals(MONDAY, MONDAY + DAY)
        self.assertEqual((totals.minor_stops, totals.unplanned_stops), (8, 2))
        self.assertIn("the minor ones: 8 against 2", " ".join(oee_page.PAGE.read_text().split()))

    def test_the_changeover(self):
        """From cola to lemonade, against its target."""
        (one,) = self.env["mes.changeover"].list(self.machine, MONDAY, MONDAY + DAY)
        self.assertEqual((one["from"]["name"], one["to"]["name"]), ("Cola", "Lemonade"))
        for key, (cell,) in oee_page.keyed("Changeover").items():
            self.assert_printed(key, Fraction(one[f"{key}_ms"], MINUTE), cell)

    def test_the_value_of_ten_points_and_the_payback(self):
        """Of this one day, since the first fact is its first minute."""
        told = self.env["mes.oee.value"].payback(["mrp.workcenter", self.machine.ids], 50_000)
        self.assertEqual(told["days"], 1)
        printed = oee_page.keyed("The value of ten points")
        for key in ("pieces", "money", "months"):
            self.assert_printed(key, Fraction(repr(told[key])), printed[key][-1])

    def test_hours_sum_to_the_page(self):
        """Out of the rollup, hour by hour, the same totals as at once."""
        before = self.totals(MONDAY, MONDAY + DAY)
        self.refresh()
        hours = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + DAY, by=("hour",))
        self.assertEqual(len([part for part in hours if part.totals.pot_ms]), 8)
        self.assertEqual(sum((part.totals for part in hours), kpi.Totals()), before)
