import base64
import binascii

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import tagfile


class MesGatewayTagImport(models.TransientModel):
    """Tags from a CSV file: read, looked over row by row, and only then applied.

    The file is the export of a gateway, a table of one's own, or what ``iot-bridge browse --csv`` has found.
    """

    _name = "mes.gateway.tag.import"
    _description = "Import of Tags"

    gateway_id = fields.Many2one("mes.gateway", required=True, ondelete="cascade")
    site_id = fields.Many2one(related="gateway_id.site_id")
    company_id = fields.Many2one(related="gateway_id.company_id")
    file = fields.Binary(string="CSV File", attachment=False)
    file_name = fields.Char()
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Machine", help="For rows that name none.",
        domain="[('mes_site_id', '=', site_id), ('mes_code', '!=', False)]",
    )  # fmt: skip
    signal = fields.Selection(
        selection=lambda self: self.env["mes.gateway.tag"]._fields["signal"]._description_selection(self.env),
        help="For rows that name none.",
    )
    pattern = fields.Char(
        default="{machine}.{name}",
        help="Takes names apart that hold the machine: {machine}.{name} reads Labeller.State as State of Labeller.",
    )
    row_ids = fields.One2many("mes.gateway.tag.import.row", "import_id", string="Rows")
    note = fields.Char(readonly=True)
    skip_wrong = fields.Boolean(string="Leave wrong rows out", help="Apply the good rows although others are wrong.")
    new_count = fields.Integer(compute="_compute_counts")
    changed_count = fields.Integer(compute="_compute_counts")
    unchanged_count = fields.Integer(compute="_compute_counts")
    wrong_count = fields.Integer(compute="_compute_counts")

    @api.depends("row_ids.status", "row_ids.take")
    def _compute_counts(self):
        for wizard in self:
            taken = wizard.row_ids.filtered("take")
            for status in ("new", "changed", "unchanged", "wrong"):
                wizard[f"{status}_count"] = len(taken.filtered(lambda row, status=status: row.status == status))

    def action_read(self):
        """The rows of the file, each with what it would do."""
        self.ensure_one()
        self.check_access("write")
        if not self.file:
            raise UserError(self.env._("Choose a CSV file first."))
        read = self._read()
        machines = self._machines()
        self.row_ids.unlink()
        self.env["mes.gateway.tag.import.row"].create(
            [{"import_id": self.id, "line": line, **self._row_values(row, machines)} for line, row in read.rows]
        )
        self.note = (
            self.env._("These columns are not known and were left out: %s.", ", ".join(read.unknown))
            if read.unknown
            else False
        )
        self.row_ids._judge()
        return self._again()

    def _read(self) -> tagfile.File:
        try:
            return tagfile.read(base64.b64decode(self.file, validate=False))
        except (ValueError, binascii.Error) as error:
            sentences = {
                "columns": self.env._(
                    "The first line must name the columns, each once, such as: tag, signal, connection, address."
                ),
                "long": self.env._("The file has more than %s rows: split it.", tagfile.MOST_ROWS),
            }
            raise UserError(
                sentences.get(str(error)) or self.env._("The file can't be read as CSV (%s).", error)
            ) from None

    def _machines(self) -> dict[str, int]:
        """The machines of the gateway's site by code, by the last part of it, and by name; doubtful words name none."""
        found: dict[str, set[int]] = {}
        domain = [("mes_site_id", "=", self.gateway_id.site_id.id), ("mes_code", "!=", False)]
        for machine in self.env["mrp.workcenter"].search(domain):
            for word in {machine.mes_code, machine.mes_code.rpartition("/")[2], machine.name}:
                found.setdefault(word.casefold(), set()).add(machine.id)
        return {word: ids.pop() for word, ids in found.items() if len(ids) == 1}

    def _row_values(self, row: dict[str, str], machines: dict[str, int]) -> dict[str, object]:
        """A row of the file as a row of the form."""
        machine, name = tagfile.split_name(row, self.pattern or "")
        known = machines.get(machine.casefold())
        if machine and not known and "tag" not in row and "equipment" not in row:
            # The pattern has taken a name apart that holds no machine.
            machine, name = "", row.get("name", "")
        said = {column: cell for column, cell in row.items() if column in tagfile.FIELDS and column != "signal"}
        return {
            "said": said,
            "machine_said": machine,
            "workcenter_id": known if machine else self.workcenter_id.id,
            "name": name.lower() if "tag" not in row and known and machine else name,
            "signal_said": row.get("signal"),
            "signal": row.get("signal") if row.get("signal") in self._signals() else self.signal,
            "value": row.get("value"),
        }

    def _signals(self) -> set[str]:
        return set(self.env["mes.gateway.tag"]._fields["signal"].get_values(self.env))

    def action_check(self):
        """Judge the rows again, as they were edited; what they still do not say is as chosen for such rows."""
        self.ensure_one()
        self.check_access("write")
        for name in ("workcenter_id", "signal"):
            if self[name]:
                self.row_ids.filtered(lambda row, name=name: not row[name]).write({name: self[name]})
        self.row_ids._judge()
        return self._again()

    def action_apply(self):
        """Write the rows that are taken; all of them or, if the person has said so, all but the wrong ones."""
        self.ensure_one()
        self.check_access("write")
        taken = self.row_ids.filtered("take")
        taken._judge()
        wrong = taken.filtered(lambda row: row.status == "wrong")
        if wrong and not self.skip_wrong:
            raise UserError(
                self.env._("%(count)s rows are wrong, the first in line %(line)s: %(reason)s Mend them, leave them "
                           "out one by one, or choose to leave out all of them.",
                           count=len(wrong), line=wrong[0].line, reason=wrong[0].reason)
            )  # fmt: skip
        useful = taken.filtered(lambda row: row.status in ("new", "changed"))
        useful._write_tags()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("%s tags were written; the bridge takes them over by itself.", len(useful)),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _again(self) -> dict[str, object]:
        """The same form."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import Tags"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }
