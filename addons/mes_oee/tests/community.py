"""Community's figure, ours, and the truth side by side: the same hours told to both.

Community knows time logs (``mrp.workcenter.productivity``) of a work center, we know facts of a machine; each of
the tests ``test_community_*`` tells both what happened and compares their answers with what a person with a
stopwatch would say. The wall clock is frozen, because Community asks it.
"""

from fractions import Fraction

from freezegun import freeze_time
from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MONDAY,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_run,
    make_shift_pattern,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock

from .common import OeeCase

PRODUCTIVE, FAILURE = "mrp.block_reason7", "mrp.block_reason1"


class CommunityCase(OeeCase):
    """A machine with facts, and a work center of Community's with time logs, on the Tuesday, 12:00 UTC."""

    START = MONDAY + DAY
    NOW = START + 12 * HOUR

    def setUp(self):
        super().setUp()
        frozen = freeze_time(clock.from_ms(self.NOW))
        frozen.start()
        self.addCleanup(frozen.stop)
        self.at(self.NOW)
        self.community = self.env["mrp.workcenter"].create(
            {"name": "Community", "resource_calendar_id": False, "company_id": self.env.company.id}
        )

    def log(self, start, end=None, loss=PRODUCTIVE, **values):
        """A time log of Community's in ms, end None: still open."""
        return self.env["mrp.workcenter.productivity"].create(
            {
                "workcenter_id": self.community.id,
                "loss_id": self.env.ref(loss).id,
                "date_start": clock.from_ms(start),
                "date_end": clock.from_ms(end) if end is not None else False,
                **values,
            }
        )

    def facts(self, states, start, end, made=0, rejects=0, ideal=1.0, shifts=(("D", 0, 24),)):
        """What the machine told: change points, watched and with an order over the whole span."""
        make_shift_pattern(self.env, self.site, shifts)
        set_ideal_cycle(self.env, self.machine, ideal)
        feed_evidence(self.env, self.machine, [(start, end)])
        make_run(self.env, self.machine, self.product, start, end)
        feed_states(self.env, self.machine, states)
        feed_counts(self.env, self.machine, [(start, 0), (end, made)])
        feed_counts(self.env, self.machine, [(start, 0), (end, rejects)], "reject")

    def community_oee(self):
        """Community's OEE of the last month, in percent."""
        self.community.invalidate_recordset()
        return self.community.oee

    def ours(self, key, start, end):
        """Our figure over the span: an exact fraction."""
        figure = at_time(self.env["mes.oee"], self.NOW).figures(self.machine, start, end)[0].figures[key]
        self.assertIsNone(figure.refusal)
        return Fraction(figure.value)
