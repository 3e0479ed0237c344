from dataclasses import replace
from itertools import pairwise

from odoo import models
from odoo.exceptions import AccessError, UserError

from ..timeline import Override, Slice, Span, overlay
from ..timeline.model import DELAY, NO_DATA
from .mes_state_override import SUPERVISOR
from .mes_stop_words import Part

# So long may a machine have run between two stops that are said to be one.
LONGEST_GAP_MS = 10 * 60_000
# The override that is tried out: later than everything that was ever recorded.
_TRIED_AT = 2**62


class MesStop(models.Model):
    """Stops that were one: a supervisor corrects the machine's record of what lay between them."""

    _inherit = "mes.stop"

    def merge(self, other_ids, loss_id=None, comment=None, version=None) -> dict:
        """Say that this stop and its neighbours were one: the machine did not really run between them.

        The gaps get the state in which the stop before them ended. Where a reason is given it holds for all of it.
        Only a supervisor may, as this corrects the machine's record. Answers as ``explain``.

        :raises UserError: what lies between is no short running (a stop beyond a break or beyond unwatched time
            stays another one, whatever is said), or the stops are not of one machine
        """
        self.ensure_one()
        if not self._has_role(SUPERVISOR):
            raise AccessError(self.env._("Only a supervisor may join stops: give them the same reason instead."))
        stops = (self | self.browse(other_ids)).sorted("at_from")
        stops.check_access("read")
        if len(stops) < 2 or len(stops.workcenter_id) != 1:
            raise UserError(self.env._("Choose at least two stops of one machine."))
        self._take_turn(version, stops)
        gaps = stops._gaps()
        said = [Part(*stop._bounds()[:2], loss_id, comment) for stop in stops] if loss_id else []
        ids = self._say(said)
        for (start, end), stop in zip(gaps, stops[:-1], strict=True):
            state = stop._last_state()
            ids += self._record([(Part(start, end, loss_id, comment), state)], self.env._("Joined with the next stop"))
        return self._answer(ids)

    def _gaps(self) -> list[tuple[int, int]]:
        """What lies between these stops of one machine, in order, if a word can close it.

        :raises UserError: it cannot
        """
        bounds = [stop._bounds() for stop in self]
        gaps = [
            (end if end is not None else seen, start)
            for (_start, end, seen), (start, _end, _seen) in pairwise(bounds)
        ]
        for start, end in gaps:  # before anything is read: what lies years apart is refused at once
            if end - start > LONGEST_GAP_MS:
                raise UserError(
                    self.env._("Between the stops the machine ran for %(minutes)s min; more than %(limit)s min are no "
                               "mere interruption: give both the same reason instead.",
                               minutes=round((end - start) / 60_000, 1), limit=LONGEST_GAP_MS // 60_000)
                )  # fmt: skip
        workcenter_id = self.workcenter_id.id
        history = self.env["mes.timeline"].load({workcenter_id: (bounds[0][0], bounds[-1][2])}, counts=False)
        now = self.env["mes.clock"].now_ms()
        tried = replace(
            history[workcenter_id],
            overrides=(
                *history[workcenter_id].overrides,
                *(Override(start, end, _TRIED_AT, "try", state="down") for start, end in gaps if end > start),
            ),
        )
        for start, end in gaps:
            for piece in overlay(Span(start, end), now, tried):
                if piece.category != DELAY:
                    raise UserError(self._what_parts(piece))
        return gaps

    def _what_parts(self, piece: Slice) -> str:
        """Why two stops stay two."""
        at = self._on_its_clock(piece.start)
        if piece.category == NO_DATA:
            return self.env._(
                "Nobody watched the machine at %s: what was not seen stays without data, and the stops stay "
                "two. Give both the same reason instead.", at,
            )  # fmt: skip
        return self.env._(
            "Between the stops lies other time (a break, a planned stop, set-up, no order or no shift, at %s), "
            "which parts them: give both the same reason instead.", at,
        )  # fmt: skip

    def _last_state(self) -> str:
        """The state in which the stop ended."""
        start, until, seen = self._bounds()
        end = seen if until is None else until
        history = self.env["mes.timeline"].load({self.workcenter_id.id: (start, end)}, counts=False)
        slices = overlay(Span(start, end), end, history[self.workcenter_id.id])
        return (slices[-1].state if slices else None) or "down"
