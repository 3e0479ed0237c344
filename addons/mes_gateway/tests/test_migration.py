import importlib.util

from odoo.addons.mes_base.tests.common import DAY, HOUR, MINUTE
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged
from odoo.tools.misc import file_path

from .common import NOW
from .test_telemetry import TelemetryCase

# The table as it was before 19.0.1.1.0.
PLAIN = """
DROP TABLE mes_measurement CASCADE;
CREATE TABLE mes_measurement (
    id serial CONSTRAINT mes_measurement_pkey PRIMARY KEY, tag_id int4 NOT NULL, workcenter_id int4 NOT NULL,
    priority int4, company_id int4 NOT NULL, unit varchar, quality varchar NOT NULL, stream varchar,
    at timestamp(3) NOT NULL, at_from timestamp(3), recv timestamp(3), samples int8, seq int8,
    value float8, value_min float8, value_max float8, value_mean float8,
    CONSTRAINT mes_measurement_key_unique UNIQUE (tag_id, at));
"""


def script(name):
    """A migration script as a module."""
    path = file_path(f"mes_gateway/migrations/19.0.1.1.0/{name}.py")
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@tagged("post_install", "-at_install")
class TestMigration(TelemetryCase):
    """The plain table of telemetry becomes the partitioned one, with all that is in it."""

    def migrate(self):
        """What an upgrade does, in its order."""
        script("pre-measurement").migrate(self.env.cr, "19.0.1.0.0")
        self.env["mes.measurement"].init()
        script("post-measurement").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()

    def plain(self, *values):
        """A plain table with values ``(at, value)`` of the tag."""
        self.env.flush_all()
        self.env.cr.execute(PLAIN)
        for number, (at, value) in enumerate(values, 1):
            self.env.cr.execute(
                "INSERT INTO mes_measurement (tag_id, workcenter_id, company_id, at, value, unit, quality, priority, "
                "stream, seq) VALUES (%s, %s, %s, %s, %s, 'C', 'good', 0, 'LINE1', %s)",
                [self.temp.id, self.machine.id, self.env.company.id, clock.from_ms(at), value, number],
            )

    def test_every_value_is_there_afterwards(self):
        """In the partition of its day, and in the rollups; later values go on with the ids."""
        values = [(NOW - 400 * DAY, 1), (NOW - HOUR, 2), (NOW - HOUR + MINUTE, 4), (NOW, 8)]
        self.plain(*values)
        self.migrate()
        found = self.env["mes.measurement"].search([], order="at")
        self.assertEqual([(clock.to_ms(row.at), row.value) for row in found], values)
        self.assertEqual((found[0].stream, found[0].seq, found[0].unit), ("LINE1", 1, "C"))
        self.env.cr.execute("SELECT count(*) FROM mes_measurement_rest")
        self.assertEqual(self.env.cr.fetchone(), (0,))
        self.roll_up()
        self.assertEqual(self.bucket("mes.measurement.hour", NOW - HOUR), (2, 2, 4, 3, 4))
        self.assertEqual(self.bucket("mes.measurement.hour", NOW - 400 * DAY), (1, 1, 1, 1, 1))
        self.send((NOW + MINUTE, 9), now=NOW + HOUR)
        self.assertGreater(self.env["mes.measurement"].search([], order="at desc", limit=1).id, max(found.ids))

    def test_a_second_run_changes_nothing(self):
        """Neither does one on a table that is partitioned already."""
        self.plain((NOW, 1))
        self.migrate()
        self.migrate()
        self.assertEqual(self.env["mes.measurement"].search([]).mapped("value"), [1])

    def test_an_empty_table(self):
        """A gateway that never measured."""
        self.plain()
        self.migrate()
        self.send((NOW, 1))
        self.assertEqual(len(self.env["mes.measurement"].search([])), 1)
