"""A pulse bit: each rising edge is a count. Pure.

The bridge itself is the counter: the memory's ``raw`` is the number of edges it has seen, its ``flag`` the
level it saw last, both stored with the point. Edges that passed while nobody looked can't be known: after an
outage the point says so with bounds.
"""

from __future__ import annotations

from dataclasses import replace

from .counter import Booking, CounterMemory, CounterSpec, Reading, Same, allowance_of, booked, elapsed_ms, seen


def book_level(spec: CounterSpec, memory: CounterMemory | None, look: Reading) -> Booking | Same:
    """``look.raw`` is the level (0 or 1). None as memory: the first look ever, the baseline."""
    level = int(bool(look.raw))
    if memory is None:
        return Booking("first", 0, CounterMemory(0, look.at, look.mono, look.boot_id, 0, 0, level))
    edge = int(level == 1 and memory.flag == 0)
    reading = replace(look, raw=(memory.raw + edge) % spec.modulus, flag=level)
    elapsed, allowance = elapsed_ms(memory, reading), allowance_of(spec, memory, reading)
    if allowance is None:
        return booked(spec, memory, reading, "gap", edge, (edge, None), "uncertain")
    if elapsed > spec.outage_ms and allowance > edge:
        return booked(spec, memory, reading, "gap", edge, (edge, allowance), "uncertain")
    return booked(spec, memory, reading, "step", edge) if edge else Same(seen(memory, reading))
