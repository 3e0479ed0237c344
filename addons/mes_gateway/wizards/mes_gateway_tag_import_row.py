from contextlib import suppress
from typing import Any

from odoo import fields, models
from odoo.exceptions import UserError
from psycopg2 import Error as DatabaseError

from ..contract import tags
from ..tools import tagfile


class _Undo(Exception):
    """Ends a trial whose writes are not to stay."""


class MesGatewayTagImportRow(models.TransientModel):
    """A row of a file of tags, with what it would do."""

    _name = "mes.gateway.tag.import.row"
    _description = "Row of an Import of Tags"
    _order = "line, id"

    import_id = fields.Many2one("mes.gateway.tag.import", required=True, ondelete="cascade")
    site_id = fields.Many2one(related="import_id.site_id")
    line = fields.Integer(readonly=True)
    take = fields.Boolean(default=True, string="Take")
    said = fields.Json(readonly=True)
    machine_said = fields.Char(readonly=True)
    signal_said = fields.Char(readonly=True)
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Machine", domain="[('mes_site_id', '=', site_id), ('mes_code', '!=', False)]"
    )
    name = fields.Char()
    signal = fields.Selection(
        selection=lambda self: self.env["mes.gateway.tag"]._fields["signal"]._description_selection(self.env)
    )
    place = fields.Char(compute="_compute_place", string="Where")
    value = fields.Char(readonly=True, help="What was read when it was found.")
    status = fields.Selection(
        [("new", "New"), ("changed", "Changed"), ("unchanged", "Unchanged"), ("wrong", "Wrong")], readonly=True
    )
    reason = fields.Text(readonly=True, string="What Changes, What Is Wrong")

    def _compute_place(self):
        for row in self:
            said = row.said or {}
            parts = [said.get("connection"), said.get("address") or said.get("table"), said.get("register")]
            row.place = " ".join(part for part in parts if part)

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self) -> None:
        """What each row would do, by trying it: the tags' own rules decide, nothing stays."""
        plans: dict[int, tuple[Any, dict[str, Any]]] = {}
        seen: dict[tuple[int, str], int] = {}
        for row in self:
            try:
                tag, values = row._plan()
            except UserError as error:
                row._say("wrong", str(error))
                continue
            key = (row.workcenter_id.id, row.name)
            if row.take and key in seen:
                row._say("wrong", self.env._("Line %s says the same tag already.", seen[key]))
                continue
            seen[key] = row.line
            changes = row._changes(tag, values)
            if tag and not changes:
                row._say("unchanged", False)
                continue
            row._say("changed" if tag else "new", "; ".join(changes) if tag else False)
            plans[row.id] = (tag, values)
        self._try([row for row in self if row.id in plans], plans)

    def _say(self, status: str, reason: str | bool) -> None:
        self.status, self.reason = status, reason

    def _try(self, rows: list, plans: dict[int, tuple[Any, dict[str, Any]]]) -> None:
        """Write rows and take it back; where that fails the halves are tried, down to the rows that are wrong."""
        if not rows:
            return
        try:
            with suppress(_Undo), self.env.cr.savepoint():
                self._carry_out([plans[row.id] for row in rows])
                raise _Undo
        except (UserError, DatabaseError, ValueError) as error:
            if len(rows) == 1:
                rows[0]._say("wrong", rows[0]._sentence(error))
            else:
                middle = len(rows) // 2
                self.env.invalidate_all(flush=False)
                self._try(rows[:middle], plans)
                self._try(rows[middle:], plans)
        self.env["mes.gateway.tag"].invalidate_model(flush=False)

    def _sentence(self, error: Exception) -> str:
        """Why a row is refused, as a person reads it."""
        if isinstance(error, DatabaseError):
            return self.env["mes.gateway.tag"]._sql_error_to_message(error)
        return str(error)

    def _plan(self) -> tuple[Any, dict[str, Any]]:
        """The tag that the row is about, if there is one, and what it says of it; raises UserError."""
        if not self.workcenter_id:
            raise UserError(
                self.env._("The site has no machine %s: choose one.", self.machine_said)
                if self.machine_said
                else self.env._("It names no machine: choose one.")
            )
        if not self.name:
            raise UserError(self.env._("It has no name."))
        values = self._typed()
        model = self.env["mes.gateway.tag"].with_context(active_test=False)
        tag = model.search(
            [
                ("gateway_id", "=", self.import_id.gateway_id.id),
                ("workcenter_id", "=", self.workcenter_id.id),
                ("name", "=", self.name),
            ]
        )
        signal = self.signal or tag.signal
        if self.signal_said and not self.signal:
            raise UserError(self.env._("There is no signal %s: choose one.", self.signal_said))
        if not signal:
            raise UserError(self.env._("It says no signal: choose what it means."))
        values["signal"] = signal
        if not tag:
            place = {"gateway_id": self.import_id.gateway_id.id, "workcenter_id": self.workcenter_id.id}
            values |= {**place, "name": self.name}
        self.signal = signal
        return tag, values

    def _typed(self) -> dict[str, Any]:
        try:
            values = tagfile.values(self.said or {})
        except ValueError as error:
            column, cell = error.args
            raise UserError(
                self.env._("Column %(column)s: %(cell)s can't be read.", column=column, cell=cell)
            ) from None
        if values.get("address") and values.get("type") not in (None, *tags.TYPES):
            values["type"] = "auto"  # the source's own word for its type
        for column in values.keys() & tagfile.WORDS:
            known = self.env["mes.gateway.tag"]._fields[column].get_values(self.env)
            if values[column] not in known:
                raise UserError(
                    self.env._("Column %(column)s: %(cell)s is none of: %(known)s.",
                               column=column, cell=values[column], known=", ".join(known[:20]))
                )  # fmt: skip
        return values

    def _changes(self, tag: Any, values: dict[str, Any]) -> list[str]:
        """What the row changes of a known tag."""
        changed = [name for name, value in values.items() if (tag[name] or False) != (value or False)]
        said = [f"{name}: {tag[name] or '–'} → {values[name]}" for name in sorted(changed)]
        return said + ([] if not tag or tag.active else [self.env._("taken out of the archive")])

    # -- applying ----------------------------------------------------------------------------------

    def _write_tags(self) -> None:
        """Write the rows' tags."""
        self._carry_out([row._plan() for row in self])

    def _carry_out(self, plans: list[tuple[Any, dict[str, Any]]]) -> None:
        """Create the new tags in one go, write the others."""
        fresh = [values for tag, values in plans if not tag]
        if fresh:
            self.env["mes.gateway.tag"].create(fresh)
        for tag, values in plans:
            if tag:
                tag.write({**values, "active": True})
        self.env.flush_all()
