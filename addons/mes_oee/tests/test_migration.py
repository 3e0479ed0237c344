import importlib.util

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, MONDAY, feed_counts, feed_states
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged
from odoo.tools.misc import file_path

from ..tools.levels import CUBES
from ..tools.rows import RULES_VERSION
from .common import OeeCase

NEW = ("startup_reject", "startup_ideal_ns", "maintenance_ms", "failure_ms", "failure_stops")


def script(name, version="19.0.1.1.0"):
    """A migration script as a module."""
    path = file_path(f"mes_oee/migrations/{version}/{name}.py")
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@tagged("post_install", "-at_install")
class TestMigration(OeeCase):
    """An upgrade empties the open hours, keeps the closed ones, and all levels are there again afterwards."""

    def setUp(self):
        """Ten hours, the first four of them closed; the rows as an older version had made them."""
        super().setUp()
        self.full_day(MONDAY, 24)
        points = [(MONDAY, "running")]
        for hour in range(10):
            start = MONDAY + hour * HOUR + 20 * MINUTE
            points += [(start, "down", "17"), (start + 5 * MINUTE, "running")]
        feed_states(self.env, self.machine, points)
        feed_counts(self.env, self.machine, [(MONDAY + n * MINUTE, 10 * n) for n in range(10 * 60)])
        self.at(MONDAY + 10 * HOUR + 30 * MINUTE)
        self.refresh()
        self.wanted = self.everything()
        self.env["mes.period.lock"].create(
            {"company_id": self.env.company.id, "at_until": clock.from_ms(MONDAY + 4 * HOUR)}
        )
        self.env.flush_all()
        for name in NEW:
            self.env.cr.execute(f"ALTER TABLE mes_oee_rollup DROP COLUMN {name}")
        self.env.cr.execute("UPDATE mes_oee_rollup SET rules_version = 1")
        for table in {table for cube in CUBES for table in cube.tables.values()} - {"mes_oee_rollup"}:
            self.env.cr.execute(f"DELETE FROM {table}")

    def migrate(self):
        """What an upgrade does, in its order."""
        script("pre-rollups").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        script("post-rollups").migrate(self.env.cr, "19.0.1.0.0")

    def test_closed_hours_stay_the_rest_comes_back(self):
        """Four hours stay with the version of their rules; the job fills in the others; nothing is missing."""
        self.migrate()
        self.env.cr.execute("SELECT count(*), min(rules_version), max(rules_version) FROM mes_oee_rollup")
        self.assertEqual(self.env.cr.fetchone(), (4, 1, 1))
        self.refresh()
        found = self.everything()
        self.assertEqual([row.count('"rules_version": 1') for row in found["mes_oee_rollup"]].count(1), 4)
        old, new = '"rules_version": 1', f'"rules_version": {RULES_VERSION}'
        found["mes_oee_rollup"] = [row.replace(old, new) for row in found["mes_oee_rollup"]]
        self.assertEqual(found, self.wanted)

    def test_twice_is_once(self):
        """An upgrade that is repeated loses nothing."""
        self.migrate()
        self.migrate()
        self.refresh()
        self.assertEqual(self.everything()["mes_oee_reason_rollup"], self.wanted["mes_oee_reason_rollup"])
        self.assertEqual(self.everything()["mes_oee_rollup_month"], self.wanted["mes_oee_rollup_month"])
