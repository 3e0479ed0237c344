from odoo.addons.mes_base.tests.hoot import HootMixin
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestBoardHoot(HootMixin, HttpCase):
    """The unit tests of the room's screens, in a real browser."""

    suite = "@mes_oee"
