from odoo import fields, models


class MesStop(models.Model):
    """What a stop consists of, to look at on its form."""

    _inherit = "mes.stop"

    causes_html = fields.Html(
        string="What Happened", compute="_compute_causes_html", sanitize=False,
        help="The parts of the stop in order of time, and what was said about it.",
    )  # fmt: skip

    def _compute_causes_html(self):
        states = dict(self.env["mes.state.override"]._fields["state"]._description_selection(self.env))
        told = {one["id"]: one for one in self.filtered("id").words()}
        for stop in self:
            stop.causes_html = stop.id in told and self.env["ir.qweb"]._render(
                "mes_base.stop_causes", {"told": told[stop.id], "states": states, "span": _span}
            )


def _span(ms: int) -> str:
    """A length or offset as h:mm:ss."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
