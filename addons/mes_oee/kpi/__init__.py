# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The KPI engine: ISO 22400-2 figures from the effective timeline, exact, without Odoo."""

from .buckets import BUCKETS, Bucket, bucket_of, buckets, stop_bucket
from .changeover import Asked, Changeover, Target, best, changeovers
from .engine import Figure, IdealTooLong, Losses, elements, figures, ideal_too_long, losses
from .formulas import REFUSALS, REGISTRY, Inputs, Kpi, Registry, Undefined, ratio, standard
from .industries import INDUSTRIES, WORLD_CLASS, Industry
from .money import Payback, Worth, payback, value_of_points
from .reasons import Lost, ReasonKey, reasons
from .rows import Ideals, RowKey, rows
from .told import first_told
from .totals import NS_PER_MS, Ideal, Settings, Totals, add_up
from .waterfall import SIX, STEPS, Loss, add_steps, lost_money, of_bucket, shown_ms, six, steps

__all__ = [
    "BUCKETS",
    "INDUSTRIES",
    "NS_PER_MS",
    "REFUSALS",
    "REGISTRY",
    "SIX",
    "STEPS",
    "WORLD_CLASS",
    "Asked",
    "Bucket",
    "Changeover",
    "Figure",
    "Ideal",
    "IdealTooLong",
    "Ideals",
    "Industry",
    "Inputs",
    "Kpi",
    "Loss",
    "Losses",
    "Lost",
    "Payback",
    "ReasonKey",
    "Registry",
    "RowKey",
    "Settings",
    "Target",
    "Totals",
    "Undefined",
    "Worth",
    "add_steps",
    "add_up",
    "best",
    "bucket_of",
    "buckets",
    "changeovers",
    "elements",
    "figures",
    "first_told",
    "ideal_too_long",
    "losses",
    "lost_money",
    "of_bucket",
    "payback",
    "ratio",
    "reasons",
    "rows",
    "shown_ms",
    "six",
    "standard",
    "steps",
    "stop_bucket",
    "value_of_points",
]
