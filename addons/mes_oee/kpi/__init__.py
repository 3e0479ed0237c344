# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The KPI engine: ISO 22400-2 figures from the effective timeline, exact, without Odoo."""

from .buckets import BUCKETS, Bucket, bucket_of, buckets, stop_bucket
from .engine import Figure, IdealTooLong, Losses, elements, figures, ideal_too_long, losses
from .formulas import REFUSALS, REGISTRY, Inputs, Kpi, Registry, Undefined, ratio, standard
from .rows import Ideals, RowKey, rows
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
    "ideal_too_long",
    "losses",
    "ratio",
    "rows",
    "standard",
    "stop_bucket",
]
