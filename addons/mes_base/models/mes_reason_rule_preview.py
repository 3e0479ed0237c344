from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup
from odoo import api, fields, models, tools
from odoo.tools import format_datetime

from ..timeline import ReasonRule, Slice, Span, overlay
from ..timeline.model import NO_DATA, NOT_SCHEDULED
from ..tools import clock
from .mes_reason_rule import TICKS
from .mes_reason_rule_loading import DAY_MS
from .mes_shift import WEEKDAYS

PREVIEW_MS = 7 * DAY_MS
# The form answers while one types: it looks at the machines with most stops; the button looks at more.
FORM_MACHINES, BUTTON_MACHINES = 10, 100
ROWS = 40
CONDITIONS = (
    "scope", "class_ids", "line_ids", "workcenter_ids", "codes", "bits", *TICKS, "product_ids", "category_ids",
    "hour_from", "hour_until", *WEEKDAYS, "date_from", "date_until", "loss_id", "sequence", "company_id", "active",
)  # fmt: skip
# What a rule that is being edited is called among the others.
EDITED = "edited"


class Hit(NamedTuple):
    """A stretch in which the rule fits: its ms, the machine's codes, and who explains how much of it.

    ``explained``: ("person", override id), ("rule", rule id or "code/reason id") or ("edited", None).
    """

    workcenter_id: int
    start: int
    end: int
    codes: tuple[str, ...]
    explained: tuple[str, int | str | None]

    @property
    def ms(self) -> int:
        """Its length in milliseconds."""
        return self.end - self.start


class MesReasonRule(models.Model):
    """What a rule, as it stands on the form, would have explained in the last seven days."""

    _inherit = "mes.reason.rule"

    # For those who write rules: whoever may read rules could have all of them tried out at once.
    fired_count = fields.Integer(
        string="Times Last Week", compute="_compute_last_week", groups="mes_base.group_mes_engineer"
    )
    last_week = fields.Html(compute="_compute_last_week", sanitize=False, groups="mes_base.group_mes_engineer")

    @api.depends(*CONDITIONS)
    def _compute_last_week(self):
        """By the figures' own engine; the rule's days are not asked about: it shows what the rule would do."""
        for rule in self:
            rule.fired_count, rule.last_week = 0, False
            problem = rule._bits_problem()
            if problem:
                rule.last_week = Markup("<p>%s</p>") % problem
            elif rule._has_condition():
                looked_at, left_out = rule._preview_machines(FORM_MACHINES)
                hits = rule._fired(looked_at)
                rule.fired_count = len(hits)
                rule.last_week = rule._last_week_html(hits, looked_at, left_out)
            else:
                rule.last_week = Markup("<p>%s</p>") % self.env._("Give a condition to see what it would explain.")

    def action_last_week(self):
        """The stops of the last seven days in which the rule fits."""
        self.ensure_one()
        self.check_access("write")  # as for the fields above
        machines, _left_out = self._preview_machines(BUTTON_MACHINES)
        hits = self._fired(machines)
        stops = self.env["mes.stop"]
        for machine, own in tools.groupby(hits, key=lambda hit: hit.workcenter_id):
            spans = [(hit.start, hit.end) for hit in own]
            near = stops.search(
                [
                    ("workcenter_id", "=", machine),
                    ("at_from", "<", clock.from_ms(spans[-1][1])),
                    ("seen_until", ">", clock.from_ms(spans[0][0])),
                ]
            )
            stops |= near.filtered(lambda stop, spans=spans: _touches(stop, spans))
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_base.mes_stop_action")
        return {
            **action,
            "name": self.env._("%s: the last seven days", self.name),
            "domain": [("id", "in", stops.ids)],
            "context": {},
        }

    def _preview_machines(self, limit: int):
        """(the machines in scope with most stops of the last week, how many more there are)."""
        # The user's own view: nothing of other companies is shown.
        machines = self.env["mrp.workcenter"].search([("id", "in", self._machines().ids)])
        since = clock.from_ms(self.env["mes.clock"].now_ms() - PREVIEW_MS)
        stops = self.env["mes.stop"]._read_group(
            [("workcenter_id", "in", machines.ids), ("seen_until", ">", since)], ["workcenter_id"], ["__count"]
        )
        counts = dict(stops)
        ranked = machines.sorted(lambda machine: (-counts.get(machine, 0), machine.id))
        return ranked[:limit], max(0, len(ranked) - limit)

    def _fired(self, machines) -> list[Hit]:
        """Where the rule fits in the last seven days, by machine and time."""
        self.ensure_one()
        now = self.env["mes.clock"].now_ms()
        window = Span(now - PREVIEW_MS, now)
        histories = self.env["mes.timeline"].load(dict.fromkeys(machines.ids, (window.start, window.end)), counts=False)
        whos = self._whos(machines.ids, now, lines=self.scope == "line")
        made = self._made(whos, self._products().get(self.id), window, dated=False)
        ranks = self._ranks()
        hits = []
        for machine, own in made.items():
            own = replace(own, id=EDITED)
            history = histories[machine]
            alone = overlay(window, now, replace(history, rules=(own,)))
            together = overlay(window, now, replace(history, rules=self._placed(own, history.rules, ranks)))
            hits += _hits(machine, alone, together)
        return hits

    def _ranks(self) -> dict[int, tuple[int, int]]:
        """The place of each saved rule in their order."""
        # As in _for_machines: a rule of every company may stand before this one.
        rules = self.sudo().with_context(active_test=False).search([])
        return {rule.id: (rule.sequence, rule.version_of_id.id or rule.id) for rule in rules}

    def _placed(self, own: ReasonRule, rules: tuple[ReasonRule, ...], ranks) -> tuple[ReasonRule, ...]:
        """The rules with this one at its place; as it was saved it is left out."""
        saved = self._origin.id
        mine = (self.sequence, saved or 2**31)
        before = [rule for rule in rules if rule.id != saved and ranks.get(rule.id, (2**31, 0)) < mine]
        after = [rule for rule in rules if rule.id != saved and ranks.get(rule.id, (2**31, 0)) >= mine]
        return (*before, own, *after)

    def _last_week_html(self, hits: list[Hit], machines, left_out: int) -> Markup:
        """How often, how long, and the list with what explains each already."""
        minutes = round(sum(hit.ms for hit in hits) / 60_000)
        new = [hit for hit in hits if hit.explained[0] == "edited"]
        lines = [
            Markup("<p><strong>%s</strong></p>")
            % self.env._("Fits %(times)s times in the last seven days, %(minutes)s min in all; it would decide "
                         "%(decided)s of them.", times=len(hits), minutes=minutes, decided=len(new))
        ]  # fmt: skip
        if left_out:
            lines.append(
                Markup("<p>%s</p>")
                % self.env._("Looked at the %(some)s machines with most stops, not at %(more)s more.",
                             some=len(machines), more=left_out)
            )  # fmt: skip
        if hits:
            lines.append(self._hits_table(hits))
        return Markup("").join(lines)

    def _hits_table(self, hits: list[Hit]) -> Markup:
        """The latest hits as a table."""
        names = {machine.id: machine.display_name for machine in self.env["mrp.workcenter"].browse(
            {hit.workcenter_id for hit in hits})}  # fmt: skip
        row = Markup("<tr><td>%s</td><td>%s</td><td class='text-end'>%s</td><td>%s</td><td>%s</td></tr>")
        rows = [
            row % (
                names[hit.workcenter_id], format_datetime(self.env, clock.from_ms(hit.start)),
                round(hit.ms / 60_000, 1), ", ".join(hit.codes), self._explained(hit),
            )
            for hit in sorted(hits, key=lambda hit: -hit.start)[:ROWS]
        ]  # fmt: skip
        if len(hits) > ROWS:
            rows.append(
                Markup("<tr><td colspan='5'>%s</td></tr>") % self.env._("and %s earlier ones", len(hits) - ROWS)
            )
        heads = [self.env._("Machine"), self.env._("From"), self.env._("Minutes"), self.env._("Codes"),
                 self.env._("Explained by")]  # fmt: skip
        head = Markup("").join(Markup("<th>%s</th>") % text for text in heads)
        table = Markup("<table class='table table-sm'><thead><tr>%s</tr></thead><tbody>%s</tbody></table>")
        return table % (head, Markup("").join(rows))

    def _explained(self, hit: Hit) -> str:
        """Who or what gives the reason of most of a hit, in words."""
        kind, key = hit.explained
        if kind == "person":
            word = self.env["mes.state.override"].browse(key)
            return self.env._("%(who)s: %(reason)s", who=word.user_id.name, reason=word.display_name)
        if kind == "rule" and isinstance(key, int):
            return self.env._("rule %s", self.browse(key).sudo().name)  # a rule of every company, by its name only
        if kind == "rule":
            loss = self.env["mrp.workcenter.productivity.loss"].browse(int(str(key).partition("/")[2]))
            return self.env._("its stop code: %s", loss.sudo().name)  # as above
        return self.env._("this rule")


def _hits(machine: int, alone: list[Slice], together: list[Slice]) -> list[Hit]:
    """The unbroken stretches in which the rule, were it alone, fits while the machine is to work and watched."""
    hits = []
    rest = iter(together)
    current = next(rest, None)
    # Neighbours alone are one stretch: Odoo's own groupby would join those that lie apart.
    for fits, group in groupby(alone, key=_fits):  # pylint: disable=bad-builtin-groupby
        pieces = list(group)
        if not fits:
            continue
        start, end = pieces[0].start, pieces[-1].end
        shares: dict[tuple[str, int | str | None], int] = {}
        while current is not None and current.start < end:
            shared = min(current.end, end) - max(current.start, start)
            if shared > 0:
                shares[_who(current)] = shares.get(_who(current), 0) + shared
            if current.end > end:
                break
            current = next(rest, None)
        codes = tuple(dict.fromkeys(piece.code for piece in pieces if piece.code is not None))
        hits.append(Hit(machine, start, end, codes, max(shares, key=lambda who: shares[who])))
    return hits


def _fits(piece: Slice) -> bool:
    return piece.rule is not None and piece.category not in (NOT_SCHEDULED, NO_DATA)


def _who(piece: Slice) -> tuple[str, int | str | None]:
    """What explains a slice."""
    if piece.override is not None and piece.override.reason is not None:
        return ("person", piece.override.id)
    if piece.rule is None or piece.rule.id == EDITED:
        return ("edited", None)
    return ("rule", piece.rule.id)


def _touches(stop, spans: list[tuple[int, int]]) -> bool:
    start, end = clock.to_ms(stop.at_from), clock.to_ms(stop.seen_until)
    return any(start < until and end > since for since, until in spans)
