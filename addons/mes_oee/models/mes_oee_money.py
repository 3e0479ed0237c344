from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from odoo import api, models
from odoo.exceptions import UserError

from .. import kpi
from ..tools import loss_choice
from ..tools.loss_choice import LOST_TIME, STOPS, Choice
from ..tools.losses import Lost
from .mes_loss_drill import Question
from .mes_oee_provenance import _window

FORMULA_VERSION = 1
REJECTS = ("startup_reject", "production_reject")
# So many parts are told one by one, the dearest first; of the others their sum.
MOST_PARTS = 40
COVERAGE = kpi.Registry()
COVERAGE.register(kpi.REGISTRY["availability"])


class Part(NamedTuple):
    """Money of one machine, product and step of the waterfall, with the worth and the cycle it was made by."""

    wc: int
    product: int | None
    step: str
    lost: Lost
    worth: kpi.Worth
    cycle: int | None

    @property
    def rule(self) -> str:
        """The rule of ``kpi.money`` by which it was valued."""
        if self.step in REJECTS:
            return "reject_price" if self.worth.contribution is not None else "reject_cost"
        if self.step == "value_adding":
            return "earned"
        if self.step != "no_order" and self.worth.by_contribution(self.cycle):
            return "contribution"
        return "hour"


class MesOeeMoney(models.AbstractModel):
    """Money opens to what it was made of, as every other figure does.

    Whoever may see figures sees what a loss costs, with the time and the pieces behind it; the prices, costs and
    rates are told to supervisors only.
    """

    _name = "mes.oee.money"
    _description = "Provenance of Money"

    @api.model
    @api.readonly
    def provenance(
        self, scope, start: int, end: int, drill: Sequence = (), without_stops: bool = False
    ) -> dict[str, Any]:
        """What the money of a loss was made of.

        ``scope``, ``start`` and ``end`` as of ``mes.oee.provenance``, the answer has its shape; ``drill`` is the way
        down of the loss analysis, ``[[kind, value as text]]``: a step of the waterfall or a big loss, a reason, a
        machine, …; ``without_stops`` as of ``tools.loss_choice.Choice``. Besides ``currency_id`` and ``parts``: of each
        machine, product and step ``{label, rule, money, exact, values}``, the dearest first, ``others`` the sum of
        those that are too many.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: the way down is none, or nothing is known of the span.
        """
        oee = self.env["mes.oee"]
        asked, chosen = oee._scope_records(scope), self._choice(drill)._replace(without_stops=bool(without_stops))
        whole = oee.figures(asked, start, end, registry=COVERAGE)
        if not whole:
            raise UserError(self.env._("Nothing is known of this span: choose one with shifts or facts."))
        until = max(start, min(end, whole[0].as_of))
        question = Question(asked, start, until, self.env["mes.loss.screen"]._tz(asked[:1]))
        parts = self._parts(question, chosen)
        return {
            **self._head(asked, whole[0], start, until),
            "value": float(sum(part.lost.money for part in parts)),
            "formula": "; ".join(dict.fromkeys(self._rule_text(one) for one in self._rules(chosen, parts))),
            "inputs": self._inputs(parts),
            "notes": self._notes(question, parts),
            "intervals": self._intervals(question, chosen),
            **self._told(parts, self._tell),
        }

    @api.model
    @api.readonly
    def points(self, scope, points: float = 0.1, investment: float | None = None) -> dict[str, Any]:
        """What the value of so many points of OEE was made of, and of an investment when it is earned back.

        Shape and errors are those of :meth:`provenance` and ``mes.oee.value``; each part is a machine.
        """
        oee, value = self.env["mes.oee"], self.env["mes.oee.value"]
        asked = oee._scope_records(scope)
        told = value.ten_points(asked, points) if investment is None else value.payback(asked, investment, points)
        start, end = value._span(asked)
        whole = oee.figures(asked, start, end, registry=COVERAGE)
        if not whole:
            raise UserError(self.env._("Nothing is known of this place yet: facts come first."))
        days, share = value._days(start, end), Fraction(repr(float(points)))
        found = value._by_machine(asked, start, end)
        inputs = [oee._input("PBT", sum(one.busy for one in found)), self._amount("points", share, "ratio")]
        inputs.append(self._amount("days", days, "number"))
        formula = self.env._("planned busy time × points × earned ÷ value-adding time × 365 ÷ days, of each machine")
        if investment is not None:
            inputs.append(self._amount("investment", Fraction(repr(float(investment))), "money"))
            months = self.env._("months = investment × 12 ÷ money a year")
            formula = f"{formula}; {months}"
        parts = [(one, one.of_points(days, share)) for one in found]
        notes = [self._today_note(asked)]
        if not told["priced"]:
            notes.append(self.env._("Some products earn nothing (no price above their cost): they add nothing."))
        return {
            **self._head(asked, whole[0], start, end),
            "value": told["money"],
            "formula": formula,
            "inputs": inputs,
            "notes": notes,
            "intervals": oee._intervals(oee._scope(asked), start, end),
            **self._told(parts, self._tell_points),
        }

    def _choice(self, drill: Any) -> Choice:
        """:raises UserError: it is no way down."""
        try:
            return loss_choice.choice({"drill": drill})
        except (TypeError, ValueError) as error:
            raise UserError(
                self.env._("The address asks for something that is not there (%s): choose again on the page.", error)
            ) from error

    def _head(self, asked: models.BaseModel, whole, start: int, end: int) -> dict[str, Any]:
        """What all provenance tells alike."""
        oee, figure = self.env["mes.oee"], whole.figures["availability"]
        return {
            "key": "money",
            "number": None,
            "unit": "money",
            "currency_id": self.env["mes.oee.worth"].currency(asked).id,
            "refusal": None,
            "refusal_about": None,
            "formula_version": FORMULA_VERSION,
            "calendars": oee._calendars(oee._scope(asked).workcenter_ids, start, end),
            "coverage": None if figure.coverage is None else float(figure.coverage),
            "method": self._method(asked),
            "as_of": whole.as_of,
            "pending_hours": whole.pending_hours,
        }

    # -- the parts -----------------------------------------------------------------------------------

    def _parts(self, question: Question, chosen: Choice) -> list[Part]:
        """Machine, product and step with their money, by the very sums that the screen shows."""
        drill = self.env["mes.loss.drill"]
        steps = chosen.steps or LOST_TIME
        # Standing time is kept apart by its bucket; of all other steps there is only one.
        apart = ("bucket",) if all(step in LOST_TIME for step in steps) else ()
        cells = drill.cells(question, chosen, ("machine", "product", *apart))
        currency = self.env["mes.oee.worth"].currency(question.scope)
        worths = self.env["mes.oee.worth"].of({key[:2] for key in cells}, currency)
        cycles = self.env["mes.oee.losses"]._cycles({key[0] for key in cells})
        changed = self._changed(question)
        return [
            Part(
                *key[:2],
                key[2] if apart else steps[0],
                lost,
                worths[key[:2]],
                cycles(*key[:2], question.start if key[0] not in changed else question.end),
            )
            for key, lost in cells.items()
            if lost.money or lost.ms or lost.pieces
        ]

    def _changed(self, question: Question) -> set[int]:
        """The machines whose ideal cycles changed within the span."""
        ids = self.env["mes.oee"]._scope(question.scope).workcenter_ids
        cuts = self.env["mes.oee.losses"]._cuts(ids, question.start, question.end)
        return {wc for wc, found in cuts.items() if found}

    def _rules(self, chosen: Choice, parts: Iterable[Part]) -> list[str]:
        """The rules that were used; where there is no part, the one that would be."""
        used = [part.rule for part in parts]
        if used:
            return used
        step = (chosen.steps or LOST_TIME)[0]
        return ["earned" if step == "value_adding" else "reject_price" if step in REJECTS else "contribution"]

    def _told(self, parts: Sequence, tell) -> dict[str, Any]:
        """The dearest parts for people, and the sum of the others."""
        told = sorted((tell(part) for part in parts), key=lambda one: (-abs(one["money"]), one["label"]))
        others = told[MOST_PARTS:]
        return {
            "parts": told[:MOST_PARTS],
            "others": {"number": len(others), "money": sum(one["money"] for one in others)} if others else None,
        }

    def _tell(self, part: Part) -> dict[str, Any]:
        """One part for people: time, pieces, share and cycle; prices for supervisors."""
        worth, lost = part.worth, part.lost
        values = [self._amount("time", Fraction(lost.ms), "ms"), self._amount("pieces", lost.pieces, "pieces")]
        if part.cycle and part.rule == "contribution":
            values.append(self._amount("cycle", Fraction(part.cycle, kpi.NS_PER_MS), "cycle_ms"))
        if part.rule in ("contribution", "earned"):
            values.append(self._amount("share", worth.share, "ratio"))
        if self.env["mes.oee.worth"]._may_see_prices():
            values += [self._amount(name, getattr(worth, name), "money") for name in PRICES[part.rule]]
        return self._told_part(part.wc, part.product, part.step, self._rule_text(part.rule), lost.money, values)

    def _tell_points(self, part: tuple) -> dict[str, Any]:
        """One machine's points for people."""
        one, money = part
        values = [
            self._amount("busy", one.busy, "ms"),
            self._amount("adding", Fraction(one.adding.ms), "ms"),
            self._amount("good", one.adding.pieces, "pieces"),
            self._amount("earned", one.adding.money, "money"),
        ]
        return self._told_part(one.wc, None, None, "", money, values)

    def _told_part(self, wc: int, product: int | None, step: str | None, rule: str, money: Fraction, values: list):
        """One part of the answer; names of machines and products stand on the shop floor anyway."""
        names = [self.env["mrp.workcenter"].sudo().browse(wc).name]
        if product:
            names.append(self.env["product.product"].sudo().browse(product).display_name)
        if step:
            names.append(self.env["mes.loss.book"]._step_names()[step])
        return {
            "label": " · ".join(names),
            "rule": rule,
            "money": float(money),
            "exact": str(money),
            "values": values,
        }

    def _inputs(self, parts: Iterable[Part]) -> list[dict[str, Any]]:
        """What all parts have in common: their time and pieces."""
        lost = [part.lost for part in parts]
        return [
            self._amount("time", Fraction(sum(one.ms for one in lost)), "ms"),
            self._amount("pieces", sum((one.pieces for one in lost), Fraction(0)), "pieces"),
            self._amount("stops", Fraction(sum(one.count for one in lost)), "number"),
        ]

    def _amount(self, name: str, value: Fraction | None, unit: str) -> dict[str, Any]:
        """One input for people, exact as text."""
        return {
            "name": name,
            "label": self._label(name),
            "value": None if value is None else float(value),
            "exact": "–" if value is None else str(value),
            "unit": unit,
        }

    def _intervals(self, question: Question, chosen: Choice) -> Mapping[str, Any]:
        """As behind every figure, but of the stops only those of the way down."""
        oee = self.env["mes.oee"]
        found = oee._intervals(oee._scope(question.scope), question.start, question.end)
        kinds = [step for step in chosen.steps or LOST_TIME if step in STOPS]
        domain = self.env["mes.loss.drill"].stop_domain(question, chosen, kinds)
        if not kinds:
            return {name: one for name, one in found.items() if name != "stops"}
        return {**found, "stops": _window(self.env._("Stops"), "mes.stop", domain)}

    # -- words ---------------------------------------------------------------------------------------

    def _notes(self, question: Question, parts: Sequence[Part]) -> list[str]:
        """What else must be known to redo it."""
        notes = [self._today_note(question.scope)]
        changed = self._changed(question) & {part.wc for part in parts}
        if changed:
            names = ", ".join(sorted(self.env["mrp.workcenter"].sudo().browse(changed).mapped("name")))
            notes.append(self.env._("The ideal cycle changed meanwhile: each hour counts by its own (%s).", names))
        return notes + self._rule_notes(parts)

    def _rule_notes(self, parts: Sequence[Part]) -> list[str]:
        """Why time counts by the hour, and who sees prices."""
        notes = []
        if any(part.rule in ("hour", "reject_cost") and part.product and part.step != "no_order" for part in parts):
            notes.append(
                self.env._(
                    "Without a price above the cost, an ideal cycle or a share, time counts by the machine's hour."
                )
            )
        if not self.env["mes.oee.worth"]._may_see_prices():
            notes.append(self.env._("Prices and costs are shown to supervisors."))
        return notes

    def _today_note(self, scope: models.BaseModel) -> str:
        currency = self.env["mes.oee.worth"].currency(scope)
        return self.env._("At today's prices, costs and rates, in %s.", currency.name)

    def _method(self, scope: models.BaseModel) -> str:
        """How the machines of a line share a piece's contribution, see ``kpi.money``."""
        line = scope if scope._name == "mrp.workcenter" and len(scope) == 1 else self.env["mrp.workcenter"]
        if line.mes_level != "line":
            line = line.mes_line_id
        if not line:
            return self.env._("each machine's own; in a line its bottleneck earns, or all machines in equal parts")
        # Names and numbers of machines of a line that the user may read.
        line = line.sudo()
        if line.mes_bottleneck_id:
            return self.env._("of line %(line)s the bottleneck %(machine)s earns",
                              line=line.name, machine=line.mes_bottleneck_id.name)  # fmt: skip
        return self.env._("of line %(line)s each of %(number)s machines earns its part",
                          line=line.name, number=len(line.mes_unit_ids))  # fmt: skip

    def _rule_text(self, rule: str) -> str:
        return {
            "contribution": self.env._("lost time ÷ ideal cycle × (price − cost) × share"),
            "hour": self.env._("lost time × cost of the machine's hour"),
            "reject_price": self.env._("rejected pieces × price"),
            "reject_cost": self.env._("rejected pieces × cost + their ideal time × cost of the machine's hour"),
            "earned": self.env._("good pieces × (price − cost) × share"),
        }[rule]

    def _label(self, name: str) -> str:
        return {
            "time": self.env._("time"),
            "pieces": self.env._("pieces"),
            "stops": self.env._("stops begun"),
            "cycle": self.env._("ideal cycle"),
            "share": self.env._("share of the contribution"),
            "price": self.env._("sales price"),
            "cost": self.env._("cost"),
            "hour_cost": self.env._("cost of the machine's hour"),
            "points": self.env._("points of OEE"),
            "days": self.env._("days of data"),
            "investment": self.env._("investment"),
            "busy": self.env._("planned busy time"),
            "adding": self.env._("value-adding time"),
            "good": self.env._("good pieces"),
            "earned": self.env._("earned"),
        }[name]


PRICES = {
    "contribution": ("price", "cost"),
    "earned": ("price", "cost"),
    "hour": ("hour_cost",),
    "reject_price": ("price",),
    "reject_cost": ("cost", "hour_cost"),
}
