"""What people say about stops: explain, split, merge, take back; the second of two gets a conflict."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..exceptions import StopConflict
from ..models import mes_stop_words
from ..tools import clock
from .common import MINUTE, MONDAY, at_time, feed_evidence, make_company, make_reason, make_user
from .test_stops import StopCase


class WordCase(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna, cls.ben = (make_user(cls.env, "operator", login, name=login) for login in ("anna", "ben"))
        cls.boss = make_user(cls.env, "supervisor", "boss", name="boss")
        cls.jam, cls.film = make_reason(cls.env, "Jam"), make_reason(cls.env, "Film change")

    def one(self, start=430, end=450):
        """A stop over these minutes."""
        self.feed((start, "down", "17"), *([(end, "running")] if end else []))
        return self.records()[-1]

    def reasons(self):
        """(from, until, reason, state) in minutes after Monday of what people said in force."""
        slices = self.env["mes.timeline"].effective(self.machine, MONDAY, self.now)[self.machine.id]
        return [
            ((s.start - MONDAY) / MINUTE, (s.end - MONDAY) / MINUTE, s.reason, s.state) for s in slices if s.override
        ]


@tagged("post_install", "-at_install")
class TestStopWords(WordCase):
    def test_words_tell_a_stop_before_and_after(self):
        """Machine, causes, nobody's word; then at once who said what, without waiting for the job."""
        self.feed((430, "down", "17"), (433, "down", "23", "starved"), (450, "running"))
        stop = self.records().with_user(self.anna)
        told = stop.words()[0]
        self.assertEqual((told["id"], told["version"], told["codes"], told["loss"]), (stop.id, "0", ["17", "23"], None))
        self.assertEqual(
            [(c["from_offset"], c["until_offset"], c["code"], c["interlock"]) for c in told["causes"]],
            [(0, 3 * MINUTE, "17", None), (3 * MINUTE, 20 * MINUTE, "23", "starved")],
        )
        self.assertEqual(told["may"], {"explain": True, "split": True, "merge": False, "undo": False})
        answer = stop.explain(self.jam.id, "Carton", version=told["version"])
        told = stop.words()[0]
        self.assertEqual((told["loss"]["name"], told["by"], told["comment"]), ("Jam", "anna", "Carton"))
        self.assertEqual((told["version"], told["effective"]["id"]), (answer["version"], self.jam.id))
        self.assertTrue(told["may"]["undo"])
        self.assertFalse(stop.with_user(self.ben).words()[0]["may"]["undo"])

    def test_second_of_two_gets_a_conflict(self):
        """Both read the stop, both classify it: the second hears who said what, and changes nothing."""
        stop = self.one()
        version = stop.words()[0]["version"]
        stop.with_user(self.anna).explain(self.jam.id, version=version)
        self.site.tz = "Asia/Tokyo"
        with self.assertRaisesRegex(StopConflict, r'anna has meanwhile said "Jam" .*\d\d:00:00, Asia/Tokyo\)'):
            stop.with_user(self.ben).explain(self.film.id, version=version)
        self.assertEqual(self.reasons(), [(430, 450, self.jam.id, "down")])
        again = stop.with_user(self.ben).words()[0]["version"]
        stop.with_user(self.ben).explain(self.film.id, version=again)
        self.assertEqual(self.reasons(), [(430, 450, self.film.id, "down")])

    def test_what_was_taken_back_meanwhile_is_a_conflict_too(self):
        """Who builds on a word that is no more hears it."""
        stop = self.one()
        said = stop.with_user(self.anna).explain(self.jam.id)
        stop.with_user(self.anna).undo(said["override_ids"])
        with self.assertRaisesRegex(StopConflict, "anna has meanwhile taken back"):
            stop.with_user(self.ben).split(5 * MINUTE, {"loss_id": self.jam.id}, {}, version=said["version"])

    def test_late_facts_are_no_conflict(self):
        """The stop has another shape by now, but nobody said anything: the word goes through, and keeps its span."""
        stop = self.one()
        version = stop.words()[0]["version"]
        self.feed((440, "running"), (441, "down"), seq=9)
        long = self.records().filtered(lambda one: one.duration_ms == 10 * MINUTE)
        self.assertIn(stop, self.records())
        stop.with_user(self.anna).explain(self.jam.id, version=version)
        self.fold()
        self.assertEqual(stop.loss_id, self.jam)
        self.feed((440, "down"), (441, "down"), seq=50)
        self.assertEqual((self.stops(), self.records().id), ([(430, 450)], stop.id), long)
        self.assertEqual(self.records().loss_id, self.jam)

    def test_split_gives_two_reasons(self):
        """The two parts sum to the stop to the millisecond; one record, with two causes."""
        stop = self.one().with_user(self.anna)
        stop.split(4 * MINUTE + 1, {"loss_id": self.jam.id}, {"loss_id": self.film.id, "comment": "roll"})
        self.fold()
        told = stop.words()[0]
        self.assertEqual(
            [(c["from_offset"], c["until_offset"], c["loss"]["name"]) for c in told["causes"]],
            [(0, 4 * MINUTE + 1, "Jam"), (4 * MINUTE + 1, 20 * MINUTE, "Film change")],
        )
        self.assertEqual((self.stops(), stop.loss_id), ([(430, 450)], self.film))
        stop.divide(
            [{"until_offset_ms": MINUTE, "loss_id": self.film.id}, {"until_offset_ms": 2 * MINUTE},
             {"loss_id": self.jam.id}]
        )  # fmt: skip
        self.assertEqual([c["loss"]["name"] for c in stop.words()[0]["causes"]], ["Film change", "Jam"])
        for wrong in ([{"until_offset_ms": 5}, {"until_offset_ms": 5, "loss_id": self.jam.id}, {}], [{}]):
            with self.assertRaises(UserError):
                stop.divide(wrong)
        with self.assertRaisesRegex(UserError, "within the stop"):
            stop.split(21 * MINUTE, {"loss_id": self.jam.id}, {"loss_id": self.film.id})

    def test_a_reason_that_has_lasted_its_time_goes_on_with_the_next(self):
        """Five minutes of it, the rest is the next one's; the answer names both words, undo takes both back."""
        short = make_reason(self.env, "Short break", mes_max_minutes=5, mes_next_loss_id=self.film.id)
        stop = self.one().with_user(self.anna)
        said = stop.explain(short.id)
        self.assertEqual(self.reasons(), [(430, 435, short.id, "down"), (435, 450, self.film.id, "down")])
        self.assertEqual(len(said["override_ids"]), 2)
        stop.undo(said["override_ids"])
        self.assertEqual(self.reasons(), [])

    def test_a_refused_part_leaves_nothing(self):
        """The second part's reason asks for a comment: the first is not recorded either."""
        stop = self.one().with_user(self.anna)
        talk = make_reason(self.env, "Other", mes_comment_required=True)
        with self.assertRaisesRegex(ValidationError, "needs a comment"), self.cr.savepoint():
            stop.split(MINUTE, {"loss_id": self.jam.id}, {"loss_id": talk.id})
        self.assertEqual(self.reasons(), [])

    def test_words_are_about_what_has_happened(self):
        """A slip of the finger must not explain every stop of the years to come; odd offsets are told."""
        stop = self.one().with_user(self.anna)
        words = self.env["mes.state.override"].with_user(self.anna)
        now = clock.from_ms(self.now)
        for since, until in ((now, now.replace(year=now.year + 10)), (now.replace(year=now.year + 1), None)):
            with self.assertRaisesRegex(UserError, "in the future"):
                words.record(self.machine.id, since, until, self.jam.id)
        for begin, end in ((0, True), ("1", None), (0, 5.5), (-1, None)):
            with self.assertRaises(UserError):
                stop.explain(self.jam.id, None, begin, end)
        self.assertEqual(self.reasons(), [])

    def test_stops_years_apart_are_not_read_at_once(self):
        """Of two stops of a machine all facts between them are read: that is bounded, one stop is always told."""
        two = self.one() | self.one(600, 610)
        with patch.object(mes_stop_words, "MOST_READ_MS", 60 * MINUTE):
            with self.assertRaisesRegex(UserError, "too far apart"):
                two.with_user(self.anna).words()
            self.assertEqual(len(two[0].with_user(self.anna).words()), 1)
        self.assertEqual(len(two.with_user(self.anna).words()), 2)

    def test_undo_restores_what_was_before(self):
        """Ben's word over Anna's; taken back, hers holds again, to the same figures."""
        stop = self.one()
        stop.with_user(self.anna).explain(self.jam.id)
        before = self.reasons()
        said = stop.with_user(self.ben).split(MINUTE, {"loss_id": self.film.id}, {"loss_id": self.film.id})
        with self.assertRaisesRegex(AccessError, "only that person or a supervisor"):
            stop.with_user(self.anna).undo(said["override_ids"])
        stop.with_user(self.ben).undo(said["override_ids"])
        self.assertEqual(self.reasons(), before)
        other = self.one(600, 610)
        with self.assertRaisesRegex(UserError, "not said about this stop"):
            other.with_user(self.boss).undo(said["override_ids"])

    def test_undo_of_a_planned_reason_brings_the_stop_back(self):
        """A planned reason dissolves the stop; undo from its record is still possible."""
        stop = self.one()
        planned = make_reason(self.env, "Cleaning", mes_planned=True)
        said = stop.with_user(self.anna).explain(planned.id)
        self.fold()
        self.assertFalse(stop.active)
        with self.assertRaisesRegex(UserError, "no stop of its own"):
            stop.with_user(self.ben).explain(self.jam.id)
        stop.with_user(self.anna).undo(said["override_ids"])
        self.fold()
        self.assertEqual(self.stops(), [(430, 450)])

    def test_merge_joins_over_a_short_running(self):
        """Two stops with a minute of running between become one with both as lineage; undo parts them again."""
        first, second = self.one(430, 440), self.one(441, 460)
        with self.assertRaisesRegex(AccessError, "Only a supervisor"):
            first.with_user(self.anna).merge([second.id])
        said = first.with_user(self.boss).merge([second.id], self.jam.id, "Sensor jitter")
        self.fold()
        self.assertEqual(self.stops(), [(430, 460)])
        whole = self.records()
        self.assertEqual((whole, whole.origin_ids, whole.loss_id), (second, first, self.jam))
        self.assertEqual(whole.words()[0]["comment"], "Sensor jitter")
        whole.with_user(self.boss).undo(said["override_ids"])
        self.fold()
        self.assertEqual(self.stops(), [(430, 440), (441, 460)])

    def test_explaining_a_joined_stop_does_not_part_it(self):
        """An operator's reason over the whole keeps the state that the supervisor gave to the gap."""
        first, second = self.one(430, 440), self.one(441, 460)
        first.with_user(self.boss).merge([second.id])
        self.fold()
        self.records().with_user(self.anna).explain(self.film.id)
        self.fold()
        self.assertEqual((self.stops(), self.records().loss_id), ([(430, 460)], self.film))

    def test_merge_says_what_it_cannot_join(self):
        """A long running, unwatched time, another machine, one stop: each with its mend."""
        first, second = self.one(430, 440), self.one(451, 460)
        boss = first.with_user(self.boss)
        with self.assertRaisesRegex(UserError, "machine ran for 11.0 min"):
            boss.merge([second.id])
        with self.assertRaisesRegex(UserError, "at least two stops"):
            boss.merge([])
        third = self.one(462, 470)
        spans = [(MONDAY, MONDAY + 461 * MINUTE), (MONDAY + 462 * MINUTE, MONDAY + 600 * MINUTE)]
        self.env["mes.evidence.span"].search([]).unlink()
        feed_evidence(self.env, self.machine, spans)
        self.fold()
        with self.assertRaisesRegex(UserError, r"Nobody watched the machine at [\d-]+ [\d:]+, UTC"):
            second.with_user(self.boss).merge([third.id])

    def test_closed_period_refuses_with_the_mend(self):
        """All doors say up to when the figures are closed."""
        stop = self.one()
        said = stop.explain(self.jam.id)
        at_time(self.env["mes.period.lock"], self.now).create({"at_until": clock.from_ms(MONDAY + 900 * MINUTE)})
        one = stop.with_user(self.boss)
        for call in (
            lambda: one.explain(self.film.id),
            lambda: one.split(MINUTE, {"loss_id": self.film.id}, {"loss_id": self.jam.id}),
            lambda: one.undo(said["override_ids"]),
        ):
            with self.assertRaisesRegex(UserError, "closed up to"), self.cr.savepoint():
                call()

    def test_only_the_own_company(self):
        """Reading and speaking end at the company; a person without the role may do neither."""
        stop = self.one()
        other = make_user(self.env, "operator", company=make_company(self.env))
        for call in (
            lambda: stop.with_user(other).words(),
            lambda: stop.with_user(other).explain(self.jam.id),
            lambda: stop.with_user(other).undo([]),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_words_of_many_stops_take_no_statement_each(self):
        """The statements do not grow with the number of stops."""
        for minute in range(430, 530, 10):
            self.feed((minute, "down"), (minute + 5, "running"), seq=minute)
        stops = self.records()
        stops.words()
        self.env.invalidate_all()
        with self.assertQueryCount(40):
            self.assertEqual(len(stops.words()), 10)
