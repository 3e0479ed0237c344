import logging
from typing import Any

from markupsafe import Markup, escape
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL
from psycopg2.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from ..tools import bulk, clock
from ..tools.fields import Timestamp
from ..tools.rows import StateRow
from .mes_state_map_line import MODES
from .mes_state_override import STATES

_logger = logging.getLogger(__name__)

# What another transaction is to blame for: the next run of the job does it.
PASSING = (DeadlockDetected, LockNotAvailable, SerializationFailure)
# So many points are written in one transaction.
BATCH = 2000
# What parts a stream's name from the number of times that a point of it was mapped anew.
_MARK = " ~"


class MesStateRemap(models.Model):
    """A map applied to what is stored: each point gets the value that its raw one has in the map today.

    The points go through the one writer of facts, with a rank just above their own, so that they win over what is
    stored and over its repetition, and over nothing else. Raw value, code, time and origin stay. Closed periods
    stay as they are, and are counted. It stays on record, who had it done and what came of it. One that cannot go on
    is set aside with its reason, and holds up no other; it goes on where it stood when somebody tries again.
    """

    _name = "mes.state.remap"
    _description = "State Map Applied to History"
    _order = "id desc"
    _rec_name = "map_id"
    _check_company_auto = True

    map_id = fields.Many2one("mes.state.map", required=True, ondelete="restrict", check_company=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, ondelete="restrict", default=lambda self: self.env.company
    )
    workcenter_ids = fields.Many2many(
        "mrp.workcenter", string="Machines", required=True, check_company=True, domain="[('mes_level', '!=', False)]"
    )
    lane = fields.Selection([("state", "State"), ("mode", "Mode")], string="What", required=True, default="state")
    at_from = Timestamp(
        string="From", required=True, default=lambda self: fields.Datetime.subtract(self.env["mes.clock"].now(), days=7)
    )
    at_until = Timestamp(string="Until", help="Empty: to now.")
    progress = fields.Selection(
        [("draft", "Not Begun"), ("running", "Running"), ("failed", "Set Aside"), ("done", "Done")],
        required=True,
        default="draft",
        readonly=True,
    )
    problem = fields.Text(string="Why It Was Set Aside", readonly=True)
    revision = fields.Integer(readonly=True, help="The map's revision that was applied.")
    preview = fields.Html(compute="_compute_preview", string="What Would Change")
    done_count = fields.Integer(string="Points Changed", readonly=True)
    closed_count = fields.Integer(string="Points in Closed Periods", readonly=True, help="They were left as they are.")
    cursor_workcenter_id = fields.Integer(readonly=True)
    cursor_at = Timestamp(readonly=True)

    @api.depends("map_id", "map_id.line_ids", "workcenter_ids", "lane", "at_from", "at_until", "progress")
    def _compute_preview(self):
        for one in self:
            asked = one.progress == "draft" and one.map_id and one.workcenter_ids and one.lane
            one.preview = one._preview_html() if asked else False

    def _preview_html(self) -> Markup:
        words = dict(STATES if self.lane == "state" else MODES)
        found, closed = self._preview()
        if not found and not closed:
            return Markup("<p>%s</p>") % self.env._("Nothing would change.")
        rows = Markup("").join(
            Markup("<tr><td>%s</td><td>%s → %s</td><td class='text-end'>%s</td><td class='text-end'>%s</td></tr>")
            % (raw, words.get(old, old), words.get(new, new), points, f"{minutes:.1f}")
            for raw, old, new, points, minutes in found
        )
        head = Markup("").join(
            Markup("<th>%s</th>") % escape(title)
            for title in (self.env._("Raw value"), self.env._("Change"), self.env._("Points"), self.env._("Minutes"))
        )
        shape = Markup("<table class='table table-sm'><thead><tr>%s</tr></thead><tbody>%s</tbody></table>")
        table = shape % (head, rows)
        if closed:
            table += Markup("<p>%s</p>") % self.env._("%s points lie in closed periods and stay as they are.", closed)
        return table

    @api.private
    def _preview(self) -> tuple[list[tuple[str, str, str, int, float]], int]:
        """(raw, old value, new value, points, minutes) of what would change, and the points that are closed."""
        self.workcenter_ids.check_access("read")
        now = self.env["mes.clock"].now_ms()
        self.env.cr.execute(
            SQL(
                """
                SELECT p.raw, p.value, l.value, count(*),
                       sum(extract(epoch FROM LEAST(COALESCE(p.until, %(now)s), %(now)s) - p.at))::float8 / 60
                  %(candidates)s AND p.at >= w.open_from
                 GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1
                """,
                now=SQL("%s::timestamp", clock.from_ms(now)),
                candidates=self._candidates(self.workcenter_ids.ids),
            )
        )
        found = self.env.cr.fetchall()
        self.env.cr.execute(
            SQL("SELECT count(*) %s AND p.at < w.open_from", self._candidates(self.workcenter_ids.ids))
        )
        return found, self.env.cr.fetchone()[0]

    def _candidates(self, workcenter_ids: list[int]) -> SQL:
        """FROM and WHERE of the points whose value in the map is another: p the point, l what the map says, w its
        machine with the time from which its figures are open."""
        values, interlocks = self.map_id._meaning(self.lane), self.map_id._meaning("interlock")
        rows = [(raw, value, interlocks.get(raw) if self.lane == "state" else None) for raw, value in values.items()]
        heads = self.env["mes.fact.writer"].heads(workcenter_ids, for_writing=False)
        machines = [(wc, head.lock or 0) for wc, head in heads.items()]
        return SQL(
            """
            FROM (SELECT wc, %(open)s AS open_from FROM %(machines)s AS m(wc, open_ms)) w
            JOIN mes_state_point p ON p.workcenter_id = w.wc AND p.lane = %(lane)s
             AND p.at >= %(from)s AND p.at < %(until)s
            JOIN %(lines)s AS l(raw, value, interlock) ON l.raw = p.raw
           WHERE (p.value <> l.value OR (l.interlock IS NOT NULL AND p.interlock IS DISTINCT FROM l.interlock))
            """,
            open=bulk.timestamp("open_ms"),
            machines=bulk.unnest(machines, ["int4", "int8"]),
            lane=self.lane,
            **{"from": SQL("%s::timestamp", self.at_from)},
            until=SQL("%s::timestamp", self.at_until or self.env["mes.clock"].now()),
            lines=bulk.unnest(rows, ["text", "text", "text"]),
        )

    def action_apply(self):
        """Do it: a part at once, a long history in the background."""
        self.ensure_one()
        self.check_access("write")
        if self.progress != "draft":
            raise UserError(self.env._("This was begun already: make another one to apply the map again."))
        if self.at_until and self.at_until <= self.at_from:
            raise UserError(self.env._("The time until which it is applied must be after the one from which."))
        closed = self._preview()[1]
        # From here on it is a record of what was done, which nobody writes.
        self.sudo().write({"progress": "running", "closed_count": closed, "revision": self.map_id.revision})
        while self._go_on() and self.done_count < BATCH:
            continue
        if self.progress == "running":
            self.env.ref("mes_base.ir_cron_state_remap").sudo()._trigger()  # whoever may apply may wake the job
        return True

    @api.private
    def _go_on(self) -> bool:
        """Do one part; whether something was left to do."""
        self.ensure_one()
        # The writer of facts is nobody's but the system's; the right to apply was checked at the beginning.
        work = self.sudo()
        if work._step(BATCH):
            return True
        work.progress = "done"
        return False

    @api.private
    def _step(self, limit: int) -> int:
        """Map up to ``limit`` points anew, machine by machine in order of time; how many there were."""
        for workcenter in self.workcenter_ids.sorted("id"):
            if workcenter.id < self.cursor_workcenter_id:
                continue
            rows = self._next_points(workcenter.id, limit)
            if not rows:
                continue
            self.env["mes.fact.writer"].write_states(rows)
            self.write(
                {
                    "cursor_workcenter_id": workcenter.id,
                    "cursor_at": clock.from_ms(rows[-1].at),
                    "done_count": self.done_count + len(rows),
                }
            )
            return len(rows)
        return 0

    def _next_points(self, workcenter_id: int, limit: int) -> list[StateRow]:
        """The next points of a machine, as they are to be."""
        after = self.cursor_at if workcenter_id == self.cursor_workcenter_id else None
        self.env.cr.execute(
            SQL(
                """
                SELECT p.workcenter_id, p.lane, %(at)s, p.raw, l.value, p.code, COALESCE(l.interlock, p.interlock),
                       p.map_revision, p.quality, %(recv)s, p.priority, p.stream, p.seq
                  %(candidates)s AND p.at >= w.open_from %(after)s
                 ORDER BY p.at LIMIT %(limit)s
                """,
                at=bulk.millis("p.at"),
                recv=bulk.millis("p.recv"),
                candidates=self._candidates([workcenter_id]),
                after=SQL("AND p.at > %s::timestamp", after) if after else SQL(),
                limit=limit,
            )
        )
        rows = [StateRow(*row) for row in self.env.cr.fetchall()]
        revision = self._revision_at(workcenter_id)
        return [row._replace(map_revision=revision, stream=_above(row.stream)) for row in rows]

    def _revision_at(self, workcenter_id: int) -> int:
        """The number by which the machine's points name this map."""
        return self.revision

    def action_retry(self):
        """Go on where it stood when it was set aside, in the background."""
        self.check_access("write")
        if any(one.progress != "failed" for one in self):
            raise UserError(self.env._("Only what was set aside can be tried again."))
        self.sudo().write({"progress": "running", "problem": False})  # the right was checked, see write
        self.env.ref("mes_base.ir_cron_state_remap").sudo()._trigger()  # whoever may apply may wake the job
        return True

    def _cron_remap(self) -> None:
        """Go on with what was begun; commits after each part.

        What cannot go on is set aside with its reason, then the next one has its turn; what only met another
        transaction stays for the next run.
        """
        cron = self.env["ir.cron"]
        running = self.search([("progress", "=", "running")], order="id")
        for place, one in enumerate(running):
            while one._part_or_aside():
                if not cron._commit_progress(BATCH, remaining=len(running) - place):
                    return
            if not cron._commit_progress(1, remaining=len(running) - place - 1):
                return

    def _part_or_aside(self) -> bool:
        """Do one part; whether something was left to do. A failure leaves nothing of its part behind."""
        try:
            with self.env.cr.savepoint():
                return self._go_on()
        except PASSING as error:
            _logger.info("State map applied to history %s waits: %s", self.id, error)
            self.env.ref("mes_base.ir_cron_state_remap")._trigger()
        except Exception as error:  # whatever it is, the others shall not wait for it
            _logger.exception("State map applied to history %s is set aside", self.id)
            told = error.args[0] if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            self.sudo().write({"progress": "failed", "problem": str(told).strip()})
        return False

    def write(self, vals):
        """What was begun is a record of what was done."""
        if not self.env.su and any(one.progress != "draft" for one in self):
            raise AccessError(self.env._("What was applied to history stays on record: make a new one."))
        return super().write(vals)

    @api.model_create_multi
    def create(self, vals_list):
        """Nobody begins with something done."""
        own: dict[str, Any] = {"progress": "draft", "problem": False, "done_count": 0, "closed_count": 0, "revision": 0}
        return super().create([{**vals, **own, "cursor_workcenter_id": 0, "cursor_at": False} for vals in vals_list])


def _above(stream: str | None) -> str:
    """A stream's name that ranks just above: behind it and before every other name, however often."""
    base, mark, number = (stream or "").partition(_MARK)
    return f"{base}{_MARK}{int(number) + 1 if mark else 1:06d}"
