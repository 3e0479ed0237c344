"""The faults that :mod:`.control` injects, by name."""

FAULTS = ("freeze", "disconnect", "latency", "restart", "reset-counters", "stop", "normal")
# How long one lasts when nothing else is said.
SECONDS = 5.0
