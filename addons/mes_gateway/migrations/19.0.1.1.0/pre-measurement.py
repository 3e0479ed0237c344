"""Telemetry becomes a partitioned table: the plain one steps aside for it."""


def migrate(cr, version):
    """Rename the plain table with its key, its indexes and its sequence, whose names the new table takes."""
    cr.execute("SELECT 1 FROM pg_class WHERE oid = to_regclass('mes_measurement') AND relkind = 'r'")
    if not cr.fetchone():
        return
    cr.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND tablename = 'mes_measurement'")
    for (name,) in cr.fetchall():
        cr.execute(f'ALTER INDEX "{name}" RENAME TO "{name}_plain"')
    cr.execute("ALTER TABLE mes_measurement RENAME TO mes_measurement_plain")
    cr.execute("ALTER SEQUENCE IF EXISTS mes_measurement_id_seq RENAME TO mes_measurement_plain_id_seq")
