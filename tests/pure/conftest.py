# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""One way for all property tests: the same examples in every run, no time limit on a loaded machine.

``HYPOTHESIS_PROFILE=search`` looks for new examples, twenty times as many.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("gemba", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("gemba"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gemba"))
