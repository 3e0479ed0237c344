from odoo.addons.mes_base.tests.common import HOUR, MINUTE
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import EPOCH, NOW, OTHER_EPOCH, Bridge, GatewayCase, count, make_gateway, state


@tagged("post_install", "-at_install")
class TestRestore(GatewayCase):
    """Hello brings both sides together after restarts, restores and clones."""

    def events(self, first=1, last=10):
        """Events of which every number has its own time."""
        made = []
        for seq in range(first, last + 1):
            at = NOW - HOUR + seq * MINUTE
            made.append(state(seq, self.machine, at, "running" if seq % 2 else "idle"))
        return made

    def counts(self, first=1, last=10):
        """Counts of which every number has its own time."""
        return [count(seq, self.machine, NOW - HOUR + seq * MINUTE, seq * 3, 3) for seq in range(first, last + 1)]

    def test_hello_tells_where_odoo_stands(self):
        """Applied number, active epoch, the last point of each counter, the server's time."""
        self.bridge.ingest(self.counts(1, 4))
        answer = self.bridge.hello(first=1, last=4)
        self.assertEqual((answer["applied"], answer["epoch"]), (4, EPOCH))
        last = answer["counters"][f"{self.machine.mes_code}/total"]
        self.assertEqual((last["epoch"], last["raw"], last["total"]), (1, 12, 12))
        self.assertTrue(answer["server_time"].endswith("Z"))

    def test_no_live_counter_goes_on_from_a_history(self):
        """What was imported is not the last point of a counter, whatever its time."""
        self.gateway.write({"stream_ids": [(0, 0, {"code": "PAST", "is_history": True})]})
        past = Bridge(self.gateway, "PAST", OTHER_EPOCH)
        past.hello()
        past.ingest(self.counts(1, 4))
        self.assertNotIn(f"{self.machine.mes_code}/total", self.bridge.hello()["counters"])
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, 7, 7)])
        self.assertEqual(self.bridge.hello(first=1, last=1)["counters"][f"{self.machine.mes_code}/total"]["total"], 7)

    def test_the_first_hello_begins_the_epoch(self):
        """A stream that has none takes the epoch it is told."""
        self.gateway.write({"stream_ids": [(0, 0, {"code": "NEW"})]})
        bridge = Bridge(self.gateway, "NEW", OTHER_EPOCH)
        self.assertEqual(bridge.hello()["epoch"], OTHER_EPOCH)
        self.assertFalse(self.finding("new_epoch"))

    def test_v27_odoo_restored_from_a_backup(self):
        """The bridge re-sends from what Odoo still knows: the facts as if nothing had happened."""
        self.bridge.ingest(self.events(1, 4))
        with self.assertRaisesRegex(ZeroDivisionError, "restored"), self.env.cr.savepoint():
            self.bridge.ingest(self.events(5, 10))
            facts = self.facts()
            raise ZeroDivisionError("restored")
        self.env.invalidate_all()
        answer = self.bridge.hello(first=1, last=10)
        self.assertEqual(answer["applied"], 4)
        self.bridge.ingest(self.events(5, 10))
        self.assertEqual(self.facts(), facts)

    def test_v28_the_bridge_restored_from_a_snapshot(self):
        """A new epoch: what is sent again under other numbers is there once, nothing is lost."""
        self.bridge.ingest(self.counts(1, 8))
        restored = Bridge(self.gateway, epoch=OTHER_EPOCH)
        answer = restored.hello(first=1, last=6)
        self.assertEqual((answer["epoch"], answer["applied"]), (EPOCH, 8), "a stranger takes nothing over")
        answer = restored.hello(first=1, last=6, supersedes=EPOCH)
        self.assertEqual((answer["epoch"], answer["applied"]), (OTHER_EPOCH, 0))
        again = [{**one, "seq": seq} for seq, one in enumerate(self.counts(5, 10), 1)]
        answer = restored.ingest(again)
        self.assertEqual((answer["applied"], answer["verdicts"]), (6, []))
        totals = self.env["mes.count.point"].search([("counter_id", "=", self.counter.id)], order="at").mapped("total")
        self.assertEqual(totals, [3 * n for n in range(1, 11)])
        self.assertFalse(self.finding("checksum"))
        self.assertEqual(len(self.finding("new_epoch")), 1)
        self.assertFalse(self.env["mes.event.rejection"].search([]))

    def test_a_stream_that_nobody_has_begun_is_no_clone(self):
        """A call before the first hello is refused, but no alarm speaks of a second machine."""
        early = Bridge(make_gateway(self.env, self.site, "LINE9", "Hall 9"))
        with self.assertRaisesRegex(UserError, "^epoch_conflict: .*say hello first"):
            early.ingest(self.events(1, 2))
        self.assertFalse(self.finding("epoch_conflict"))

    def test_a_clone_is_refused_with_an_alarm(self):
        """Another epoch than the active one changes nothing and leaves an alarm."""
        self.bridge.ingest(self.events(1, 2))
        clone = Bridge(self.gateway, epoch=OTHER_EPOCH)
        with self.assertRaisesRegex(UserError, "^epoch_conflict: ") as caught:
            clone.ingest(self.events(3, 4))
        self.assertIn("stop one", str(caught.exception))
        self.assertEqual(self.stream.applied, 2)
        self.assertEqual(len(self.facts()["mes.state.point"]), 2)
        self.assertEqual(self.bridge.ingest(self.events(3, 4))["applied"], 4)

    def test_the_alarm_of_a_clone_counts(self):
        """The alarm is noted once and counts how often it came."""
        source = self.stream._source()
        for _ in range(3):
            self.env["mes.gateway.finding"].note(source, "epoch_conflict", OTHER_EPOCH, "Two machines.")
        self.assertEqual(self.finding("epoch_conflict").times, 3)
        self.finding("epoch_conflict").action_close()
        self.env["mes.gateway.finding"].note(source, "epoch_conflict", OTHER_EPOCH, "Two machines.")
        self.assertEqual(self.finding("epoch_conflict").times, 1)

    def test_only_the_right_predecessor_is_replaced(self):
        """A hello that names another epoch than the active one takes nothing over."""
        stranger = Bridge(self.gateway, epoch=OTHER_EPOCH)
        answer = stranger.hello(supersedes="00000000-0000-4000-8000-00000000000f")
        self.assertEqual(answer["epoch"], EPOCH)
        self.assertEqual(self.stream.epoch, EPOCH)
