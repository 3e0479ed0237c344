from odoo.tests import TransactionCase, tagged

from .translations import TranslationsMixin


@tagged("post_install", "-at_install")
class TestTranslations(TranslationsMixin, TransactionCase):
    """German and French are complete and in step with the source."""

    module = "mes_base"

    def test_screens_speak_the_users_language(self):
        """A German user reads German words."""
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"].search([("name", "=", "mes_base")])._update_translations(["de_DE"])
        site = self.env["ir.model"].with_context(lang="de_DE")._get("mes.site")
        self.assertEqual(site.name, "Standort")
        fields = self.env["mes.stop"].with_context(lang="de_DE").fields_get(["effective_loss_id"])
        self.assertEqual(fields["effective_loss_id"]["string"], "Grund")
