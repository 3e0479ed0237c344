from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..exceptions import StopConflict
from ..timeline import Cause, History, Slice, Span, StopSpan, derive, overlay
from ..timeline.model import DELAY
from ..tools import bulk, clock
from .mes_state_override import OPERATOR, SUPERVISOR

# The facts between the first and the last of a machine's stops are read: of all machines up to so much time.
MOST_READ_MS = 1000 * 24 * 3_600_000


class Part(NamedTuple):
    """A part of a stop in ms since the epoch (``until`` None: open) and what is said about it."""

    start: int
    until: int | None
    loss_id: int | None
    comment: str | None


class MesStop(models.Model):
    """What people say about a stop: read, explain, split, merge, take back.

    A word belongs to a span of the machine, never to the record, so it outlives any late fact. Who changes words
    tells which ones were known (``version``): if there are others by now, nothing is done and the conflict is told.
    """

    _inherit = "mes.stop"

    # -- reading -----------------------------------------------------------------------------------

    @api.readonly
    def words(self) -> list[dict]:
        """What is known of these stops as of now, whether or not the stored stop was made anew since.

        Offsets are milliseconds from the stop's beginning, times milliseconds since the epoch. For each stop:
        id, version, from_ms, until_ms (None: open), seen_ms, machine, kind, codes, loss, machine_loss, effective
        ({id, name} or None), by and comment (of the word in force), causes, words (every word in force or
        overtaken), maintenance, may (explain, split, merge, undo).
        """
        self.check_access("read")
        known = self._known_words()
        histories = self._histories()
        now = self.env["mes.clock"].now_ms()
        return [stop._told(histories[stop.workcenter_id.id], known[stop.id], now) for stop in self]

    def _told(self, history: History, known: models.BaseModel, now: int) -> dict:
        """The answer of :meth:`words` for one stop."""
        start, until, seen = self._bounds()
        whole = _as_stop(overlay(Span(start, max(start, min(seen if until is None else until, now))), now, history))
        loss, machine_loss = (whole.reason, whole.machine_reason) if whole else (None, None)
        said = known.sorted(lambda one: (one.recorded_at, one.id))
        word = said.filtered(lambda one: one.loss_id.id == loss)[-1:] if loss else said.browse()
        mine = said.filtered(lambda one: self._may_take_back(one))
        operator, supervisor = self._has_role(OPERATOR), self._has_role(SUPERVISOR)
        return {
            "id": self.id,
            "version": _version(known),
            "from_ms": start,
            "until_ms": until,
            "seen_ms": seen,
            "machine": {
                "id": self.workcenter_id.id, "name": self.workcenter_id.name, "code": self.workcenter_id.mes_code,
            },
            "kind": self.kind,
            "codes": self.codes.split(",") if self.codes else [],
            "loss": self._named(loss),
            "machine_loss": self._named(machine_loss),
            "effective": self._named(loss or machine_loss),
            "by": word.sudo().user_id.name or None,  # a name only, of who spoke to all operators
            "comment": word.comment or None,
            "causes": [self._told_cause(cause, start) for cause in (whole.causes if whole else ())],
            "words": [self._told_word(one, start) for one in said],
            "maintenance": self._told_maintenance(),
            "may": {
                "explain": operator and self.active,
                "split": operator and self.active,
                "merge": supervisor and self.active,
                "undo": bool(mine),
            },
        }  # fmt: skip

    def _told_cause(self, cause: Cause, start: int) -> dict:
        return {
            "from_offset": cause.start - start,
            "until_offset": cause.end - start,
            "state": cause.state,
            "code": cause.code,
            "interlock": cause.interlock,
            "loss": self._named(cause.reason),
            "machine_loss": self._named(cause.machine_reason),
        }

    def _told_word(self, word: models.BaseModel, start: int) -> dict:
        return {
            "id": word.id,
            "loss": self._named(word.loss_id.id),
            "state": word.state or None,
            "comment": word.comment or None,
            "by": word.sudo().user_id.name,  # a name only, of who spoke to all operators
            "at_ms": clock.to_ms(word.recorded_at),
            "from_offset": clock.to_ms(word.at_from) - start,
            "until_offset": clock.to_ms(word.at_until) - start if word.at_until else None,
            "mine": self._may_take_back(word),
        }

    def _named(self, loss_id: int | None) -> dict | None:
        loss = self.env["mrp.workcenter.productivity.loss"].browse(loss_id or [])
        return {"id": loss.id, "name": loss.name} if loss else None

    def _bounds(self) -> tuple[int, int | None, int]:
        """Beginning, end (None: open) and up to when it was seen, ms since the epoch."""
        until = clock.to_ms(self.at_until) if self.at_until else None
        return clock.to_ms(self.at_from), until, clock.to_ms(self.seen_until)

    def _histories(self) -> dict[int, History]:
        """The facts of the stops' machines over all of their stops."""
        windows: dict[int, tuple[int, int]] = {}
        for stop in self:
            start, until, seen = stop._bounds()
            low, high = windows.get(stop.workcenter_id.id, (start, seen))
            windows[stop.workcenter_id.id] = (min(low, start), max(high, seen, until or seen))
        if len(self) > 1 and sum(high - low for low, high in windows.values()) > MOST_READ_MS:
            raise UserError(self.env._("These stops lie too far apart to be read at once: choose fewer."))
        return self.env["mes.timeline"].load(windows, counts=False)

    def _known_words(self) -> dict[int, models.BaseModel]:
        """The words that are not taken back and touch each stop; one statement.

        A word without an end holds until the machine runs again.
        """
        self.env["mes.state.override"].flush_model()
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                """
                SELECT s.id, o.id
                  FROM mes_stop s
                  JOIN mes_state_override o
                    ON o.workcenter_id = s.workcenter_id AND o.withdrawn_at IS NULL
                   AND o.at_from < GREATEST(COALESCE(s.at_until, s.seen_until), s.at_from + interval '1 ms')
                   AND COALESCE(o.at_until,
                                (SELECT at FROM mes_state_point p
                                  WHERE p.workcenter_id = o.workcenter_id AND p.lane = 'state'
                                    AND p.value = 'running' AND p.at > o.at_from ORDER BY p.at LIMIT 1),
                                'infinity') > s.at_from
                 WHERE s.id = ANY(%s::int4[])
                 ORDER BY o.id
                """,
                bulk.int_array(self.ids),
            )
        )
        found: dict[int, list[int]] = {stop.id: [] for stop in self}
        for stop_id, word_id in self.env.cr.fetchall():
            found[stop_id].append(word_id)
        return {stop_id: self.env["mes.state.override"].browse(ids) for stop_id, ids in found.items()}

    # -- speaking ----------------------------------------------------------------------------------

    def explain(self, loss_id, comment=None, from_offset_ms=0, until_offset_ms=None, version=None) -> dict:
        """Give the stop, or a part of it, a reason: ``{"override_ids": [...], "version": ...}``.

        A part is told by offsets in milliseconds from the stop's beginning, because a displayed time
        has lost its milliseconds. Without an end the reason holds to the stop's end, which may be open.

        :param version: that of :meth:`words`; None: whatever was said meanwhile
        :raises StopConflict: somebody said something else meanwhile
        :raises UserError: the part lies outside the stop, the reason asks for more, or the period is closed
        """
        self.ensure_one()
        self._take_turn(version)
        return self._answer(self._say([self._part(loss_id, comment, from_offset_ms, until_offset_ms)]))

    def split(self, offset_ms, first, second, version=None) -> dict:
        """Give what lies before ``offset_ms`` one reason, and what lies after it another; answers as ``explain``.

        :param first: ``{"loss_id": ..., "comment": ...}``; without a reason the part stays as it was
        """
        return self.divide([{**(first or {}), "until_offset_ms": offset_ms}, second or {}], version)

    def divide(self, parts, version=None) -> dict:
        """Split the stop into parts that follow each other, each with its own reason; answers as ``explain``.

        :param parts: ``[{"until_offset_ms": ..., "loss_id": ..., "comment": ...}, ...]``; the last one ends with
            the stop, a part without a reason stays as it was
        """
        self.ensure_one()
        self._take_turn(version)
        begins = [0, *(part.get("until_offset_ms") for part in parts[:-1])]
        if any(not isinstance(one, int) for one in begins) or begins != sorted(set(begins)):
            raise UserError(self.env._("Each part must end after it begins: give the ends in order."))
        said = [
            self._part(part["loss_id"], part.get("comment"), begin, end)
            for part, begin, end in zip(parts, begins, [*begins[1:], None], strict=True)
            if part.get("loss_id")
        ]
        if not said:
            raise UserError(self.env._("Give at least one part a reason."))
        return self._answer(self._say(said))

    def undo(self, override_ids) -> dict:
        """Take back words about this stop, one's own or as a supervisor anybody's; what was said before them holds
        again. Answers as ``explain``."""
        self.ensure_one()
        self._take_turn(None, allow_dissolved=True)
        words = self.env["mes.state.override"].browse(override_ids).exists()
        words.check_access("read")
        start, until, seen = self._bounds()
        last = max(seen, until or seen)
        for word in words:
            ends = clock.to_ms(word.at_until) if word.at_until else None
            if word.workcenter_id != self.workcenter_id or clock.to_ms(word.at_from) > last or (ends or last) < start:
                raise UserError(self.env._("This was not said about this stop."))
        words.withdraw()
        return self._answer(words.ids)

    def _answer(self, override_ids: list[int]) -> dict:
        return {"override_ids": override_ids, "version": _version(self._known_words()[self.id])}

    # -- how ---------------------------------------------------------------------------------------

    @api.private
    def _take_turn(self, version: str | None, stops=None, allow_dissolved: bool = False) -> None:
        """One at a time: whoever speaks about a machine first, the other one sees it."""
        stops = stops or self
        stops.check_access("read")
        if not self._has_role(OPERATOR):
            raise AccessError(self.env._("Only operators may explain a machine's time: ask for the MES role."))
        stops.workcenter_id._mes_take_turn()
        if version is not None:
            self._refuse_conflict(version)
        if not allow_dissolved and (gone := stops.filtered(lambda stop: not stop.active)):
            raise UserError(
                self.env._(
                    "%s is no stop of its own any more: later facts joined or dissolved it. Load the stops again.",
                    gone[:1].display_name,
                )
            )

    def _refuse_conflict(self, version: str) -> None:
        """Refuse when other words are known now than the caller knew."""
        words = self.env["mes.state.override"]
        present = self._known_words()[self.id]
        caller = words.browse([int(part) for part in str(version).split(".") if part.isdecimal() and int(part)])
        news = present - caller
        gone = (caller.exists() - present).filtered("withdrawn_at")
        if not news and not gone:
            return
        if news:
            last = news.sorted(lambda one: (one.recorded_at, one.id))[-1]
            sentence = self.env._(
                "%(who)s has meanwhile said \"%(what)s\" about this stop (%(time)s): look at it, then decide.",
                who=last.sudo().user_id.name, what=last.display_name,
                time=self._on_its_clock(clock.to_ms(last.recorded_at)),
            )  # fmt: skip
        else:
            last = gone.sorted(lambda one: (one.withdrawn_at, one.id))[-1]
            sentence = self.env._(
                "%(who)s has meanwhile taken back \"%(what)s\" (%(time)s): look at the stop, then decide.",
                who=last.sudo().withdrawn_by_id.name, what=last.display_name,
                time=self._on_its_clock(clock.to_ms(last.withdrawn_at)),
            )  # fmt: skip
        raise StopConflict(sentence)

    def _on_its_clock(self, ms: int) -> str:
        """An instant by the clock that people at the stop's machine live by, and whose clock that is."""
        # Only the zone: whoever may see the stop may see what time it is there.
        zone = self.workcenter_id.sudo().mes_site_id.tz or "UTC"
        return f"{clock.wall_clock(ms, zone)}, {zone}"

    def _part(self, loss_id: int, comment: str | None, from_offset_ms: int, until_offset_ms: int | None) -> Part:
        """The part of the stop that lies between two offsets."""
        start, end, _seen = self._bounds()
        if any(isinstance(one, bool) or not isinstance(one, int) for one in (from_offset_ms, until_offset_ms or 0)):
            raise UserError(self.env._("Tell the part by whole milliseconds from the stop's beginning."))
        part_from = start + from_offset_ms
        part_until = end if until_offset_ms is None else start + until_offset_ms
        if part_from < start or (part_until is not None and part_until <= part_from):
            raise UserError(self.env._("The part must begin within the stop and end after it begins."))
        if end is not None and part_until > end:
            raise UserError(self.env._("The part must end within the stop, which lasted %s ms.", end - start))
        return Part(part_from, part_until, loss_id, comment)

    def _say(self, parts: Iterable[Part]) -> list[int]:
        """Record parts with their reasons: one that has lasted its time goes on with the next, and a state that a
        supervisor gave to a stretch stays with it."""
        limited = [one for part in parts for one in self._within_limits(part)]
        return self._record([piece for part in limited for piece in self._with_states(part)])

    def _within_limits(self, part: Part) -> list[Part]:
        """The part as the maximum durations of its reasons divide it."""
        loss = self.env["mrp.workcenter.productivity.loss"].browse(part.loss_id)
        loss.check_access("read")
        return [
            part._replace(start=start, until=until, loss_id=reason.id)
            for start, until, reason in loss._mes_split(part.start, part.until)
        ]

    def _with_states(self, part: Part) -> list[tuple[Part, str | None]]:
        """The part cut where a state given by a person begins or ends: the later word wins as a whole, so it has to
        repeat the state, or the machine would run again in the middle of what was joined."""
        given = self.env["mes.state.override"].search_count(
            [
                ("workcenter_id", "=", self.workcenter_id.id), ("withdrawn_at", "=", False), ("state", "!=", False),
                *([("at_from", "<", clock.from_ms(part.until))] if part.until is not None else []),
                "|", ("at_until", "=", False), ("at_until", ">", clock.from_ms(part.start)),
            ],
            limit=1,
        )  # fmt: skip
        if not given:
            return [(part, None)]
        now = self.env["mes.clock"].now_ms()
        end = now if part.until is None else part.until
        history = self.env["mes.timeline"].load({self.workcenter_id.id: (part.start, end)}, counts=False)
        pieces: list[tuple[Part, str | None]] = []
        for one in overlay(Span(part.start, end), end, history[self.workcenter_id.id]):
            state = one.override.state if one.override else None
            if pieces and pieces[-1][1] == state:
                pieces[-1] = (pieces[-1][0]._replace(until=one.end), state)
            else:
                pieces.append((part._replace(start=one.start, until=one.end), state))
        if pieces and part.until is None:
            pieces[-1] = (pieces[-1][0]._replace(until=None), pieces[-1][1])
        return pieces or [(part, None)]

    def _record(self, pieces: Iterable[tuple[Part, str | None]], why: str | None = None) -> list[int]:
        """Record words; a state was checked by the caller or is the one that held already."""
        return self.env["mes.state.override"]._record_words(
            self.workcenter_id,
            [
                {
                    "at_from": clock.from_ms(part.start),
                    "at_until": False if part.until is None else clock.from_ms(part.until),
                    "loss_id": part.loss_id,
                    "state": state,
                    "comment": part.comment,
                    "why": why,
                }
                for part, state in pieces
            ],
        )

    def _may_take_back(self, word: models.BaseModel) -> bool:
        own = word.user_id == self.env.user and self._has_role(OPERATOR)
        return own or self._has_role(SUPERVISOR)

    def _has_role(self, group: str) -> bool:
        return self.env.su or self.env.user.has_group(group)


def _version(words: models.BaseModel) -> str:
    """Which words were known."""
    return ".".join(map(str, sorted(words.ids))) or "0"


def _as_stop(slices: list[Slice]) -> StopSpan | None:
    """The stop that these slices would be if all of them counted: its causes and reasons."""
    found = derive([replace(piece, category=DELAY) for piece in slices])
    return found[0] if found else None
