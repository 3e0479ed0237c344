from odoo import api, models
from odoo.exceptions import UserError

from ..tools import clock

OpenSpan = tuple[int, int, int | None]


class MesMarkingMixin(models.AbstractModel):
    """A record kept by people that bears on figures: its changes mark the time that they touch.

    What it touched before and after a change is marked; a change that touches a closed period is
    refused, because people's records, unlike a machine's facts, can wait until it is opened.
    """

    _name = "mes.marking.mixin"
    _description = "Record whose Changes Touch Figures"

    # Why a span is dirty; a model sets its own word.
    _marking_why = "record"

    def _marked_spans(self) -> list[OpenSpan]:
        """(work center id, from, until) in ms that these records bear on; None: no end."""
        return []

    def _marking_fields(self) -> set[str]:
        """The fields whose change touches figures; by default all."""
        return set(self._fields)

    @api.model_create_multi
    def create(self, vals_list):
        """Mark what the new records bear on."""
        records = super().create(vals_list)
        records._mark_spans()
        return records

    def write(self, vals):
        """Mark what the records bore on and what they bear on now."""
        changed = self._marking_fields() & set(vals)
        if not changed:
            return super().write(vals)
        before = self._marked_spans()
        result = super().write(vals)
        after = self._marked_spans()
        self._mark_spans(_moved_ends(before, after) if changed == {"at_until"} else before + after)
        return result

    def unlink(self):
        """Mark what the records bore on."""
        self._mark_spans()
        return super().unlink()

    def _mark_spans(self, spans: list[OpenSpan] | None = None) -> None:
        """Mark spans, by default those of the records.

        :raises UserError: a span lies in a closed period.
        """
        spans = self._marked_spans() if spans is None else spans
        self._refuse_closed(spans)
        self.env["mes.dirty.span"]._mark(spans, self._marking_why)

    def _refuse_closed(self, spans: list[OpenSpan]) -> None:
        """Refuse to touch a closed period, naming it."""
        heads = self.env["mes.fact.writer"].heads({span[0] for span in spans}, for_writing=False)
        for workcenter_id, start, end in spans:
            lock = heads[workcenter_id].lock
            if lock is not None and start < lock and (end is None or end > start):
                # Only the name of the machine and the clock by which people there live.
                machine = self.env["mrp.workcenter"].browse(workcenter_id).sudo()
                zone = machine.mes_site_id.tz or "UTC"
                raise UserError(
                    self.env._(
                        "The figures of %(machine)s are closed up to %(time)s (%(zone)s): let the change begin later, "
                        "or have the period opened again.",
                        machine=machine.name,
                        time=clock.wall_clock(lock, zone),
                        zone=zone,
                    )
                )


def _moved_ends(before: list[OpenSpan], after: list[OpenSpan]) -> list[OpenSpan]:
    """What lies between the old and the new ends: closing a span does not touch its beginning."""
    moved = []
    for (workcenter_id, _start, old), (_same, _start_again, new) in zip(before, after, strict=True):
        if old != new:
            ends = [end for end in (old, new) if end is not None]
            moved.append((workcenter_id, min(ends), max(ends) if len(ends) == 2 else None))
    return moved
