from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from odoo import api, models

from ..timeline import ReasonRule, Span, WeekWindow, day_start, spans_of
from ..timeline.intervals import intersect
from ..tools import clock
from .mes_reason_rule import SCOPE_FIELDS, WORDS, _listed
from .mes_shift import WEEKDAYS, minutes

DAY_MS = 86_400_000
# Far enough before and after every fact.
ALWAYS = Span(-(2**53), 2**53)


class Who(NamedTuple):
    """What decides whether a rule is for a machine. ``lines``: (from ms, until ms or None, line id or None)."""

    id: int
    company_id: int
    class_id: int
    tz: str
    lines: list[tuple[int, int | None, int | None]]


class MesReasonRule(models.Model):
    """Reason rules as the pure engine wants them."""

    _inherit = "mes.reason.rule"

    @api.private
    def _for_machines(
        self, workcenter_ids: Iterable[int], start_ms: int, end_ms: int
    ) -> dict[int, tuple[ReasonRule, ...]]:
        """The rules of each machine in their order, with their times as spans around [start, end).

        Machines without a rule are left out. A fixed number of statements for any number of machines and rules.
        """
        # Whoever may read a machine's time may know why it stood: rights are those of the machine.
        rules = self.sudo().with_context(active_test=False)
        rules = rules.search(["|", ("active", "=", True), ("version_of_id", "!=", False)])
        if not rules:
            return {}
        # An earlier version stands where the rule stands.
        rules = rules.sorted(lambda rule: (rule.sequence, rule.version_of_id.id or rule.id, rule.id))
        machines = self._whos(workcenter_ids, end_ms, lines=any(rule.scope == "line" for rule in rules))
        products = rules._products()
        within = Span(start_ms - DAY_MS, max(start_ms, end_ms) + DAY_MS)
        found: dict[int, list[ReasonRule]] = {}
        for rule in rules:
            for machine, made in rule._made(machines, products.get(rule.id), within).items():
                found.setdefault(machine, []).append(made)
        return {machine: tuple(made) for machine, made in found.items()}

    def _made(
        self, machines: Iterable[Who], products: tuple[int, ...] | None, within: Span, dated: bool = True
    ) -> dict[int, ReasonRule]:
        """This rule for each of the machines that it is for; unless ``dated`` as if it always held."""
        self.ensure_one()
        field = SCOPE_FIELDS.get(self.scope)
        named = frozenset(self[field].ids) if field else frozenset()
        company_id = self.company_id.id
        whole: dict[str, ReasonRule] = {}
        made = {}
        for machine in machines:
            if company_id and company_id != machine.company_id:
                continue
            places = self._places(machine, named)
            if not places:
                continue
            if machine.tz not in whole:
                whole[machine.tz] = self._rule(self._windows(machine.tz, within, dated), products)
            made[machine.id] = _narrowed(whole[machine.tz], places)
        return made

    def _places(self, machine: Who, named: frozenset[int]) -> list[Span]:
        """The times at which a machine is in the rule's scope."""
        if self.scope == "line" and machine.id not in named:
            return [
                Span(start, ALWAYS.end if end is None else end) for start, end, line in machine.lines if line in named
            ]
        inside = self.scope == "all" or (machine.class_id if self.scope == "class" else machine.id) in named
        return [ALWAYS] if inside else []

    def _rule(self, windows: tuple[Span, ...] | None, products: tuple[int, ...] | None) -> ReasonRule:
        """The rule; ``products`` is None if it does not ask for any."""
        words = {lane: tuple(word for word in words if self[f"{lane}_{word}"]) for lane, words in WORDS.items()}
        return ReasonRule(
            id=self.id or 0,
            reason=self.loss_id.id,
            planned=self.loss_id.mes_planned,
            setup=self.loss_id.mes_setup,
            codes=self._code_patterns(),
            bits=self._bit_mask(),
            states=words["state"],
            interlocks=words["interlock"],
            modes=words["mode"],
            products=products or (),
            # It asks for products of categories that hold none: nothing can fit.
            windows=() if products == () else windows,
        )

    def _windows(self, tz: str, within: Span, dated: bool) -> tuple[Span, ...] | None:
        """When the rule holds by its days and hours, None: always."""
        start, end = self._validity(tz) if dated else (0, None)
        window = self._week_window()
        if window.is_always and start <= 0 and end is None:
            return None
        valid = Span(start, max(start, ALWAYS.end if end is None else end))
        hours = [ALWAYS] if window.is_always else spans_of(window, tz, within)
        return tuple(intersect(hours, [valid]))

    def _validity(self, tz: str) -> tuple[int, int | None]:
        """(from, until) in ms by the rule's days on a site's clock and by what was closed; None: no end."""
        starts = [0]
        if self.date_from:
            starts.append(day_start(tz, self.date_from))
        if self.effective_from:
            starts.append(clock.to_ms(self.effective_from))
        ends = []
        if self.date_until:
            ends.append(day_start(tz, self.date_until + timedelta(days=1)))
        if self.effective_until:
            ends.append(clock.to_ms(self.effective_until))
        return max(starts), min(ends, default=None)

    def _week_window(self) -> WeekWindow:
        """The hours and weekdays on which the rule holds."""
        days = frozenset(number for number, day in enumerate(WEEKDAYS) if self[day])
        return WeekWindow(minutes(self.hour_from), minutes(self.hour_until), days)

    def _code_patterns(self) -> tuple[str, ...]:
        return tuple(_listed(self.codes))

    def _bit_mask(self) -> int:
        return sum({1 << int(word) for word in _listed(self.bits)})

    def _products(self) -> dict[int, tuple[int, ...]]:
        """The products for which each rule asks, with those of its categories; rules that ask for none are left out."""
        categories = self.category_ids
        below: dict[int, set[int]] = {}
        if categories:
            products = self.env["product.product"].sudo().with_context(active_test=False)
            for product in products.search([("categ_id", "child_of", categories.ids)]):
                for category in product.categ_id.parent_path.split("/")[:-1]:
                    below.setdefault(int(category), set()).add(product.id)
        return {
            rule.id: tuple(sorted(set(rule.product_ids.ids).union(*(below.get(c, ()) for c in rule.category_ids.ids))))
            for rule in self
            if rule.product_ids or rule.category_ids
        }

    def _whos(self, workcenter_ids: Iterable[int], at_ms: int, lines: bool) -> list[Who]:
        """The machines with all that decides about rules; their lines only if they are asked for."""
        machines = self.env["mrp.workcenter"].sudo().browse(workcenter_ids)  # as in _for_machines
        zones = self.env["mes.calendar"].zones(machines, at_ms)
        spans = self.env["mes.placement"]._spans(machines.ids) if lines else {}
        return [
            Who(
                machine.id,
                machine.company_id.id,
                machine.mes_class_id.id,
                zones.get(machine.id, "UTC"),
                [(start, end, line) for start, end, _area, line in spans.get(machine.id, ())],
            )
            for machine in machines
        ]


def _narrowed(rule: ReasonRule, places: list[Span]) -> ReasonRule:
    """The rule as far as the machine is in its scope."""
    if places == [ALWAYS]:
        return rule
    windows = places if rule.windows is None else rule.windows
    return ReasonRule(
        **{name: getattr(rule, name) for name in ReasonRule.__slots__ if name != "windows"},
        windows=tuple(intersect(windows, places)),
    )
