# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""From totals to figures. Every button, board and report comes through here.

A figure is an exact fraction with all that it was made of, or a refusal with its reason; never a guess.
The figures of a line or an area are those of its machines' totals added up (Σ numerators ÷ Σ denominators), or
those of its bottleneck's totals: say which as ``method``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from .formulas import REFUSALS, REGISTRY, Inputs, Kpi, Registry, Undefined
from .totals import NS_PER_MS, Key, Settings, Totals

_SUSTAINED_MS = 10 * 60_000
_PERCENTILE = Fraction(95, 100)


@dataclass(frozen=True, slots=True)
class Figure:
    """One value, or the reason why there is none, with everything an auditor needs to redo it.

    ``value`` is a plain fraction (1 is 100 %). ``refusal`` is a key of :data:`kpi.formulas.REFUSALS`,
    ``refusal_about`` the element that is missing or zero. ``inputs`` are the elements used (milliseconds, pieces).
    ``notes``: no_order_excluded, faster_than_ideal, nothing_produced.
    """

    key: str
    number: int | None
    value: Fraction | None
    refusal: str | None
    refusal_about: str | None
    inputs: Mapping[str, Fraction | int]
    formula: str
    formula_version: int
    calendar_version: str
    coverage: Fraction | None
    method: str
    notes: tuple[str, ...] = ()

    @property
    def explanation(self) -> str | None:
        """The refusal as a sentence."""
        return REFUSALS[self.refusal] if self.refusal else None


@dataclass(frozen=True, slots=True)
class Losses:
    """Production time taken apart, in nanoseconds: value-adding + speed loss + reject loss, exactly.

    Speed loss is negative where the machine was faster than ideal. ``complete`` is false if pieces without
    an ideal cycle make the parting meaningless.
    """

    value_adding_ns: int
    speed_ns: int
    reject_ns: int
    complete: bool

    @property
    def value_adding_ms(self) -> Fraction:
        """Time in which good pieces were made at the ideal rate."""
        return Fraction(self.value_adding_ns, NS_PER_MS)

    @property
    def speed_ms(self) -> Fraction:
        """Production time beyond the ideal time of all pieces."""
        return Fraction(self.speed_ns, NS_PER_MS)

    @property
    def reject_ms(self) -> Fraction:
        """Ideal time of the rejected pieces."""
        return Fraction(self.reject_ns, NS_PER_MS)


@dataclass(frozen=True, slots=True)
class IdealTooLong:
    """The machine was faster than its ideal cycle: ``proposal_ns`` is the cycle it can sustain.

    The evidence: ``pieces`` made in ``production_ms``.
    """

    product: Key | None
    effectiveness: Fraction
    proposal_ns: int
    production_ms: int = 0
    pieces: int = 0


def elements(
    totals: Totals, settings: Settings, wanted: Collection[str] | None = None
) -> dict[str, Fraction | int]:
    """The elements of ISO 22400-2 that these totals hold, by name; milliseconds and pieces.

    Without ``wanted`` all; else what takes long to compute only if it is among them.
    """
    delay, processing = totals.adet_ms, totals.aupt_ms
    busy = processing + delay
    planned_busy = busy + totals.no_order_ms
    pot = planned_busy + totals.planned_ms + totals.no_data_ms
    return {
        "CT": totals.not_scheduled_ms + pot,
        "POT": pot,
        "PDOT": totals.planned_ms,
        "PBT": planned_busy if settings.no_order_is_loss else busy,
        "ADOT": totals.no_order_ms,
        "AUBT": busy,
        "AUPT": processing,
        "AUST": totals.setup_ms,
        "ADET": delay,
        "APT": totals.production_ms,
        "APT+ADET": totals.production_ms + delay,
        "PQ": totals.total,
        "GQ": totals.good,
        "SQ": totals.reject,
        "PRU*PQ": Fraction(totals.ideal_ns, NS_PER_MS),
        "FE": totals.failure_stops,
        "FE+1": totals.failure_stops + 1,
        "TTR": totals.failure_ms,
        "CMT": totals.failure_ms,
        "PMT": totals.maintenance_ms,
        "CMT+PMT": totals.failure_ms + totals.maintenance_ms,
        **(_capacity(totals, pot) if wanted is None or "EPC" in wanted else {}),
    }


def _capacity(totals: Totals, pot_ms: int) -> dict[str, Fraction | int]:
    """EPC: how many pieces of what was made the shift time had room for, at the mean ideal cycle."""
    return {"EPC": Fraction(pot_ms * NS_PER_MS * totals.total, totals.ideal_ns)} if totals.ideal_ns > 0 else {}


def figures(
    totals: Totals,
    settings: Settings | None = None,
    *,
    more: Mapping[str, Fraction | int] | None = None,
    method: str = "machine",
    registry: Registry = REGISTRY,
) -> dict[str, Figure]:
    """Every registered indicator of these totals, by key.

    ``more`` are elements that other rooms know (AOET in ms, PSQ, EPC, …). ``method`` says how the totals
    came about: machine, sums, or the name of the bottleneck.
    """
    if not registry:
        return {}
    settings = settings or Settings()
    known = elements(totals, settings, registry.inputs)
    known.update(more or {})
    problems = _problems(totals)
    coverage = totals.coverage
    refused = _too_little_watched(coverage, settings)
    return {
        kpi.key: _figure(kpi, totals, settings, Inputs(known, problems), method, coverage, refused) for kpi in registry
    }


def _problems(totals: Totals) -> dict[str, str]:
    """Elements that have no value here, and why."""
    if totals.without_ideal:
        return {"PRU*PQ": "no_ideal_cycle", "EPC": "no_ideal_cycle"}
    return {} if totals.total else {"EPC": "nothing_produced"}


def losses(totals: Totals) -> Losses:
    """Production time as value-adding time, speed loss and reject loss."""
    return Losses(
        value_adding_ns=totals.ideal_good_ns,
        speed_ns=totals.production_ms * NS_PER_MS - totals.ideal_ns,
        reject_ns=totals.ideal_ns - totals.ideal_good_ns,
        complete=not totals.without_ideal,
    )


def ideal_too_long(product: Key | None, parts: Iterable[Totals]) -> IdealTooLong | None:
    """The finding for one product's rows (hours) on one machine, None if the ideal cycle holds.

    The proposal is the cycle at the 95th percentile of the hours' rates, weighted by production time; hours
    with less than ten minutes of production count only if there are no others.
    """
    made = [part for part in parts if part.production_ms > 0 and part.total > 0]
    apt = sum(part.production_ms for part in made) * NS_PER_MS
    ideal = sum(part.ideal_ns for part in made)
    if not made or any(part.without_ideal for part in made) or ideal <= apt:
        return None
    sustained = [part for part in made if part.production_ms >= _SUSTAINED_MS] or made
    slowest_first = sorted(sustained, key=lambda part: Fraction(part.total, part.production_ms))
    wanted = _PERCENTILE * sum(part.production_ms for part in sustained)
    passed = 0
    for part in slowest_first:
        passed += part.production_ms
        if passed >= wanted:
            break
    return IdealTooLong(
        product,
        Fraction(ideal, apt),
        part.production_ms * NS_PER_MS // part.total,
        apt // NS_PER_MS,
        sum(one.total for one in made),
    )


def _figure(
    kpi: Kpi,
    totals: Totals,
    settings: Settings,
    inputs: Inputs,
    method: str,
    coverage: Fraction | None,
    refusal: str | None,
) -> Figure:
    """One indicator's value or refusal; ``refusal`` is that of all of them, if there is one."""
    value: Fraction | None = None
    about: str | None = "POT" if refusal else None
    try:
        value = None if refusal else kpi.compute(inputs)
    except Undefined as undefined:
        refusal, about = undefined.code, undefined.element
    return Figure(
        key=kpi.key,
        number=kpi.number,
        value=value,
        refusal=refusal,
        refusal_about=about,
        inputs=inputs.used,
        formula=kpi.text,
        formula_version=kpi.version,
        calendar_version=settings.calendar_version,
        coverage=coverage,
        method=method,
        notes=_notes(totals, settings, inputs, value),
    )


def _too_little_watched(coverage: Fraction | None, settings: Settings) -> str | None:
    """Why every figure is refused, if there was no shift or too little of it was watched."""
    if coverage is None:
        return "no_shift_time"
    return "coverage_too_low" if coverage < settings.coverage_limit else None


def _notes(totals: Totals, settings: Settings, inputs: Inputs, value: Fraction | None) -> tuple[str, ...]:
    """What must be said beside a figure."""
    said = []
    if "PBT" in inputs.used and not settings.no_order_is_loss:
        said.append("no_order_excluded")
    if "PRU*PQ" in inputs.used and inputs.used["PRU*PQ"] > totals.production_ms:
        said.append("faster_than_ideal")
    if value == 0 and "PQ" in inputs.used and not totals.total:
        said.append("nothing_produced")
    return tuple(said)
