"""Errors that a caller can tell apart."""

from odoo.exceptions import UserError


class StopConflict(UserError):
    """Somebody else has said something about the stop since it was read: read it again, then decide.

    Over RPC its name is ``odoo.addons.mes_base.exceptions.StopConflict``; the message says who said what, and when.
    """
