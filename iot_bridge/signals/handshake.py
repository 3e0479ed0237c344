"""A handshake: the device shows one record at a time and waits until its sequence number is written back.

read sequence and record -> store the count -> (committed) -> write the sequence back. Pure; the write is
handed on with the draft and made only when the count is stored. A crash in between repeats the write, never
the count: the memory's ``raw`` is the sequence number of the last record stored.
"""

from __future__ import annotations

from .counter import Booking, CounterMemory, CounterSpec, Reading, Same, booked, seen


def book_record(
    spec: CounterSpec, memory: CounterMemory | None, look: Reading, quantity: int, acknowledged: int | None
) -> list[Booking] | Same:
    """``look.raw`` is the record's sequence number, ``quantity`` its count.

    acknowledged: the number the device shows as written back, None when unknown. The first look ever is the
    baseline; a record that nobody has acknowledged yet is then counted after it.
    """
    number = look.raw
    if memory is None:
        base = number if acknowledged is None else acknowledged
        first = Booking("first", 0, CounterMemory(base, look.at, look.mono, look.boot_id, 0, 0, look.flag))
        rest = book_record(spec, first.memory, look, quantity, acknowledged)
        return [first] if isinstance(rest, Same) else [first, *rest]
    if number == memory.raw:
        return Same(seen(memory, look))
    passed = (number - memory.raw) % spec.modulus
    if passed == 1:
        return [booked(spec, memory, look, "step", quantity)]
    if number < memory.raw and number <= 1:
        alarm = f"the sequence began anew at {number}: records between may be lost"
        return [booked(spec, memory, look, "reset", quantity, (quantity, None), "uncertain", alarm)]
    alarm = f"the sequence went from {memory.raw} to {number}: {passed - 1} records were never shown"
    return [booked(spec, memory, look, "gap", quantity, (quantity, None), "uncertain", alarm)]
