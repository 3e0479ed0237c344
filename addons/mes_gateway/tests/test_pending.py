from unittest.mock import patch

from odoo.addons.mes_base.tests.common import HOUR
from odoo.tests import tagged

from .. import contract
from ..models.mes_event_applier import MesEventApplier
from .common import EPOCH, NOW, OTHER_EPOCH, Bridge, GatewayCase, event, state


@tagged("post_install", "-at_install")
class TestPending(GatewayCase):
    """A kind without a handler is kept raw and used when its room is there."""

    def setUp(self):
        """Two events of a kind that nobody handles, between states."""
        super().setUp()
        self.handled = []
        self.recipes = [
            event(2, "recipe", self.machine, NOW - HOUR, code="E1", active=True),
            event(3, "recipe", self.machine, NOW - HOUR, code="E1", active=False),
        ]
        self.answer = self.bridge.ingest([state(1, self.machine, NOW - HOUR), *self.recipes])

    def room(self):
        """A room that handles recipes and refuses those that are over."""
        outer = self

        def handlers(applier):
            return {"recipe": "_handle_recipe"}

        def handle(applier, source, events):
            outer.handled += [(source.stream, seq, one["code"]) for seq, one in events if one["active"]]
            return [
                contract.Bad(contract.Verdict(seq, "bad_value", "It is over."), one)
                for seq, one in events
                if not one["active"]
            ]

        return patch.multiple(MesEventApplier, handlers=handlers, _handle_recipe=handle, create=True)

    def test_kept_raw_and_told(self):
        """The bridge goes on, is told, and the events wait."""
        self.assertEqual(self.answer["applied"], 3)
        self.assertEqual({verdict["code"] for verdict in self.answer["verdicts"]}, {"pending_kind"})
        self.assertEqual(self.env["mes.event.pending"].search([]).mapped("seq"), [2, 3])
        self.assertFalse(self.env["mes.event.rejection"].search([]))

    def test_used_when_the_room_is_installed(self):
        """The cron gives them to the handler; what it refuses is a rejection."""
        with self.room(), self.enter_registry_test_mode():
            self.env.ref("mes_gateway.ir_cron_pending").method_direct_trigger()
        self.assertEqual(self.handled, [("LINE1", 2, "E1")])
        self.assertFalse(self.env["mes.event.pending"].search([]))
        self.assertEqual(self.rejection("bad_value").seq, 3)
        self.assertEqual(self.rejection("bad_value").epoch, EPOCH)

    def test_the_cron_is_woken_when_a_room_registers(self):
        """Loading the registry with a handler for what waits triggers the cron, and only then."""
        with patch.object(type(self.env["ir.cron"]), "_trigger") as trigger:
            self.env["mes.event.pending"]._register_hook()
            self.assertFalse(trigger.called)
            with self.room():
                self.env["mes.event.pending"]._register_hook()
            self.assertTrue(trigger.called)

    def test_handled_at_once_when_the_room_is_there(self):
        """With a handler nothing waits."""
        self.env["mes.event.pending"].search([]).unlink()
        with self.room():
            later = [{**one, "seq": one["seq"] + 2} for one in self.recipes]
            answer = self.bridge.ingest(later)
        self.assertEqual(self.handled, [("LINE1", 4, "E1")])
        self.assertEqual([(v["seq"], v["code"]) for v in answer["verdicts"]], [(5, "bad_value")])

    def test_sent_again_in_another_epoch_waits_once(self):
        """A restored bridge does not double what waits."""
        restored = Bridge(self.gateway, epoch=OTHER_EPOCH)
        restored.hello(supersedes=EPOCH)
        restored.ingest([{**one, "seq": seq} for seq, one in enumerate(self.recipes, 1)])
        self.assertEqual(len(self.env["mes.event.pending"].search([])), 2)

    def test_a_clock_step_is_a_finding(self):
        """The gateway's own handler: the clock of a source has stepped."""
        self.bridge.ingest([event(4, "clock", self.machine, NOW, step_s=-3600.0, source="PLC1")])
        self.assertIn("PLC1", self.finding("clock").message)
