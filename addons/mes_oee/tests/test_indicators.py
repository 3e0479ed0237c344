from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    feed_counts,
    feed_evidence,
    feed_states,
    make_reason,
    make_run,
    make_work_center,
    make_workorder,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .. import kpi
from .common import OeeCase
from .eight_hours import eight_hours

END = MONDAY + 8 * HOUR
APT = 23_370_000


@tagged("post_install", "-at_install")
class TestIndicators(OeeCase):
    """The indicators whose inputs are orders, failures, maintenance and settings, through the service."""

    def setUp(self):
        """See eight_hours; it is 09:00."""
        super().setUp()
        eight_hours(self)
        self.at(MONDAY + 9 * HOUR)

    def value(self, key, scope=None, start=MONDAY, end=END):
        figure = self.figures(start, end, scope)[key]
        return figure.refusal or figure.value

    # -- failures and maintenance --------------------------------------------------------------------

    def test_failures(self):
        """31 to 33: production time by failures (and one more), time of failures by failures."""
        self.assertEqual(self.value("mtbf"), APT)
        self.assertEqual(self.value("mttf"), Fraction(APT, 2))
        self.assertEqual(self.value("mttr"), HOUR)

    def test_a_reason_that_becomes_a_failure_counts_from_the_start(self):
        """The flag decides, for rows that are made already as well."""
        self.refresh()
        self.reason.mes_failure = False
        self.refresh()
        self.assertEqual(self.value("mtbf"), "no_failure")
        self.assertEqual(self.value("mttf"), APT)
        self.reason.mes_failure = True
        self.refresh()
        self.assertEqual(self.value("mtbf"), APT)
        self.assertEqual(self.rows(), self.rebuilt())

    def test_a_persons_reason_beats_the_code(self):
        """What a person says was no failure is none; half of the stop explained is half of its time."""
        other = make_reason(self.env, "No material")
        self.env["mes.state.override"].record(
            self.machine.id,
            clock.from_ms(MONDAY + 2 * HOUR + 30 * MINUTE),
            clock.from_ms(MONDAY + 3 * HOUR),
            loss_id=other.id,
        )
        self.assertEqual(self.value("mttr"), 30 * MINUTE)

    def test_corrective_maintenance(self):
        """34: repair by repair and planned maintenance, by the mode or by a reason that says so."""
        self.assertEqual(self.value("corrective_maintenance"), 1)
        service = make_reason(self.env, "Service", mes_planned=True, mes_maintenance=True)
        self.env["mes.state.override"].record(
            self.machine.id, clock.from_ms(MONDAY + 5 * HOUR), clock.from_ms(MONDAY + 7 * HOUR), loss_id=service.id
        )
        self.assertEqual(self.value("corrective_maintenance"), Fraction(1, 3))
        feed_states(
            self.env, self.machine, [(MONDAY + 7 * HOUR, "maintenance"), (END, "production")], lane="mode", seq=100
        )
        self.assertEqual(self.value("corrective_maintenance"), Fraction(1, 4))

    def test_maintenance_is_planned(self):
        """A reason that is planned maintenance is planned."""
        with self.assertRaisesRegex(ValidationError, "planned"):
            make_reason(self.env, "Service", mes_maintenance=True)

    # -- orders --------------------------------------------------------------------------------------

    def test_order_execution_time(self):
        """2, 3, 13: of every order that ran, from its first run's start to its last one's end, in the span."""
        self.assertEqual(self.value("throughput"), Fraction(10_300, 8 * HOUR))
        self.assertEqual(self.value("production_process"), Fraction(APT, 8 * HOUR))
        self.assertEqual(self.value("allocation", end=MONDAY + 4 * HOUR), 1)
        make_run(self.env, self.machine, self.product, END, END + HOUR)
        self.assertEqual(self.value("throughput", end=END + HOUR), Fraction(10_300, 9 * HOUR))

    def test_order_execution_goes_over_machines(self):
        """An order that ran elsewhere before was in execution all the while; each order has its own."""
        first = make_workorder(self.env, self.machine, self.product)
        self.run.production_id = first.production_id
        other = make_work_center(self.env, self.area, "M2")
        make_run(
            self.env, other, self.product, END, END + HOUR, production_id=first.production_id.id
        )
        end = END + HOUR
        self.at(end)
        by_order = self.env["mes.oee"].figures(self.machine, MONDAY, end, by=("order",))
        found = {part.key[0]: part.figures["throughput"] for part in by_order}
        self.assertEqual(found[first.production_id.id].inputs["AOET"], 9 * HOUR)
        alone = self.env["mes.oee"].figures(self.machine, MONDAY, end, by=("run",))
        self.assertEqual({p.key[0]: p.figures["throughput"].inputs.get("AOET") for p in alone}[self.run.id], 8 * HOUR)

    def test_without_an_order(self):
        """V10 seen by these: no order ran, so they are refused and say why."""
        self.run.unlink()
        self.assertEqual(self.value("throughput"), "no_order_ran")
        self.assertEqual(self.env["mes.oee"]._refusal_text("no_order_ran"), "no order ran in this span")

    # -- scrap, load, first operation ----------------------------------------------------------------

    def test_planned_scrap(self):
        """14: by the product's percentage, else the machine's; refused while there is none."""
        self.assertEqual(self.value("planned_scrap"), "no_planned_scrap")
        self.machine.mes_planned_scrap = 1.0
        self.assertEqual(self.value("planned_scrap"), Fraction(130, 103))
        self.product.mes_planned_scrap = 2.5
        self.assertEqual(self.value("planned_scrap"), Fraction(130) / (10_300 * Fraction(25, 1000)))

    def test_equipment_load(self):
        """30: pieces by what shift time had room for at the ideal cycle: 28 800 s by 2 s."""
        self.assertEqual(self.value("equipment_load"), Fraction(10_300, 14_400))

    def test_fall_off(self):
        """18: rejects of the line by pieces of its first unit; of a later unit too."""
        last = make_work_center(self.env, self.area, "M2", line=self.line, sequence=9)
        self.run.workcenter_id = self.line
        self.machine.sequence = 1
        set_ideal_cycle(self.env, last, 2.0)
        feed_evidence(self.env, last, [(MONDAY, END)])
        feed_states(self.env, last, [(MONDAY, "running")])
        feed_counts(self.env, last, [(MONDAY, 0), (END, 10_000)])
        feed_counts(self.env, last, [(MONDAY, 0), (END, 70)], "reject")
        self.assertEqual(self.value("fall_off", self.line), Fraction(200, 10_300))
        self.assertEqual(self.value("fall_off", last), Fraction(70, 10_300))
        self.assertEqual(self.value("fall_off"), Fraction(130, 10_300))

    # -- the seam ------------------------------------------------------------------------------------

    def test_another_room_adds_an_indicator(self):
        """It registers a formula and hands over elements by key, only for whoever asks for them."""
        own = kpi.Kpi("rework", 17, "RQ / PQ", kpi.ratio("RQ", "PQ"), inputs=("RQ", "PQ"))
        registry = kpi.Registry()
        registry.register(own)
        asked = []

        def more(service, scope, start, end, by=(), dates=None, wanted=frozenset(), live=True):
            asked.append((scope.workcenter_ids, wanted))
            return {(self.machine.id,): {"RQ": 103}}

        self.patch(type(self.env["mes.oee"]), "_more", more)
        (part,) = self.env["mes.oee"].figures(self.machine, MONDAY, END, by=("machine",), registry=registry)
        self.assertEqual(part.figures["rework"].value, Fraction(1, 100))
        self.assertEqual(asked, [([self.machine.id], frozenset({"RQ", "PQ"}))])

    def test_every_indicator_has_a_value_or_a_sentence(self):
        """Whatever is asked, no figure is silent."""
        for figure in self.figures(MONDAY, END).values():
            with self.subTest(figure.key):
                self.assertTrue(figure.value is not None or self.env["mes.oee"]._refusal_text(figure.refusal))
