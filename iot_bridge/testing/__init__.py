"""Fakes and builders for tests of the bridge and of what depends on it. Part of the product.

:class:`FakeOdoo` speaks XML-RPC and JSON-2 as ``mes.gateway`` does, keeps what it got and can be told
to cut replies, to be slow, to refuse, or to answer like what stands before an Odoo. :class:`ManualClock` is
time that a test moves.
"""

from .builders import START_MS, ManualClock, make_samples, make_tag
from .odoo import FakeOdoo, Faults, Stream

__all__ = ["START_MS", "FakeOdoo", "Faults", "ManualClock", "Stream", "make_samples", "make_tag"]
