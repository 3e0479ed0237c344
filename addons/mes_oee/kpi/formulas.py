# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The indicators as a table: number in ISO 22400-2, formula in words, and how it is computed.

A formula asks :class:`Inputs` for elements by the standard's name. Times are milliseconds, ``PRU*PQ`` is
the sum of ideal cycle × pieces in milliseconds, ``CT`` the whole window. What an element's absence or a zero
divisor means is said by :class:`Undefined`, never by a number.

Another room adds an indicator with :meth:`Registry.register` and hands its elements to
:func:`kpi.engine.figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

REFUSALS: dict[str, str] = {
    "no_shift_time": "there is no shift time in this span",
    "coverage_too_low": "too little of the shift time was watched",
    "no_busy_time": "there is no planned busy time in this span",
    "no_production_time": "the machine did not produce in this span",
    "nothing_produced": "no piece was made in production time",
    "no_ideal_cycle": "some of the pieces have no ideal cycle: enter one for their product on this machine",
    "zero_divisor": "the divisor is zero",
    "input_missing": "an input of the formula is not known here",
    "no_order_ran": "no order ran in this span",
    "no_failure": "no failure began in this span",
    "no_maintenance": "there was neither a repair nor planned maintenance in this span",
    "no_planned_scrap": "no planned scrap is set for these products or machines",
    "nothing_begun": "no piece was counted at the first operation",
}
"""Every reason for which a figure may be refused, with a sentence."""

_ZERO = {
    "PBT": "no_busy_time",
    "APT": "no_production_time",
    "PQ": "nothing_produced",
    "POT": "no_shift_time",
    "AOET": "no_order_ran",
    "FE": "no_failure",
    "CMT+PMT": "no_maintenance",
    "PSQ": "no_planned_scrap",
    "PQ1": "nothing_begun",
}


class Undefined(ArithmeticError):
    """A figure that has no value; ``code`` is a key of :data:`REFUSALS`, ``element`` what it is about."""

    def __init__(self, code: str, element: str) -> None:
        super().__init__(f"{REFUSALS[code]} ({element})")
        self.code = code
        self.element = element


class Inputs:
    """Elements by name; it remembers which were used, so that a figure can show what it was made of."""

    def __init__(self, elements: Mapping[str, Fraction | int], problems: Mapping[str, str] | None = None) -> None:
        self._elements = elements
        self._problems = problems or {}
        self.used: dict[str, Fraction | int] = {}

    def __getitem__(self, name: str) -> Fraction:
        """The element. :raises Undefined: it is unknown, or known to be incomplete."""
        return Fraction(self._use(name))

    def ratio(self, numerator: str, divisor: str) -> Fraction:
        """One element by another. :raises Undefined: also if the divisor is zero."""
        below = self._use(divisor)
        if not below:
            raise Undefined(_ZERO.get(divisor, "zero_divisor"), divisor)
        return Fraction(self._use(numerator), below)

    def _use(self, name: str) -> Fraction | int:
        """The element as it was given, noted as used."""
        if name in self._problems:
            raise Undefined(self._problems[name], name)
        if name not in self._elements:
            raise Undefined("input_missing", name)
        value = self.used[name] = self._elements[name]
        return value


Formula = Callable[[Inputs], Fraction]


@dataclass(frozen=True, slots=True)
class Kpi:
    """An indicator. ``version`` grows when its meaning changes and is kept beside every value.

    ``inputs`` are the elements that the formula may ask for: what lives in another room is only fetched for
    those that ask. ``unit`` is that of the value: ratio, ms, or pieces_per_ms.
    """

    key: str
    number: int | None
    text: str
    compute: Formula
    version: int = 1
    inputs: tuple[str, ...] = ()
    unit: str = "ratio"


class Registry:
    """The indicators that can be computed, by key."""

    def __init__(self) -> None:
        self._kpis: dict[str, Kpi] = {}
        self._inputs: frozenset[str] = frozenset()

    def register(self, kpi: Kpi) -> None:
        """Add an indicator. :raises ValueError: another one has its key."""
        if self._kpis.get(kpi.key, kpi) != kpi:
            raise ValueError(f"there is an indicator {kpi.key!r} already: choose another key")
        self._kpis[kpi.key] = kpi
        self._inputs |= frozenset(kpi.inputs)

    def __getitem__(self, key: str) -> Kpi:
        return self._kpis[key]

    def __len__(self) -> int:
        return len(self._kpis)

    def __iter__(self) -> Iterator[Kpi]:
        return iter(list(self._kpis.values()))

    @property
    def inputs(self) -> frozenset[str]:
        """Every element that some formula may ask for."""
        return self._inputs


def ratio(numerator: str, divisor: str) -> Formula:
    """The formula of one element by another."""
    return lambda inputs: inputs.ratio(numerator, divisor)


def _oee(inputs: Inputs) -> Fraction:
    return inputs.ratio("APT", "PBT") * _rate_and_quality(inputs)


def _nee(inputs: Inputs) -> Fraction:
    return inputs.ratio("AUPT", "PBT") * _rate_and_quality(inputs)


def _teep(inputs: Inputs) -> Fraction:
    return _oee(inputs) * inputs.ratio("PBT", "CT")


def _rate_and_quality(inputs: Inputs) -> Fraction:
    """Effectiveness × quality ratio; zero, not undefined, where nothing at all was made."""
    if not inputs["PQ"]:
        return Fraction(0)
    return inputs.ratio("PRU*PQ", "APT") * inputs.ratio("GQ", "PQ")


_EFFECTIVE = ("PQ", "PRU*PQ", "APT", "GQ")
_COMPOSED: tuple[tuple[str, int | None, str, Formula, tuple[str, ...]], ...] = (
    ("oee", 6, "(APT / PBT) * (PRU*PQ / APT) * (GQ / PQ)", _oee, ("PBT", *_EFFECTIVE)),
    ("nee", 7, "(AUPT / PBT) * (PRU*PQ / APT) * (GQ / PQ)", _nee, ("AUPT", "PBT", *_EFFECTIVE)),
    ("teep", None, "OEE * PBT / CT", _teep, ("PBT", "CT", *_EFFECTIVE)),
)
_RATIOS: tuple[tuple[str, int, str, str, str], ...] = (
    ("allocation", 2, "AUBT", "AOET", "ratio"),
    ("throughput", 3, "PQ", "AOET", "pieces_per_ms"),
    ("allocation_efficiency", 4, "AUBT", "PBT", "ratio"),
    ("utilization", 5, "APT", "AUBT", "ratio"),
    ("availability", 8, "APT", "PBT", "ratio"),
    ("effectiveness", 9, "PRU*PQ", "APT", "ratio"),
    ("quality", 10, "GQ", "PQ", "ratio"),
    ("setup_ratio", 11, "AUST", "AUPT", "ratio"),
    ("technical_efficiency", 12, "APT", "APT+ADET", "ratio"),
    ("production_process", 13, "APT", "AOET", "ratio"),
    ("planned_scrap", 14, "SQ", "PSQ", "ratio"),
    ("scrap_ratio", 16, "SQ", "PQ", "ratio"),
    ("rework_ratio", 17, "RQ", "PQ", "ratio"),
    ("fall_off", 18, "SQ", "PQ1", "ratio"),
    ("equipment_load", 30, "PQ", "EPC", "ratio"),
    ("mtbf", 31, "APT", "FE", "ms"),
    ("mttf", 32, "APT", "FE+1", "ms"),
    ("mttr", 33, "TTR", "FE", "ms"),
    ("corrective_maintenance", 34, "CMT", "CMT+PMT", "ratio"),
)
_WORDS = {
    "technical_efficiency": "APT / (APT + ADET)",
    "mttf": "APT / (FE + 1)",
    "corrective_maintenance": "CMT / (CMT + PMT)",
    "fall_off": "SQ / PQ of the first operation",
}


def standard() -> Registry:
    """A registry with the indicators whose formulas this room owns."""
    registry = Registry()
    made = [
        Kpi(key, number, text, compute, inputs=tuple(dict.fromkeys(inputs)))
        for key, number, text, compute, inputs in _COMPOSED
    ]
    made += [
        Kpi(key, number, _WORDS.get(key, f"{above} / {below}"), ratio(above, below), 1, (above, below), unit)
        for key, number, above, below, unit in _RATIOS
    ]
    for kpi in sorted(made, key=lambda one: (one.number is None, one.number)):
        registry.register(kpi)
    return registry


REGISTRY = standard()
"""The registry in use; other rooms register here when they are loaded."""
