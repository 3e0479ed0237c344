from odoo import SUPERUSER_ID, api
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, tagged
from odoo.tests.common import get_db_name
from odoo.tools import mute_logger
from psycopg2.errors import LockNotAvailable

TABLES = ("mes_gateway_heartbeat", "mes_gateway_stream", "mes_gateway")
A_ROW = ("A", 1, "state", "S9/A/M", "superseded", "x", "{}", None)


@tagged("post_install", "-at_install")
class TestLocks(BaseCase):
    """Batches of two streams, on connections of their own with committed data."""

    def setUp(self):
        """A gateway with the streams A and B, committed, gone afterwards."""
        super().setUp()
        self.cursors = []
        env = self.connection()
        self.site = env["mes.site"].create({"name": "Locks", "code": "LOCKS", "tz": "UTC"}).id
        streams = [(0, 0, {"code": code}) for code in "AB"]
        self.gateway = env["mes.gateway"].create({"name": "Locks", "site_id": self.site, "stream_ids": streams}).id
        env.cr.commit()
        self.addCleanup(self.clean)

    def connection(self):
        """The environment of a connection of its own, which waits a second for a lock at most."""
        cursor = db_connect(get_db_name()).cursor()
        self.cursors.append(cursor)
        cursor.execute("SET lock_timeout = '1s'")
        return api.Environment(cursor, SUPERUSER_ID, {})

    def clean(self):
        """Nothing of this test stays."""
        for cursor in self.cursors:
            cursor.close()
        env = self.connection()
        for table in TABLES:
            column = "id" if table == "mes_gateway" else "gateway_id"
            env.cr.execute(f"DELETE FROM {table} WHERE {column} = %s", [self.gateway])  # pylint: disable=sql-injection
        env.cr.execute("DELETE FROM mes_site WHERE id = %s", [self.site])
        env.cr.commit()
        env.cr.close()

    def locked(self, code):
        """A connection in the midst of a batch of a stream, and the stream's source."""
        env = self.connection()
        source, _applied = env["mes.gateway"].browse(self.gateway)._source(code, lock=True)
        return env, source

    def test_a_stream_takes_one_batch_at_a_time(self):
        """The second one waits."""
        self.locked("A")
        with mute_logger("odoo.sql_db"), self.assertRaises(LockNotAvailable):
            self.locked("A")

    def test_a_batch_keeps_what_it_has_superseded_of_a_stream_that_is_busy(self):
        """Else: this one waits for the other's stream, the other for this one's machine, for ever."""
        self.locked("A")
        env, source = self.locked("B")
        env["mes.event.rejection"]._insert(source, "superseded", [A_ROW])
        env.cr.execute("SELECT count(*) FROM mes_event_rejection WHERE stream = 'A' AND equipment = 'S9/A/M'")
        self.assertEqual(env.cr.fetchone(), (1,))
