"""A client chooses its context: none of its keys may put words into the record."""

from odoo.tests import tagged

from ..tools import clock
from .common import MONDAY, MesCase, make_reason, make_user

FAR = "2999-01-01 00:00:00"


@tagged("post_install", "-at_install")
class TestContext(MesCase):
    def record(self, **context):
        """An operator's override, recorded by a client with a context of its choice."""
        model = self.env["mes.state.override"].with_user(make_user(self.env, "operator")).with_context(**context)
        reason = make_reason(self.env, "Jam")
        return self.env["mes.state.override"].browse(
            model.record(self.machine.id, clock.from_ms(MONDAY), clock.from_ms(MONDAY + 1000), loss_id=reason.id)
        )

    def test_a_client_does_not_move_the_clock_of_its_record(self):
        """The later recorded wins: a record from the future would stand for ever."""
        before = clock.from_ms(clock.now_ms())
        override = self.record(mes_now_ms=clock.to_ms(clock.EPOCH.replace(year=2999)))
        self.assertLess(abs((override.recorded_at - before).total_seconds()), 60)

    def test_a_client_does_not_fill_in_what_was_not_said(self):
        """Defaults of the context are for forms: the record takes what the method was given."""
        before = clock.from_ms(clock.now_ms())
        override = self.record(
            default_recorded_at=FAR, default_withdrawn_at=FAR, default_withdrawn_by_id=1, default_company_id=1
        )
        self.assertLess(abs((override.recorded_at - before).total_seconds()), 60)
        self.assertFalse(override.withdrawn_at or override.withdrawn_by_id)
        self.assertEqual(override.user_id.name, override.create_uid.name)

    def test_the_state_stays_the_supervisors(self):
        """Not by a default either."""
        self.assertFalse(self.record(default_state="running").state)

    def test_a_period_is_closed_in_ones_own_name(self):
        """Whoever closes it stands there, and it is closed."""
        supervisor, other = make_user(self.env, "supervisor"), make_user(self.env, "supervisor")
        model = self.env["mes.period.lock"].with_user(supervisor)
        values = {"at_until": clock.from_ms(MONDAY), "company_id": self.env.company.id}
        for said, context in (({"locked_by_id": other.id}, {}), ({}, {"default_locked_by_id": other.id})):
            with self.subTest(said=said, context=context):
                lock = model.with_context(**context).create({**values, **said})
                self.assertEqual(lock.locked_by_id, supervisor)
