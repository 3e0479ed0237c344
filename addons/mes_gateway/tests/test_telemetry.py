import random

from odoo.addons.mes_base.tests.common import DAY, HOUR, MINUTE, SECOND, at_time
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from ..models.mes_telemetry import LEVELS, MARKS_AT_ONCE
from ..tools import partitions
from .common import NOW, GatewayCase, event

ROLLUPS = ("mes_measurement_minute", "mes_measurement_hour")


class TelemetryCase(GatewayCase):
    """A gateway with two measurement tags of one machine."""

    @classmethod
    def setUpClass(cls):
        """The tags."""
        super().setUpClass()
        cls.temp, cls.speed = cls.env["mes.gateway.tag"].create(
            [
                {
                    "gateway_id": cls.gateway.id, "workcenter_id": cls.machine.id, "name": name,
                    "signal": "measurement", "connection": "plc", "register": number, "unit": "C",
                }
                for number, name in enumerate(("temp", "speed"))
            ]
        )  # fmt: skip

    def setUp(self):
        """No event was sent yet."""
        super().setUp()
        self.seq = 0

    def send(self, *values, now=NOW, name="temp"):
        """Measurements ``(at, value)`` or ``(at, {fields})`` in one batch."""
        events = []
        for at, value in values:
            self.seq += 1
            said = value if isinstance(value, dict) else {"value": float(value)}
            events.append(event(self.seq, "measurement", self.machine, at, name=name, **said))
        self.bridge.now = now
        answer = self.bridge.ingest(events)
        self.assertEqual((answer["applied"], answer["verdicts"]), (self.seq, []))

    def roll_up(self):
        """Run the job that rolls up, outside of the scheduler."""
        with self.enter_registry_test_mode():
            self.env.ref("mes_gateway.ir_cron_roll_up").method_direct_trigger()

    def keep(self, now):
        """Run the job that keeps partitions, at a time."""
        telemetry = at_time(self.env["mes.telemetry"], now)
        telemetry._sort_in()
        for level, days in telemetry._keep_days().items():
            telemetry._drop_old(level, days)

    def rows(self, table, columns="tag_id, at, n, value_min, value_max, value_mean, value_last"):
        """All rows of a rollup, but for their ids."""
        self.env.cr.execute(f"SELECT {columns} FROM {table} ORDER BY tag_id, at")
        return self.env.cr.fetchall()

    def bucket(self, model, at, tag=None):
        """The figures of one bucket."""
        found = self.env[model].search([("tag_id", "=", (tag or self.temp).id), ("at", "=", clock.from_ms(at))])
        return (found.n, found.value_min, found.value_max, found.value_mean, found.value_last)


@tagged("post_install", "-at_install")
class TestTelemetry(TelemetryCase):
    """Values in partitions by day, their minutes and hours, and how long they are kept."""

    def test_values_go_into_the_partition_of_their_day(self):
        """Made when it is missing, for late values too."""
        self.send((NOW, 1), (NOW - 3 * DAY, 2))
        begins = partitions.existing(self.env.cr, LEVELS["raw"])
        for day in (NOW, NOW - 3 * DAY):
            self.assertIn(LEVELS["raw"].floor(clock.from_ms(day)), begins)
        self.env.cr.execute("SELECT count(*) FROM ONLY mes_measurement_rest")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_minutes_and_hours(self):
        """Least, greatest, mean, last and number; another tag's values are apart."""
        self.send((NOW, 1), (NOW + SECOND, 5), (NOW + 2 * SECOND, 3), (NOW + MINUTE, 11), now=NOW + HOUR)
        self.send((NOW, 100), now=NOW + HOUR, name="speed")
        self.roll_up()
        self.assertEqual(self.bucket("mes.measurement.minute", NOW), (3, 1, 5, 3, 3))
        self.assertEqual(self.bucket("mes.measurement.minute", NOW + MINUTE), (1, 11, 11, 11, 11))
        self.assertEqual(self.bucket("mes.measurement.hour", NOW), (4, 1, 11, 5, 11))
        self.assertEqual(self.bucket("mes.measurement.hour", NOW, self.speed), (1, 100, 100, 100, 100))
        self.assertFalse(self.env["mes.measurement.mark"].search([]))

    def test_a_summary_weighs_its_values(self):
        """And counts in the minute that it ends."""
        begin = event(0, "state", self.machine, NOW)["at"]
        self.send((NOW + MINUTE, {"mean": 10, "min": 4, "max": 30, "n": 3, "from": begin}), (NOW + 5, 50))
        self.roll_up()
        self.assertEqual(self.bucket("mes.measurement.minute", NOW), (4, 4, 50, 20, 10))
        self.assertEqual(self.bucket("mes.measurement.minute", NOW + MINUTE), (0, 0, 0, 0, 0))

    def test_late_values_reflow(self):
        """Minute and hour are made anew from all their values."""
        self.send((NOW, 1))
        self.roll_up()
        self.send((NOW + SECOND, 3), now=NOW + DAY)
        self.roll_up()
        self.assertEqual(self.bucket("mes.measurement.minute", NOW), (2, 1, 3, 2, 3))
        self.assertEqual(self.bucket("mes.measurement.hour", NOW), (2, 1, 3, 2, 3))

    def test_no_value_poisons_the_job(self):
        """The greatest numbers that the contract takes: neither sums nor weights overflow."""
        huge = {"mean": 1.5e308, "min": -1.7e308, "max": 1.7e308, "n": 2**63 - 1}
        self.send((NOW, huge), (NOW + 1, huge), (NOW + 2, 1e308), (NOW + 3, 5e-324))
        self.roll_up()
        n, low, high, mean, last = self.bucket("mes.measurement.hour", NOW)
        self.assertEqual((n, low, high, last), (2**63 - 1, -1.7e308, 1.7e308, 5e-324))
        self.assertAlmostEqual(mean / 1e308, 1.5)

    def test_rollup_is_a_rebuild_row_for_row(self):
        """However values came: late, repeated, in pieces, with runs of the job in between."""
        dice = random.Random(7)
        for _round in range(12):
            values = {}
            for _value in range(dice.randint(1, 40)):
                at = NOW - dice.randint(0, 3 * 3600) * SECOND // dice.choice([1, 7])
                said = dice.uniform(-5, 5)
                values[at] = {"mean": said, "n": dice.randint(1, 9)} if dice.random() < 0.3 else said
            self.send(*values.items(), name=dice.choice(["temp", "speed"]))
            if dice.random() < 0.5:
                self.roll_up()
        self.roll_up()
        grown = [self.rows(table) for table in ROLLUPS]
        self.assertGreater(len(grown[0]), 50)
        self.env.cr.execute("DELETE FROM mes_measurement_minute; DELETE FROM mes_measurement_hour")
        self.env["mes.telemetry"].rebuild(NOW - DAY, NOW + DAY)
        self.assertEqual(grown, [self.rows(table) for table in ROLLUPS])

    def test_what_is_over_is_dropped_by_the_day(self):
        """After the days that the company wants; minutes and hours stay."""
        self.send((NOW - 40 * DAY, 1), (NOW - 29 * DAY, 2), (NOW, 3))
        self.roll_up()
        self.keep(NOW)
        self.assertEqual(len(self.env["mes.measurement"].search([])), 2)
        self.assertEqual(self.bucket("mes.measurement.minute", NOW - 40 * DAY)[0], 1)
        self.env.company.write({"mes_raw_days": 1, "mes_minute_days": 35})
        self.env.flush_all()
        self.keep(NOW + 3 * DAY)
        self.assertEqual(len(self.env["mes.measurement"].search([])), 0)
        self.assertEqual(self.bucket("mes.measurement.minute", NOW)[0], 1)
        self.assertEqual(self.bucket("mes.measurement.hour", NOW - 40 * DAY)[0], 1)

    def test_the_company_that_wants_values_longest_decides(self):
        """A partition holds the values of all."""
        self.env["res.company"].create({"name": "Longer", "mes_raw_days": 100})
        self.env.flush_all()
        self.send((NOW - 40 * DAY, 1))
        self.roll_up()
        self.keep(NOW)
        self.assertEqual(len(self.env["mes.measurement"].search([])), 1)

    def test_nothing_is_dropped_before_it_is_rolled_up(self):
        """A day with marks stays, and the floor below it."""
        self.send((NOW - 40 * DAY, 1), (NOW - 39 * DAY, 1))
        self.keep(NOW)
        self.assertEqual(len(self.env["mes.measurement"].search([])), 2)
        self.assertLessEqual(self.env["mes.telemetry"].floor("raw"), NOW - 40 * DAY)
        self.roll_up()
        self.keep(NOW)
        self.assertEqual(len(self.env["mes.measurement"].search([])), 0)

    def test_values_later_than_their_day_is_kept(self):
        """They are added to their minute and hour and forgotten: each counts once."""
        old = NOW - 40 * DAY
        self.send((old, 1), (old + SECOND, 3))
        self.roll_up()
        self.keep(NOW)
        for value in (8, 8):
            self.send((old + 2 * SECOND, value))
            self.roll_up()
            self.roll_up()
        self.assertEqual(self.bucket("mes.measurement.minute", old), (4, 1, 8, 5, 3))
        self.assertEqual(self.bucket("mes.measurement.hour", old)[:4], (4, 1, 8, 5))
        self.assertFalse(self.env["mes.measurement"].search([]))

    def test_history_older_than_the_minutes_goes_into_hours(self):
        """Ten years of it: no partition a day, hours that are right."""
        self.send((NOW - 3 * DAY, 1))
        self.roll_up()
        self.env.company.write({"mes_raw_days": 1, "mes_minute_days": 2})
        self.env.flush_all()
        self.keep(NOW)
        self.gateway.past_limit_days = 4000
        days = len(partitions.existing(self.env.cr, LEVELS["raw"]))
        old = NOW - 3000 * DAY
        self.send(*[(old + minute * MINUTE, minute) for minute in range(60)])
        self.roll_up()
        self.assertEqual(len(partitions.existing(self.env.cr, LEVELS["raw"])), days)
        self.assertEqual(self.bucket("mes.measurement.hour", old)[:4], (60, 0, 59, 29.5))

    def test_a_batch_that_spans_a_year_makes_its_days_in_steps(self):
        """What is beyond the partitions of one transaction waits in the rest and is sorted in."""
        self.gateway.past_limit_days = 400
        self.send(*[(NOW - day * DAY, day) for day in range(150)])
        self.env.cr.execute("SELECT count(*) FROM mes_measurement_rest")
        self.assertEqual(self.env.cr.fetchone(), (50,))
        self.env["mes.telemetry"]._sort_in()
        self.env.cr.execute("SELECT count(*), (SELECT count(*) FROM mes_measurement) FROM mes_measurement_rest")
        self.assertEqual(self.env.cr.fetchone(), (0, 150))

    def test_partitions_are_made_ahead(self):
        """So that no batch has to at midnight."""
        at_time(self.env["mes.telemetry"], NOW)._sort_in()
        begins = partitions.existing(self.env.cr, LEVELS["raw"])
        for ahead in range(3):
            self.assertIn(LEVELS["raw"].floor(clock.from_ms(NOW + ahead * DAY)), begins)

    def test_the_job_stops_when_its_time_is_up(self):
        """And what is left is taken at the next run."""
        for hours in range(60):
            self.send((NOW - hours * HOUR, 1))
        with self.enter_registry_test_mode():
            model = self.env["mes.telemetry"].with_context(cron_id=1, cron_end_time=0)
            self.patch(type(self.env["ir.cron"]), "_commit_progress", lambda *args, **kwargs: 0)
            model._cron_roll_up()
        left = self.env["mes.measurement.mark"].search_count([])
        self.assertEqual(left, 2 * 60 - MARKS_AT_ONCE, "a full hour touches the hour before it too")
