import random
from datetime import date, datetime, timedelta
from unittest.mock import patch

from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    feed_counts,
    feed_evidence,
    feed_states,
    make_area,
    make_product,
    make_run,
    make_shift_pattern,
    make_site,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.tests import BaseCase, tagged
from odoo.tools import SQL

from .. import kpi
from ..models import mes_oee_store
from ..models.mes_oee import OEE_ONLY
from ..tools import hours, levels
from ..tools.grouping import live_key
from ..tools.levels import DAY as DAYS
from ..tools.levels import FIGURES, MONTH_CREW, MONTH_PRODUCT, REASONS
from ..tools.levels import HOUR as HOURS
from ..tools.levels import MONTH as MONTHS
from .common import OeeCase
from .test_migration import script

# Thursday 26 February 2026, 00:00 UTC.
BEGIN = MONDAY - 4 * DAY


@tagged("post_install", "-at_install")
class TestSplit(BaseCase):
    """Which windows of which level a span is read from."""

    def assert_tiles(self, tz, span, rolled, chosen):
        """The windows hold each hour of the span that has rows once, and no other hour that has."""
        held = []
        for level, windows in levels.split(span, levels.Rolled(tz, *rolled), chosen).items():
            for low, high in windows:
                edges = (low, high) if level is HOURS else (levels.day_start(tz, low), levels.day_start(tz, high))
                held.append((max(edges[0], rolled[0]), min(edges[1], rolled[1])))
        held.sort()
        self.assertEqual(held[0][0], span[0])
        self.assertEqual(held[-1][1], span[1])
        self.assertEqual([end for _start, end in held[:-1]], [start for start, _end in held[1:]])

    def test_any_span_on_any_clock(self):
        """Clocks off the hour, clocks that change at midnight, days of 23 and 25 hours."""
        dice = random.Random(5)
        zones = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Asia/Beirut", "America/Havana")
        for _ in range(400):
            tz = dice.choice(zones)
            start = clock.to_ms(datetime(2026, dice.randrange(1, 12), dice.randrange(1, 28)))
            rolled = hours.outward(tz, start, start + dice.randrange(1, 100 * DAY))
            span = hours.outward(tz, *sorted(dice.randrange(rolled[0], rolled[1]) for _ in range(2)))
            span = dice.choice((span, rolled, (rolled[0], span[1]), (span[0], rolled[1])))
            self.assert_tiles(tz, span, rolled, dice.choice(((HOURS,), (DAYS, HOURS), (MONTHS, DAYS, HOURS))))

    def test_whole_months_need_no_hours(self):
        """A year is twelve months, whatever the clock did."""
        start, end = (levels.day_start("Europe/Berlin", date(year, 1, 1)) for year in (2026, 2027))
        rolled = levels.Rolled("Europe/Berlin", start - DAY, end + DAY)
        wanted = {MONTHS: [(date(2026, 1, 1), date(2027, 1, 1))]}
        self.assertEqual(levels.split((start, end), rolled, (MONTHS, DAYS, HOURS)), wanted)

    def test_the_day_that_is_running_is_whole_as_far_as_it_goes(self):
        """A span that ends where the rollup ends needs no hours of the last day; a month has to be over."""
        start = levels.day_start("UTC", date(2026, 1, 1))
        for length, last in ((40 * DAY + 3 * HOUR, date(2026, 2, 11)), (31 * DAY + HOUR, date(2026, 2, 2))):
            rolled = levels.Rolled("UTC", start + 5 * HOUR, start + length)
            found = levels.split((rolled.start, rolled.end), rolled, (MONTHS, DAYS, HOURS))
            january = (date(2026, 1, 1), date(2026, 2, 1))
            self.assertEqual(found, {MONTHS: [january], DAYS: [(date(2026, 2, 1), last)]})
        rolled = levels.Rolled("UTC", start, start + 31 * DAY)
        found = levels.split((rolled.start, rolled.end), rolled, (MONTHS, DAYS, HOURS))
        self.assertEqual(found, {DAYS: [(date(2026, 1, 1), date(2026, 2, 1))]})

    def test_what_a_level_does_not_know_is_read_below(self):
        """Orders are known by days, hours by hours; codes and crews of lost time by days."""
        by_product, by_crew = [MONTH_PRODUCT, DAYS, HOURS], [MONTH_CREW, DAYS, HOURS]
        self.assertEqual(levels.of(["line_id", "month"], FIGURES), by_product)
        self.assertEqual(levels.of(["workcenter_id", "product_id"], FIGURES), by_product)
        self.assertEqual(levels.of(["shift_name", "line_id"], FIGURES), by_crew)
        self.assertEqual(levels.of(["crew_id", "product_id"], FIGURES), [MONTHS, DAYS, HOURS])
        self.assertEqual(levels.of(["production_id"], FIGURES), [DAYS, HOURS])
        self.assertEqual(levels.of(["hour_at"], FIGURES), [HOURS])
        self.assertEqual(levels.of(["loss_id"], REASONS), [MONTHS, DAYS, HOURS])
        self.assertEqual(levels.of(["crew_id"], FIGURES), by_crew)
        for column in ("code", "crew_id", "shift_name"):
            self.assertEqual(levels.of([column], REASONS), [DAYS, HOURS])


@tagged("post_install", "-at_install")
class TestLevels(OeeCase):
    """Days and months are sums of hours, and figures are the same from whichever they are read."""

    @classmethod
    def setUpClass(cls):
        """Six days over the end of a month, two products, three shifts, in Kolkata; a refresh at its end."""
        super().setUpClass()
        cls.site.tz = "Asia/Kolkata"
        make_shift_pattern(cls.env, cls.site, [("E", 6, 14, [(10, 30)]), ("L", 14, 22), ("N", 22.25, 4)])
        feed_evidence(cls.env, cls.machine, [(BEGIN + 3 * HOUR, BEGIN + 5 * DAY + 7 * HOUR)])
        set_ideal_cycle(cls.env, cls.machine, 1.5)
        other = make_product(cls.env, "Jar")
        for number in range(14):
            start = BEGIN + number * 9 * HOUR
            make_run(cls.env, cls.machine, (cls.product, other)[number % 2], start, start + 8 * HOUR)
        points = []
        for number in range(16 * 9):
            start = BEGIN + number * 50 * MINUTE
            points += [(start, "running"), (start + 40 * MINUTE, "down", str(number % 4))]
            points.append((start + 40 * MINUTE + (number % 3) * 40 * SECOND + 1, "running"))
        feed_states(cls.env, cls.machine, points)
        feed_counts(cls.env, cls.machine, [(BEGIN + n * 10 * MINUTE, 300 * n) for n in range(6 * 144)])
        cls.now = BEGIN + 5 * DAY + 6 * HOUR + 20 * MINUTE

    def setUp(self):
        super().setUp()
        self.at(self.now)
        self.refresh()

    def expected(self, start, end, by):
        """Sums by key from the engine alone, and those of lost time."""
        rows, reasons = self.env["mes.oee.engine"]._all_rows({self.machine.id: (start, end)}, self.now)
        sums, lost = {}, {}
        for row in rows:
            key = live_key(row, by)
            sums[key] = sums.get(key, kpi.Totals()) + row.totals
        for row in reasons:
            key = live_key(row, by)
            ms, stops = lost.get(key, (0, 0))
            lost[key] = (ms + row.ms, stops + row.stops)
        return sums, lost

    def test_any_span_by_anything(self):
        """Whatever is asked, over whatever span: what months, days, hours and facts say is what facts say."""
        dice = random.Random(3)
        names = ("machine", "product", "day", "month", "shift", "shift_name", "crew", "run", "order", "business_date")
        for _ in range(25):
            start, end = sorted(BEGIN + dice.randrange(-4 * HOUR, 6 * DAY) for _ in range(2))
            if dice.random() < 0.5:
                days = [levels.local_date("Asia/Kolkata", at) for at in (start, end)]
                start, end = (levels.day_start("Asia/Kolkata", day) for day in days)
            by = tuple(dice.sample(names, dice.randrange(3)))
            sums, lost = self.expected(start, min(end, self.now), by)
            # Machines that share their windows are read otherwise than those with windows of their own.
            few = patch.object(mes_oee_store, "FEW_WINDOWS", dice.choice((0, 3)))
            with self.subTest(start=start, end=end, by=by), few:
                found = self.env["mes.oee"].figures(self.machine, start, end, by, registry=OEE_ONLY)
                self.assertEqual({part.key: part.totals for part in found}, sums)
                found = self.env["mes.oee"].reasons(self.machine, start, end, by)
                self.assertEqual({part.key: (part.ms, part.stops) for part in found}, lost)

    def test_small_months_are_made_from_the_months(self):
        """An upgrade from a version without them fills them, as they come about from the facts."""
        wanted = self.everything()
        for table in ("mes_oee_rollup_month_product", "mes_oee_rollup_month_crew"):
            self.assertTrue(wanted[table], "February is over")
            self.env.cr.execute(SQL("DELETE FROM %s", SQL.identifier(table)))
        script("post-small-months", "19.0.1.2.0").migrate(self.env.cr, "19.0.1.1.0")
        self.assertEqual(self.everything(), wanted)

    def test_business_dates_by_month(self):
        """Shifts of two business dates, over the edge of the month, by local month."""
        dates = (date(2026, 2, 28), date(2026, 3, 1))
        found = self.env["mes.oee"].figures(self.machine, BEGIN, self.now, ("month",), dates)
        wanted = {}
        for row in self.env["mes.oee.engine"]._rows({self.machine.id: (BEGIN, self.now)}, self.now):
            if row.shift and dates[0] <= row.shift.business_date <= dates[1]:
                key = (row.hour.date.replace(day=1),)
                wanted[key] = wanted.get(key, kpi.Totals()) + row.totals
        self.assertEqual({part.key: part.totals for part in found}, wanted)
        self.assertEqual(len(wanted), 2)

    def test_long_spans_are_read_from_coarse_levels(self):
        """Whole months never look at hours or days; a question that only hours can answer does."""
        figures = self.env["mes.oee"].figures
        whole = (BEGIN - DAY, levels.day_start("Asia/Kolkata", date(2026, 3, 1)), ("month",))
        before = [part.totals for part in figures(self.machine, *whole)]
        for table in (FIGURES.tables["hour"], FIGURES.tables["day"]):
            self.env.cr.execute(f"UPDATE {table} SET good = good + 1000000 WHERE workcenter_id = %s", [self.machine.id])
        self.assertEqual([part.totals for part in figures(self.machine, *whole)], before)
        self.assertGreater(sum(part.totals.good for part in figures(self.machine, *whole[:2], ("order",))), 10**6)
        self.assertGreater(sum(part.totals.good for part in figures(self.machine, *whole[:2], ("hour",))), 10**6)

    def test_without_the_running_hour(self):
        """Only complete hours, and it is said up to when: two boards that ask so agree."""
        begin = BEGIN - HOUR // 2  # the hour of the first fact
        live = self.env["mes.oee"].figures(self.machine, begin, self.now)[0]
        rolled = self.env["mes.oee"].figures(self.machine, begin, self.now, live=False)[0]
        self.assertEqual(live.as_of, self.now)
        self.assertEqual(rolled.as_of, self.now // HOUR * HOUR - HOUR // 2, "the clock of Kolkata is half an hour off")
        self.assertEqual(rolled.totals, self.engine_totals(begin, rolled.as_of))
        lost = self.env["mes.oee"].reasons(self.machine, begin, self.now, ("bucket",), live=False)
        self.assertEqual({part.as_of for part in lost}, {rolled.as_of})
        self.assertEqual(sum(part.ms for part in lost), rolled.totals.calendar_ms - rolled.totals.production_ms)

    def ids(self, table, at):
        """Id of each of the machine's rows -> when it is."""
        self.env.cr.execute(f"SELECT id, {at} FROM {table} WHERE workcenter_id = %s", [self.machine.id])
        return dict(self.env.cr.fetchall())

    def test_a_late_fact_touches_only_its_hours_day_and_month(self):
        """Only rows that hold the change are made anew; of days and months even those of that time mostly stay."""
        coarse = [(cube.tables[level.name], level) for cube in (FIGURES, REASONS) for level in (DAYS, MONTHS)]
        asked = [*coarse, *((cube.tables["hour"], HOURS) for cube in (FIGURES, REASONS))]
        before = {table: self.ids(table, level.at) for table, level in asked}
        start = MONDAY - 2 * DAY + HOUR + 5 * MINUTE
        feed_states(self.env, self.machine, [(start, "down", "9"), (start + 3 * MINUTE, "running")], stream="LATE")
        self.refresh()
        dates = {HOURS: date(2026, 2, 28), DAYS: date(2026, 2, 28), MONTHS: date(2026, 2, 1)}
        for table, level in asked:
            after = self.ids(table, level.at)
            new = {id_: at for id_, at in after.items() if id_ not in before[table]}
            with self.subTest(table=table):
                self.assertTrue(new)
                self.assertLessEqual(len(new), 20)
                for at in new.values():
                    self.assertEqual((at + timedelta(hours=5.5)).date() if level is HOURS else at, dates[level])
        for table, _level in coarse:
            self.assertGreater(len(before[table].keys() & self.ids(table, "id").keys()), len(before[table]) / 2)
        self.assertEqual(self.everything(), self.everything_rebuilt())

    def test_the_machine_moves_its_days_follow(self):
        """A day on which the machine changed lines has rows of both."""
        other = self.line.copy({"name": "L2", "code": "L2", "mes_code": False})
        self.machine._mes_move(self.area, other, MONDAY - 2 * DAY + 6 * HOUR)
        self.refresh()
        found = self.env["mes.oee"].figures(self.site, BEGIN, self.now, ("line", "month"), registry=OEE_ONLY)
        lines = {}
        for part in found:
            lines[part.key[0]] = lines.get(part.key[0], 0) + part.totals.calendar_ms
        move = MONDAY - 2 * DAY + 6 * HOUR + HOUR // 2
        self.assertEqual(lines[other.id], self.now - move)
        self.assertEqual(self.everything(), self.everything_rebuilt())

    def test_the_machine_moves_to_a_site_with_another_clock(self):
        """Its days begin at other hours from then on; sums over any span stay what the facts say."""
        adelaide = make_site(self.env, "S2", "Australia/Adelaide")
        self.machine._mes_move(make_area(self.env, adelaide, "A2"), None, MONDAY - DAY + HOUR // 2)
        self.refresh()
        dice = random.Random(4)
        for _ in range(12):
            days = sorted(dice.randrange(6) for _ in range(2))
            start = BEGIN - HOUR // 2 - 5 * HOUR + days[0] * DAY
            end = min(start + (days[1] - days[0] + 1) * DAY, self.now)
            self.assertEqual(self.totals(start, end), self.engine_totals(start, end))
