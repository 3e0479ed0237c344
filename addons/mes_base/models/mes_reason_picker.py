from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..tools import bulk, clock
from ..tools.ranking import probabilities
from .mes_state_override import OPERATOR

DAY_MS = 86_400_000
LOOK_BACK_MS = 90 * DAY_MS
TOP = 8
RECENT = 3
# The latest so many explained stops of the machine itself, and of each other machine, are counted.
OWN_STOPS, OTHER_STOPS = 2000, 40


class MesReasonPicker(models.AbstractModel):
    """The reasons among which a person chooses at a machine, the most probable first."""

    _name = "mes.reason.picker"
    _description = "Reason Picker"

    @api.model
    @api.readonly
    def choices(self, workcenter_id: int, stop_id: int | None = None) -> dict:
        """What to offer for a stop of a machine.

        :param stop_id: the stop to explain; its machine code makes those reasons come first that stops with
            this code were given
        :return: ``top``: at most 8 reasons, most probable first (``share`` is the probability, 0 to 1,
            ``count`` how often this machine got it in 90 days); ``tree``: all of them, each with ``children``;
            ``recent``: at most 3 that were given last at this machine. Each reason is {id, name, code, icon,
            needs_comment, max_minutes, share, count}; one of the tree that only groups others is not
            ``choosable``
        :raises AccessError: no operator of the machine's company
        """
        workcenter = self.env["mrp.workcenter"].browse(workcenter_id)
        workcenter.check_access("read")
        if not self.env.user.has_group(OPERATOR) and not self.env.su:
            raise AccessError(self.env._("Only operators explain stops: ask for the MES role."))
        losses = self._assignable(workcenter)
        code = self._code_of(stop_id, workcenter)
        ranked, counts, last = self._ranked(workcenter, losses, code)
        cards = {loss.id: self._card(loss, ranked.get(loss.id, 0.0), counts.get(loss.id, 0)) for loss in losses}
        # A reason with others below it is a heading, unless people do use it.
        headings = losses.parent_id
        top = [loss for loss in losses if loss not in headings or counts.get(loss.id)]
        # Equal chances: our own tree, which has codes, in its order, before Odoo's general reasons.
        top.sort(key=lambda loss: (-ranked[loss.id], not loss.mes_code, loss.sequence, loss.id))
        recent = sorted((id_ for id_ in last if id_ in cards), key=lambda id_: -last[id_])
        return {
            "top": [cards[loss.id] for loss in top[:TOP]],
            "tree": self._tree(losses, cards),
            "recent": [cards[id_] for id_ in recent[:RECENT]],
        }

    @api.private
    def order(self, workcenter, stop=None) -> list[int]:
        """The ids of the reasons that may be given at a machine, the most probable first."""
        losses = self._assignable(workcenter)
        ranked, _counts, _last = self._ranked(workcenter, losses, self._code_of(stop.id if stop else None, workcenter))
        return sorted(losses.ids, key=lambda id_: -ranked[id_])

    def _assignable(self, workcenter):
        """The manual reasons of the machine's company for machines of its class, in their order."""
        reasons = self.env["mrp.workcenter.productivity.loss"].search(
            [
                ("manual", "=", True),
                ("loss_type", "=", "availability"),
                ("company_id", "in", [False, workcenter.company_id.id]),
            ]
        )
        return reasons.filtered(lambda loss: not loss.mes_class_ids or workcenter.mes_class_id in loss.mes_class_ids)

    def _code_of(self, stop_id: int | None, workcenter) -> str | None:
        """The code with which the stop began, None if it has none."""
        if not stop_id:
            return None
        stop = self.env["mes.stop"].search([("id", "=", stop_id), ("workcenter_id", "=", workcenter.id)])
        return stop.codes.split(",")[0] if stop.codes else None

    def _ranked(
        self, workcenter, losses, code: str | None
    ) -> tuple[dict[int, float], dict[int, int], dict[int, int]]:
        """(probability, count at this machine, ms of its last stop here) by reason."""
        all_, class_, own, class_code, own_code = ({} for _level in range(5))
        last: dict[int, int] = {}
        for loss_id, is_own, is_class, has_code, count, at in self._counted(workcenter, code):
            for level, holds in (
                (all_, True), (class_, is_class), (own, is_own),
                (class_code, is_class and has_code), (own_code, is_own and has_code),
            ):  # fmt: skip
                if holds:
                    level[loss_id] = level.get(loss_id, 0) + count
            if is_own:
                last[loss_id] = max(at, last.get(loss_id, at))
        return probabilities(losses.ids, [all_, class_, own, class_code, own_code]), own, last

    def _counted(self, workcenter, code: str | None) -> list[tuple]:
        """How often each reason was given in the last 90 days at the machines of the company; one statement.

        Rows (reason, this machine, its class, began with the code, stops, ms of the last). Counted are the
        latest stops of each machine only, so that the time does not grow with the plant's history.
        """
        self.env["mes.stop"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT s.loss_id, m.own, m.same, COALESCE(split_part(s.codes, ',', 1) = %(code)s, FALSE),
                       count(*), max(%(at)s)
                  FROM (SELECT id, id = %(machine)s AS own, id = %(machine)s OR mes_class_id = %(class)s AS same
                          FROM mrp_workcenter WHERE company_id = %(company)s AND mes_level IS NOT NULL) m
                 CROSS JOIN LATERAL (
                       SELECT loss_id, codes, at_from FROM mes_stop
                        WHERE workcenter_id = m.id AND loss_id IS NOT NULL AND active AND at_from >= %(since)s
                        ORDER BY at_from DESC
                        LIMIT CASE WHEN m.own THEN %(own_stops)s ELSE %(other_stops)s END) s
                 GROUP BY 1, 2, 3, 4
                """,
                code=code,
                at=bulk.millis("s.at_from"),
                machine=workcenter.id,
                company=workcenter.company_id.id,
                since=clock.from_ms(self.env["mes.clock"].now_ms() - LOOK_BACK_MS),
                own_stops=OWN_STOPS,
                other_stops=OTHER_STOPS,
                **{"class": workcenter.mes_class_id.id or None},
            )
        )
        return [(*row[:2], bool(row[2]), *row[3:]) for row in self.env.cr.fetchall()]

    def _card(self, loss, share: float, count: int) -> dict:
        """A reason as the screens show it."""
        return {
            "id": loss.id,
            "name": loss.name,
            "code": loss.mes_code or None,
            "icon": loss._mes_icon_class(),
            "needs_comment": loss.mes_comment_required,
            "max_minutes": loss.mes_max_minutes or None,
            "share": round(share, 4),
            "count": count,
        }

    def _tree(self, losses, cards: dict[int, dict]) -> list[dict]:
        """The reasons as a forest; those above them that may not be given here are headings."""
        shown = losses
        while above := shown.parent_id - shown:
            shown |= above
        nodes = {
            loss.id: {**cards.get(loss.id, self._card(loss, 0.0, 0)), "choosable": loss in losses, "children": []}
            for loss in shown
        }
        roots = []
        for loss in shown.sorted(lambda one: (not one.mes_code, one.sequence, one.id)):
            siblings = nodes[loss.parent_id.id]["children"] if loss.parent_id else roots
            siblings.append(nodes[loss.id])
        return roots
