from odoo.addons.mes_base.tests.translations import TranslationsMixin
from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install")
class TestTranslations(TranslationsMixin, TransactionCase):
    """German and French are complete and in step with the source."""

    module = "mes_oee"
