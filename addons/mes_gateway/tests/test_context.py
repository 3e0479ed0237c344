from odoo.addons.mes_base.tests.common import make_user
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import GatewayCase


@tagged("post_install", "-at_install")
class TestContext(GatewayCase):
    """A client chooses its context: none of its keys may open what its rights do not."""

    def as_engineer(self, records, **context):
        """The records as an engineer's client with a context of its choice sees them."""
        return records.with_user(make_user(self.env, "engineer")).with_context(**context)

    def test_a_gateway_can_not_be_given_a_user_by_default(self):
        """Else New key would make a key of the administrator."""
        model = self.as_engineer(self.env["mes.gateway"], default_user_id=self.env.ref("base.user_admin").id)
        gateway = model.create({"name": "x", "site_id": self.site.id})
        self.assertFalse(gateway.sudo().user_id)
        gateway.action_new_key()
        self.assertEqual(gateway.sudo().user_id.group_ids, self.env.ref("mes_base.group_mes_gateway"))

    def test_the_gateways_user_is_made_without_the_clients_defaults(self):
        """No password, no other's address."""
        gateway = self.env["mes.gateway"].create({"name": "x", "site_id": self.site.id})
        admin = self.env.ref("base.user_admin")
        self.as_engineer(gateway, default_password="known", default_partner_id=admin.partner_id.id).action_new_key()
        self.assertNotEqual(gateway.user_id.partner_id, admin.partner_id)
        self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", [gateway.user_id.id])
        self.assertFalse(self.env.cr.fetchone()[0])

    def test_a_stream_is_born_without_a_past(self):
        """Whatever the client's context says of epoch and number."""
        model = self.as_engineer(
            self.env["mes.gateway.stream"], default_applied=10, default_applied_at="2026-01-01", default_epoch="x"
        )
        stream = model.create({"gateway_id": self.gateway.id, "code": "NEW"})
        self.assertEqual((stream.applied, stream.epoch, stream.applied_at), (0, False, False))

    def test_an_archived_gateways_key_opens_nothing(self):
        """Not by asking for archived records either."""
        self.gateway.active = False
        for context in ({}, {"active_test": False}):
            model = self.env["mes.gateway"].with_user(self.gateway.user_id).with_context(**context)
            with self.assertRaisesRegex(AccessError, "^gateway_unknown: "):
                model.hello("{}")
