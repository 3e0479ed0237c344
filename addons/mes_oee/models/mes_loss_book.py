from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.tools import format_datetime, get_lang

from .. import kpi
from ..tools.loss_book import MOST_ROWS, Column, Sheet, workbook
from ..tools.loss_choice import STOPS
from .mes_loss_drill import Question
from .mes_oee_shift import GLANCE

MINUTE_MS = 60_000
# Longer spans are listed by day.
HOURLY_MS = 62 * 24 * 3_600_000
BATCH = 2_000
TIMES = (
    "calendar", "not_scheduled", "no_data", "planned", "setup", "no_order", "production", "unplanned", "minor",
    "undetermined",
)  # fmt: skip


class MesLossBook(models.AbstractModel):
    """The loss analysis as a spreadsheet: what the screen shows, with the hours and stops behind it."""

    _name = "mes.loss.book"
    _description = "Loss Analysis as a Spreadsheet"

    @api.private
    def made(self, choice: dict[str, Any]) -> tuple[str, bytes]:
        """Name and content of the .xlsx file of a choice of the screen; errors as ``mes.loss.screen.snapshot``."""
        shown = self.env["mes.loss.screen"].snapshot(choice)
        asked, _other, chosen = self.env["mes.loss.screen"].question(choice)
        sheets = [
            self._summary(asked, shown),
            self._losses(self.env._("Waterfall"), shown["steps"], self._step_names(), shown),
            self._losses(self.env._("Six big losses"), shown["six"], self._six_names(), shown),
            self._pareto(shown),
            self._hours(asked),
            self._stops(asked, chosen, shown),
        ]
        day = _local(asked.start, asked.tz).date().isoformat()
        lang = get_lang(self.env)
        return f"losses-{day}.xlsx", workbook(sheets, lang.date_format, lang.time_format)

    # -- sheets ------------------------------------------------------------------------------------

    def _summary(self, asked: Question, shown: dict[str, Any]) -> Sheet:
        """The figures with their inputs, so that they can be redone by hand."""
        columns = [
            Column(self.env._("Figure")), Column(self.env._("Value"), "ratio"), Column(self.env._("Target"), "ratio"),
            Column(self.env._("Before"), "ratio"), Column(self.env._("Coverage"), "ratio"),
            Column(self.env._("Formula"), "long"), Column(self.env._("Input")), Column(self.env._("Amount"), "number"),
            Column(self.env._("Unit")), Column(self.env._("Remark"), "long"),
        ]  # fmt: skip
        return Sheet(self.env._("Summary"), columns, self._summary_rows(asked, shown), self._about(asked, shown))

    def _summary_rows(self, asked: Question, shown: dict[str, Any]) -> Iterator[list[Any]]:
        """A row for each figure, and one for each of its inputs."""
        oee = self.env["mes.oee"]
        parts = oee.figures(asked.scope, asked.start, asked.end, registry=GLANCE)
        names = self._figure_names()
        for told in shown["figures"]:
            figure = parts[0].figures[told["key"]]
            remark = ". ".join([told["refusal"] or "", *told["notes"]]).strip(". ")
            yield [
                names[told["key"]], told["value"], told["target"], told["was"], told["coverage"],
                f"{figure.formula} (version {figure.formula_version})", None, None, None, remark or None,
            ]  # fmt: skip
            for name, value in oee._inputs(figure, parts[0], asked.scope).items():
                given = oee._input(name, value)
                yield [None] * 6 + [f"{name}: {given['label']}", given["value"], given["unit"], None]

    def _about(self, asked: Question, shown: dict[str, Any]) -> list[str]:
        """What the tables are about: place, span, filters, how sums came about, calendars."""
        span = self.env._(
            "From %(start)s until %(end)s (%(tz)s)",
            start=self._when(asked.start, asked.tz), end=self._when(asked.end, asked.tz), tz=asked.tz,
        )  # fmt: skip
        lines = [shown["scope"]["name"], span]
        if shown["was_start"] is not None:
            start, end = (self._when(shown[name], asked.tz) for name in ("was_start", "was_end"))
            lines.append(self.env._("Compared with %(start)s until %(end)s", start=start, end=end))
        if shown["sums"]:
            lines.append(self.env._("Figures of the place: %s", shown["sums"]["method"]))
        machines = self.env["mes.oee"]._scope(asked.scope).workcenter_ids
        for one in self.env["mes.oee"]._calendars(machines, asked.start, asked.end):
            version = one["version"]
            lines.append(self.env._("Calendar of %(machine)s: %(version)s", machine=one["name"], version=version))
        return lines

    def _when(self, ms: int, tz: str) -> str:
        """An instant on the site's clock as people write it in the language of who asks."""
        return format_datetime(self.env, clock.from_ms(ms), tz=tz)

    def _losses(self, title: str, losses: list[dict[str, Any]], names: dict[str, str], shown: dict[str, Any]) -> Sheet:
        """Steps of the waterfall, or the six big losses."""
        whole = shown["sums"]["calendar_ms"] if shown["sums"] else 0
        share = Column(self.env._("Share of calendar time"), "ratio")
        rows = (
            [names[one["name"]], *_amounts(one), one["ms"] / whole if whole else None, *_amounts(one["was"])]
            for one in losses
        )
        return Sheet(title, [Column(self.env._("Loss")), *self._columns(), share, *self._columns(before=True)], rows)

    def _pareto(self, shown: dict[str, Any]) -> Sheet:
        """The Pareto as it is shown, with the filters that led to it."""
        names = self._step_names() | self._six_names()
        way = [one["label"] or names[one["value"]] for one in shown["drill"]]
        above = [self.env._("Only: %s", " › ".join(way))] if way else []
        rows = ([one["label"], *_amounts(one), *_amounts(one["was"])] for one in shown["pareto"])
        columns = [Column(self._dimension_names()[shown["by"]]), *self._columns(), *self._columns(before=True)]
        return Sheet(self.env._("Pareto"), columns, rows, above)

    def _hours(self, asked: Question) -> Sheet:
        """The times and pieces of each machine hour by hour, or day by day in a long span."""
        hourly = asked.end - asked.start <= HOURLY_MS
        by = ("machine", "hour" if hourly else "day")
        parts = self.env["mes.oee"].figures(asked.scope, asked.start, asked.end, by, registry=kpi.Registry())
        machines = {one.id: one.name for one in self.env["mrp.workcenter"].sudo().browse({p.key[0] for p in parts})}
        words = self._bucket_names()
        columns = [
            Column(self.env._("Machine")),
            Column(self.env._("Hour"), "time") if hourly else Column(self.env._("Day"), "date"),
            *(Column(words[name], "minutes") for name in TIMES),
            *(Column(word, "number") for word in (self.env._("Pieces"), self.env._("Good"), self.env._("Rejects"))),
        ]  # fmt: skip

        def row(part) -> list[Any]:
            at = part.key[1]
            when = _local(clock.to_ms(at), asked.tz) if hourly else datetime.combine(at, datetime.min.time())
            times = (getattr(part.totals, f"{name}_ms") / MINUTE_MS for name in TIMES)
            made = (part.totals.total, part.totals.good, part.totals.reject)
            return [machines[part.key[0]], when, *times, *made]

        title = self.env._("Hours") if hourly else self.env._("Days")
        return Sheet(title, columns, (row(part) for part in parts), cut=self._cut())

    def _stops(self, asked: Question, chosen, shown: dict[str, Any]) -> Sheet:
        """Every stop that the filters let through, in order of time."""
        kinds = dict(self.env["mes.stop"]._fields["kind"]._description_selection(self.env))
        columns = [
            Column(self.env._("Machine")), Column(self.env._("From"), "time"), Column(self.env._("Until"), "time"),
            *self._columns()[:3], Column(self.env._("Kind")), Column(self.env._("Reason")), Column(self.env._("Codes")),
            Column(self.env._("Product")), Column(self.env._("Shift")),
        ]  # fmt: skip
        rows = (
            [
                one["machine"]["name"], _local(one["start"], asked.tz),
                None if one["open"] else _local(one["end"], asked.tz), *_amounts(one)[:3],
                kinds.get(one["kind"]), one["reason"], one["codes"], one["product"], one["shift"],
            ]
            for one in self._each_stop(asked, chosen)
        )  # fmt: skip
        return Sheet(self.env._("Stops"), columns, rows, cut=self._cut())

    def _each_stop(self, asked: Question, chosen) -> Iterator[dict[str, Any]]:
        """The stops in order of time, valued batch by batch."""
        drill = self.env["mes.loss.drill"]
        kinds = [one for one in STOPS if not chosen.steps or one in chosen.steps]
        domain = drill.stop_domain(asked, chosen, kinds)
        found = self.env["mes.stop"].search(domain, order="at_from, id", limit=MOST_ROWS + 1)
        for first in range(0, len(found), BATCH):
            yield from drill.told_stops(asked, found[first : first + BATCH])

    # -- words -------------------------------------------------------------------------------------

    def _columns(self, before: bool = False) -> list[Column]:
        """Minutes, pieces, money and number, of now or before."""
        if before:
            return [
                Column(self.env._("Minutes before"), "minutes"), Column(self.env._("Pieces before"), "number"),
                Column(self.env._("Money before"), "money"), Column(self.env._("Number before"), "number"),
            ]  # fmt: skip
        return [
            Column(self.env._("Minutes"), "minutes"), Column(self.env._("Pieces"), "number"),
            Column(self.env._("Money"), "money"), Column(self.env._("Number"), "number"),
        ]  # fmt: skip

    def _cut(self) -> str:
        return self.env._("More rows than fit were left out: choose a shorter span.")

    def _figure_names(self) -> dict[str, str]:
        return {
            "oee": self.env._("OEE"),
            "availability": self.env._("Availability"),
            "effectiveness": self.env._("Effectiveness"),
            "quality": self.env._("Quality ratio"),
        }

    def _dimension_names(self) -> dict[str, str]:
        return {
            "reason": self.env._("Reason"),
            "machine": self.env._("Machine"),
            "product": self.env._("Product"),
            "shift": self.env._("Shift"),
            "crew": self.env._("Crew"),
            "code": self.env._("Code"),
        }

    def _bucket_names(self) -> dict[str, str]:
        names = self._step_names()
        return {**names, "calendar": self.env._("Calendar time"), "production": self.env._("Production")}

    def _step_names(self) -> dict[str, str]:
        return {
            "not_scheduled": self.env._("Outside the shifts"),
            "no_data": self.env._("No data"),
            "planned": self.env._("Planned stops"),
            "setup": self.env._("Set-up"),
            "no_order": self.env._("No order"),
            "unplanned": self.env._("Unplanned stops"),
            "minor": self.env._("Minor stops"),
            "undetermined": self.env._("Stops still open"),
            "speed": self.env._("Reduced speed"),
            "unrated": self.env._("No ideal cycle"),
            "startup_reject": self.env._("Start-up rejects"),
            "production_reject": self.env._("Production rejects"),
            "value_adding": self.env._("Value-adding"),
        }

    def _six_names(self) -> dict[str, str]:
        return {
            "breakdowns": self.env._("Breakdowns"),
            "setup_adjustment": self.env._("Set-up and adjustment"),
            "minor_stops": self.env._("Idling and minor stops"),
            "reduced_speed": self.env._("Reduced speed"),
            "startup_rejects": self.env._("Start-up rejects"),
            "production_rejects": self.env._("Production rejects"),
        }


def _amounts(loss: dict[str, Any] | None) -> list[Any]:
    """Minutes, pieces, money and number; empty without a loss."""
    if loss is None:
        return [None] * 4
    return [loss["ms"] / MINUTE_MS, loss["pieces"], loss["money"], loss.get("count")]


def _local(ms: int, tz: str) -> datetime:
    """An instant on the site's clock, to the second, as a spreadsheet knows it: without its zone."""
    at = clock.from_ms(ms).replace(tzinfo=ZoneInfo("UTC"), microsecond=0)
    return at.astimezone(ZoneInfo(tz)).replace(tzinfo=None)
