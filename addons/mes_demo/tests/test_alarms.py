from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    at_time,
    make_product,
    make_reason,
    make_run,
    make_shift_pattern,
    make_user,
)
from odoo.addons.mes_gateway import contract
from odoo.addons.mes_gateway.tests.common import NOW, GatewayCase, event, state
from odoo.tests import tagged

from ..demoplant.alarms import invent_alarms
from ..demoplant.layout import MACHINES
from ..demoplant.paint import Paint
from ..demoplant.past import MachineHistory

BEGIN = NOW - 6 * HOUR


@tagged("post_install", "-at_install")
class TestAlarmsOnTheTimeline(GatewayCase):
    """From the event that the bridge posts to the lane that an operator sees."""

    def setUp(self):
        super().setUp()
        self.operator = make_user(self.env, "operator", "looker", name="Olga")
        self.seq = 0

    def post(self, *told, bridge=None):
        """(minute, code, active, more) in one batch, as a bridge posts it."""
        events = []
        for minute, code, active, more in told:
            self.seq += 1
            at = BEGIN + minute * MINUTE
            events.append(event(self.seq, "alarm", self.machine, at, code=code, active=active, **more))
        self.assertEqual((bridge or self.bridge).ingest(events)["verdicts"], [])

    def lane(self):
        """(from minute, minutes, code, text) of the machine's alarms."""
        screens = at_time(self.env["mes.timeline.screen"], NOW).with_user(self.operator)
        drawn = screens.draw(f"machine-{self.machine.id}", BEGIN, NOW + HOUR, details=True)
        flat, texts = drawn["machines"][0]["alarms"], drawn["texts"]
        parts = [flat[at : at + 4] for at in range(0, len(flat), 4)]
        return [(at // MINUTE, ms // MINUTE, texts[code], texts[text]) for at, ms, code, text in parts]

    def test_an_alarm_comes_is_seen_and_goes(self):
        self.post((60, "E7", True, {"text": "Film torn", "severity": "high"}))
        self.assertEqual(self.lane(), [(60, 300, "E7", "Film torn")], "it is there until now")
        self.env["mes.alarm"].search([("code", "=", "E7")]).with_user(self.operator).action_seen()
        self.assertEqual(self.lane(), [(60, 300, "E7", "Film torn · seen by Olga")])
        self.post((75, "E7", False, {"text": "Film torn"}))
        self.assertEqual(self.lane(), [(60, 15, "E7", "Film torn · seen by Olga")])

    def test_two_at_once_and_one_again(self):
        """In the order in which they came; a repeated or late event makes no second one."""
        self.post((60, "E7", True, {}), (62, "E8", True, {}), (70, "E7", False, {}), (80, "E7", True, {}))
        self.post((60, "E7", True, {}), (81, "E7", False, {}), (66, "E8", False, {}))
        self.assertEqual(self.lane(), [(60, 10, "E7", ""), (62, 4, "E8", ""), (80, 1, "E7", "")])

    def test_an_alarm_without_words_has_those_of_the_reason_with_its_code(self):
        make_reason(self.env, "Gearbox", mes_code="E7")
        self.post((60, "E7", True, {}), (61, "E7", False, {}))
        self.assertEqual(self.lane(), [(60, 1, "E7", "Gearbox")])

    def test_of_history_that_never_ended_only_the_beginning_is_known(self):
        self.env["mes.gateway.stream"].create({"gateway_id": self.gateway.id, "code": "PAST", "is_history": True})
        past = type(self.bridge)(self.gateway, "PAST")
        past.hello()
        self.post((60, "E7", True, {}), bridge=past)
        self.assertEqual(self.lane(), [(60, 0, "E7", "")])

    def test_a_stop_tells_which_alarms_it_came_with(self):
        """Those that were there while it lasted, before it or after it none."""
        make_shift_pattern(self.env, self.site)
        make_run(self.env, self.machine, make_product(self.env), BEGIN)
        until = BEGIN + 30 * MINUTE
        watched = {"from": contract.format_time(BEGIN), "until": contract.format_time(NOW)}
        evidence = event(3, "evidence", self.machine, NOW, **watched)
        self.seq = 3
        self.bridge.ingest(
            [state(1, self.machine, BEGIN, "down", code="E7"), state(2, self.machine, until, "running"), evidence]
        )
        self.post((0, "E7", True, {"text": "Film torn"}), (30, "E7", False, {}), (90, "E8", True, {}))
        stops = at_time(self.env["mes.stop"], NOW)
        while marks := self.env["mes.dirty.span"]._take("stop"):
            stops._fold(marks)
        stop = stops.search([("workcenter_id", "=", self.machine.id)])
        (about,) = at_time(self.env["mes.timeline.screen"], NOW).with_user(self.operator).about(stop.ids)
        self.assertEqual(about["alarms"], ["E7 · Film torn"])

    def test_the_past_of_the_demo_plant_tells_the_codes_that_came_and_went(self):
        """One that changes its code goes; the last one is gone at the end."""
        looks = [("down", "211"), ("down", "212"), ("maintenance", "212"), ("running", None), ("idle", "201")]
        spans = [Paint(at, at + 1, 0, look, code) for at, (look, code) in enumerate(looks)]
        told = [(one.at, one.code, one.active) for one in invent_alarms([MachineHistory(MACHINES[1], spans, {})])]
        came_and_went = [(0, 1, "211"), (1, 3, "212"), (4, 5, "201")]
        self.assertEqual(told, [one for a, b, code in came_and_went for one in ((a, code, True), (b, code, False))])
