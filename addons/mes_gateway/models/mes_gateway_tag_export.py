import json

from odoo import models

from ..tools import tagfile


class MesGatewayTag(models.Model):
    """A tag as a row of a file."""

    _inherit = "mes.gateway.tag"

    def _as_row(self) -> dict[str, str]:
        """Column -> cell: what the contract says of the tag, and what only Odoo knows of it."""
        said = self._contract_values()
        said |= {name: self[name] for name in ("protocol", "write_words", "description") if self[name]}
        if self.signal in ("state", "mode"):
            said |= {"state_by": self.state_by, "stale_ms": self.stale_ms}
        if self.writable:
            said |= {"write_min": self.write_min, "write_max": self.write_max}
        if self.has_limits:
            said |= {"has_limits": True, "limit_low": self.limit_low, "limit_high": self.limit_high}
        columns = tagfile.FIELDS | {"tag"}
        return {name: _cell(value) for name, value in said.items() if name in columns and _says(value)}


def _says(value: object) -> bool:
    return value is not None and value is not False and value != ""


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return f"{value:.17g}" if isinstance(value, float) else str(value)
