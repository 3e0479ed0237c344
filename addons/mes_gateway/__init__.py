from . import controllers, models, wizards
from .models.mes_telemetry import LEVELS


def uninstall_hook(env):
    """Odoo drops no partitioned tables."""
    for level in LEVELS.values():
        env.cr.execute(f'DROP TABLE IF EXISTS "{level.table}" CASCADE')
