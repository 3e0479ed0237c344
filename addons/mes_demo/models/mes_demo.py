from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..build import alarms, calls, gateway, history, master, orders, people, targets
from ..demoplant import layout


class MesDemo(models.AbstractModel):
    """Builds the demo plant in the current company."""

    _name = "mes.demo"
    _description = "Demo Plant"

    @api.model
    def provision(self, history_days: int = 7, new_key: bool = False, plant: str = "all") -> dict:
        """Create what is missing of the demo plant; what is there stays as it is.

        :param history_days: length of the invented past; 0: none. Ignored for a cell whose machines have facts.
        :param new_key: give the gateway another API key even if it has one.
        :param plant: how much of it: ``"all"``, or ``"line1"`` for the first line alone, which is quick.
        :return: ``login`` and ``key`` of the gateway's user (``key`` None unless it was made now),
            ``gateway``, ``stream``, ``line_id``, ``line_code``, ``board_path``, ``plant``, ``users``
            (login, password, role) and ``history`` (numbers of facts written, or None).
        :raises AccessError: no administrator
        :raises UserError: no such plant
        """
        if not (self.env.su or self.env.user.has_group("base.group_system")):
            raise AccessError(self.env._("Only an administrator may build the demo plant."))
        if plant not in layout.PLANTS:
            raise UserError(
                self.env._("There is no demo plant %(name)s: choose %(known)s.", name=plant,
                           known=", ".join(layout.PLANTS))
            )  # fmt: skip
        now = self.env["mes.clock"].now_ms()
        # Master data of many rooms: whoever administers the database may have them made here.
        env = self.sudo().with_context(lang=None, tracking_disable=True).env
        made = master.ensure_plant(env, now, plant)
        users = people.ensure_users(env, made)
        if made.whole:
            people.ensure_employees(env)
            people.ensure_equipment(env, made)
            targets.ensure_targets(env, made)
        past = history.ensure_past(env, made, now, history_days)
        orders.ensure_orders(env, made, past.runs if past else (), now)
        if past:
            history.write_words(env, made, past.words)
            history.settle(env)
        if past and made.whole:
            calls.ensure_andon(env, made, now)
            calls.ensure_repairs(env, made)
        given = gateway.ensure_gateway(env, made, plant, new_key)
        if past and made.whole:
            alarms.ensure_alarms(env, made, past.alarms)
        return {
            **given,
            "line_id": made.line.id,
            "line_code": layout.LINE_CODE,
            "board_path": "/odoo/mes-board",
            "plant": plant,
            "users": users,
            "history": {"states": past.states, "counts": past.counts} if past else None,
        }
