from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import bulk, clock
from odoo.tools import SQL

from ..kpi.totals import NAMES
from ..tools.levels import FIGURES
from ..tools.scope import Scope
from .mes_oee_store import Question

TOTAL = NAMES.index("total")
PLACES = ("site", "area", "line", "machine")
OF_ORDERS = frozenset({*PLACES, "run", "order", "product"})

Dates = tuple[date, date] | None
Elements = dict[tuple, dict[str, Fraction | int]]


class Stay(NamedTuple):
    """A run on a machine, own or its line's, while the machine stood there; ms."""

    machine: int
    line: int | None
    area: int | None
    site: int | None
    run: int
    order: int
    product: int | None
    start: int
    end: int

    @property
    def production(self) -> int | None:
        """The manufacturing order."""
        return self.order if self.order > 0 else None


class MesOee(models.AbstractModel):
    """What figures need beyond a machine's own time and pieces: elements that orders and settings know."""

    _inherit = "mes.oee"

    @api.private
    def _more(
        self,
        scope: Scope,
        start: int,
        end: int,
        by: Sequence[str] = (),
        dates: Dates = None,
        wanted: frozenset[str] = frozenset(),
        live: bool = True,
    ) -> Elements:
        """Elements by key, for the indicators that are asked for: where another room hands in its own.

        It registers a ``kpi.Kpi`` with its ``inputs``, extends this method and adds its elements to what
        ``super()`` gives. ``scope`` are the machines, ``start`` to ``end`` ms at most up to now, a key has one value
        for each name of ``by``. ``wanted``: the elements that some formula asks for; compute no others. ``live`` as
        in :meth:`figures`. What is missing makes a figure refused, never wrong. Times are milliseconds.
        """
        found: Elements = {}
        if "AOET" in wanted and not dates and OF_ORDERS.issuperset(by):
            _merge(found, "AOET", self._order_execution(scope, start, end, by))
        if "PSQ" in wanted:
            _merge(found, "PSQ", self._planned_scrap(scope, start, end, by, dates, live))
        if "PQ1" in wanted:
            _merge(found, "PQ1", self._first_operation(scope, start, end, by, dates, live))
        return found

    @api.private
    def _refusal_text(self, code: str) -> str:
        """Why the engine gives no figure, for people."""
        said = {
            "no_order_ran": self.env._("no order ran in this span"),
            "no_failure": self.env._("no failure began in this span"),
            "no_maintenance": self.env._("there was neither a repair nor planned maintenance in this span"),
            "no_planned_scrap": self.env._("no planned scrap is set for these products or machines"),
            "nothing_begun": self.env._("no piece was counted at the first operation"),
        }
        return said.get(code) or super()._refusal_text(code)

    # -- AOET: order execution time ---------------------------------------------------------------------

    def _order_execution(self, scope: Scope, start: int, end: int, by: Sequence[str]) -> dict[tuple, int]:
        """AOET of each key: of every order that ran there, from its first run's start to its last one's end
        (or now), wherever those runs were; as far as that lies in the span. Grouped by run: the run itself.
        """
        stays = self._stays(scope, start, end)
        spans = self._executions({stay.order for stay in stays})
        per_run = "run" in by
        orders: dict[tuple, dict[int, tuple[int, int]]] = {(): {}} if not by else {}
        for stay in stays:
            mine = orders.setdefault(tuple(getattr(stay, _FIELD[name]) for name in by), {})
            if per_run:
                mine[stay.run] = (stay.start, stay.end)
            else:
                mine[stay.order] = spans[stay.order]
        return {
            key: sum(max(0, min(until, end) - max(since, start)) for since, until in mine.values())
            for key, mine in orders.items()
        }

    def _stays(self, scope: Scope, start: int, end: int) -> list[Stay]:
        """The runs on the scope's machines, own or inherited, that touch the span."""
        self.env["mes.order.run"].flush_model()
        self.env["mes.placement"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH stood AS (
                    SELECT workcenter_id, line_id, area_id,
                           CASE WHEN lag(id) OVER machine IS NULL THEN '-infinity' ELSE date_from END AS since,
                           COALESCE(lead(date_from) OVER machine, 'infinity') AS upto
                      FROM mes_placement WHERE workcenter_id = ANY(%(ids)s::int4[])
                    WINDOW machine AS (PARTITION BY workcenter_id ORDER BY date_from))
                SELECT p.machine, p.line_id, p.area_id, a.site_id, p.run, p.ord, p.product_id, %(from)s, %(until)s
                  FROM (SELECT t.workcenter_id AS machine, t.line_id, t.area_id, o.id AS run, o.product_id,
                               COALESCE(o.production_id, -o.id) AS ord, GREATEST(o.at_from, t.since) AS at_from,
                               LEAST(COALESCE(o.at_until, %(now)s), t.upto) AS at_until
                          FROM stood t JOIN mes_order_run o ON o.workcenter_id IN (t.workcenter_id, t.line_id)) p
                  LEFT JOIN mes_area a ON a.id = p.area_id
                 WHERE p.at_from < %(end)s AND p.at_until > %(start)s AND p.at_until > p.at_from AND %(where)s
                """,
                ids=bulk.int_array(scope.workcenter_ids),
                **{"from": bulk.millis("p.at_from")},
                until=bulk.millis("p.at_until"),
                now=self.env["mes.clock"].now(),
                start=clock.from_ms(start),
                end=clock.from_ms(end),
                where=SQL("%s = ANY(%s)", SQL.identifier(*_PLACE[scope.place]), list(scope.place_ids))
                if scope.place
                else SQL("TRUE"),
            )
        )
        return [Stay(*row) for row in self.env.cr.fetchall()]

    def _executions(self, orders: Iterable[int]) -> dict[int, tuple[int, int]]:
        """From when to when each order ran, wherever; a negative id is a run without a manufacturing order."""
        self.env.cr.execute(
            SQL(
                """
                SELECT ord, %(from)s, %(until)s FROM (
                    SELECT COALESCE(production_id, -id) AS ord, min(at_from) AS at_from,
                           max(COALESCE(at_until, %(now)s)) AS at_until
                      FROM mes_order_run
                     WHERE production_id = ANY(%(ids)s::int4[])
                        OR (production_id IS NULL AND -id = ANY(%(ids)s::int4[]))
                     GROUP BY 1) p
                """,
                **{"from": bulk.millis("p.at_from")},
                until=bulk.millis("p.at_until"),
                now=self.env["mes.clock"].now(),
                ids=bulk.int_array(orders),
            )
        )
        return {order: (since, until) for order, since, until in self.env.cr.fetchall()}

    # -- PSQ: planned scrap -----------------------------------------------------------------------------

    def _planned_scrap(
        self, scope: Scope, start: int, end: int, by: Sequence[str], dates: Dates, live: bool
    ) -> dict[tuple, Fraction]:
        """PSQ of each key: Σ pieces × planned scrap of their product, or else of the machine."""
        asked = [*by, *(name for name in ("machine", "product") if name not in by)]
        machine_at, product_at = asked.index("machine"), asked.index("product")
        sums = self._pieces_by(scope, start, end, asked, dates, live)
        # Only the planned percentages are read.
        products = self.env["product.product"].sudo().browse({key[product_at] for key in sums if key[product_at]})
        machines = self.env["mrp.workcenter"].sudo().browse({key[machine_at] for key in sums})
        of_product = {one.id: one.mes_planned_scrap for one in products}
        of_machine = {one.id: one.mes_planned_scrap for one in machines}
        found: dict[tuple, Fraction] = {}
        for key, pieces in sums.items():
            percent = of_product.get(key[product_at]) or of_machine[key[machine_at]] or 0.0
            whole = found.get(key[: len(by)], Fraction(0))
            found[key[: len(by)]] = whole + pieces * Fraction(repr(percent)) / 100
        return found

    def _pieces_by(
        self, scope: Scope, start: int, end: int, by: Sequence[str], dates: Dates, live: bool
    ) -> dict[tuple, int]:
        """Pieces by key, from the store that every figure comes from."""
        question = Question(FIGURES, scope, start, end, tuple(by), dates)
        sums = self.env["mes.oee.store"]._sums(question, self.env["mes.clock"].now_ms(), live).sums
        return {key: values[TOTAL] for key, values in sums.items()}

    # -- PQ1: pieces of the first operation -------------------------------------------------------------

    def _first_operation(
        self, scope: Scope, start: int, end: int, by: Sequence[str], dates: Dates, live: bool
    ) -> dict[tuple, int]:
        """PQ of the first operation of the orders that ran under each key.

        Of an order on a line that is the line's first unit, else the machine of the order's first work order.
        """
        asked = [*by, *(["run"] if "run" not in by else [])]
        run_at = asked.index("run")
        ran = self._pieces_by(scope, start, end, asked, dates, live)
        orders, firsts = self._first_machines(key[run_at] for key in ran if key[run_at])
        apart = [name for name in by if name not in (*PLACES, "run")]
        wide = Scope(sorted(set(firsts.values())), method="sums")
        begun: dict[tuple, int] = {}
        counted = self._pieces_by(wide, start, end, [*apart, "machine", "run"], dates, live)
        for key, pieces in counted.items():
            *rest, machine, run = key
            if run and firsts.get(orders.get(run)) == machine:
                place = (*rest, orders[run])
                begun[place] = begun.get(place, 0) + pieces
        there: dict[tuple, set[tuple]] = {}
        for key in ran:
            rest = tuple(value for name, value in zip(by, key, strict=False) if name in apart)
            mine = there.setdefault(key[: len(by)], set())
            if key[run_at]:
                mine.add((*rest, orders[key[run_at]]))
        return {key: sum(begun.get(place, 0) for place in places) for key, places in there.items()}

    def _first_machines(self, run_ids: Iterable[int]) -> tuple[dict[int, int], dict[int, int]]:
        """The order of each run (and of every other run of those orders), and the first machine of each order."""
        # The sequence of operations is read, of orders whose figures the user may read.
        runs = self.env["mes.order.run"].sudo().browse(sorted(set(run_ids)))
        every = runs | runs.search([("production_id", "in", runs.production_id.ids)])
        orders = {run.id: run.production_id.id or -run.id for run in every}
        firsts = {}
        for run in runs:
            operations = run.production_id.workorder_ids.sorted(lambda one: (one.sequence, one.id))
            first = operations[:1].workcenter_id or run.workcenter_id
            units = first.mes_unit_ids.sorted(lambda one: (one.sequence, one.id))
            firsts[orders[run.id]] = (units[:1] if first.mes_level == "line" else first).id
        return orders, firsts


_FIELD = {name: name for name in (*PLACES, "run", "product")} | {"order": "production"}
_PLACE = {"line_id": ("p", "line_id"), "area_id": ("p", "area_id"), "site_id": ("a", "site_id")}


def _merge(found: Elements, name: str, values: Mapping[tuple, Any]) -> None:
    """Add an element's values to what is known of their keys."""
    for key, value in values.items():
        found.setdefault(key, {})[name] = value
