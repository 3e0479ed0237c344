from datetime import date
from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    feed_counts,
    feed_evidence,
    feed_states,
    make_product,
    make_run,
    make_shift_pattern,
    make_work_center,
    set_ideal_cycle,
)
from odoo.tests import tagged

from .common import OeeCase

SIX = MONDAY + 6 * HOUR


@tagged("post_install", "-at_install")
class TestRollupVectors(OeeCase):
    """The vectors of the design, through facts, rollup and figures."""

    def worked_shift(self, hours, stops, total, reject, ideal, shifts, states=()):
        """One order over a shift from 06:00; ``stops``: (start, ms); counted once at either end."""
        end = SIX + hours * HOUR
        make_shift_pattern(self.env, self.site, shifts)
        feed_evidence(self.env, self.machine, [(SIX, end)])
        set_ideal_cycle(self.env, self.machine, ideal)
        make_run(self.env, self.machine, self.product, SIX, end)
        points = [(SIX, "running"), *states]
        for start, ms in stops:
            points += [(start, "down"), (start + ms, "running")]
        feed_states(self.env, self.machine, sorted(points))
        feed_counts(self.env, self.machine, [(SIX, 0), (end, total)])
        feed_counts(self.env, self.machine, [(SIX, 0), (end, reject)], "reject")
        self.at(end + 2 * HOUR)
        self.refresh()
        self.assertEqual(len({row[5] for row in self.rows()}), hours + 1, "one row an hour, none lost or doubled")
        return self.figures(SIX, end)

    def test_v0_the_classic_worked_example(self):
        """V0: PBT 420 min, 47 min stops, 19 271 made, 423 rejected."""
        breaks = [(8, 15), (10, 30), (12, 15)]
        rests = [
            point
            for hour, minutes in breaks
            for point in ((MONDAY + hour * HOUR, "idle"), (MONDAY + hour * HOUR + minutes * MINUTE, "running"))
        ]
        made = self.worked_shift(8, [(SIX + HOUR, 47 * MINUTE)], 19271, 423, 1.0, [("D", 6, 14, breaks)], rests)
        self.assertEqual(made["availability"].value, Fraction(373, 420))
        self.assertEqual(made["effectiveness"].value, Fraction(19271, 373 * 60))
        self.assertEqual(made["quality"].value, Fraction(18848, 19271))
        self.assertEqual(made["oee"].value, Fraction(18848, 420 * 60))
        self.assertEqual([f"{float(made[k].value):.4f}" for k in ("availability", "oee")], ["0.8881", "0.7479"])

    def test_v1_pharmaceutical_specification(self):
        """V1: 12 h, 2 h stops, 10 000/h ideal, 95 000 made, 90 000 good."""
        made = self.worked_shift(12, [(SIX + HOUR, 2 * HOUR)], 95000, 5000, 0.36, [("D", 6, 18)])
        self.assertEqual(made["oee"].value, Fraction(3, 4))
        self.assertEqual(made["oee"].value, Fraction(90000, 12 * 10000))
        self.assertEqual(made["effectiveness"].value, Fraction(95, 100))

    def test_v2_faster_than_ideal(self):
        """V2: set-up 40, stop 20 of 480 min; performance above 1 is shown, NEE counts the set-up."""
        setup = [(SIX + HOUR, "setup"), (SIX + HOUR + 40 * MINUTE, "running")]
        made = self.worked_shift(8, [(SIX + 3 * HOUR, 20 * MINUTE)], 450, 9, 60, [("D", 6, 14)], setup)
        self.assertEqual(made["availability"].value, Fraction(7, 8))
        self.assertEqual(made["effectiveness"].value, Fraction(450, 420))
        self.assertEqual(made["oee"].value, Fraction("0.91875"))
        self.assertEqual(made["nee"].value, Fraction("1.00625"))
        self.assertIn("faster_than_ideal", made["effectiveness"].notes)
        found = self.env["mes.oee"].too_long_cycles(self.machine, SIX, SIX + 8 * HOUR)[self.machine.id]
        self.assertEqual([(one.product, one.effectiveness) for one in found], [(self.product.id, Fraction(450, 420))])
        self.assertAlmostEqual(found[0].proposal_ns / 10**9, 56, delta=1, msg="the cycle it can sustain")

    def test_v6_a_stop_over_the_change_of_shifts(self):
        """V6: one stop, counted where it began, ten minutes in each shift."""
        ten = MONDAY + 22 * HOUR
        self.full_day(MONDAY, 30)
        self.env["mes.shift.pattern"].search([]).shift_ids.unlink()
        pattern = self.env["mes.shift.pattern"].search([], limit=1)
        for code, start, end in (("L", 14, 23), ("N", 23, 6)):
            self.env["mes.shift"].create(
                {
                    "pattern_id": pattern.id,
                    "name": code,
                    "code": code,
                    "start_hour": start,
                    "end_hour": end,
                    "saturday": True,
                    "sunday": True,
                }
            )
        feed_states(
            self.env,
            self.machine,
            [(MONDAY, "running"), (ten + 50 * MINUTE, "down", "17"), (ten + 70 * MINUTE, "running")],
        )
        self.at(MONDAY + 26 * HOUR)
        self.refresh()
        parts = self.env["mes.oee"].figures(self.machine, MONDAY + 14 * HOUR, MONDAY + 25 * HOUR, by=("shift",))
        found = {part.key[0][2]: part.totals for part in parts if part.key[0][2]}
        self.assertEqual({name: one.unplanned_stops for name, one in found.items()}, {"L": 1, "N": 0})
        self.assertEqual({name: one.unplanned_ms for name, one in found.items()}, {"L": 600_000, "N": 600_000})

    def test_v7_an_open_short_stop_is_undetermined(self):
        """V7: 20 s open is neither minor nor unplanned; once it is closed or long it is."""
        self.full_day()
        stop = MONDAY + 5 * HOUR
        feed_states(self.env, self.machine, [(MONDAY, "running"), (stop, "down")])
        self.at(stop + 20 * SECOND)
        self.refresh()
        self.assertEqual(self.totals(MONDAY, stop + HOUR).undetermined_ms, 20_000)
        self.at(stop + 61 * SECOND)
        self.assertEqual(self.totals(MONDAY, stop + HOUR).unplanned_ms, 61_000)

    def test_v7_at_the_end_of_an_hour(self):
        """An hour that ends in a short open stop gets no row until the stop is surely no minor one."""
        self.full_day()
        six = MONDAY + 6 * HOUR
        feed_states(self.env, self.machine, [(MONDAY, "running"), (six - 30 * SECOND, "down")])
        self.at(six + 10 * SECOND)
        self.refresh()
        self.assertEqual(max(row[5] for row in self.rows()).hour, 4)
        self.assertEqual(self.totals(MONDAY, six).undetermined_ms, 30_000)
        feed_states(self.env, self.machine, [(six + 15 * SECOND, "running")])
        self.at(six + 65 * SECOND)
        self.refresh()
        self.assertEqual(max(row[5] for row in self.rows()).hour, 5)
        self.assertEqual(self.totals(MONDAY, six).minor_ms, 30_000)

    def test_v10_counting_without_an_order(self):
        """V10: ADOT and 120 unallocated parts; A counts the time, P and Q are not defined."""
        run = self.full_day(MONDAY, 2)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 4 * HOUR)])
        feed_states(self.env, self.machine, [(MONDAY, "running"), (MONDAY + 4 * HOUR, "idle")])
        feed_counts(
            self.env, self.machine, [(MONDAY, 0), (MONDAY + 2 * HOUR, 900), (MONDAY + 3 * HOUR, 1020)]
        )
        self.at(MONDAY + 5 * HOUR)
        self.refresh()
        alone = self.env["mes.oee"].figures(self.machine, MONDAY + 2 * HOUR, MONDAY + 4 * HOUR)[0]
        self.assertEqual((alone.totals.no_order_ms, alone.totals.unallocated), (2 * HOUR, 120))
        self.assertEqual((alone.totals.total, alone.figures["availability"].value), (0, 0))
        self.assertEqual(alone.figures["effectiveness"].refusal, "no_production_time")
        self.assertEqual(alone.figures["quality"].refusal, "nothing_produced")
        parts = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + 4 * HOUR, ("run",))
        self.assertEqual({part.key[0]: part.totals.total for part in parts}, {None: 0, run.id: 900})

    def test_v12_speed_loss(self):
        """V12: 84 % of the ideal rate for 60 min."""
        self.full_day(MONDAY, 1)
        feed_states(self.env, self.machine, [(MONDAY, "running"), (MONDAY + HOUR, "idle")])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 3024)])
        self.at(MONDAY + 2 * HOUR)
        self.refresh()
        part = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + HOUR)[0]
        self.assertEqual(part.figures["effectiveness"].value, Fraction(84, 100))
        self.assertEqual(part.totals.production_ms * 10**6 - part.totals.ideal_ns, int(9.6 * 60) * 10**9)

    def test_v13_the_order_changes_in_a_running_interval(self):
        """V13: time and counts split at the change, and sum to the whole."""
        run = self.full_day(MONDAY, 1)
        change = MONDAY + 24 * MINUTE
        run.at_until = "2026-03-02 00:24:00"
        other = make_run(self.env, self.machine, make_product(self.env, "Can"), change, MONDAY + HOUR)
        feed_states(self.env, self.machine, [(MONDAY, "running"), (MONDAY + HOUR, "idle")])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 1000)])
        self.at(MONDAY + 2 * HOUR)
        self.refresh()
        parts = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + HOUR, ("run", "product"))
        found = {part.key[0]: (part.totals.production_ms, part.totals.total) for part in parts}
        self.assertEqual(found, {run.id: (24 * MINUTE, 400), other.id: (36 * MINUTE, 600)})
        self.assertEqual({part.key[1] for part in parts}, {run.product_id.id, other.product_id.id})

    def test_v17_a_shift_from_half_past_six(self):
        """V17: rows on the clock's hours, none lost or doubled; the half hours go to the right shift."""
        make_shift_pattern(self.env, self.site, [("E", 6.5, 14.5), ("L", 14.5, 22.5), ("N", 22.5, 6.5)])
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 24 * HOUR)])
        make_run(self.env, self.machine, self.product, MONDAY, MONDAY + 24 * HOUR)
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        self.at(MONDAY + 25 * HOUR)
        self.refresh()
        parts = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + 24 * HOUR, ("hour",))
        self.assertEqual([part.key[0].hour for part in parts], list(range(24)))
        self.assertEqual({part.totals.calendar_ms for part in parts}, {HOUR})
        early = self.env["mes.oee"].figures(
            self.machine, MONDAY, MONDAY + 24 * HOUR, ("shift",), dates=(date(2026, 3, 2), date(2026, 3, 2))
        )
        self.assertEqual(
            {part.key[0][2]: part.totals.pot_ms for part in early}, {"E": 8 * HOUR, "L": 8 * HOUR, "N": 90 * MINUTE}
        )

    def test_v22_both_change_days(self):
        """V22: a shift from 02:30 on both change days; the 02:00 row comes twice in October, never in March."""
        self.site.tz = "Europe/Berlin"
        make_shift_pattern(self.env, self.site, [("D", 2.5, 10.5)])
        march, october = 1774738800000, 1792879200000  # 29 March and 25 October 2026, 00:00 in Berlin
        expected = {
            march: ([0, 1, 3, 4, 5, 6, 7, 8, 9, 10], 7.5),
            october: ([0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9),
        }
        for midnight, (clock_hours, shift_hours) in expected.items():
            self.machine = make_work_center(self.env, self.area, f"M{midnight}", line=self.line)
            make_run(self.env, self.machine, self.product, midnight)
            end = midnight + len(clock_hours) * HOUR
            feed_evidence(self.env, self.machine, [(midnight, end)])
            feed_states(self.env, self.machine, [(midnight, "running")])
            self.at(end + HOUR)
            self.refresh()
            self.env.cr.execute(
                "SELECT hour_label, sum(production_ms) FROM mes_oee_rollup WHERE workcenter_id = %s AND hour_at >="
                " timestamp 'epoch' + %s * interval '1 ms' AND hour_at < timestamp 'epoch' + %s * interval '1 ms'"
                " GROUP BY hour_at, hour_label ORDER BY hour_at",
                [self.machine.id, midnight, end],
            )
            found = self.env.cr.fetchall()
            self.assertEqual([int(label[:2]) for label, _ms in found], clock_hours)
            self.assertEqual(sum(ms for _label, ms in found), shift_hours * HOUR)
            self.assertEqual(len({label for label, _ms in found}), len(found), "the second 02:00 is told apart")

    def test_v23_half_hour_zones(self):
        """V23: UTC+5:30 has its rows on its own clock."""
        self.site.tz = "Asia/Kolkata"
        self.full_day(MONDAY, 6)
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        self.at(MONDAY + 5 * HOUR)
        self.refresh()
        rows = self.rows()
        self.assertEqual({row[5].minute for row in rows}, {30})
        self.assertEqual(sorted({row[7] for row in rows}), ["05:00", "06:00", "07:00", "08:00", "09:00"])

    def test_v25_a_count_interval_over_the_hour(self):
        """V25: ten parts over a boundary, 60 % of the running time before it: six and four."""
        self.full_day(MONDAY, 3)
        edge = MONDAY + HOUR
        feed_states(
            self.env, self.machine, [(MONDAY, "running"), (edge + 4 * MINUTE, "down"), (edge + 30 * MINUTE, "running")]
        )
        feed_counts(self.env, self.machine, [(edge - 6 * MINUTE, 0), (edge + 20 * MINUTE, 10)])
        self.at(MONDAY + 3 * HOUR)
        self.refresh()
        parts = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + 2 * HOUR, ("hour",))
        self.assertEqual([part.totals.total for part in parts], [6, 4])
