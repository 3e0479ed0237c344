"""All signals of one machine: samples of one poll cycle in, events and counter memories out.

:meth:`Machine.propose` returns a draft: the events and the state *after* them, which the pipeline adopts only
when the outbox has committed them. What is not stored did not happen. A cycle that tells nothing new, nearly
all of them, is noted at once: only the time of the last look moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..clock import to_rfc3339
from ..events import Event, Sample
from . import evidence as ev
from . import heartbeat, measurement
from .counter import CounterMemory, CounterSpec
from .counting import CountPlan, refreshed
from .energy import MeterPlan
from .frame import Look, MachineState, ModePoint, Proposal, StatePoint, note_key, sane
from .meaning import Reader
from .registry import KINDS, PASSIVE_FIELDS

if TYPE_CHECKING:
    from ..tags.model import Tag

__all__ = ["Machine", "MachineState", "ModePoint", "Proposal", "StatePoint"]

ACTIVE_FIELDS = ("code_tag", "interlock_tag", "sequence_tag", "trigger_tag", "batch_tag")
assert not PASSIVE_FIELDS & set(ACTIVE_FIELDS)


class Machine:
    """The signals of one equipment."""

    def __init__(
        self, equipment: str, tags: Sequence[Tag], boot_id: str, evidence_every_ms: int | None = None
    ) -> None:
        self.equipment = equipment
        self.tags = {tag.tag: tag for tag in tags}
        self.boot_id = boot_id
        self.watched = {tag.tag for tag in _watched(tags)}
        # Tags that show the machine to be there whenever they are read.
        self._showing = {name for name in self.watched if self.tags[name].signal != "heartbeat"}
        self.stale_ms = min((self.tags[name].stale_limit_ms for name in self.watched), default=5000)
        self.every_ms = evidence_every_ms or self.stale_ms // 2
        self._plans: dict[str, Any] = {tag.tag: KINDS[tag.signal].plan(tag, self.tags) for tag in tags}
        self._steps: dict[str, Callable[[Look], bool] | None] = {tag.tag: KINDS[tag.signal].step for tag in tags}
        self._callers = _callers(tags)
        self._counting = {name: plan for name, plan in self._plans.items() if isinstance(plan, CountPlan | MeterPlan)}
        self._windowed = [tag.tag for tag in tags if tag.signal == "measurement" and tag.window_ms is not None]
        # An unchanged counter that nobody looked at for longer may have wrapped meanwhile.
        self._limits = {name: plan.spec.outage_ms for name, plan in self._counting.items()}
        self.specs = _specs(self._counting.values())
        self.state = MachineState()
        self.past = MachineState()

    def propose(self, samples: Sequence[Sample], dropped: bool = False) -> Proposal:
        """One poll cycle or delivery. ``dropped``: the device itself closed the link since the one before."""
        state = self.state
        latest, settled, limits = state.latest, state.settled, self._limits
        showing = self._showing - state.unusable if state.unusable else self._showing
        news: list[Sample] = []
        good: int | None = None
        for sample in samples:
            name, last = sample.tag, latest.get(sample.tag)
            if (
                last is None or name not in settled or last.value != sample.value or sample.historical
                or (name in limits and sample.mono - last.mono > limits[name])
            ):  # fmt: skip
                news.append(sample)
                continue
            if name in showing and sample.value is not None:
                good = sample.at if good is None or sample.at < good else good
        if not news and not dropped and self._noted(good):
            latest.update([(sample.tag, sample) for sample in samples])
            return Proposal(state)
        return self._draft(samples, news, good, dropped)

    def propose_loss(self, now: int) -> Proposal | None:
        """The link is gone, or the stale limit has passed: send what is known. None: nothing to do."""
        stale = not self.state.lost and not self.state.evidence.holds(now, self.stale_ms)
        state, events = self._closed(self.state)
        past, more = self._closed(self.past)
        if not events and not more and not stale:
            return None
        state.lost = state.lost or stale
        return Proposal(state, past if more else None, [*more, *events])

    def is_due(self, now: int) -> bool:
        """Whether a window is over that no value has ended."""
        open_windows = (self.state.memo.get(name) for name in self._windowed)
        return any(isinstance(kept, measurement.Window) and kept.is_due(now) for kept in open_windows)

    def propose_due(self, now: int) -> Proposal:
        """Tell the windows that are over."""
        draft = Proposal(self.state.copy())
        for name in self._windowed:
            kept = draft.state.memo.get(name)
            if isinstance(kept, measurement.Window) and kept.is_due(now):
                closed = measurement.close(self.tags[name], self._plans[name], kept, self.equipment, kept.end)
                draft.events.append(closed)
                del draft.state.memo[name]
        return draft

    def adopt(self, draft: Proposal) -> None:
        """What was proposed is stored."""
        self.state = draft.state
        if draft.past is not None:
            self.past = draft.past

    def remember(self, memories: Mapping[str, CounterMemory]) -> None:
        """Counter memories that were healed; what was doubted is looked at anew."""
        if memories:
            self.state.counters.update(memories)
            self.state.doubts.clear()
            self.state.settled.clear()

    def recall(self, notes: Mapping[str, str]) -> None:
        """What signals noted before a restart; a note that can't be read is none."""
        for name, tag in self.tags.items():
            recall, note = KINDS[tag.signal].recall, notes.get(note_key(name))
            if recall is None or note is None or name in self.state.memo:
                continue
            try:
                self.state.memo[name] = recall(note)
            except (ValueError, TypeError):
                continue

    def counts(self) -> dict[str, int]:
        """Totals by the counters' names."""
        known = self.state.counters
        keys = {plan.total_key for plan in self._counting.values() if isinstance(plan, CountPlan)}
        return {key.removeprefix(self.equipment + "/"): known[key].total for key in sorted(keys) if key in known}

    def carried_to(self, other: Machine, memories: Mapping[str, CounterMemory]) -> MachineState:
        """This machine's state for ``other``, the same equipment with other tags.

        A point whose tag (map!) changed is forgotten, so that it is sent again as it reads now.
        """
        state = self.state
        changed = {name for name in {*self.tags, *other.tags} if self.tags.get(name) != other.tags.get(name)}
        kinds = {tag.signal for tags in (self.tags, other.tags) for name, tag in tags.items() if name in changed}
        return replace(
            state.copy(),
            point=None if "state" in kinds else state.point,
            mode=None if "mode" in kinds else state.mode,
            counters={**memories, **{key: memory for key, memory in state.counters.items() if key in other.specs}},
            doubts={},
            memo=_without(state.memo, changed),
            latest=_without(state.latest, changed),
            sent=_without(state.sent, changed),
            settled=set(),
            unusable=state.unusable - changed,
        )

    # -- inside

    def _closed(self, state: MachineState) -> tuple[MachineState, list[Event]]:
        """The state after its evidence and its open windows were sent, and these."""
        after = state.copy()
        after.evidence, spans = ev.flush(state.evidence, self.stale_ms)
        events = [self._evidence(span) for span in spans]
        for name, kept in state.memo.items():
            if isinstance(kept, measurement.Window):
                events.append(measurement.close(self.tags[name], self._plans[name], kept, self.equipment, kept.last))
                del after.memo[name]
        return after, events

    def _noted(self, good: int | None) -> bool:
        """Note a look that told nothing new; False when an event is due."""
        if good is None:
            return True
        memory = self.state.evidence
        last, sent = memory.last_good, memory.sent
        if self.state.lost or last is None or sent is None:
            return False
        if not last <= good <= last + self.stale_ms or good - sent >= self.every_ms:
            return False
        self.state.evidence = ev.Evidence(good, sent)
        return True

    def _draft(self, samples: Sequence[Sample], news: Sequence[Sample], good: int | None, dropped: bool) -> Proposal:
        draft = Proposal(self.state.copy())
        fresh_names = {sample.tag for sample in news if not sample.historical}
        for present in _frames(samples):
            self._frame(draft, present, fresh_names & present.keys(), good, dropped)
            good = None
        past = sorted((sane(sample) for sample in news if sample.historical), key=lambda sample: sample.at)
        if past:
            self._replay(draft, past)
        if draft.events:
            self._keep_looks(draft)
        return draft

    def _frame(
        self, draft: Proposal, present: Mapping[str, Sample], fresh_names: set[str], good: int | None, dropped: bool
    ) -> None:
        """Samples that belong to one moment: each tag once."""
        latest = draft.state.latest
        called = self._called(present, fresh_names, latest)
        before = {name: latest.get(name) for name in {*present, *called}}
        latest.update(present)
        span = self._watch(draft, present, fresh_names, good)
        if span:
            draft.state.span += 1
            draft.state.settled.clear()
        for name in present if span or dropped else called:
            sample = present[name] if name in present else self._recalled(present, name, before[name])
            self._step(draft, draft.state, sample, before[name], dropped)

    def _called(
        self, present: Mapping[str, Sample], fresh_names: set[str], latest: Mapping[str, Sample]
    ) -> list[str]:
        """What to look at: what is new and who is called by it; those that came alone are called from memory."""
        called = {main for name in fresh_names for main in self._callers.get(name, ())}
        own = [name for name in present if name in fresh_names or name in called]
        return own + sorted(name for name in called if name not in present and name in latest)

    def _recalled(
        self, present: Mapping[str, Sample], name: str, last: Sample | None
    ) -> Sample:
        """The tag's last value at the time of the companion that calls for it."""
        caller = next(present[other] for other in present if name in self._callers.get(other, ()))
        assert last is not None
        return replace(last, at=caller.at, mono=caller.mono, recv=caller.recv)

    def _step(
        self, draft: Proposal, state: MachineState, sample: Sample, before: Sample | None, dropped: bool
    ) -> None:
        name = sample.tag
        step = self._steps[name]
        if sample.value is None or step is None:
            state.settled.add(name)
            return
        fresh = state.sent.get(name) != state.span
        look = Look(
            self.equipment, self.boot_id, self.tags[name], self._plans[name], sample, before, state, draft, fresh,
            dropped,
        )  # fmt: skip
        if step(look):
            state.settled.add(name)
        else:
            state.settled.discard(name)
        state.sent[name] = state.span

    def _watch(
        self,
        draft: Proposal,
        present: Mapping[str, Sample],
        fresh_names: set[str],
        good: int | None,
    ) -> bool:
        """Evidence of this cycle; True when a new span begins, so that everything is sent again."""
        times = [] if good is None else [good]
        for name in self.watched & fresh_names:
            if self._usable(draft, present[name]):
                draft.state.unusable.discard(name)
                times.append(present[name].at)
            else:
                draft.state.unusable.add(name)
        if not times:
            return False
        memory, spans, fresh = ev.seen(draft.state.evidence, min(times), self.stale_ms, self.every_ms)
        draft.state.evidence, draft.state.lost = memory, False
        draft.events += [self._evidence(span) for span in spans]
        return fresh

    def _usable(self, draft: Proposal, sample: Sample) -> bool:
        """Whether the sample shows that the machine is alive and says its state."""
        tag, plan = self.tags[sample.tag], self._plans[sample.tag]
        if tag.signal == "heartbeat":
            return heartbeat.beats(draft.state, sample)
        if sample.value is None or tag.signal != "state":
            return sample.value is not None
        reader: Reader = plan
        look = Look(self.equipment, self.boot_id, tag, plan, sample, None, draft.state, draft)
        return reader.usable(look)

    def _replay(self, draft: Proposal, samples: Sequence[Sample]) -> None:
        """Historical samples: events of their time. They move no live state; counters go on from one memory."""
        past = self.past.copy()
        past.counters, past.doubts = draft.state.counters, draft.state.doubts
        draft.past = past
        for sample in samples:
            name, before = sample.tag, past.latest.get(sample.tag)
            late = before is not None and sample.at < before.at
            if not late:
                past.latest[name] = sample
            if sample.value is None:
                continue
            if name in self.watched and self._alive(past, draft, sample, before):
                memory, spans, fresh = ev.seen(past.evidence, sample.at, self.stale_ms, self.every_ms)
                past.evidence = memory
                past.span += fresh
                draft.events += [self._evidence(span) for span in spans]
            self._step(draft, past, sample, before, False)

    def _alive(self, past: MachineState, draft: Proposal, sample: Sample, before: Sample | None) -> bool:
        tag, plan = self.tags[sample.tag], self._plans[sample.tag]
        if tag.signal == "heartbeat":
            return heartbeat.beats(past, sample)
        if tag.signal != "state":
            return True
        reader: Reader = plan
        return reader.usable(Look(self.equipment, self.boot_id, tag, plan, sample, before, past, draft))

    def _keep_looks(self, draft: Proposal) -> None:
        """Counters looked at meanwhile: a later crash must not widen their interval."""
        state = draft.state
        for name, plan in self._counting.items():
            memory = state.counters.get(plan.key)
            if memory is not None:
                state.counters[plan.key] = refreshed(plan, memory, state.latest.get(name), self.boot_id)
        known = self.state.counters
        draft.memories = {key: memory for key, memory in state.counters.items() if memory is not known.get(key)}

    def _evidence(self, span: ev.EvidenceSpan) -> Event:
        return Event(
            "evidence",
            self.equipment,
            span.at,
            {"from": to_rfc3339(span.start), "until": to_rfc3339(span.until)},
        )


def _watched(tags: Sequence[Tag]) -> list[Tag]:
    """The tags that show whether the machine is watched: its heartbeat, else its state, else all."""
    for signal in ("heartbeat", "state"):
        found = [tag for tag in tags if tag.signal == signal]
        if found:
            return found
    return [tag for tag in tags if tag.signal != "companion"]


def _frames(samples: Sequence[Sample]) -> list[dict[str, Sample]]:
    """A delivery in which a tag comes several times, as the moments that it is made of."""
    frames: list[dict[str, Sample]] = [{}]
    for sample in samples:
        if sample.historical:
            continue
        if sample.tag in frames[-1]:
            frames.append({})
        frames[-1][sample.tag] = sane(sample)
    return frames


def _callers(tags: Iterable[Tag]) -> dict[str, list[str]]:
    """Companion -> the tags that look again when it alone changes."""
    out: dict[str, list[str]] = {}
    for tag in tags:
        names = [getattr(tag, field) for field in ACTIVE_FIELDS]
        names += [what for what, _ in tag.bits if isinstance(what, str)]
        for name in names:
            if name is not None:
                out.setdefault(name, []).append(tag.tag)
    return out


def _specs(plans: Iterable[CountPlan | MeterPlan]) -> dict[str, CounterSpec]:
    """Key -> spec of every counter memory of the machine."""
    out: dict[str, CounterSpec] = {}
    for plan in plans:
        out[plan.key] = plan.spec
        if isinstance(plan, CountPlan):
            out[plan.total_key] = plan.spec
    return out


def _without(known: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name not in names}
