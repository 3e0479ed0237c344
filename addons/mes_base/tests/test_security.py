"""Nothing a limited user can call reads or writes outside its company and role (invariant 8)."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..tools import clock
from .common import (
    HOUR,
    MONDAY,
    MesCase,
    feed_counts,
    feed_evidence,
    feed_states,
    make_area,
    make_company,
    make_line,
    make_reason,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
    set_ideal_cycle,
)  # fmt: skip

FACTS = (
    "mes.state.point", "mes.evidence.span", "mes.count.point", "mes.equipment.live", "mes.dirty.span",
    "mes.late.fact", "mes.stop", "mes.state.override", "mes.order.run",
)  # fmt: skip
MASTER = (
    "mes.site", "mes.area", "mes.placement", "mes.shift.pattern", "mes.shift", "mes.shift.break",
    "mes.shift.assignment", "mes.shift.exception", "mes.ideal.cycle", "mes.counter", "mes.period.lock",
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestSecurity(MesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fill(cls.machine)
        cls.other = make_company(cls.env)
        area = make_area(cls.env, make_site(cls.env, "FOREIGN", company=cls.other))
        cls.foreign = make_work_center(cls.env, area, line=make_line(cls.env, area))
        cls.fill(cls.foreign)
        cls.users = {role: make_user(cls.env, role) for role in ("operator", "supervisor", "engineer", "gateway")}

    @classmethod
    def fill(cls, machine):
        """One row of every fact and master record of a machine."""
        env, site = cls.env, machine.mes_site_id
        pattern = make_shift_pattern(env, site, [("D", 6, 14, [(9, 15)])])
        env["mes.shift.exception"].create(
            {"name": "x", "date": "2026-03-02", "site_id": site.id, "company_id": site.company_id.id}
        )
        set_ideal_cycle(env, machine, 1)
        feed_states(env, machine, [(MONDAY, "running"), (MONDAY + HOUR, "down")])
        feed_counts(env, machine, [(MONDAY, 1)])
        feed_evidence(env, machine, [(MONDAY, MONDAY + 2 * HOUR)])
        env["mes.equipment.live"].create({"workcenter_id": machine.id, "company_id": machine.company_id.id})
        env["mes.order.run"].create(
            {"workcenter_id": machine.id, "product_id": cls.product.id, "at_from": clock.from_ms(MONDAY)}
        )
        reason = make_reason(env, "Jam")
        env["mes.state.override"].record(machine.id, clock.from_ms(MONDAY), loss_id=reason.id)
        env["mes.stop"].create(
            {
                "workcenter_id": machine.id,
                "company_id": machine.company_id.id,
                "at_from": clock.from_ms(MONDAY),
                "seen_until": clock.from_ms(MONDAY + 1),
            }
        )
        lock = env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY), "company_id": machine.company_id.id})
        feed_states(env, machine, [(MONDAY - HOUR, "down")])
        assert pattern and lock

    def test_every_record_of_the_own_company_is_seen_and_no_other(self):
        """The company rule holds on every model."""
        for name in (*FACTS, *MASTER):
            for role in ("operator", "supervisor", "engineer"):
                with self.subTest(model=name, role=role):
                    model = self.env[name].with_user(self.users[role]).with_company(self.env.company)
                    companies = model.search([]).sudo().company_id
                    self.assertEqual(companies, self.env.company)
                    foreign = model.sudo().search([("company_id", "=", self.other.id)], limit=1)
                    self.assertTrue(foreign)
                    with self.assertRaises(AccessError):
                        foreign.with_user(self.users[role]).read(["company_id"])

    def test_nobody_writes_machine_facts_by_hand(self):
        """Points, evidence, live values, marks, stops and late facts have no door but the writer."""
        for name in FACTS[:7]:
            for role in ("operator", "supervisor", "engineer", "gateway"):
                record = self.env[name].search([("company_id", "=", self.env.company.id)], limit=1)
                record = record.with_user(self.users[role])
                with self.subTest(model=name, role=role):
                    with self.assertRaises(AccessError):
                        record.write({"company_id": self.env.company.id})
                    with self.assertRaises(AccessError):
                        record.unlink()
                    with self.assertRaises(AccessError):
                        record.create({"workcenter_id": self.machine.id})

    def test_operators_keep_no_master_data(self):
        """Plant, calendar, counters and cycles are the engineers'."""
        for name in MASTER:
            record = self.env[name].search([("company_id", "=", self.env.company.id)], limit=1)
            with self.subTest(model=name), self.assertRaises(AccessError):
                record.with_user(self.users["operator"]).check_access("write")

    def test_gateway_user_sees_nothing_of_its_own_accord(self):
        """The gateway's group opens no model and makes no internal user."""
        gateway = self.users["gateway"]
        self.assertFalse(gateway.has_group("base.group_user"))
        for name in (*FACTS, *MASTER, "mrp.workcenter", "res.partner"):
            with self.subTest(model=name), self.assertRaises(AccessError):
                self.env[name].with_user(gateway).search([], limit=1)

    def test_writers_are_closed_to_rpc(self):
        """What moves facts, marks and clocks is private: no client can call it."""
        for name, methods in {
            "mes.fact.writer": ("write_facts", "write_states", "write_counts", "write_evidence", "write_live",
                                "lock_machines", "heads"),
            "mes.timeline": ("effective", "timelines", "histories", "load"),
            "mes.calendar": ("shifts", "versions", "zones"),
            "mes.clock": ("now_ms", "now"),
        }.items():  # fmt: skip
            for method in methods:
                with self.subTest(model=name, method=method):
                    self.assertTrue(getattr(getattr(type(self.env[name]), method), "_api_private", False))

    def test_other_companies_stops_cannot_be_explained(self):
        """An operator's word reaches only the own company's machines."""
        stop = self.env["mes.stop"].search([("workcenter_id", "=", self.foreign.id)], limit=1)
        reason = make_reason(self.env, "Mine")
        with self.assertRaises(AccessError):
            stop.with_user(self.users["operator"]).explain(reason.id)
        with self.assertRaises(AccessError):
            self.env["mes.state.override"].with_user(self.users["operator"]).record(
                self.foreign.id, "2026-03-05 10:00:00", loss_id=reason.id
            )

    def test_reasons_of_other_companies_are_hidden(self):
        """A company's own reason is its own, a common one everybody's."""
        hidden = make_reason(self.env, "Theirs", company_id=self.other.id)
        common = make_reason(self.env, "Common")
        seen = self.env["mrp.workcenter.productivity.loss"].with_user(self.users["operator"]).search([])
        self.assertIn(common, seen)
        self.assertNotIn(hidden, seen)
