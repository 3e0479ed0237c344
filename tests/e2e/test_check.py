"""`./mes demo --check` is green on a healthy plant. That it is red under each sabotage: test_check_lies.py."""

from __future__ import annotations

from checks import ROOT, run
from floor import some_port


def test_the_check_is_green() -> None:
    """The command as a person types it: every part and state arrived once, though bridge and Odoo were killed."""
    outcome = run([str(ROOT / "mes"), "demo", "--check", "--port", str(some_port())])
    told = outcome.told
    assert outcome.code == 0 and told["ok"] is True, outcome.text
    assert told["produced_plc"] == told["produced_odoo"] > 100
    assert told["states_plc"] == told["states_odoo"] > 10
    assert told["lost"] == told["duplicated"] == 0
    assert 0 < told["lag_p99_s"] <= 5 and 0 < told["recovery_s"] <= 15
    names = "ok produced_plc produced_odoo states_plc states_odoo lost duplicated lag_p99_s recovery_s"
    assert list(told) == names.split()
