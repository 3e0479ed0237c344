"""The minor stop threshold of a machine and a mode."""

from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import MINUTE, MONDAY, feed_states, make_user
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestMinorStop(StopCase):
    def threshold(self, mode="manual", minutes=10):
        """Another threshold in a mode."""
        return self.env["mes.minor.stop"].create(
            {"workcenter_id": self.machine.id, "mode": mode, "threshold_ms": minutes * MINUTE}
        )

    def kinds(self):
        """The kinds of the stored stops in order."""
        return [stop.kind for stop in self.records()]

    def test_a_mode_has_its_own_threshold(self):
        """Five minutes are unplanned in production and minor when run by hand; the line knows nothing of it."""
        self.threshold()
        found = self.env["mes.timeline"]._thresholds([self.machine.id, self.line.id])
        self.assertEqual(found[self.machine.id].of("manual"), 10 * MINUTE)
        self.assertEqual(found[self.machine.id].of("production"), MINUTE)
        self.assertEqual(found[self.machine.id].of(None), MINUTE)
        self.assertEqual(found[self.machine.id].greatest, 10 * MINUTE)
        self.assertEqual(found[self.line.id].of("manual"), MINUTE)

    def test_stops_are_classified_by_the_mode_in_which_they_began(self):
        """A change of the threshold classifies the stored stops anew, and back."""
        feed_states(self.env, self.machine, [(MONDAY + 90 * MINUTE, "manual")], lane="mode")
        self.feed((60, "down"), (65, "running"), (120, "down"), (125, "running"))
        self.assertEqual(self.kinds(), ["unplanned", "unplanned"])
        threshold = self.threshold()
        self.fold()
        self.assertEqual(self.kinds(), ["unplanned", "minor"])
        threshold.threshold_ms = 4 * MINUTE
        self.fold()
        self.assertEqual(self.kinds(), ["unplanned", "unplanned"])
        threshold.mode = "production"
        threshold.unlink()
        self.fold()
        self.assertEqual(self.kinds(), ["unplanned", "unplanned"])

    def test_each_change_marks_all_of_the_machines_time(self):
        """As a change of the machine's own threshold does."""
        dirty = self.env["mes.dirty.span"]
        dirty._take("stop")
        threshold = self.threshold()
        self.assertEqual(dirty._take("stop"), {self.machine.id: [(0, None)]})
        threshold.threshold_ms = MINUTE
        self.assertEqual(dirty._take("stop"), {self.machine.id: [(0, None)]})
        threshold.unlink()
        self.assertEqual(dirty._take("stop"), {self.machine.id: [(0, None)]})

    def test_it_is_set_on_the_machines_form(self):
        """An engineer adds one on the tab Plant; an operator may not."""
        engineer = make_user(self.env, "engineer")
        engineer.group_ids += self.env.ref("mrp.group_mrp_manager")
        with Form(self.machine.with_user(engineer)) as form, form.mes_minor_stop_ids.new() as line:
            line.mode = "production"
            line.threshold_ms = 5000
        self.assertEqual(self.env["mes.timeline"]._thresholds(self.machine.ids)[self.machine.id].of("production"), 5000)
        with self.assertRaises(AccessError):
            self.machine.mes_minor_stop_ids.with_user(make_user(self.env, "operator")).threshold_ms = 1

    def test_one_threshold_a_mode(self):
        """Twice is refused, negative too."""
        self.threshold()
        for values in ({}, {"mode": "production", "minutes": -1}):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
                self.threshold(**values)
