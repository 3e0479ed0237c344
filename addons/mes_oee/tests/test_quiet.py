from datetime import timedelta
from operator import add
from unittest.mock import patch

from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    feed_evidence,
    feed_states,
    make_area,
    make_line,
    make_run,
    make_shift_pattern,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from .. import kpi
from ..models import mes_oee_quiet
from ..models.mes_oee_store import _values
from ..tools.grouping import live_key
from ..tools.levels import FIGURES, REASONS
from .common import OeeCase

START = MONDAY - DAY - 20 * MINUTE
END = MONDAY + 2 * DAY + 10 * MINUTE


@tagged("post_install", "-at_install")
class TestQuiet(OeeCase):
    """Time before a machine's first fact is computed once for all that are alike, and is what the engine says."""

    def setUp(self):
        """Machines without facts, with young ones, with an order, with a word and with a move; two calendars."""
        super().setUp()
        make_shift_pattern(self.env, self.site, [("E", 6, 14, [(9, 30)]), ("N", 22, 6)])
        area = make_area(self.env, self.site, "A9")
        make_shift_pattern(self.env, area, [("D", 7, 19)])
        line = make_line(self.env, area, "L9")
        make = make_work_center
        self.alike = [make(self.env, self.area, f"Q{n}") for n in range(3)] + [make(self.env, area, "Q9", line)]
        ordered, told, moved, young = (make(self.env, self.area, f"R{n}") for n in range(4))
        make_run(self.env, ordered, self.product, MONDAY + HOUR, MONDAY + 9 * HOUR)
        self.env["mes.state.override"].record(
            told.id, clock.from_ms(MONDAY), clock.from_ms(MONDAY + HOUR), state="down"
        )
        self.env["mes.placement"].create(
            {"workcenter_id": moved.id, "date_from": clock.from_ms(MONDAY) + timedelta(hours=9), "area_id": area.id}
        )
        feed_evidence(self.env, young, [(MONDAY + DAY, END)])
        feed_states(self.env, young, [(MONDAY + DAY + 5 * MINUTE, "running")])
        set_ideal_cycle(self.env, self.alike[0], 2, from_ms=MONDAY + 90 * MINUTE)
        self.everyone = self.env["mrp.workcenter"].union(*self.alike, ordered, told, moved, young)
        self.at(END)
        self.everyone = self.everyone.with_env(self.env)

    def engine_sums(self, cube, by):
        """The engine's rows of every machine by key, on the plain road."""
        engine, now = self.env["mes.oee.engine"], self.env["mes.clock"].now_ms()
        make = engine._rows if cube is FIGURES else engine._reason_rows
        found = {}
        for row in make(dict.fromkeys(self.everyone.ids, (START, END)), now):
            key, values = live_key(row, by), _values(row)
            found[key] = tuple(map(add, found[key], values)) if key in found else values
        return found

    def test_the_same_as_the_engine(self):
        """By machine, shift, hour and place, in both cubes; and without the machines."""
        for cube, by in (
            (FIGURES, ("machine", "shift", "hour", "area", "line")),
            (FIGURES, ("day", "machine", "crew")),
            (FIGURES, ("shift_name",)),
            (REASONS, ("machine", "bucket", "reason", "day", "run")),
            (REASONS, ("bucket",)),
        ):
            scope = self.env["mes.oee"]._scope(self.everyone)
            answer = self.env["mes.oee"]._parted(cube, scope, START, END, by, None, None)
            self.assertEqual(answer.sums, self.engine_sums(cube, by), by)

    def test_what_holds_for_them_is_computed_once(self):
        """One timeline for each calendar and place, however many machines; the others are the engine's."""
        with patch.object(mes_oee_quiet, "build", wraps=mes_oee_quiet.build) as built:
            parts = self.env["mes.oee"].figures(self.everyone, START, END, ("machine",), registry=kpi.Registry())
        self.assertEqual(len(parts), len(self.everyone))
        self.assertEqual(built.call_count, 3, "two places, and the young machine's time before its first fact")

    def test_a_change_of_the_ideal_cycle_parts_them(self):
        """Losses are asked for in parts: none of the time gets lost."""
        for one in self.env["mes.oee.losses"].waterfall(self.everyone, START, END, by=("machine",)):
            self.assertEqual(one.calendar_ms, END - START)
            self.assertEqual(sum(step.ms for step in one.lost), END - START)
