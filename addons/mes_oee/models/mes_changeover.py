from collections.abc import Iterable
from typing import Any, NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .. import kpi
from .mes_changeover_target import CLASS, LINE, MACHINE

DAY_MS = 24 * 3_600_000
# So far around a span one looks for the orders before and after a set-up.
LOOK_AROUND_MS = 3 * DAY_MS
LONGEST_MS = 184 * DAY_MS


class Change(NamedTuple):
    """A changeover of one machine against its target (None: there is none); ms."""

    workcenter_id: int
    changeover: kpi.Changeover
    target_ms: int | None


class MesChangeover(models.AbstractModel):
    """Changeovers as they were and as they run, read off the timeline, against their targets."""

    _name = "mes.changeover"
    _description = "Changeovers"

    @api.model
    @api.readonly
    def running(self, workcenters) -> dict[int, dict[str, Any]]:
        """The changeover that each machine is in now; machines that are in none are left out.

        ``workcenters``: work centers or their ids. ``{machine id: {from, to, since, elapsed_ms, target_ms, left_ms}}``:
        ``from`` and ``to`` are ``{id, name}`` or None, ``since`` ms, ``left_ms`` below 0 is over the target; target
        and left are None without a target.

        :raises AccessError: the user is no operator, or may not read one of the machines.
        """
        machines = self._machines(workcenters)
        now = self.env["mes.clock"].now_ms()
        going = [
            (wc, found[-1])
            for wc, found in self._changeovers(machines, now - LOOK_AROUND_MS, now, now).items()
            if found and found[-1].end is None and self._is_on(found[-1], now)
        ]
        coming = self._next_products(wc for wc, one in going if one.after is None)
        going = [(wc, one if one.after else _towards(one, coming.get(wc))) for wc, one in going]
        changes = self._judged(going)
        names = self._names(changes)
        return {
            wc: {
                "from": names.get(one.before),
                "to": names.get(one.after),
                "since": one.start,
                "elapsed_ms": one.setup_ms,
                "target_ms": target,
                "left_ms": None if target is None else target - one.setup_ms,
            }
            for wc, one, target in changes
        }

    def _machines(self, workcenters):
        """The work centers, checked. :raises AccessError: the user is no operator or may not read one of them."""
        if not self.env.user.has_group("mes_base.group_mes_operator") and not self.env.su:
            raise AccessError(self.env._("Changeovers are for operators: ask for the role Operator."))
        ids = workcenters.ids if isinstance(workcenters, models.BaseModel) else workcenters
        machines = self.env["mrp.workcenter"].browse(ids)
        machines.check_access("read")
        return machines

    def _changeovers(self, machines, start: int, end: int, now: int) -> dict[int, list[kpi.Changeover]]:
        """The changeovers of each machine in a span that is wide enough to know the orders around."""
        timelines = self.env["mes.timeline"].effective(machines, start, end, now)
        return {wc: kpi.changeovers(slices) for wc, slices in timelines.items()}

    def _is_on(self, one: kpi.Changeover, now: int) -> bool:
        """Whether a changeover without an end still goes on: set-up that was given up long ago does not."""
        return now - one.start < DAY_MS

    def _judged(self, found: Iterable[tuple[int, kpi.Changeover]]) -> list[Change]:
        """Each changeover with its target; a fixed number of statements."""
        found = list(found)
        # Categories of products and places of machines are compared, nothing of them is told.
        machines = self.env["mrp.workcenter"].sudo().browse({wc for wc, _one in found})
        products = self.env["product.product"].sudo().browse(
            {product for _wc, one in found for product in (one.before, one.after) if product}
        )  # fmt: skip
        categories = {product.id: _path(product.categ_id) for product in products}
        places = {machine.id: _places(machine) for machine in machines}
        companies = {machine.id: machine.company_id.id for machine in machines}
        targets = self.env["mes.changeover.target"]._of_companies(set(companies.values()))
        judged = []
        for wc, one in found:
            asked = kpi.Asked(
                one.before, categories.get(one.before, ()), one.after, categories.get(one.after, ()), places[wc]
            )
            best = kpi.best(targets.get(companies[wc], ()), asked)
            judged.append(Change(wc, one, best.ms if best else None))
        return judged

    def _next_products(self, workcenter_ids: Iterable[int]) -> dict[int, int]:
        """What each machine (or its line) is to make next: the product of the first work order that waits there."""
        # The next order's product is on the work sheet anyway; operators may have no right on orders.
        machines = self.env["mrp.workcenter"].sudo().browse(workcenter_ids)
        waiting = self.env["mrp.workorder"].sudo().search(
            [
                ("workcenter_id", "in", (machines | machines.mes_line_id).ids),
                ("state", "in", ("ready", "progress")),
            ],
            order="date_start, sequence, id",
        )  # fmt: skip
        first: dict[int, int] = {}
        for order in waiting:
            first.setdefault(order.workcenter_id.id, order.product_id.id)
        found = {machine.id: first.get(machine.id) or first.get(machine.mes_line_id.id) for machine in machines}
        return {wc: product for wc, product in found.items() if product}

    def _names(self, changes: Iterable[Change]) -> dict[int | None, dict[str, Any]]:
        """Products by id, for people; their names stand on the work sheet, whatever rights on products."""
        ids = {product for _wc, one, _target in changes for product in (one.before, one.after) if product}
        return {p.id: {"id": p.id, "name": p.display_name} for p in self.env["product.product"].sudo().browse(ids)}

    @api.model
    @api.readonly
    def list(self, scope, start: int, end: int) -> list[dict[str, Any]]:
        """The changeovers that began in [start, end) ms, in order of time.

        ``scope``: sites, areas, a line, work centers, or ``[model, ids]``. Each is ``{machine, from, to, start, end,
        setup_ms, target_ms, over_ms}``; machine, from and to are ``{id, name}``, ``end`` None while it goes on,
        ``over_ms`` below 0 is under the target, None without one.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: the span is longer than half a year: it is read from facts.
        """
        self.env["mes.screen"]._check_time(start, end)
        if end - start > LONGEST_MS:
            raise UserError(self.env._("Changeovers are told of at most half a year: choose a shorter span."))
        ids = self.env["mes.oee"]._scope(self.env["mes.oee"]._scope_records(scope)).workcenter_ids
        machines = self.env["mrp.workcenter"].with_context(active_test=False).browse(ids)
        now = self.env["mes.clock"].now_ms()
        found = self._changeovers(machines, start - LOOK_AROUND_MS, min(end + LOOK_AROUND_MS, now), now)
        changes = self._judged((wc, one) for wc, all_ in found.items() for one in all_ if start <= one.start < end)
        names = self._names(changes)
        machine_names = {machine.id: machine.name for machine in machines}
        return [
            {
                "machine": {"id": wc, "name": machine_names[wc]},
                "from": names.get(one.before),
                "to": names.get(one.after),
                "start": one.start,
                "end": one.end,
                "setup_ms": one.setup_ms,
                "target_ms": target,
                "over_ms": None if target is None else one.setup_ms - target,
            }
            for wc, one, target in sorted(changes, key=lambda change: (change[1].start, change[0]))
        ]


def _towards(one: kpi.Changeover, product: int | None) -> kpi.Changeover:
    """The same, towards a product that has not begun yet."""
    return kpi.Changeover(one.start, one.end, one.setup_ms, one.before, product)


def _path(category) -> tuple[int, ...]:
    """The category and those above it, the narrowest first."""
    return tuple(int(part) for part in reversed((category.parent_path or "").split("/")) if part)


def _places(machine) -> tuple[tuple[int, int], ...]:
    """The machine, its line and its class, each with how narrow it is; a line itself is its own machine too."""
    known = [(MACHINE, machine.id), (LINE, machine.mes_line_id.id or machine.id), (CLASS, machine.mes_class_id.id)]
    return tuple((rank, id_) for rank, id_ in known if id_)
