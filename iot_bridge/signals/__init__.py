"""Signals turn samples into events. Each is a pure step: (memory, sample) -> (memory, events)."""
