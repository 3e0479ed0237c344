from odoo import SUPERUSER_ID, api
from odoo.addons.mes_oee.tools.levels import BELOW, FIGURES, MONTH


def migrate(cr, version):
    """The small tables of months come about from the months that are there."""
    levels = api.Environment(cr, SUPERUSER_ID, {})["mes.oee.levels"]
    for level, below in BELOW.items():
        if below is MONTH:
            levels._add_up_level(FIGURES, level)
