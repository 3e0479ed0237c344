from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime, formatLang

from ..report.sheet import Bar, Bars, HourLine, Ribbon, Sheet, Tile
from ..report.shift_pdf import shift_pdf
from .mes_loss_drill import told_apart

LOW_COVERAGE = 0.95
MOST_STOPS = 12
MOST_REASONS = 10
MINUTE_MS = 60_000
FACTORS = ("oee", "availability", "performance", "quality")
# With which state's colour a loss is drawn: the rest is grey.
KINDS = {"breakdowns": "down", "setup_adjustment": "setup", "minor_stops": "minor"}


class MesShiftSheet(models.AbstractModel):
    """The report of one shift: the shift board's answer and the losses, as a sheet of paper."""

    _name = "mes.shift.sheet"
    _description = "Shift Report"

    @api.private
    def pdf(self, place_id: int, at: int) -> tuple[str, bytes]:
        """File name and PDF of the shift that runs at ``at`` (ms), in the language of the environment.

        :raises AccessError: the user is no operator, or may not read the line or machine.
        :raises UserError: no shift is planned there.
        """
        board = self._board(place_id, at)
        shift, place = board["shift"], board["place"]
        words = f"{place['name']} {shift['business_date']} {shift['name']}"
        name = "".join(char if char.isalnum() or char in "-_" else "-" for char in words)
        return f"{name}.pdf", shift_pdf(self._sheet(board))

    def _board(self, place_id: int, at: int) -> dict[str, Any]:
        """The shift board of the place."""
        workcenter = self.env["mrp.workcenter"].browse(place_id).exists()
        if not workcenter:
            raise UserError(self.env._("This line or machine is gone: choose another one."))
        workcenter.check_access("read")
        board = self.env["mes.shift.board"].snapshot(place_id, at)
        if not board["place"] or board["place"]["id"] != place_id or not board["shift"]:
            raise UserError(
                self.env._("No shift is planned for %s then: choose another time.", workcenter.display_name)
            )
        return board

    def _sheet(self, board: dict[str, Any]) -> Sheet:
        """All that the report says."""
        shift, figures = board["shift"], board["figures"]
        return Sheet(
            title=f"{board['place']['name']} – {shift['name']}",
            subtitle=self._subtitle(board),
            tiles=self._tiles(board),
            hours_title=self.env._("Hour by hour"),
            hours_columns=(
                self.env._("Hour"),
                self.env._("State of %s", board["machine"]["name"]),
                self.env._("Good pieces against target"),
                self.env._("Lost"),
                self.env._("Mostly because of"),
            ),
            hours=tuple(self._hour(row, board) for row in board["hours"] if row["phase"] != "future"),
            lists=(self._six(board), self._reasons(board), self._stops(board)),
            warnings=tuple(self._warnings(figures)),
            footer=self._footer(board),
        )

    # -- head ----------------------------------------------------------------------------------------

    def _subtitle(self, board: dict[str, Any]) -> str:
        shift, order = board["shift"], board["order"]
        parts = [
            board["place"]["path"],
            format_date(self.env, shift["business_date"], date_format="full"),
            f"{self._clock(shift['start'], board)}–{self._clock(shift['end'], board)}",
            shift["crew"],
            order and f"{order['name']} {order['product']}".strip(),
        ]
        return " · ".join(part for part in parts if part)

    def _tiles(self, board: dict[str, Any]) -> tuple[Tile, ...]:
        """Pieces and time lost first: percentages come after."""
        figures, targets = board["figures"], board["targets"]
        made, target = figures["made"], figures["target"]
        names = {
            "oee": self.env._("OEE"),
            "availability": self.env._("Availability"),
            "performance": self.env._("Performance"),
            "quality": self.env._("Quality"),
        }
        most = max(made or 0, target or 0) or 1
        return (
            Tile(
                self.env._("Good pieces"),
                self._count(made),
                self.env._("target %s", self._count(target)),
                None if made is None else made / most,
                None if target is None else target / most,
            ),
            Tile(
                self.env._("Lost"),
                self._minutes(figures["lost_ms"]),
                self.env._("%s pieces", self._count(figures["lost_pieces"])),
            ),
            *(
                Tile(
                    names[key],
                    self._percent(figures[key]),
                    self.env._("target %s", self._percent(targets[key])),
                    figures[key] or 0.0,
                    targets[key],
                )
                for key in FACTORS
            ),
        )

    def _warnings(self, figures: dict[str, Any]) -> list[str]:
        """What makes the figures less than they seem."""
        said = []
        if figures["reason"]:
            said.append(self.env._("No OEE: %s.", figures["reason"]))
        coverage = figures["coverage"]
        if coverage is not None and coverage < LOW_COVERAGE:
            said.append(self.env._("Only %s of the shift was watched.", self._percent(coverage)))
        return said

    def _footer(self, board: dict[str, Any]) -> tuple[str, ...]:
        """Where the figures come from."""
        method = {
            "machine": self.env._("figures of the machine"),
            "bottleneck": self.env._("figures of the bottleneck %s", board["machine"]["name"]),
            "sums": self.env._("sums of all machines of the line"),
        }[board["method"]]
        time = format_datetime(self.env, clock.from_ms(board["now"]), tz=board["tz"], dt_format="short")
        return (self.env._("As known at %(time)s (%(zone)s); %(method)s.", time=time, zone=board["tz"], method=method),)

    # -- hours ---------------------------------------------------------------------------------------

    def _hour(self, row: dict[str, Any], board: dict[str, Any]) -> HourLine:
        reason = row["losses"][0] if row["losses"] else None
        return HourLine(
            row["label"],
            tuple(_within(board["ribbon"], row["start"], row["end"], board["now"])),
            row["made"],
            row["target"],
            self._count(row["made"]),
            self._minutes(row["lost_ms"]),
            f"{reason['name']} ({self._minutes(reason['ms'])})" if reason else "",
        )

    # -- lists ---------------------------------------------------------------------------------------

    def _scope(self, board: dict[str, Any]) -> tuple[models.BaseModel, int, int]:
        """Whose losses are told, from when to when."""
        shift = board["shift"]
        machine = self.env["mrp.workcenter"].browse(board["machine"]["id"])
        return machine, shift["start"], max(shift["start"], min(shift["end"], board["now"]))

    def _six(self, board: dict[str, Any]) -> Bars:
        """The six big losses in time, pieces and money."""
        names = {
            "breakdowns": self.env._("Breakdowns"),
            "setup_adjustment": self.env._("Set-up and adjustment"),
            "minor_stops": self.env._("Idling and minor stops"),
            "reduced_speed": self.env._("Reduced speed"),
            "startup_rejects": self.env._("Start-up rejects"),
            "production_rejects": self.env._("Production rejects"),
        }
        machine, start, until = self._scope(board)
        found = self.env["mes.oee.losses"].six(machine, start, until) if start < until else []
        lost = found[0].lost if found else []
        currency = self.env["mes.oee.worth"].currency(machine)
        longest = max((abs(one.ms) for one in lost), default=0) or 1
        bars = (
            Bar(
                names[one.name],
                one.ms / longest,
                (self._minutes(one.ms), self._count(one.pieces), self._money(one.money, currency)),
                KINDS.get(one.name, "planned"),
            )
            for one in lost
        )
        columns = (self.env._("time"), self.env._("pieces"), self.env._("money"))
        title = self.env._("The six big losses of %s", machine.name)
        return Bars(title, columns, tuple(bars), self.env._("Nothing was lost."))

    def _reasons(self, board: dict[str, Any]) -> Bars:
        """Why it stood, the longest first."""
        machine, start, until = self._scope(board)
        service, drill = self.env["mes.oee.losses"], self.env["mes.loss.drill"]
        parts = service.pareto(machine, start, until, by=("reason", "bucket")) if start < until else []
        found = sorted(told_apart(parts).values(), key=lambda one: -one.ms)
        losses = self.env["mrp.workcenter.productivity.loss"].with_context(active_test=False)
        longest = max((one.ms for one in found), default=0) or 1
        bars = (
            Bar(
                losses.browse(one.key[0]).name if one.key[0] else drill.unsaid(one.key[1]),
                one.ms / longest,
                (self._minutes(one.ms), self._count(one.count), self._count(one.pieces)),
            )
            for one in found[:MOST_REASONS]
        )
        columns = (self.env._("time"), self.env._("stops"), self.env._("pieces"))
        return Bars(self.env._("Why it stood"), columns, tuple(bars), self.env._("It did not stand."))

    def _stops(self, board: dict[str, Any]) -> Bars:
        """The stops that nobody has explained, the longest first."""
        needing = sorted((one for one in board["stops"] if one["needs"]), key=lambda one: one["start"] - one["seen"])
        longest = max((one["seen"] - one["start"] for one in needing), default=0) or 1
        bars = (
            Bar(
                one["name"] or ", ".join(one["codes"]) or board["machine"]["name"],
                (one["seen"] - one["start"]) / longest,
                (self._clock(one["start"], board), self._minutes(one["seen"] - one["start"])),
                "down",
            )
            for one in needing[:MOST_STOPS]
        )
        columns = (self.env._("from"), self.env._("time"))
        empty = self.env._("Every longer stop has its reason.")
        return Bars(self.env._("Still to explain"), columns, tuple(bars), empty)

    # -- words ---------------------------------------------------------------------------------------

    def _clock(self, ms: int, board: dict[str, Any]) -> str:
        return datetime.fromtimestamp(ms / 1000, ZoneInfo(board["tz"])).strftime("%H:%M")

    def _count(self, value) -> str:
        return "–" if value is None else formatLang(self.env, round(value), digits=0)

    def _minutes(self, ms: int | None) -> str:
        """Minutes, with a decimal below ten; from an hour on hours and minutes, as on the screens."""
        if ms is None:
            return "–"
        minutes = ms / MINUTE_MS
        if minutes >= 60:
            whole, rest = divmod(int(minutes), 60)
            return self.env._("%(hours)s h %(minutes)s min", hours=whole, minutes=f"{rest:02}")
        digits = 1 if abs(minutes) < 9.95 and ms % MINUTE_MS else 0
        return self.env._("%s min", formatLang(self.env, minutes, digits=digits))

    def _percent(self, ratio: float | None) -> str:
        return "–" if ratio is None else f"{formatLang(self.env, ratio * 100, digits=1)} %"

    def _money(self, amount, currency: models.BaseModel) -> str:
        return formatLang(self.env, float(amount), currency_obj=currency)


def _within(ribbon: list[dict[str, Any]], start: int, end: int, now: int):
    """The part of a ribbon in an hour, as shares of it."""
    for span in ribbon:
        low, high = max(span["start"], start), min(span["end"] or now, end)
        if low < high:
            yield Ribbon((low - start) / (end - start), (high - start) / (end - start), span["kind"])
