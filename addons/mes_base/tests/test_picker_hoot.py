from odoo.tests import HttpCase, tagged


def suite_id(name: str) -> str:
    """The identity by which HOOT filters a suite: a 32-bit hash of its name."""
    value = 0
    for letter in name:
        value = (value * 31 + ord(letter)) & 0xFFFFFFFF
    return f"{value:08x}"


def only_hoot_may_stop(message: str) -> bool:
    """HOOT logs a failed test as an error and goes on; its last line tells."""
    return "[HOOT]" not in message


@tagged("post_install", "-at_install")
class TestPickerHoot(HttpCase):
    """The unit tests of the components that several rooms embed, in a real browser."""

    def test_components(self):
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={suite_id('@mes_base')}",
            "",
            "",
            login="admin",
            timeout=300,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=only_hoot_may_stop,
        )
