from odoo.addons.mes_base.tests.common import DAY, HOUR, MINUTE, SECOND, at_time, make_user
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .. import contract
from ..tools import trend
from .common import NOW, event
from .test_telemetry import TelemetryCase


@tagged("post_install", "-at_install")
class TestTrend(TelemetryCase):
    """What the form of a tag shows of its telemetry."""

    @classmethod
    def setUpClass(cls):
        """An operator looks."""
        super().setUpClass()
        cls.operator = make_user(cls.env, "operator")

    def trend(self, span, until=None, tag=None, now=NOW, user=None):
        """The answer, as the user gets it."""
        return at_time((tag or self.temp).with_user(user or self.operator), now).read_trend(span, until)

    def watch(self, *stretches):
        """The machine was watched from..until."""
        self.seq += 1
        events = []
        for number, (start, end) in enumerate(stretches):
            said = {"from": contract.format_time(start), "until": contract.format_time(end)}
            events.append(event(self.seq + number, "evidence", self.machine, end, **said))
        self.seq += len(stretches) - 1
        self.bridge.now = max(end for _start, end in stretches)
        self.assertEqual(self.bridge.ingest(events)["verdicts"], [])

    def values(self, answer):
        """Time since the begin in minutes and mean of each point."""
        return [((at - answer["from"]) / MINUTE, mean) for at, _low, _high, mean in answer["points"]]

    def test_every_span_is_answered_in_bounds(self):
        """At most 1000 points, whatever there is, each from its level."""
        self.send(*[(NOW - n * 977, n % 7) for n in range(4900)])
        self.roll_up()
        for span, view in trend.VIEWS.items():
            answer = self.trend(span)
            self.assertTrue(0 < len(answer["points"]) <= 1000, f"{span}: {len(answer['points'])}")
            self.assertEqual((answer["level"], answer["bin"], answer["until"]), (view.level, view.bin, NOW))
            self.assertGreaterEqual(answer["points"][0][0], answer["from"])

    def test_a_bin_has_least_greatest_and_weighed_mean(self):
        """From single values and summaries alike."""
        begin = contract.format_time(NOW - 20 * SECOND)
        self.send((NOW - 9 * SECOND, 2), (NOW - 8 * SECOND, {"mean": 8, "min": 1, "max": 20, "n": 5, "from": begin}))
        points = self.trend("1h")["points"]
        self.assertEqual(list(points[0][1:]), [1, 20, 7])

    def test_what_is_not_rolled_up_yet_is_shown(self):
        """Minutes from the rollup, the rest from the values themselves: nothing is missing, nothing double."""
        self.send((NOW - 3 * HOUR, 1), (NOW - 10 * MINUTE, 2))
        self.roll_up()
        self.send((NOW - 10 * MINUTE + SECOND, 4), (NOW - 2 * MINUTE, 7))
        known = [mean for _at, mean in self.values(self.trend("8h")) if mean is not None]
        self.assertEqual([known[0], known[-1]], [1, 7])
        self.assertIn(3, known, "the minute that has grown is read anew")
        self.assertNotIn(2, known)

    def test_a_value_that_is_sent_on_change_holds_while_its_machine_is_watched(self):
        """A step without a gap, up to now."""
        self.watch((NOW - 9 * HOUR, NOW))
        self.send((NOW - 5 * HOUR, 1), (NOW - 2 * HOUR, 9))
        self.roll_up()
        values = self.values(self.trend("8h"))
        self.assertNotIn(None, [mean for _at, mean in values])
        self.assertEqual(values, [(180, 1), (359, 1), (360, 9), (479, 9)])

    def test_where_nobody_looked_the_line_breaks(self):
        """No value is drawn over a gap."""
        self.watch((NOW - 6 * HOUR, NOW - 4 * HOUR), (NOW - 3 * HOUR, NOW))
        self.send((NOW - 5 * HOUR, 1), (NOW - 2 * HOUR, 9))
        self.roll_up()
        values = self.values(self.trend("8h"))
        self.assertEqual(values, [(180, 1), (240, 1), (241, None), (360, 9), (479, 9)])

    def test_a_window_that_did_not_come_is_a_gap(self):
        """Evidence or not: one value is due in each."""
        self.temp.window_ms = 60_000
        self.watch((NOW - 9 * HOUR, NOW))
        self.send(*[(NOW - n * MINUTE, n) for n in range(30) if not 10 < n < 20])
        self.roll_up()
        breaks = [at for at, mean in self.values(self.trend("8h")) if mean is None]
        self.assertEqual(len(breaks), 1)

    def test_a_value_from_before_the_span_holds_into_it(self):
        """A setpoint of this morning."""
        self.watch((NOW - 20 * HOUR, NOW))
        self.send((NOW - 12 * HOUR, 5), (NOW - HOUR, 6))
        self.roll_up()
        self.assertEqual(self.values(self.trend("8h"))[0], (0, 5))

    def test_older_than_its_level_is_kept(self):
        """The next coarser level answers."""
        old = NOW - 40 * DAY
        self.send((old, 4))
        self.roll_up()
        self.keep(NOW)
        answer = self.trend("1h", until=old + 30 * MINUTE)
        self.assertEqual((answer["level"], answer["bin"]), ("minute", MINUTE))
        self.assertEqual(answer["points"][0][3], 4)

    def test_nothing_there(self):
        """No points, and no error."""
        self.assertEqual(self.trend("1y")["points"], [])

    def test_unit_and_limits(self):
        """As the tag says."""
        self.assertEqual((self.trend("1h")["unit"], self.trend("1h")["limits"]), ("C", None))
        self.temp.write({"has_limits": True, "limit_low": 18, "limit_high": 24})
        self.assertEqual(self.trend("1h")["limits"], [18, 24])

    def test_who_may(self):
        """Those who may read the tag."""
        with self.assertRaises(AccessError):
            self.trend("1h", user=self.gateway.user_id)
        stranger = make_user(self.env, "operator", "stranger", company_ids=[(6, 0, self.other().ids)],
                             company_id=self.other().id)  # fmt: skip
        with self.assertRaises(AccessError):
            self.trend("1h", user=stranger)

    def other(self):
        """Another company."""
        return self.env["res.company"].search([("name", "=", "Elsewhere")]) or self.env["res.company"].create(
            {"name": "Elsewhere"}
        )

    def test_what_is_no_span(self):
        """Is refused with what there is."""
        for arguments in (("2h",), ("1h", "x"), ("1h", -1), ("1h", True), ("1h", 2**60)):
            with self.subTest(arguments=arguments), self.assertRaises(UserError):
                self.trend(*arguments)

    def test_the_greatest_values_are_shown(self):
        """No overflow."""
        self.send((NOW - SECOND, 1.7e308), (NOW - SECOND - 1, 1.7e308))
        self.assertEqual(self.trend("1h")["points"][-1][3], 1.7e308)
