"""The component tests of a room in a real browser: mix it into an HttpCase that names its ``suite``."""


def suite_id(name: str) -> str:
    """The identity by which HOOT filters a suite: a 32-bit hash of its name."""
    value = 0
    for letter in name:
        value = (value * 31 + ord(letter)) & 0xFFFFFFFF
    return f"{value:08x}"


def only_hoot_may_stop(message: str) -> bool:
    """HOOT logs a failed test as an error and goes on; its last line tells."""
    return "[HOOT]" not in message


class HootMixin:
    """Runs all HOOT tests of one addon, named as HOOT names its suite: "@mes_base"."""

    suite = ""

    def test_components(self):
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={suite_id(self.suite)}",
            "",
            "",
            login="admin",
            timeout=300,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=only_hoot_may_stop,
        )
