from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk, clock, spans
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools import trend
from .mes_telemetry import LEVELS

# Of a stalled roll-up no more than so much is read from the single values themselves.
_TAIL_MS = 6 * trend.HOUR
# Means by exact sums, as in the rollups: the greatest values can't overflow.
_FIGURES = {
    "raw": SQL(
        """
        min(coalesce(m.value_min, m.value, m.value_mean)), max(coalesce(m.value_max, m.value, m.value_mean)),
        round(sum(coalesce(m.value_mean, m.value)::numeric * coalesce(m.samples, 1)) / sum(coalesce(m.samples, 1)),
              320)::float8
        """
    ),
    "bucket": SQL(
        "min(m.value_min), max(m.value_max), round(sum(m.value_mean::numeric * m.n) / sum(m.n), 320)::float8"
    ),
}


class MesGatewayTag(models.Model):
    """The trend of a tag's telemetry."""

    _inherit = "mes.gateway.tag"

    has_limits = fields.Boolean(string="Normal Range", help="The trend shows it as two lines.")
    limit_low = fields.Float(digits=(16, 6), string="Normal From")
    limit_high = fields.Float(digits=(16, 6), string="Normal To")

    _limits_ordered = models.Constraint(
        "CHECK(NOT coalesce(has_limits, false) OR coalesce(limit_low, 0) <= coalesce(limit_high, 0))",
        "The normal range begins at its lower value.",
    )

    @api.readonly
    def read_trend(self, span: str, until: int | None = None) -> dict[str, Any]:
        """At most 1000 points of this tag's telemetry: ``{from, until, now, bin, level, unit, limits, points}``.

        span: a key of ``trend.VIEWS``; until: the end of it in ms, now if it is left out. A point is
        [begin of its bin in ms, least, greatest, mean]; null figures break the line.
        """
        self.ensure_one()
        self.check_access("read")
        if span not in trend.VIEWS or not (until is None or (type(until) is int and 0 < until < 2**53)):
            raise UserError(self.env._("A trend is of one of: %s.", ", ".join(trend.VIEWS)))
        view, now = trend.VIEWS[span], self.env["mes.clock"].now_ms()
        end = now if until is None else min(until, now)
        # Bins of all views begin at the same times, so that a line does not tremble when it is read again.
        start = (end - view.length) // view.bin * view.bin
        level = trend.level_of(view, start, {name: self.env["mes.telemetry"].floor(name) for name in LEVELS})
        bin_ms = max(view.bin, trend.BINS_OF_LEVEL[level])
        points = self._trend_before(level, start) + self._trend_points(level, bin_ms, start, end)
        evidence = self._trend_evidence(points[0][0] if points else start, end)
        shown = trend.held(points, bin_ms, end, evidence, self.window_ms or 0)
        return {
            "from": start,
            "until": end,
            "now": now,
            "bin": bin_ms,
            "level": level,
            "unit": self.unit or "",
            "limits": [self.limit_low, self.limit_high] if self.has_limits else None,
            "points": trend.clipped(shown, start),
        }

    def _trend_points(self, level: str, bin_ms: int, start: int, end: int) -> list[trend.Point]:
        """The bins of a span: from its level, and what that has not got yet from the values themselves."""
        if level == "raw":
            return self._trend_bins("raw", bin_ms, start, end)
        cut = end + 1
        if level == "minute":
            self.env.cr.execute(
                SQL(
                    "SELECT %s FROM mes_measurement_minute m WHERE tag_id = %s AND at < %s ORDER BY at DESC LIMIT 1",
                    bulk.millis("m.at"),
                    self.id,
                    clock.from_ms(end),
                )
            )
            row = self.env.cr.fetchone()
            # The bin that the last minute lies in is read from the values as a whole.
            cut = max(row[0] // bin_ms * bin_ms if row else start, end - max(_TAIL_MS, 2 * bin_ms))
            if cut < self.env["mes.telemetry"].floor("raw"):
                cut = end + 1  # its values are gone, its minutes are complete
        rolled = self._trend_bins(level, bin_ms, start, min(cut - 1, end))
        fresh = self._trend_bins("raw", bin_ms, max(cut, start), end) if cut <= end else []
        return [point for point in rolled if not fresh or point[0] < fresh[0][0]] + fresh

    def _trend_bins(self, level: str, bin_ms: int, start: int, end: int) -> list[trend.Point]:
        """The bins of one table in [start, end]."""
        self.env.cr.execute(
            SQL(
                """
                SELECT %(at)s / %(bin)s * %(bin)s AS bin, %(figures)s
                  FROM %(table)s m WHERE m.tag_id = %(tag)s AND m.at >= %(start)s AND m.at <= %(end)s
                 GROUP BY bin ORDER BY bin
                """,
                at=bulk.millis("m.at"),
                bin=bin_ms,
                figures=_FIGURES["raw" if level == "raw" else "bucket"],
                table=SQL.identifier(LEVELS[level].table),
                tag=self.id,
                start=clock.from_ms(start),
                end=clock.from_ms(end),
            )
        )
        return self.env.cr.fetchall()

    def _trend_before(self, level: str, start: int) -> list[trend.Point]:
        """The last value before a span: one that is sent when it changes may hold into it."""
        mean = SQL("coalesce(m.value, m.value_mean)") if level == "raw" else SQL("m.value_last")
        self.env.cr.execute(
            SQL(
                """
                SELECT %s, %s FROM %s m WHERE m.tag_id = %s AND m.at < %s AND m.at >= %s
                 ORDER BY m.at DESC LIMIT 1
                """,
                bulk.millis("m.at"),
                mean,
                SQL.identifier(LEVELS[level].table),
                self.id,
                clock.from_ms(start),
                clock.from_ms(max(0, start - trend.DAY)),
            )
        )
        return [(at, value, value, value) for at, value in self.env.cr.fetchall()]

    def _trend_evidence(self, start: int, end: int) -> list[trend.Span]:
        """When the tag's machine was watched: told to whoever may read the tag."""
        self.env.cr.execute(
            SQL(
                """
                SELECT %s, %s FROM mes_evidence_span e
                 WHERE e.workcenter_id = %s AND e.at_until > %s AND e.at_from < %s
                """,
                bulk.millis("e.at_from"),
                bulk.millis("e.at_until"),
                self.workcenter_id.id,
                clock.from_ms(start),
                clock.from_ms(end),
            )
        )
        return spans.merge(self.env.cr.fetchall(), 0)
