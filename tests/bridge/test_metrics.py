"""Metrics: each is documented, and the text is what Prometheus reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from shots import ROOT, a_snapshot, many_tags

from iot_bridge.metrics import METRICS
from iot_bridge.metrics.exposition import render


def families(text: bytes) -> dict[str, dict[tuple[str, ...], float]]:
    """Family -> label values -> value, as Prometheus' own parser reads it."""
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text.decode())
    }


def test_every_metric_is_in_the_docs_with_kind_labels_and_meaning() -> None:
    docs = (ROOT / "docs/bridge.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(iot_bridge_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", docs, re.M)
    documented = {name: (kind, labels.strip().replace("`", ""), text.strip()) for name, kind, labels, text in rows}
    assert documented == {m.name: (m.kind, ", ".join(m.labels), m.help) for m in METRICS}


def test_names_follow_the_conventions() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("iot_bridge_") and metric.help.endswith(".")
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_a_scrape_says_what_the_snapshot_says() -> None:
    found = families(render(a_snapshot()))
    assert set(found) == {metric.name.removesuffix("_total") for metric in METRICS}
    assert found["iot_bridge_connection_up"] == {("plc_filler", "modbus_tcp"): 1, ("broker", "mqtt"): 0}
    assert found["iot_bridge_connection_samples"][("plc_filler", "modbus_tcp")] == 4711
    assert found["iot_bridge_outbox_pending_events"] == {("LINE1",): 12}
    assert found["iot_bridge_outbox_lag_seconds"] == {("LINE1",): 3.5}
    tags = found["iot_bridge_tags"]
    assert tags == {("plc_filler", "good"): 1, ("plc_filler", "bad"): 1, ("broker", "stale"): 1, ("broker", "none"): 1}
    assert found["iot_bridge_tag_oldest_seconds"] == {("plc_filler",): 1.5, ("broker",): 75.2}
    assert found["iot_bridge_alarms"] == {("epoch_conflict",): 1}
    assert found["iot_bridge_commands"] == {("done",): 3, ("refused",): 1}
    assert found["iot_bridge_machine_watched"] == {("DEMO/PACK/L1/FILLER",): 1, ("DEMO/PACK/L1/CAPPER",): 0}


def test_what_a_driver_counts_itself_is_told_for_its_connections_only() -> None:
    shot = a_snapshot()
    counted = {"sessions": 3, "healed": 2, "repaired": 1, "overflowed": 12_345, "skew_ms": -3500}
    one = replace(shot.connections[0], name="scada", driver="opcua", figures=counted)
    found = families(render(replace(shot, connections=(one, *shot.connections))))
    for name, value in (
        ("sessions", 3), ("healed_values", 2), ("repaired_items", 1), ("overflowed_samples", 12_345),
        ("clock_offset_seconds", -3.5),
    ):  # fmt: skip
        assert found[f"iot_bridge_opcua_{name}"] == {("scada",): value}, name


def test_two_bridges_in_one_process_share_nothing() -> None:
    first = render(a_snapshot())
    other = render(replace(a_snapshot(), stream="LINE2", connections=(), tags=(), alarms=(), machines={}))
    assert b"LINE1" not in other.replace(b'stream="LINE1"', b"") and render(a_snapshot()) == first


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ü"])
def test_names_from_outside_do_not_break_the_text(name: str) -> None:
    shot = a_snapshot()
    shot = replace(shot, connections=(replace(shot.connections[0], name=name),))
    assert families(render(shot))["iot_bridge_connection_up"] == {(name, "modbus_tcp"): 1}


def test_labels_do_not_grow_with_the_tags() -> None:
    few, many = (len(render(replace(a_snapshot(), tags=many_tags(n)))) for n in (10, 5000))
    assert many < few + 200
