from datetime import timedelta

from odoo import fields
from odoo.addons.mes_base.tests.common import make_user
from odoo.exceptions import AccessDenied, AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import GatewayCase, make_gateway


@tagged("post_install", "-at_install")
class TestKeys(GatewayCase):
    """One button makes the gateway's user and a key, and shows it once."""

    def new_key(self, gateway=None):
        """Press the button as an engineer; the key it shows."""
        engineer = make_user(self.env, "engineer")
        action = (gateway or self.gateway).with_user(engineer).action_new_key()
        window = self.env[action["res_model"]].with_user(engineer).with_context(**action["context"])
        fields_shown = {name: {} for name in ("key", "login", "user", "database", "expires")}
        return window.onchange({}, [], fields_shown)["value"]

    def opens(self, key, user=None):
        """Whether a key opens the gateway's door, as over XML-RPC."""
        try:
            with mute_logger("odoo.addons.base.models.res_users"):
                self.env["res.users"]._check_uid_passwd((user or self.gateway.user_id).id, key)
        except AccessDenied:
            return False
        return True

    def test_the_key_opens_the_door(self):
        """The key, and nothing else; the window says all that the bridge's file needs."""
        shown = self.new_key()
        self.assertTrue(self.opens(shown["key"]))
        self.assertFalse(self.opens(shown["key"][:-1] + "x"))
        self.assertFalse(self.opens(""))
        self.assertEqual((shown["login"], shown["user"]), (self.gateway.user_id.login, self.gateway.user_id.id))
        self.assertEqual(shown["database"], self.env.cr.dbname)

    def test_the_user_has_no_other_right(self):
        """The gateway group alone: no internal user, no password, one company."""
        user = self.gateway.user_id
        self.assertEqual(user.group_ids, self.env.ref("mes_base.group_mes_gateway"))
        self.assertFalse(user._is_internal())
        self.assertEqual(user.company_ids, self.site.company_id)
        self.assertFalse(self.opens("x"))

    def test_rotation(self):
        """Two keys are valid at once, a third revokes the first; revoking leaves the newest."""
        first, second = self.new_key()["key"], self.new_key()["key"]
        self.assertTrue(self.opens(first) and self.opens(second))
        third = self.new_key()["key"]
        self.assertEqual([self.opens(key) for key in (first, second, third)], [False, True, True])
        self.assertEqual(self.gateway.valid_keys, 2)
        self.gateway.with_user(make_user(self.env, "engineer")).action_revoke_keys()
        self.assertEqual([self.opens(key) for key in (second, third)], [False, True])

    def test_keys_expire_with_a_warning(self):
        """A year; the month before, health says so; then the door is shut."""
        key = self.new_key()["key"]
        year = fields.Datetime.now() + timedelta(days=365)
        self.assertAlmostEqual(self.gateway.key_expires, year, delta=timedelta(1))
        self.assertFalse(self.gateway._own_complaints())
        self.env.cr.execute("UPDATE res_users_apikeys SET expiration_date = now() + interval '10 days'")
        self.env.invalidate_all()
        self.assertIn("key", " ".join(self.gateway._own_complaints()))
        self.env.cr.execute("UPDATE res_users_apikeys SET expiration_date = now() - interval '1 day'")
        self.env.invalidate_all()
        self.assertEqual(self.gateway.valid_keys, 0)
        self.assertFalse(self.opens(key))

    def test_a_key_opens_one_gateway(self):
        """Another gateway's key is another user's."""
        other = make_gateway(self.env, self.site, "LINE2", "Hall 2")
        key = self.new_key(other)["key"]
        self.assertTrue(self.opens(key, other.user_id))
        self.assertFalse(self.opens(key))

    def test_who_may_make_keys(self):
        """An engineer; nobody below, and not the gateway itself."""
        for role in ("operator", "supervisor", "gateway"):
            user = make_user(self.env, role)
            for action in ("action_new_key", "action_revoke_keys"):
                with self.assertRaises(AccessError):
                    getattr(self.gateway.with_user(user), action)()
