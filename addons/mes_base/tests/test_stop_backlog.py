"""The stops that nobody has explained: found, counted, explained one by one or at once."""

from ast import literal_eval

from odoo.tests import Form, tagged

from ..exceptions import StopConflict
from .common import make_reason
from .test_stop_words import WordCase


@tagged("post_install", "-at_install")
class TestStopBacklog(WordCase):
    def setUp(self):
        super().setUp()
        make_reason(self.env, "Known", mes_code="K1")
        self.feed(
            (430, "down", "17"), (435, "running"), (440, "down"), (440.5, "running"), (450, "down", "K1"),
            (460, "running"), (500, "down", "9"), (530, "running"),
        )  # fmt: skip

    def backlog(self, user):
        """What the action shows, in the order of its list."""
        action = self.env.ref("mes_base.mes_stop_to_explain_action")
        domain = [*literal_eval(action.domain), ("workcenter_id", "=", self.machine.id)]
        return self.env["mes.stop"].with_user(user).search(domain, order="duration_ms desc, at_from")

    def test_longest_first_without_minor_and_known_ones(self):
        """A minor stop and one whose code is a reason ask for nothing; the machine counts the rest."""
        stops = self.backlog(self.anna)
        self.assertEqual(stops.mapped("codes"), ["9", "17"])
        self.assertEqual(self.machine.with_user(self.anna).mes_to_explain_count, 2)
        action = self.machine.with_user(self.anna).action_mes_to_explain()
        self.assertEqual(set(self.env["mes.stop"].search(action["domain"])), set(stops.sudo()))

    def explanation(self, stops, user):
        """The form as it opens over some stops."""
        context = {"active_model": "mes.stop", "active_ids": stops.ids, "active_id": stops[:1].id}
        return Form(self.env["mes.stop.explanation"].with_user(user).with_context(**context))

    def test_several_at_once(self):
        """One reason for all of them; the backlog is empty then."""
        with self.explanation(self.backlog(self.anna), self.anna) as form:
            self.assertEqual((form.stop_count, form.stop_minutes), (2, 35))
            form.loss_id = self.jam
        said = form.record.action_explain()
        self.assertIn(self.jam.name, said["params"]["message"])
        self.fold()
        self.assertFalse(self.backlog(self.anna))
        self.assertEqual(self.machine.mes_to_explain_count, 0)

    def test_all_or_none(self):
        """Ben has explained one of the two meanwhile: Anna hears it, and the other is not explained either."""
        stops = self.backlog(self.anna)
        form = self.explanation(stops, self.anna)
        form.loss_id = self.jam
        wizard = form.save()
        stops[-1].with_user(self.ben).explain(self.film.id)
        before = self.reasons()
        with self.assertRaisesRegex(StopConflict, "ben has meanwhile"), self.cr.savepoint():
            wizard.action_explain()
        self.assertEqual(self.reasons(), before)

    def test_every_view_of_stops_loads(self):
        """Kanban, pivot, graph and the form with its causes, as an operator."""
        stops = self.env["mes.stop"].with_user(self.anna)
        views = stops.get_views([(False, mode) for mode in ("list", "kanban", "pivot", "graph", "form", "search")])
        self.assertEqual(len(views["views"]), 6)
        one = self.backlog(self.anna)[0]
        one.explain(self.jam.id, "Carton <b>")
        html = one.web_read({"causes_html": {}})[0]["causes_html"]
        for part in ("0:30:00", "mes-state-down", "Jam", "anna", "Carton &lt;b&gt;"):
            self.assertIn(part, html)
        grouped = stops.formatted_read_group([("needs_reason", "=", True)], ["workcenter_id"], ["duration_minutes:sum"])
        self.assertEqual([group["duration_minutes:sum"] for group in grouped], [35])
