# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The KPI engine: ISO 22400-2 figures from the effective timeline, exact, without Odoo."""

from .buckets import BUCKETS, Bucket, bucket_of, buckets, stop_bucket
from .engine import Figure, IdealTooLong, Losses, elements, figures, ideal_too_long, losses
from .formulas import REFUSALS, REGISTRY, Inputs, Kpi, Registry, Undefined, ratio, standard
from .reasons import Lost, ReasonKey, reasons
from .rows import Ideals, RowKey, rows
from .told import first_told
from .totals import Ideal, Settings, Totals, add_up

__all__ = [
    "BUCKETS",
    "REFUSALS",
    "REGISTRY",
    "Bucket",
    "Figure",
    "Ideal",
    "IdealTooLong",
    "Ideals",
    "Inputs",
    "Kpi",
    "Losses",
    "Lost",
    "ReasonKey",
    "Registry",
    "RowKey",
    "Settings",
    "Totals",
    "Undefined",
    "add_up",
    "bucket_of",
    "buckets",
    "elements",
    "figures",
    "first_told",
    "ideal_too_long",
    "losses",
    "ratio",
    "reasons",
    "rows",
    "standard",
    "stop_bucket",
]
