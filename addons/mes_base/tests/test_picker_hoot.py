from odoo.tests import HttpCase, tagged

from .hoot import HootMixin


@tagged("post_install", "-at_install")
class TestPickerHoot(HootMixin, HttpCase):
    """The unit tests of the components that several rooms embed, in a real browser."""

    suite = "@mes_base"
