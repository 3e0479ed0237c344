from odoo import api, models
from odoo.exceptions import AccessError

from ..build import gateway, history, master, orders
from ..demoplant import layout


class MesDemo(models.AbstractModel):
    """Builds the demo plant in the current company."""

    _name = "mes.demo"
    _description = "Demo Plant"

    @api.model
    def provision(self, history_days: int = 7, new_key: bool = False) -> dict:
        """Create what is missing of the demo plant; what is there stays as it is.

        :param history_days: length of the invented past; 0: none. Ignored once the machines have facts.
        :param new_key: give the gateway another API key even if it has one.
        :return: ``login`` and ``key`` of the gateway's user (``key`` None unless it was made now),
            ``gateway``, ``stream``, ``line_id``, ``line_code``, ``board_path``, ``users``
            (login, password, role) and ``history`` (numbers of facts written, or None).
        """
        if not (self.env.su or self.env.user.has_group("base.group_system")):
            raise AccessError(self.env._("Only an administrator may build the demo plant."))
        now = self.env["mes.clock"].now_ms()
        # Master data of many rooms: whoever administers the database may have them made here.
        env = self.sudo().with_context(lang=None, tracking_disable=True).env
        plant = master.ensure_plant(env, now)
        past = history.ensure_past(env, plant, now, history_days)
        orders.ensure_open_order(env, plant, past.open_since if past else now, past.open_product if past else 0)
        if past:
            history.settle(env, plant)
        return {
            **gateway.ensure_gateway(env, plant, new_key),
            "line_id": plant.line.id,
            "line_code": layout.LINE_CODE,
            "board_path": "/odoo/mes-board",
            "users": master.ensure_users(env),
            "history": {"states": past.states, "counts": past.counts} if past else None,
        }
