"""Prometheus metrics, computed when they are scraped."""

from .catalog import METRICS, Metric

__all__ = ["METRICS", "Metric"]
