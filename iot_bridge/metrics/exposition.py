"""A snapshot as Prometheus text. Imported only when somebody scrapes: the library costs 3 MB."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from ..snapshot import Snapshot
from .catalog import METRICS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Collected(Collector):
    """The families of one snapshot."""

    def __init__(self, shot: Snapshot) -> None:
        self._shot = shot

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            family: Family
            if metric.kind == "counter":
                counter = CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
                for labels, value in metric.rows(self._shot):
                    counter.add_metric(labels, value)
                family = counter
            else:
                gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, value in metric.rows(self._shot):
                    gauge.add_metric(labels, value)
                family = gauge
            yield family


def render(shot: Snapshot) -> bytes:
    """The text of one scrape. A registry of its own each time: no state is shared between bridges of one process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(shot))
    return generate_latest(registry)
