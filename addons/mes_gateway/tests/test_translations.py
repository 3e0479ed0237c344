import re

import polib
from odoo.tests import TransactionCase, tagged
from odoo.tools.misc import file_path
from odoo.tools.translate import TranslationModuleReader

PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd]")


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    """German and French are complete and in step with the source."""

    def test_every_term_is_translated(self):
        """No term of the room is missing or left over, and placeholders survive."""
        terms = {row[4] for row in TranslationModuleReader(self.env.cr, modules=["mes_gateway"])}
        self.assertGreater(len(terms), 500)
        for language in ("de", "fr"):
            entries = polib.pofile(file_path(f"mes_gateway/i18n/{language}.po"))
            with self.subTest(language=language):
                self.assertEqual({entry.msgid for entry in entries} ^ terms, set())
                for entry in entries:
                    self.assertTrue(entry.msgstr, entry.msgid)
                    self.assertEqual(
                        sorted(PLACEHOLDER.findall(entry.msgstr)), sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid
                    )
