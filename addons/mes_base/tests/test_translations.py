"""German and French are complete and in step with the source."""

import re

import polib
from odoo.tests import TransactionCase, tagged
from odoo.tools.misc import file_path
from odoo.tools.translate import TranslationModuleReader

PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd]")


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def test_every_term_is_translated(self):
        """No term of the room is missing or left over, and placeholders survive."""
        terms = {row[4] for row in TranslationModuleReader(self.env.cr, modules=["mes_base"])}
        self.assertGreater(len(terms), 300)
        for language in ("de", "fr"):
            entries = polib.pofile(file_path(f"mes_base/i18n/{language}.po"))
            with self.subTest(language=language):
                self.assertEqual({entry.msgid for entry in entries}, terms)
                for entry in entries:
                    self.assertTrue(entry.msgstr, entry.msgid)
                    self.assertEqual(
                        sorted(PLACEHOLDER.findall(entry.msgstr)), sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid
                    )

    def test_screens_speak_the_users_language(self):
        """A German user reads German words."""
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"].search([("name", "=", "mes_base")])._update_translations(["de_DE"])
        site = self.env["ir.model"].with_context(lang="de_DE")._get("mes.site")
        self.assertEqual(site.name, "Standort")
        fields = self.env["mes.stop"].with_context(lang="de_DE").fields_get(["loss_id"])
        self.assertEqual(fields["loss_id"]["string"], "Grund")
