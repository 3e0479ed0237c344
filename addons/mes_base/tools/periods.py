"""Up to when the figures of a machine are closed: one rule for all who ask."""

from odoo.tools import SQL

CLOSED_UNTIL = SQL(
    """
    (SELECT max(l.at_until) FROM mes_period_lock l
      WHERE l.active AND l.company_id = w.company_id AND (l.site_id IS NULL OR l.site_id = w.mes_site_id))
    """
)
"""The end of the closed period (a timestamp, NULL if there is none) of the row ``w`` of mrp_workcenter."""
