"""What every room's translations must keep: mix it into a test case that names its ``module``."""

import os
import re

import polib
from odoo.tools.misc import file_path
from odoo.tools.translate import TranslationModuleReader

LANGUAGES = ("de", "fr")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd]")
# A word may be the same in two languages (Code, Version), and so may a list of keys; a sentence is not.
SENTENCE = re.compile(r"[A-Za-z]{3,}[^,=]* [^,=]*[A-Za-z]{3,}[^,=]* [^,=]*[A-Za-z]{2,}")


class TranslationsMixin:
    """German and French are complete, in step with the source, and not English."""

    module = ""

    def test_every_term_is_translated(self):
        """No term of the room is missing or left over, and placeholders survive."""
        terms = {row[4] for row in TranslationModuleReader(self.env.cr, modules=[self.module])}
        self.assertTrue(terms)
        for language in LANGUAGES:
            entries = polib.pofile(file_path(f"{self.module}/i18n/{language}.po"))
            with self.subTest(language=language):
                self.assertEqual({entry.msgid for entry in entries}, terms)
                for entry in entries:
                    self.assertTrue(entry.msgstr, entry.msgid)
                    self.assertEqual(
                        sorted(PLACEHOLDER.findall(entry.msgstr)), sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid
                    )

    def test_no_old_template_stands_beside_them(self):
        """Odoo merges a .pot of the folder into what it loads: an old one takes new terms away in silence."""
        self.assertEqual(sorted(os.listdir(file_path(f"{self.module}/i18n"))), ["de.po", "fr.po"])

    def test_translations_are_not_english(self):
        """No sentence is left in English, and of the words only those which are the same in that language."""
        for language in LANGUAGES:
            entries = polib.pofile(file_path(f"{self.module}/i18n/{language}.po"))
            same = [entry.msgid for entry in entries if entry.msgid == entry.msgstr]
            with self.subTest(language=language):
                self.assertFalse([text for text in same if SENTENCE.search(PLACEHOLDER.sub("", text))])
                self.assertLessEqual(len(same), max(3, len(entries) // 12), same)
