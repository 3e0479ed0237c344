"""A stop calls maintenance: by a person or by its reason, once, and the link follows the stop."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import DAY, MINUTE, MONDAY, at_time, make_company, make_reason
from .test_stop_words import WordCase


@tagged("post_install", "-at_install")
class TestStopMaintenance(WordCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.team = cls.env["maintenance.team"].create({"name": "Mechanics", "company_id": cls.env.company.id})
        cls.equipment = cls.env["maintenance.equipment"].create(
            {"name": "Filler 7", "mes_workcenter_id": cls.machine.id, "maintenance_team_id": cls.team.id}
        )
        cls.calling = make_reason(cls.env, "Gearbox", mes_failure=True, mes_raise_maintenance=True, mes_code="G1")

    def requests(self):
        """All requests that came from stops."""
        return self.env["maintenance.request"].search([("mes_stop_id", "!=", False)])

    def test_operator_raises_one_request(self):
        """On the machine's equipment, with what is known; twice is once; the operator may read it."""
        stop = self.one(2800, None).with_user(self.anna)
        request = self.env["maintenance.request"].browse(stop.raise_maintenance("It smokes"))
        self.assertEqual(stop.raise_maintenance("again"), request.id)
        self.assertEqual(stop.with_user(self.ben).raise_maintenance(), request.id)
        self.assertEqual(
            (request.equipment_id, request.maintenance_team_id, request.maintenance_type),
            (self.equipment, self.team, "corrective"),
        )
        self.assertIn(self.anna.partner_id, request.message_partner_ids)
        self.assertEqual((request.mes_stop_id, request.mes_workcenter_id), (stop, self.machine))
        self.assertIn("17", request.name)
        self.assertIn("It smokes", request.description)
        self.assertEqual(request.with_user(self.anna).name, request.name)
        told = stop.with_user(self.ben).words()[0]["maintenance"]
        self.assertEqual((told["id"], told["done"]), (request.id, False))
        request.archive_equipment_request()
        self.assertNotEqual(stop.raise_maintenance(), request.id, "a cancelled one leaves the way free")

    def test_machine_without_equipment_is_named(self):
        """Nothing to link, but maintenance hears of it; without a team the mend is said."""
        self.equipment.mes_workcenter_id = False
        stop = self.one(2800, None).with_user(self.anna)
        request = self.env["maintenance.request"].browse(stop.raise_maintenance())
        self.assertFalse(request.equipment_id)
        self.assertIn(self.machine.mes_code, request.description)
        request.archive_equipment_request()
        self.env["maintenance.equipment"].search([]).maintenance_team_id = False
        self.env.cr.execute("UPDATE maintenance_team SET company_id = %s", [make_company(self.env).id])
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "no maintenance team"):
            stop.raise_maintenance()

    def test_a_persons_reason_calls(self):
        """A flagged reason raises the request when the stop is folded, under that person's name; once."""
        stop = self.one(2800, 2820)
        self.assertFalse(self.requests())
        stop.with_user(self.anna).explain(self.calling.id)
        self.fold()
        self.assertEqual(self.requests().mes_stop_id, stop)
        self.assertIn(self.anna.partner_id, self.requests().message_partner_ids)
        self.env["mes.stop"]._fold({self.machine.id: [(0, None)]})
        self.feed((2825, "down"), (2826, "running"), seq=70)
        self.assertEqual(len(self.requests()), 1)

    def test_the_machines_reason_calls_once_the_stop_is_no_minor_one(self):
        """The code's reason: not for 30 s, but for ten minutes."""
        for start, end, code in ((2700, 2700.5, "G1"), (2800, 2810, "G1"), (2820, 2830, "X")):
            self.feed((start, "down", code), (end, "running"))
        self.assertEqual(self.requests().mes_stop_id.duration_ms, 10 * MINUTE)

    def test_old_stops_call_nobody(self):
        """History that is entered later is no call for help."""
        self.feed((60, "down", "G1"), (120, "running"))
        self.assertEqual(self.records().effective_loss_id, self.calling)
        self.assertFalse(self.requests())

    def test_link_survives_join_and_split(self):
        """Late facts join two stops with requests, and part them again: the requests follow the identity."""
        first, second = self.one(2700, 2710), self.one(2712, 2730)
        ids = [stop.with_user(self.anna).raise_maintenance() for stop in (first, second)]
        self.feed((2710, "down"), (2712, "down"), seq=50)
        whole = self.records()
        self.assertEqual((whole, sorted(whole.maintenance_ids.ids)), (second, ids))
        self.assertEqual(whole.maintenance_id.id, ids[0])
        self.feed((2715, "running"), (2716, "down"), seq=90)
        self.assertEqual(len(self.records()), 2)
        self.assertEqual(sorted(second.maintenance_ids.ids), ids)

    def test_company_of_equipment_and_machine(self):
        """Equipment of another company cannot stand at the machine; an operator of another company calls nobody."""
        other = make_company(self.env)
        with self.assertRaisesRegex(ValidationError, "same company"):
            self.equipment.company_id = other
        stop = self.one(2800, None)
        stranger = self.ben
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        with self.assertRaises(AccessError):
            stop.with_user(stranger).raise_maintenance()

    def test_request_does_not_wait_for_a_dissolved_stop(self):
        """The stop is no more: the request keeps its link, another cannot be raised."""
        stop = self.one(2800, 2820)
        request = stop.with_user(self.anna).raise_maintenance()
        stop.explain(make_reason(self.env, "Cleaning", mes_planned=True).id)
        self.fold()
        self.assertFalse(stop.active)
        self.assertEqual(self.env["maintenance.request"].browse(request).mes_stop_id, stop)
        with self.assertRaisesRegex(UserError, "no stop of its own"):
            at_time(stop, MONDAY + 3 * DAY).raise_maintenance()
