from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.fields import Domain


class MesTimelineAlarms(models.AbstractModel):
    """The alarms beside the lanes and stops of the timeline screen."""

    _inherit = "mes.timeline.screen"

    @api.private
    def _alarms(
        self, machines: models.BaseModel, start: int, end: int
    ) -> dict[int, list[tuple[int, int, str, str]]]:
        """Alarms by machine, as far as a room that knows alarms is installed: (from, until, code, text), ms.

        One that is there still lasts until ``end``. Of one from a stream of history, which nobody has told to be
        over, only the beginning is known.
        """
        if "mes.alarm" not in self.env:
            return {}
        ended = Domain("at_until", "=", False) | Domain("at_until", ">", clock.from_ms(start))
        alarms = self.env["mes.alarm"].search(
            Domain("workcenter_id", "in", machines.ids) & Domain("at_from", "<", clock.from_ms(end)) & ended,
            order="at_from, id",
        )
        names = self.env["mes.board"]._reasons_by_code(machines.company_id[:1])
        found: dict[int, list[tuple[int, int, str, str]]] = {}
        for alarm in alarms:
            since = clock.to_ms(alarm.at_from)
            until = clock.to_ms(alarm.at_until) if alarm.at_until else end if alarm.is_open else since
            # The name of a colleague only: an operator may have no right on users.
            seen = alarm.sudo().seen_uid.name
            words = (alarm.text or names.get(alarm.code), seen and self.env._("seen by %s", seen))
            span = (since, until, alarm.code, " · ".join(filter(None, words)))
            found.setdefault(alarm.workcenter_id.id, []).append(span)
        return found

    def _told_alarms(self, stops: models.BaseModel) -> dict[int, list[str]]:
        """Which alarms were there during each stop, in words; a fixed number of statements."""
        if not stops:
            return {}
        spans = {stop.id: (clock.to_ms(stop.at_from), clock.to_ms(stop.seen_until)) for stop in stops}
        first, last = min(start for start, _end in spans.values()), max(end for _start, end in spans.values())
        alarms = self._alarms(stops.workcenter_id, first, last + 1)
        return {
            stop.id: [
                " · ".join(filter(None, (code, text)))
                for start, end, code, text in alarms.get(stop.workcenter_id.id, ())
                if start <= spans[stop.id][1] and end >= spans[stop.id][0]
            ]
            for stop in stops
        }
