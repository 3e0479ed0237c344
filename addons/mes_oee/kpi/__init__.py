# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The KPI engine: ISO 22400-2 figures from the effective timeline, exact, without Odoo."""

from .totals import Ideal, Settings, Totals, add_up

__all__ = ["Ideal", "Settings", "Totals", "add_up"]
