"""The demo plant in Odoo and the simulated plant of the bridge are one plant."""

from demoplant import layout

from iot_bridge.simulator import layout as simulated


def test_machines_agree_with_the_simulator():
    ours = [(m.code, m.name, m.ideal_s, m.reject_share, m.minor, m.faults) for m in layout.MACHINES]
    theirs = [
        (m.code_path, m.title, m.ideal_cycle_s, m.reject_share, m.minor_codes, m.fault_codes)
        for m in simulated.MACHINES
    ]
    assert ours == theirs


def test_line_is_the_simulated_line():
    assert layout.LINE_CODE == simulated.LINE


def test_tags_agree_with_the_simulator():
    """What the bridge downloads from Odoo is what the simulated registers hold."""
    assert {t["tag"]: t for t in layout.line_tags()} == {t["tag"]: t for t in simulated.line_tags()}


def test_counters_start_where_the_simulator_starts():
    ours = {m.code: (m.total_start, m.modulus) for m in layout.MACHINES}
    theirs = {
        m.code_path: (c.start, c.modulus) for m in simulated.MACHINES for c in m.counters if c.name == "total"
    }
    assert ours == theirs


def test_bottleneck_is_the_simulators():
    assert layout.BOTTLENECK == simulated.BOTTLENECK
