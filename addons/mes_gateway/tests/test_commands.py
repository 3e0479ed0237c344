from odoo.addons.mes_base.tests.common import (
    HOUR,
    SECOND,
    at_time,
    make_area,
    make_company,
    make_site,
    make_user,
    make_work_center,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from .. import contract
from .common import NOW, Bridge, GatewayCase, event, make_gateway


def make_sender(env, login="sender", **values):
    """An operator who may send commands."""
    user = make_user(env, "operator", login, **values)
    user.group_ids += env.ref("mes_gateway.group_command")
    return user


@tagged("post_install", "-at_install")
class TestCommands(GatewayCase):
    """Who may command what, what the bridge is offered, and what becomes of it."""

    @classmethod
    def setUpClass(cls):
        """A writable tag with limits, and somebody who may write it."""
        super().setUpClass()
        cls.tag = cls.make_tag("speed", write_min=10, write_max=100)
        cls.sender = make_sender(cls.env)

    @classmethod
    def make_tag(cls, name, **values):
        """A writable measurement tag."""
        return cls.env["mes.gateway.tag"].create(
            {
                "gateway_id": cls.gateway.id, "workcenter_id": cls.machine.id, "name": name, "connection": "plc",
                "signal": "measurement", "type": "uint16", "register": 7, "writable": True, **values,
            }
        )  # fmt: skip

    def command(self, user=None, tag=None, send=True, now=NOW, **values):
        """A command of a user, sent unless told otherwise."""
        model = at_time(self.env["mes.command"].with_user(user or self.sender), now)
        command = model.create({"tag_id": (tag or self.tag).id, "number": 50, "reason": "Trial", **values})
        if send:
            command.action_send()
        return command.sudo().with_context(mes_now_ms=None)

    def offered(self, now=NOW, bridge=None):
        """What an answer of the live lane offers."""
        bridge = bridge or self.bridge
        bridge.now = now
        return bridge.live({}, version=now)["commands"]

    def result(self, command, status="done", seq=1, now=NOW, bridge=None, **fields):
        """A result of the bridge; the verdicts."""
        bridge = bridge or self.bridge
        bridge.now = now
        number = command if isinstance(command, (int, str)) else command.id
        said = event(seq, "command_result", self.machine, now, command=number, status=status, **fields)
        return [verdict["code"] for verdict in bridge.ingest([said])["verdicts"]]

    # -- the way of a command ------------------------------------------------------------------------

    def test_from_the_form_to_the_result(self):
        """Offered by both lanes until the result is here; the record says who, why, when and what."""
        command = self.command()
        self.assertEqual(command.state, "queued")
        offer = {
            "id": command.id, "kind": "write", "tag": self.tag.tag, "value": 50, "reason": "Trial",
            "deadline": contract.format_time(NOW + 60 * SECOND),
        }  # fmt: skip
        self.assertEqual(self.offered(), [offer])
        self.assertEqual(command.state, "offered")
        self.assertEqual(self.offered(), [offer], "again, until the result is here")
        self.env.cr.precommit.data.pop("mail.tracking.mes.command")  # as after a commit
        self.assertEqual(self.result(command, read_back=50), [])
        self.assertEqual((command.state, command.read_back, command.user_id), ("done", "50", self.sender))
        self.assertEqual(self.offered(), [])
        self.env.flush_all()
        self.env.cr.precommit.run()
        command.invalidate_recordset()
        values = command.message_ids.tracking_value_ids.mapped("new_value_char")
        self.assertIn("Done", values)

    def test_the_durable_lane_offers_too(self):
        """And one that is offered there is not lost when that answer is."""
        command = self.command()
        answer = self.bridge.ingest([event(1, "evidence", self.machine, NOW, **{
            "from": contract.format_time(NOW - 1), "until": contract.format_time(NOW)})])  # fmt: skip
        self.assertEqual([offer["id"] for offer in answer["commands"]], [command.id])
        self.assertEqual([offer["id"] for offer in self.offered()], [command.id])

    def test_values_travel_in_their_type(self):
        """Whole numbers, fractions, truth and texts."""
        rate = self.make_tag("rate", type="float32", write_min=-1, write_max=1)
        lamp = self.make_tag("lamp", type="bool", signal="companion")
        recipe = self.make_tag("recipe", type="string", signal="companion", write_words="A, B")
        self.command()
        self.command(tag=rate, number=0.25)
        self.command(tag=lamp, truth=True)
        self.command(tag=recipe, text="B")
        self.command(tag=self.make_tag("seen", writable=False), kind="read")
        offers = self.offered()
        self.assertEqual([offer.get("value") for offer in offers], [50, 0.25, True, "B", None])
        self.assertIs(type(offers[0]["value"]), int)
        self.assertEqual([offer["kind"] for offer in offers], ["write"] * 4 + ["read"])

    def test_every_status_of_a_result(self):
        """Each ends the offers; what was read back stays readable."""
        for seq, status in enumerate(("refused", "failed", "expired", "mismatch", "done", "unknown"), 1):
            command = self.command()
            self.assertEqual(self.result(command, status, seq, read_back="x", message="why"), [])
            self.assertEqual((command.state, command.read_back, command.message), (status, "x", "why"))
            self.assertEqual(self.offered(), [])

    # -- exactly once --------------------------------------------------------------------------------

    def test_the_first_answer_stays(self):
        """The same again changes nothing, another one is a rejection; only `unknown` may be told later."""
        command = self.command()
        self.assertEqual(self.result(command, "done", 1, read_back=50), [])
        settled = command.settled_at
        self.assertEqual(self.result(command, "done", 2, NOW + HOUR, read_back=50), [])
        self.assertEqual(command.settled_at, settled)
        self.assertEqual(self.result(command, "failed", 3), ["unknown_command"])
        self.assertEqual(command.state, "done")
        other = self.command()
        self.assertEqual(self.result(other, "unknown", 4), [])
        self.assertEqual(self.result(other, "done", 5, read_back=50), [])
        self.assertEqual(other.state, "done")

    def test_what_is_no_command_of_this_gateway(self):
        """Unknown ids, drafts, and another gateway's commands are set aside and change nothing."""
        draft = self.command(send=False)
        for seq, number in enumerate((999_999, "x", "", 2**40, draft), 1):
            self.assertEqual(self.result(number, "done", seq), ["unknown_command"])
        self.assertEqual(draft.state, "draft")
        gateway2 = make_gateway(self.env, self.site, "LINE9", "Second")
        bridge2 = Bridge(gateway2)
        bridge2.hello()
        command = self.command()
        self.assertEqual(self.offered(bridge=bridge2), [])
        self.assertEqual(self.result(command, bridge=bridge2), ["unknown_command"])
        self.assertEqual(command.state, "queued")

    def test_a_result_without_its_machine(self):
        """The bridge may no longer know what the command was for; its number is enough."""
        command = self.command()
        self.bridge.now = NOW
        said = event(1, "command_result", self.machine, NOW, command=command.id, status="refused")
        answer = self.bridge.ingest([{**said, "equipment": "-"}])
        self.assertEqual((answer["verdicts"], command.state), ([], "refused"))

    # -- its time ------------------------------------------------------------------------------------

    def expire(self, now):
        """Run the job that settles what is over."""
        at_time(self.env["mes.command"], now)._cron_expire()

    def test_after_the_deadline_nothing_is_offered(self):
        """What no bridge has seen is expired for certain; what one has is unknown, and its late answer is taken."""
        never, seen = self.command(), None
        self.assertEqual(self.offered(NOW + 60 * SECOND), [])
        self.expire(NOW + 61 * SECOND)
        self.assertEqual(never.state, "expired")
        seen = self.command()
        self.offered()
        self.expire(NOW + 61 * SECOND)
        self.assertEqual(seen.state, "offered", "its answer may be under way")
        self.expire(NOW + 121 * SECOND)
        self.assertEqual(seen.state, "unknown")
        self.assertEqual(self.result(seen, "done", now=NOW + 130 * SECOND, read_back=50), [])
        self.assertEqual(seen.state, "done")

    def test_taking_back(self):
        """Until a bridge has it."""
        command = self.command()
        command.with_user(self.sender).action_cancel()
        self.assertEqual((command.state, self.offered()), ("cancelled", []))
        command = self.command()
        self.offered()
        with self.assertRaises(UserError):
            command.with_user(self.sender).action_cancel()

    # -- what is refused -----------------------------------------------------------------------------

    def test_limits(self):
        """Of the tag and of its type; each refusal says what is taken."""
        recipe = self.make_tag("recipe", type="string", signal="companion", write_words="A, B")
        wide = self.make_tag("wide", write_min=-5, write_max=100_000)
        for tag, values in (
            (self.tag, {"number": 9.99}),
            (self.tag, {"number": 101}),
            (self.tag, {"number": 50.5}),
            (wide, {"number": -1}),
            (wide, {"number": 65_536}),
            (recipe, {"text": "C"}),
            (self.tag, {"kind": "rebirth"}),
        ):
            with self.subTest(tag=tag.name, values=values), self.assertRaises(ValidationError):
                self.command(tag=tag, send=False, **values)

    def test_a_tag_that_is_not_writable(self):
        """Nor one of a safety function, nor one that was closed since the draft."""
        closed = self.make_tag("closed", writable=False)
        with self.assertRaises(ValidationError):
            self.command(tag=closed, send=False)
        draft = self.command(send=False)
        self.tag.write({"writable": False, "safety": True})
        with self.assertRaises(ValidationError):
            draft.with_user(self.sender).action_send()

    def test_what_was_sent_stays(self):
        """Nobody rewrites it, nor says what became of it, nor deletes it."""
        command = self.command().with_user(self.sender)
        for values in ({"number": 60}, {"reason": "Other"}):
            with self.assertRaises(UserError):
                command.write(values)
        for values in ({"state": "done"}, {"user_id": self.env.uid}, {"read_back": "1"}, {"deadline": False}):
            with self.assertRaises(AccessError):
                command.write(values)
        with self.assertRaises(UserError):
            command.unlink()
        with self.assertRaises(AccessError):
            self.command(send=False, state="done")
        forged = self.env["mes.command"].with_user(self.sender).with_context(default_state="queued")
        self.assertEqual(forged.create({"tag_id": self.tag.id, "number": 50, "reason": "x"}).state, "draft")

    # -- who -----------------------------------------------------------------------------------------

    def test_who_may(self):
        """Those of the group, whatever else they are; the others read."""
        command = self.command()
        for role in ("operator", "supervisor", "engineer"):
            user = make_user(self.env, role, f"plain-{role}")
            self.assertTrue(command.with_user(user).has_access("read"))
            with self.assertRaises(AccessError):
                self.command(user)
            for method in ("action_send", "action_cancel"):
                with self.assertRaises(AccessError):
                    getattr(command.with_user(user), method)()
        self.assertEqual(self.command(make_sender(self.env, "other")).state, "queued")

    def test_only_the_own_companys_machines(self):
        """Neither seen nor commanded."""
        company = make_company(self.env)
        area = make_area(self.env, make_site(self.env, "T1", company=company), "A1")
        make_work_center(self.env, area, "M1")
        stranger = make_sender(self.env, "stranger", company_id=company.id, company_ids=[(6, 0, company.ids)])
        command = self.command()
        self.assertFalse(self.env["mes.command"].with_user(stranger).search([]))
        with self.assertRaises(AccessError):
            command.with_user(stranger).read(["state"])
        with self.assertRaises(AccessError):
            self.command(stranger)

    def test_on_the_form(self):
        """The button of the tag opens it with the tag; the kind of value follows the type."""
        action = self.tag.with_user(self.sender).action_write_value()
        model = self.env["mes.command"].with_user(self.sender).with_context(**action["context"])
        with Form(model) as form:
            form.number = 42
            form.reason = "Trial"
        self.assertEqual((form.record.value_kind, form.record.state), ("number", "draft"))
        form.record.action_send()
        self.assertEqual(self.tag.command_count, 1)
        self.assertEqual(clock.to_ms(form.record.deadline) - clock.to_ms(form.record.requested_at), 60_000)

    def test_an_answer_stays_cheap(self):
        """One statement a call when nothing waits, found by an index."""
        self.offered()
        model = self.env["mes.command"]
        with self.assertQueryCount(1):
            self.assertEqual(model.offers(self.gateway.id, NOW), [])
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        self.env.cr.execute(
            "EXPLAIN SELECT id FROM mes_command WHERE gateway_id = 1 AND state IN ('queued', 'offered') ORDER BY id"
        )
        self.assertIn("waiting", str(self.env.cr.fetchall()))

    def test_open_forms_are_told(self):
        """Over the company's channel, when the bridge takes the command and when it answers."""
        command = self.command()
        self.env.cr.execute("DELETE FROM bus_bus")
        self.offered()
        self.result(command, read_back=50)
        self.env.cr.precommit.run()
        self.env.cr.execute("SELECT count(*) FROM bus_bus WHERE message::text LIKE '%%mes.command%%'")
        self.assertEqual(self.env.cr.fetchone()[0], 2)
