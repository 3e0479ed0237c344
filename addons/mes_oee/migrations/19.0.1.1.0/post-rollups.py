from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Hours that stayed get their reasons, days and months; the job makes the rest."""
    refresh = api.Environment(cr, SUPERUSER_ID, {})["mes.oee.refresh"]
    refresh._explain_rolled()
    refresh._trigger()
