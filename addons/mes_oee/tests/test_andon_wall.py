from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_evidence,
    feed_states,
    make_company,
    make_reason,
    make_run,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
)
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import OeeCase

NOW = MONDAY + 8 * HOUR


@tagged("post_install", "-at_install")
class TestAndonWall(OeeCase):
    """All machines of a place at a glance, with their stops and calls."""

    def setUp(self):
        super().setUp()
        self.operator = make_user(self.env, "operator", "wall")
        self.kind = self.env.ref("mes_base.andon_maintenance")
        make_shift_pattern(self.env, self.site)
        make_run(self.env, self.machine, self.product, MONDAY)
        feed_evidence(self.env, self.machine, [(MONDAY, NOW)])
        feed_states(self.env, self.machine, [(MONDAY, "running"), (NOW - 20 * MINUTE, "down", "E7")])
        stops = at_time(self.env["mes.stop"], NOW)
        while marks := self.env["mes.dirty.span"]._take("stop"):
            stops._fold(marks)

    def wall(self, place="", user=None, at=NOW):
        return at_time(self.env["mes.andon.wall"].with_user(user or self.operator), at).snapshot(place)

    def call(self, ms):
        calls = at_time(self.env["mes.andon.call"].with_user(self.operator), ms)
        return calls.browse(calls.call(self.machine.id, self.kind.id, "Belt is torn"))

    def test_a_machine_that_stands_says_since_when_and_why(self):
        make_reason(self.env, "Gearbox", mes_code="E7")
        stops = at_time(self.env["mes.stop"], NOW)
        while marks := self.env["mes.dirty.span"]._take("stop"):
            stops._fold(marks)
        row = self.wall(f"line-{self.line.id}")["machines"][0]
        self.assertEqual(row["stop"]["since"], NOW - 20 * MINUTE)
        self.assertEqual((row["stop"]["reason"], row["stop"]["needs_reason"]), ("Gearbox", False))

    def test_a_call_with_its_timers_and_the_next_step_of_its_ladder(self):
        call = self.call(NOW - 4 * MINUTE)
        found = self.wall(f"area-{self.area.id}")["machines"][0]["calls"]
        self.assertEqual([one["id"] for one in found], [call.id])
        self.assertEqual(found[0]["raised"], NOW - 4 * MINUTE)
        self.assertEqual(found[0]["target"], NOW + 6 * MINUTE)
        self.assertEqual(found[0]["next"]["at"], NOW + MINUTE, "the supervisors, after five minutes")
        at_time(call, NOW - MINUTE).acknowledge()
        found = self.wall(f"area-{self.area.id}")["machines"][0]["calls"]
        self.assertEqual(found[0]["next"]["at"], NOW + 11 * MINUTE, "who acknowledges stops the first step")
        at_time(call, NOW).resolve()
        self.assertFalse(self.wall(f"area-{self.area.id}")["machines"][0]["calls"])

    def test_outside_its_shift_a_machine_is_not_scheduled(self):
        """From when on it is missed again, also after a holiday; until when while its shift runs. Its call stays."""
        make_shift_pattern(self.env, self.machine, [("E", 6, 14), ("L", 14, 22)])
        self.call(NOW)
        holiday = {"name": "Works holiday", "kind": "closed", "site_id": self.site.id}
        self.env["mes.shift.exception"].create({**holiday, "date": "2026-03-04", "date_until": "2026-03-12"})
        told = {at: self.wall(at=MONDAY + at * HOUR)["machines"][0] for at in (8, 23, 47)}
        self.assertEqual(told[8]["schedule"], {"until": MONDAY + 14 * HOUR, "next": MONDAY + 14 * HOUR})
        self.assertEqual(told[23]["schedule"], {"until": None, "next": MONDAY + 30 * HOUR})
        self.assertEqual(told[47]["schedule"], {"until": None, "next": MONDAY + 11 * DAY + 6 * HOUR})
        self.assertEqual(len(told[23]["calls"]), 1)

    def test_places(self):
        """A site shows all of its machines; without a place the first site is shown; machines are no walls."""
        second = make_work_center(self.env, self.area, "M2", line=self.line)
        told = self.wall(f"site-{self.site.id}")
        self.assertEqual({row["id"] for row in told["machines"]}, {self.machine.id, second.id})
        self.assertTrue(self.wall()["place"].startswith("site-"))
        self.assertNotIn("machine", {one["kind"] for one in told["places"]})
        with self.assertRaisesRegex(UserError, "choose"):
            self.wall("hall-7")

    def test_another_companys_place_is_closed(self):
        other = make_site(self.env, "S9", company=make_company(self.env))
        with self.assertRaises(AccessError):
            self.wall(f"site-{other.id}")
        stranger = make_user(self.env, "operator", company=other.company_id)
        self.assertNotIn(self.machine.id, [row["id"] for row in self.wall(user=stranger)["machines"]])

    def test_only_operators(self):
        with self.assertRaises(AccessError):
            self.wall(user=make_user(self.env, "gateway", "wall-gateway"))

    def test_the_number_of_statements_does_not_grow_with_the_machines(self):
        place = f"site-{self.site.id}"
        self.wall(place)
        before = self.env.cr.sql_log_count
        self.wall(place)
        few = self.env.cr.sql_log_count - before
        for number in range(20):
            make_work_center(self.env, self.area, f"X{number}", line=self.line)
        self.env.flush_all()
        self.wall(place)
        before = self.env.cr.sql_log_count
        self.wall(place)
        self.assertLessEqual(self.env.cr.sql_log_count - before, few + 2)
