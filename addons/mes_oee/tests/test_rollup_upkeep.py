from unittest.mock import patch

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    feed_counts,
    feed_evidence,
    feed_states,
    make_product,
    make_reason,
    make_run,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from ..models.mes_oee_refresh import CONSUMER
from .common import OeeCase


@tagged("post_install", "-at_install")
class TestRollupUpkeep(OeeCase):
    """Whatever changes the facts: only the touched hours are made anew, to the rows of a full rebuild."""

    def setUp(self):
        """Twelve hours of production on record; it is 12:30."""
        super().setUp()
        self.run = self.full_day(MONDAY, 24)
        points = [(MONDAY, "running")]
        for hour in range(12):
            start = MONDAY + hour * HOUR + 20 * MINUTE
            points += [(start, "down", "17"), (start + 5 * MINUTE, "running")]
        feed_states(self.env, self.machine, points)
        feed_counts(self.env, self.machine, [(MONDAY + n * MINUTE, 10 * n) for n in range(12 * 60 + 1)])
        self.at(MONDAY + 12 * HOUR + 30 * MINUTE)
        self.refresh()
        self.before = {row[6]: row for row in self.rows(ids=True)}

    def hours_made_anew(self):
        """The clock hours whose rows are others than before."""
        after = {row[6]: row for row in self.rows(ids=True)}
        return sorted(hour.hour for hour, row in after.items() if self.before.get(hour, [None])[0] != row[0])

    def assert_as_rebuilt(self):
        """Invariant 6: what upkeep made of the rollup is what a rebuild gives, row for row."""
        kept = self.rows()
        self.assertTrue(kept)
        self.assertEqual(kept, self.rebuilt())

    def test_complete_hours_have_rows(self):
        """Twelve rows for twelve complete hours; the hour that is running has none."""
        self.assertEqual([at.hour for at in sorted(self.before)], list(range(12)))
        self.assert_as_rebuilt()

    def test_nothing_new_nothing_done(self):
        """A refresh without new facts leaves every row alone."""
        self.refresh()
        self.assertEqual(self.hours_made_anew(), [])

    def test_a_late_state(self):
        """A late stop changes the hours up to the next change of state."""
        start = MONDAY + 5 * HOUR + 40 * MINUTE
        feed_states(self.env, self.machine, [(start, "down"), (start + 3 * MINUTE, "running")], stream="LATE")
        self.refresh()
        self.assertEqual(self.hours_made_anew(), [5, 6], "the point's span ends with the next one, in hour 6")
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).unplanned_ms, 63 * MINUTE)
        self.assert_as_rebuilt()

    def test_a_late_running_splits_a_stop_over_the_hour(self):
        """A stop over the hour becomes two short ones by a late fact: both hours change, also the untouched one."""
        five = MONDAY + 5 * HOUR
        feed_states(self.env, self.machine, [(five - 40 * SECOND, "down"), (five + 4 * MINUTE, "running")], stream="A")
        self.refresh()
        self.assertEqual(self.totals(five - HOUR, five).minor_ms, 0)
        feed_states(self.env, self.machine, [(five + 10 * SECOND, "running")], stream="B")
        self.refresh()
        self.assertEqual(self.totals(five - HOUR, five).minor_ms, 40 * SECOND)
        self.assert_as_rebuilt()

    def test_a_late_count(self):
        """V5 of the facts: a late reading splits an interval and never adds."""
        feed_counts(self.env, self.machine, [(MONDAY + 3 * HOUR + 30 * MINUTE + 30 * SECOND, 2109)], stream="LATE")
        self.refresh()
        self.assertEqual(self.hours_made_anew(), [3])
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).total + self.outside(), 7200)
        self.assert_as_rebuilt()

    def test_a_counter_that_comes_later(self):
        """Its first readings lie hours apart: what was made between them is new; the past before stays as it was."""
        half = 30 * MINUTE
        readings = [(MONDAY + 6 * HOUR + half, 100), (MONDAY + 10 * HOUR + half, 2400)]
        feed_counts(self.env, self.machine, readings, "good")
        self.refresh()
        self.assertEqual(self.hours_made_anew(), [6, 7, 8, 9, 10, 11], "from its first reading on")
        before, between = (self.totals(MONDAY + start * HOUR, MONDAY + end * HOUR) for start, end in ((2, 6), (6, 11)))
        self.assertEqual(before.reject + before.outside_reject, 0, "nobody counted good pieces then")
        self.assertEqual(between.good + between.outside_good, 2300)
        self.assert_as_rebuilt()

    def outside(self):
        """Pieces outside production so far."""
        return self.totals(MONDAY, MONDAY + 12 * HOUR).outside_total

    def test_a_count_interval_over_many_hours(self):
        """Readings missing for hours: a state in the middle shares the interval's pieces out anew."""
        self.env.cr.execute(
            "DELETE FROM mes_count_point WHERE workcenter_id = %s AND at > %s AND at < %s",
            [self.machine.id, clock.from_ms(MONDAY + 2 * HOUR), clock.from_ms(MONDAY + 6 * HOUR)],
        )
        self.env["mes.dirty.span"]._mark([(self.machine.id, MONDAY + 2 * HOUR, MONDAY + 6 * HOUR)], "test")
        self.refresh()
        self.assert_as_rebuilt()
        start = MONDAY + 4 * HOUR + 30 * MINUTE
        feed_states(self.env, self.machine, [(start, "down"), (start + 20 * MINUTE, "running")], stream="LATE")
        self.refresh()
        self.assert_as_rebuilt()

    def test_v8_the_bridge_was_cut_off(self):
        """V8: 40 min no data; exact and fully covered once the buffer has arrived."""
        cut, back = MONDAY + 2 * HOUR, MONDAY + 2 * HOUR + 40 * MINUTE
        other = self.machine.copy({"name": "Other", "code": "M2", "mes_code": False})
        set_ideal_cycle(self.env, other, 1)
        make_run(self.env, other, self.product, MONDAY, MONDAY + 24 * HOUR)
        feed_evidence(self.env, other, [(MONDAY, cut), (back, MONDAY + 6 * HOUR)])
        feed_states(self.env, other, [(MONDAY, "running")])
        self.refresh()
        before = self.totals(MONDAY, MONDAY + 4 * HOUR, other)
        self.assertEqual((before.no_data_ms, before.production_ms), (40 * MINUTE, 200 * MINUTE))
        feed_evidence(self.env, other, [(cut, back)], stream="BUFFER")
        feed_states(self.env, other, [(cut + 10 * MINUTE, "down"), (cut + 20 * MINUTE, "running")], stream="BUFFER")
        self.refresh()
        after = self.env["mes.oee"].figures(other, MONDAY, MONDAY + 4 * HOUR)[0]
        self.assertEqual((after.totals.no_data_ms, after.totals.unplanned_ms), (0, 10 * MINUTE))
        self.assertEqual(after.figures["oee"].coverage, 1)
        self.assertEqual(self.rows(other), self.rebuilt(other))

    def test_v16_overtime_is_added_to_last_week(self):
        """V16: only the touched hours are made anew, to the rows of a full rebuild."""
        self.env["mes.shift.pattern"].search([]).shift_ids.write({"start_hour": 4, "end_hour": 8})
        self.refresh()
        self.before = {row[6]: row for row in self.rows(ids=True)}
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 4 * HOUR)
        self.at(MONDAY + 7 * 24 * HOUR + 30 * MINUTE)
        self.refresh()
        self.before = {row[6]: row for row in self.rows(ids=True)}
        self.env["mes.shift.exception"].create(
            {
                "name": "Overtime",
                "kind": "overtime",
                "date": "2026-03-02",
                "site_id": self.site.id,
                "shift_code": "OT",
                "start_hour": 9.5,
                "end_hour": 11,
            }
        )
        self.refresh()
        self.assertLessEqual(len(self.hours_made_anew()), 3 * 24)
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 5 * HOUR + 30 * MINUTE)
        self.assert_as_rebuilt()

    def test_v20_an_event_stamped_forty_days_ago(self):
        """V20: it is taken, and its hours are made anew, no others; the days and months follow."""
        self.at(MONDAY + 40 * 24 * HOUR)
        self.refresh()
        self.before = {row[6]: row for row in self.rows(ids=True)}
        start = MONDAY + 5 * HOUR + 40 * MINUTE
        feed_states(self.env, self.machine, [(start, "down"), (start + 3 * MINUTE, "running")], stream="LATE")
        self.refresh()
        after = {row[6]: row for row in self.rows(ids=True)}
        anew = sorted(clock.to_ms(at) for at, row in after.items() if self.before[at][0] != row[0])
        self.assertEqual(anew, [MONDAY + 5 * HOUR, MONDAY + 6 * HOUR])
        self.assertEqual(self.totals(MONDAY, MONDAY + 24 * HOUR).unplanned_ms, 63 * MINUTE)
        kept = self.everything()
        self.assertEqual(kept, self.everything_rebuilt())

    def test_an_order_changes(self):
        """A corrected order run re-flows from the change on."""
        self.run.at_until = clock.from_ms(MONDAY + 7 * HOUR + 30 * MINUTE)
        self.refresh()
        self.assertEqual([hour for hour in self.hours_made_anew() if hour < 7], [])
        make_run(
            self.env, self.machine, make_product(self.env), MONDAY + 7 * HOUR + 30 * MINUTE, MONDAY + 9 * HOUR
        )
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).no_order_ms, 3 * HOUR)
        self.assert_as_rebuilt()

    def test_an_override(self):
        """A planned reason takes a stop out of the losses, and puts it back when withdrawn."""
        reason = make_reason(self.env, "Team talk", mes_planned=True)
        start = MONDAY + 6 * HOUR + 20 * MINUTE
        override = self.env["mes.state.override"].create(
            {
                "workcenter_id": self.machine.id,
                "at_from": clock.from_ms(start),
                "at_until": clock.from_ms(start + 5 * MINUTE),
                "loss_id": reason.id,
            }
        )
        self.refresh()
        self.assertEqual(self.hours_made_anew(), [6])
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).planned_ms, 5 * MINUTE)
        self.assert_as_rebuilt()
        override.withdraw()
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).planned_ms, 0)
        self.assert_as_rebuilt()

    def test_an_open_override_ends_earlier_by_a_late_fact(self):
        """It lasts until the machine runs again; a late running in it changes all that it had covered since."""
        start = MONDAY + 6 * HOUR + 30 * MINUTE
        states = [(start, "down"), (start + HOUR, "idle"), (start + 4 * HOUR, "running")]
        self.env.cr.execute(
            "DELETE FROM mes_state_point WHERE workcenter_id = %s AND at > %s AND at <= %s",
            [self.machine.id, clock.from_ms(start), clock.from_ms(start + 4 * HOUR)],
        )
        feed_states(self.env, self.machine, states, stream="LONG")
        reason = make_reason(self.env, "Cleaning", mes_planned=True)
        self.env["mes.state.override"].create(
            {"workcenter_id": self.machine.id, "at_from": clock.from_ms(start), "loss_id": reason.id}
        )
        self.env["mes.dirty.span"]._mark([(self.machine.id, MONDAY, None)], "test")
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).planned_ms, 4 * HOUR)
        feed_states(self.env, self.machine, [(start + 20 * MINUTE, "running")], stream="LATE")
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).planned_ms, 20 * MINUTE)
        self.assert_as_rebuilt()

    def test_an_ideal_cycle(self):
        """A new ideal cycle counts from its date on."""
        set_ideal_cycle(self.env, self.machine, 2, self.product, MONDAY + 8 * HOUR)
        self.refresh()
        self.assertEqual([hour for hour in self.hours_made_anew() if hour < 7], [])
        totals = [self.totals(MONDAY + h * HOUR, MONDAY + (h + 1) * HOUR) for h in (7, 8)]
        self.assertEqual([one.ideal_ns // one.total for one in totals], [10**9, 2 * 10**9])
        self.assert_as_rebuilt()

    def test_the_minor_stop_threshold(self):
        """A machine's threshold holds for all of its time."""
        self.machine.mes_minor_stop_ms = 6 * MINUTE
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 60 * MINUTE)
        self.assert_as_rebuilt()

    def test_the_machine_moves(self):
        """After a move the rows name the new line; those before keep the old one."""
        other = self.line.copy({"name": "L2", "code": "L2", "mes_code": False})
        self.machine._mes_move(self.area, other, MONDAY + 6 * HOUR)
        self.refresh()
        lines = {row[5].hour: row[4] for row in self.rows()}
        self.assertEqual([lines[hour] for hour in (5, 6)], [self.line.id, other.id])
        self.assert_as_rebuilt()

    def test_facts_before_the_first(self):
        """Older facts than any known fill the hours between."""
        feed_evidence(self.env, self.machine, [(MONDAY - 3 * HOUR, MONDAY - 2 * HOUR)], stream="OLD")
        self.refresh()
        self.assertEqual(len({row[5] for row in self.rows()}), 15)
        self.assert_as_rebuilt()

    def test_watched_by_two_streams_the_first_hour_stays(self):
        """The stream that began first watches on; another's short span later does not make the machine younger."""
        early = MONDAY - 3 * HOUR
        feed_evidence(self.env, self.machine, [(early, MONDAY + HOUR)], "A")
        self.refresh()
        feed_evidence(self.env, self.machine, [(early + 2 * HOUR, early + 2 * HOUR + MINUTE)], "B")
        self.refresh()
        self.assertEqual(min(row[5] for row in self.rows()), clock.from_ms(early))
        self.assert_as_rebuilt()

    def test_closed_rows_stay(self):
        """What would re-flow over the edge of a closed period stops there; opened, it is made anew."""
        edge = MONDAY + 5 * HOUR
        lock = self.env["mes.period.lock"].create(
            {"company_id": self.env.company.id, "at_until": clock.from_ms(edge)}
        )
        closed = [row for row in self.rows(ids=True) if row[6] < clock.from_ms(edge)]
        self.machine.mes_minor_stop_ms = 6 * MINUTE
        self.refresh()
        self.env["mes.oee.refresh"].rebuild(self.machine.ids, MONDAY, MONDAY + 12 * HOUR)
        self.assertEqual([row for row in self.rows(ids=True) if row[6] < clock.from_ms(edge)], closed)
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 35 * MINUTE)
        lock.action_reopen()
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 60 * MINUTE)
        self.assert_as_rebuilt()

    def test_marks_are_used_up(self):
        """After a refresh no mark is left; before, the figures show the new facts all the same."""
        start = MONDAY + 5 * HOUR + 40 * MINUTE
        feed_states(self.env, self.machine, [(start, "down"), (start + 3 * MINUTE, "running")], stream="LATE")
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).unplanned_ms, 63 * MINUTE)
        self.refresh()
        waiting = self.env["mes.dirty.span"].search_count([("consumer", "=", CONSUMER)])
        self.assertEqual(waiting, 0)

    def test_the_job(self):
        """The scheduled job itself does it, as the root user and with its commits."""
        start = MONDAY + 5 * HOUR + 40 * MINUTE
        feed_states(self.env, self.machine, [(start, "down"), (start + 3 * MINUTE, "running")], stream="LATE")
        noon = self.env["mes.clock"].now_ms()
        with self.enter_registry_test_mode(), patch.object(clock, "now_ms", return_value=noon):
            self.env.ref("mes_oee.ir_cron_refresh_rollups").method_direct_trigger()
        self.assertIn(5, self.hours_made_anew())

    def test_facts_wake_the_job(self):
        """Whoever writes facts has the job run soon; a second batch does not have it run twice."""
        triggers = self.env["ir.cron.trigger"]
        waiting = [("cron_id", "=", self.env.ref("mes_oee.ir_cron_refresh_rollups").id)]
        triggers.search(waiting).unlink()
        for minute in (0, 1):
            self.env.cr.precommit.data.pop("mes.dirty.span", None)  # another transaction
            feed_states(self.env, self.machine, [(MONDAY + 12 * HOUR + minute * MINUTE, "down")], stream="LATE")
        self.assertEqual(triggers.search_count(waiting), 1)
