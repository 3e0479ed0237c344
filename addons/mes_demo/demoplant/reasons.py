"""Why the plant stops: what the machines' own codes mean, and what people say of stops.

Reasons that every plant has come with ``mes_base``; they are named by their codes here.
"""

from __future__ import annotations

from dataclasses import dataclass

from .equipment import Cell
from .layout import UNMAPPED


@dataclass(frozen=True, slots=True)
class Reason:
    """What stop code ``code`` of machine ``unit`` means: under head ``head``, a failure or a minor stop."""

    code: str
    name: str
    unit: str
    head: str
    failure: bool


MINOR = {"code": "MINOR", "name": "Minor stops", "failure": False}
FAULTS = {"code": "FAULT", "name": "Machine faults", "failure": True}
HEADS = (MINOR, FAULTS)

# What an operator finds behind a stop that the machine gave no code for, and behind a fault; likelier ones twice.
BY_HAND = (
    "WAIT-MATERIAL", "WAIT-MATERIAL", "WAIT-OPERATOR", "WAIT-QUALITY", "SETUP-ADJUST", "PLAN-MEET", "OTHER",
)  # fmt: skip
BEHIND_FAULT = ("FAIL-MECH", "FAIL-MECH", "FAIL-ELEC", "FAIL-TOOL", "WAIT-QUALITY")
COMMENTS = {
    "OTHER": "The fork-lift had to pass", "FAIL-MECH": "Seal replaced", "WAIT-QUALITY": "Waited for the laboratory",
    "WAIT-MATERIAL": "Pallet came late",
}  # fmt: skip
CODES = frozenset({*BY_HAND, *BEHIND_FAULT})


def machine_reasons(cells: tuple[Cell, ...]) -> list[Reason]:
    """The reasons that stand for the machines' own stop codes; some codes nobody has explained."""
    return [
        Reason(str(code), text, machine.unit, str(head["code"]), bool(head["failure"]))
        for cell in cells
        for machine in cell.machines
        for head, codes in ((MINOR, machine.minor), (FAULTS, machine.faults))
        for code, text in codes.items()
        if code not in UNMAPPED
    ]
