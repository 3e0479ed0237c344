from collections.abc import Iterable
from functools import reduce
from typing import Any

from odoo import api, models
from odoo.exceptions import UserError

from .. import kpi
from ..tools import loss_choice, loss_spans
from ..tools.loss_choice import NONE, Choice
from ..tools.losses import Breakdown, Lost
from .mes_loss_drill import Question, add_up, plain
from .mes_oee import LONGEST_MS
from .mes_oee_shift import GLANCE, LOOK_BACK_MS

FIGURES = ("oee", "availability", "effectiveness", "quality")
TARGETS = {"oee": "oee", "availability": "availability", "effectiveness": "performance", "quality": "quality"}
MOST_SINGLES = 50


class MesLossScreen(models.AbstractModel):
    """What the screen of losses shows: which loss is worth attacking first, in money?

    Times are integer milliseconds of plant time, ratios plain fractions, money in the company's currency.
    """

    _name = "mes.loss.screen"
    _description = "Loss Analysis"

    @api.model
    @api.readonly
    def snapshot(self, choice: dict[str, Any] | None = None) -> dict[str, Any]:
        """All that is shown of a choice.

        Its names are those of ``tools.loss_choice.Choice``, drill is ``[[kind, value as text]]``. The shape is written
        down in ``static/src/losses/loss_model.js``, which reads it. ``was`` is always the same of the compared
        period, None without one.

        :raises AccessError: the user is no operator, or may not see the place
        :raises UserError: the place is gone, or the choice is none
        """
        self.env["mes.screen"]._check_operator()
        chosen = self._choice(choice or {})
        screen = self.env["mes.screen"]
        places = screen.places()
        key = chosen.place or self._first_place(places)
        head = {**screen.head(), "places": places, "place": key}
        if not key:
            return head
        asked, other = self._questions(screen.scope(key), chosen, head["now"])
        return {**head, **self._told(asked, other, chosen)}

    @api.private
    def question(self, choice: dict[str, Any]) -> tuple[Question, Question | None, Choice]:
        """What a choice asks, and what it is compared with; errors as :meth:`snapshot`."""
        self.env["mes.screen"]._check_operator()
        chosen = self._choice(choice)
        key = chosen.place or self._first_place(self.env["mes.screen"].places())
        now = self.env["mes.clock"].now_ms()
        return *self._questions(self.env["mes.screen"].scope(key), chosen, now), chosen

    def _choice(self, raw: dict[str, Any]) -> Choice:
        """:raises UserError: what came from the address is no choice."""
        try:
            return loss_choice.choice(raw)
        except ValueError as error:
            raise UserError(
                self.env._("The address asks for something that is not there (%s): choose again on the page.", error)
            ) from error

    def _first_place(self, places: list[dict[str, Any]]) -> str:
        """The line with which the boards begin too, or whatever comes first; "" without any place."""
        lines = self.env["mrp.workcenter"].browse([one["id"] for one in places if one["kind"] == "line"])
        if lines:
            return f"line-{lines.sorted()[:1].id}"
        return places[0]["key"] if places else ""

    # -- when --------------------------------------------------------------------------------------

    def _questions(self, scope: models.BaseModel, chosen: Choice, now: int) -> tuple[Question, Question | None]:
        """The span that is asked for up to now, and the one it is compared with."""
        tz, first = self._tz(scope), self._first(scope, now)
        start, end, previous = self._period(scope, chosen, now, tz)
        until = max(start, min(end, now))
        if chosen.span in (*loss_spans.ROLLING, "any"):
            start = min(max(start, first), until)  # before the first fact nobody could watch
        asked = Question(scope, start, until, tz)
        if chosen.compare == "none":
            return asked, None
        if chosen.compare == "any":
            self._check_span(chosen.other_since, chosen.other_until)
            return asked, Question(scope, chosen.other_since, min(chosen.other_until, now), tz)
        earlier = previous or loss_spans.before(chosen.span, start, end, until, tz)
        return asked, Question(scope, *earlier, tz) if earlier[1] > first else None

    def _first(self, scope: models.BaseModel, now: int) -> int:
        """The hour of the scope's first fact; now if there is none."""
        oee = self.env["mes.oee"]
        return min(oee._first_facts(oee._scope(scope).workcenter_ids, now).values(), default=now)

    def _period(
        self, scope: models.BaseModel, chosen: Choice, now: int, tz: str
    ) -> tuple[int, int, tuple[int, int] | None]:
        """Beginning and end; of a shift also as much of the one before it."""
        if chosen.span == "any":
            self._check_span(chosen.since, chosen.until)
            return chosen.since, chosen.until, None
        if chosen.span == "shift":
            return self._shift(scope, now)
        return *loss_spans.period(chosen.span, now, tz), None

    def _shift(self, scope: models.BaseModel, now: int) -> tuple[int, int, tuple[int, int] | None]:
        """The shift that runs where the scope's first machine stands, or the last one; and the one before."""
        machines = self.env["mrp.workcenter"].browse(self.env["mes.oee"]._scope(scope).workcenter_ids[:1])
        shifts = self.env["mes.calendar"].shifts(machines, now - LOOK_BACK_MS, now + 1).get(machines.id, ())
        if not shifts:
            raise UserError(self.env._("No shift was planned here in the last days: choose another span."))
        shift, elapsed = shifts[-1], min(now, shifts[-1].end) - shifts[-1].start
        if len(shifts) == 1:
            return shift.start, shift.end, None
        earlier = shifts[-2]
        return shift.start, shift.end, (earlier.start, min(earlier.end, earlier.start + elapsed))

    def _check_span(self, since: int, until: int) -> None:
        """:raises UserError: the span ends before it begins, or is longer than figures are told of."""
        if until <= since:
            raise UserError(self.env._("The span ends before it begins: choose a later end."))
        if until - since > LONGEST_MS or until > self.env["mes.clock"].now_ms() + LONGEST_MS:
            raise UserError(self.env._("Figures are told of at most ten years: choose a shorter span."))

    def _tz(self, scope: models.BaseModel) -> str:
        """The clock of the place; of machines that of their site."""
        if scope._name == "mes.site":
            return scope.tz
        site = scope.site_id if scope._name == "mes.area" else scope.mes_site_id
        return site.sudo().tz or "UTC"  # only the zone of a place that the user may read

    # -- what --------------------------------------------------------------------------------------

    def _told(self, asked: Question, other: Question | None, chosen: Choice) -> dict[str, Any]:
        """Figures, waterfall, big losses, Pareto, trend and the way down."""
        steps, was_steps = self._taken_apart(asked), self._taken_apart(other) if other else None
        labels = self._labels(asked.scope)
        return {
            "tz": asked.tz,
            "scope": {"model": asked.scope._name, "ids": asked.scope.ids, "name": asked.scope.name},
            "start": asked.start,
            "end": asked.end,
            "was_start": other and other.start,
            "was_end": other and other.end,
            "grain": loss_spans.grain(asked.start, asked.end),
            "currency": self.env["mes.oee.worth"].currency(asked.scope).id,
            "figures": self._figures(asked, other),
            "steps": _beside(steps, was_steps),
            "six": _beside(_six(steps), _six(was_steps)),
            "sums": steps and {
                "calendar_ms": steps.calendar_ms,
                "complete": steps.complete,
                "priced": steps.priced,
                "as_of": steps.as_of,
                "pending_hours": steps.pending_hours,
                "method": self.env["mes.oee"]._method_text(steps.method, asked.scope),
            },
            **self._way_down(asked, other, chosen, labels),
        }  # fmt: skip

    def _taken_apart(self, asked: Question) -> Breakdown | None:
        """The waterfall; None where nothing is known of the span."""
        return next(iter(self.env["mes.oee.losses"].waterfall(asked.scope, asked.start, asked.end)), None)

    def _figures(self, asked: Question, other: Question | None) -> list[dict[str, Any]]:
        """OEE and its factors, with targets, coverage and what they were."""
        now, was = self._computed(asked), self._computed(other) if other else {}
        targets = self._targets(asked.scope)
        return [
            {
                "key": key,
                "value": _float(one.value),
                "was": _float(was[key].value) if key in was else None,
                "was_coverage": _float(was[key].coverage) if key in was else None,
                "target": targets[TARGETS[key]],
                "coverage": _float(one.coverage),
                "refusal": self.env["mes.oee"]._refusal_text(one.refusal) if one.refusal else None,
                "notes": [self.env["mes.oee"]._note_text(note) for note in one.notes],
            }
            for key in FIGURES
            if (one := now.get(key))
        ]

    def _computed(self, asked: Question) -> dict[str, kpi.Figure]:
        """The figures of a span, none where nothing is known."""
        parts = self.env["mes.oee"].figures(asked.scope, asked.start, asked.end, registry=GLANCE)
        return parts[0].figures if parts else {}

    def _targets(self, scope: models.BaseModel) -> dict[str, float]:
        """The targets that hold at the place; those of an area are its site's."""
        # Targets stand on every board of the place that the user may read.
        place = scope.sudo().site_id if scope._name == "mes.area" else scope.sudo()
        return place._targets()[place.id]

    # -- the way down ------------------------------------------------------------------------------

    def _way_down(self, asked: Question, other: Question | None, chosen: Choice, labels) -> dict[str, Any]:
        """The Pareto of what was tapped, its trend, and the single stops once it is narrow enough."""
        drill, by = self.env["mes.loss.drill"], chosen.parted_by
        column = loss_choice.DIMENSIONS[by]
        apart = by == "reason" and chosen.tells_apart

        def cells(question: Question) -> dict[tuple, Lost]:
            return drill.by_reason(question, chosen) if apart else drill.cells(question, chosen, (column,))

        now = cells(asked)
        was = cells(other) if other else None
        keys = sorted({*now, *(was or ())}, key=lambda key: (-now[key].ms if key in now else 0, str(key)))
        names = labels.of(by, [key[0] for key in keys])
        rows = [
            {
                "key": NONE if key[0] is None else str(key[0]),
                "step": key[1] if apart else None,
                "label": drill.unsaid(key[1]) if apart and key[1] else names[key[0]],
                **(plain(now[key]) if key in now else NOTHING),
                "was": None if was is None else plain(was[key]) if key in was else NOTHING,
            }
            for key in keys
        ]
        return {
            "drill": [
                {"kind": one.kind, "value": NONE if one.value is None else str(one.value), "label": labels.one(one)}
                for one in chosen.drill
            ],
            "by": by,
            "dimensions": list(chosen.dimensions),
            "pareto": rows,
            "trend": {
                name: {
                    "now": drill.trend(asked, chosen, name == "oee"),
                    "was": drill.trend(other, chosen, name == "oee") if other else None,
                }
                for name in (("loss",) if chosen.drill else ("oee", "loss"))
            },
            "singles": drill.singles(asked, chosen, MOST_SINGLES) if chosen.filters else None,
        }

    def _labels(self, scope: models.BaseModel) -> "Labels":
        return Labels(self.env, scope)


class Labels:
    """What the keys of a Pareto are called. Names of reasons, products, crews and machines stand on the shop floor
    anyway, so they are read with all rights; only ids are looked up that figures of the scope told, or that are a
    person's own choice within its companies."""

    MODELS = {
        "reason": "mrp.workcenter.productivity.loss",
        "machine": "mrp.workcenter",
        "product": "product.product",
        "crew": "mes.crew",
    }

    def __init__(self, env, scope: models.BaseModel) -> None:
        self._env, self._company = env, scope.sudo().company_id[:1] or env.company

    def of(self, by: str, keys: Iterable[Any]) -> dict[Any, str]:
        """Key -> its label, None included."""
        known = [key for key in keys if key is not None]
        return {**self._known(by, known), None: self._nothing(by)}

    def one(self, chosen: loss_choice.Filter) -> str:
        """The label of one step of the way down; "" for steps, which the browser calls by its own words."""
        if chosen.kind == "step":
            return ""
        return self.of(chosen.kind, [chosen.value]).get(chosen.value) or str(chosen.value)

    def _known(self, by: str, keys: list[Any]) -> dict[Any, str]:
        if by in self.MODELS:
            records = self._env[self.MODELS[by]].sudo().with_context(active_test=False).browse(keys).exists()
            mine = records.filtered(lambda one: not one["company_id"] or one["company_id"] in self._env.companies)
            return {key: str(key) for key in keys} | {one.id: one.display_name for one in mine}
        board = self._env["mes.board"]
        if by == "shift":
            return {key: board._shift_name(self._company, key) for key in keys}
        said = board._reasons_by_code(self._company)
        return {key: f"{key} · {said[key]}" if key in said else key for key in keys}

    def _nothing(self, by: str) -> str:
        return {
            "reason": self._env._("No reason given"),
            "machine": self._env._("No machine"),
            "product": self._env._("No product"),
            "shift": self._env._("Outside the shifts"),
            "crew": self._env._("No crew"),
            "code": self._env._("No code"),
        }[by]


NOTHING: dict[str, Any] = {"ms": 0, "pieces": 0.0, "money": 0.0, "count": 0}


def _six(steps: Breakdown | None) -> Breakdown | None:
    """The six big losses out of the waterfall's steps, as ``mes.oee.losses.six`` tells them, without asking again."""
    if steps is None:
        return None
    by_name = {one.name: one for one in steps.lost}
    lost = [
        reduce(add_up, (by_name[step] for step in parts))._replace(name=name) for name, parts in kpi.SIX.items()
    ]
    return steps._replace(lost=lost)


def _beside(now: Breakdown | None, was: Breakdown | None) -> list[dict[str, Any]]:
    """Each loss with what it was."""
    earlier = {one.name: plain(one) for one in was.lost} if was else {}
    return [{"name": one.name, **plain(one), "was": earlier.get(one.name)} for one in now.lost] if now else []


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
