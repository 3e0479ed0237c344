"""How lively the simulated line is. All times are plant seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Mean times between events of one machine and their durations (from, to).

    minor_every_s, fault_every_s: mean running time to the next stop. changeover_every_s: mean time
    between changeovers of the whole line. cycle_factor: actual ÷ ideal cycle, drawn per running spell.
    """

    name: str
    minor_every_s: float
    minor_s: tuple[float, float]
    fault_every_s: float
    fault_s: tuple[float, float]
    changeover_every_s: float
    changeover_s: tuple[float, float]
    cycle_factor: tuple[float, float] = (1.0, 1.12)
    buffer_size: int = 12


PROFILES = {
    profile.name: profile
    for profile in (
        # Something happens every few seconds: for a demo and for the proof of a minute.
        Profile("demo", 45.0, (3.0, 8.0), 150.0, (10.0, 25.0), 170.0, (12.0, 20.0)),
        # A day in a plant that is run well.
        Profile("plant", 420.0, (5.0, 50.0), 5400.0, (240.0, 1500.0), 14_400.0, (900.0, 2400.0)),
    )
}
