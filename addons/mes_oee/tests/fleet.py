"""Random lives of many machines at once, so cheap that thousands of them can be lived through."""

import random

from odoo.addons.mes_base.tests.common import (
    EVERY_DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    at_time,
    make_line,
    make_product,
    make_reason,
    make_work_center,
)
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.rows import CountRow, EvidenceRow, StateRow
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from psycopg2.errors import UniqueViolation

# Saturday 28 February 2026, 08:00 UTC: a month ends while things happen.
BEGIN = MONDAY - 40 * HOUR
HORIZON = 30 * HOUR
STATES = ("running", "running", "running", "down", "idle", "setup", "maintenance")
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns")
DAYS = ("2026-02-28", "2026-03-01")
MACHINES_OF_A_LINE = 5
# What happens to machines, and how often.
OWN = {
    "states": 4, "counts": 4, "evidence": 4, "modes": 1, "override": 2, "withdraw": 1, "run": 2, "change_run": 1,
    "ideal": 1, "threshold": 1, "startup": 1, "calendar": 1, "calendar_version": 1,
}  # fmt: skip
# What happens to all of them.
COMMON = {"later": 4, "rule": 2, "lock": 1, "reopen": 1, "site_calendar": 1}
REFUSALS = (UserError, ValidationError, UniqueViolation)


class Life:
    """What only one machine knows: its chance, its facts' numbers, its words."""

    def __init__(self, machine, line, seed):
        self.id, self.line_id = machine.id, line.id
        self.random = random.Random(seed)
        self.seq = 0
        self.words, self.runs = [], []

    def origin(self):
        self.seq += 100
        return {"stream": self.random.choice("AB"), "seq": self.seq, "priority": self.random.randrange(2)}


class Fleet:
    """Machines whose facts come at random: late, in clumps, twice, with people's words and corrections.

    Each machine has a life of its own. In common they have the site with its clock and calendar, the rules, closed
    periods and the time; what happens to several of them at once is entered at once.
    """

    def __init__(self, case, seed, machines):
        self.case, self.seed = case, seed
        self.random = random.Random(seed)
        self.now = BEGIN + self.random.randrange(HORIZON // 2)
        case.site.tz = self.random.choice(ZONES)
        self.products = [make_product(case.env, f"P{seed}.{n}").id for n in range(2)]
        self.code = f"J{seed}"
        self.reasons = [
            make_reason(case.env, f"planned {seed}", mes_planned=True).id,
            make_reason(case.env, f"setup {seed}", mes_setup=True).id,
            make_reason(case.env, f"jam {seed}", mes_code=self.code).id,
        ]
        self.lives = self._lives(machines)
        self.machines = case.env["mrp.workcenter"].browse([life.id for life in self.lives])
        counter = case.env["mes.counter"]._ensure(
            [(life.id, name, None, None) for life in self.lives for name in ("total", "reject")]
        )
        self.counters = counter
        self.rules, self.refused, self.named, self.closed = [], 0, 0, {}
        self.locks = case.env["mes.period.lock"]
        self.closed_until = 0

    def _lives(self, machines):
        lives = []
        for number in range(machines):
            if number % MACHINES_OF_A_LINE == 0:
                line = make_line(self.case.env, self.case.area, f"L{self.seed}.{number}")
            machine = make_work_center(self.case.env, self.case.area, f"R{self.seed}.{number}", line=line)
            lives.append(Life(machine, line, f"{self.seed}.{number}"))
        return lives

    @property
    def env(self):
        return at_time(self.case.env["base"], self.now).env

    def step(self):
        """Something happens to each machine, perhaps something to all; now and then the jobs run."""
        kinds = self.random.choices(list(OWN), list(OWN.values()), k=3)
        chosen = {}
        for life in self.lives:
            chosen.setdefault(life.random.choice(kinds), []).append(life)
        for kind, lives in chosen.items():
            getattr(self, kind)(lives)
        if self.random.random() < 0.5:
            (kind,) = self.random.choices(list(COMMON), list(COMMON.values()))
            getattr(self, kind)()
        if self.random.random() < 0.4:
            self.case.at(self.now)
            self.case.refresh()

    def dare(self, what):
        """Do it; a refusal of people's changes leaves nothing behind and is counted."""
        try:
            with self.case.env.cr.savepoint():
                return what()
        except REFUSALS:  # a closed period, two patterns from one date
            self.refused += 1
            return None

    def time(self, life):
        """Some time up to now."""
        return BEGIN + life.random.randrange(max(1, self.now - BEGIN))

    def span(self, life, longest):
        start = self.time(life)
        return start, start + life.random.randrange(1, longest)

    # -- facts ---------------------------------------------------------------------------------------

    def states(self, lives):
        rows = []
        for life in lives:
            start, origin = self.time(life), life.origin()
            gaps = [life.random.choice((20 * SECOND, 90 * SECOND, 10 * MINUTE, HOUR)) for _ in range(8)]
            times = [start + sum(gaps[:n]) + life.random.randrange(1000) for n in range(8)]
            rows += [
                StateRow(life.id, "state", at, None, life.random.choice(STATES), life.random.choice(
                    (None, self.code, "23")), **{**origin, "seq": origin["seq"] + n})
                for n, at in enumerate(times) if at <= self.now
            ]  # fmt: skip
        self.env["mes.fact.writer"].write_states(rows)

    def modes(self, lives):
        rows = []
        for life in lives:
            (start, end), origin = self.span(life, 2 * HOUR), life.origin()
            points = ((start, life.random.choice(("cleaning", "changeover", "trial", "manual"))), (end, "production"))
            rows += [StateRow(life.id, "mode", at, None, mode, **origin) for at, mode in points if at <= self.now]
        self.env["mes.fact.writer"].write_states(rows)

    def counts(self, lives):
        """Readings of a counter that steps every seven seconds, and of its rejects."""
        rows = []
        for life in lives:
            name, period = life.random.choice((("total", 7 * SECOND), ("reject", 97 * SECOND)))
            counter, origin = self.counters[life.id, name], life.origin()
            for n, at in enumerate(sorted({self.time(life) for _ in range(6)})):
                total = (at - BEGIN) // period
                rows.append(CountRow(counter, 1, at, total, total, **{**origin, "seq": origin["seq"] + n}))
        self.env["mes.fact.writer"].write_counts(rows)

    def evidence(self, lives):
        rows = []
        for life in lives:
            start, end = self.span(life, 8 * HOUR)
            rows.append(EvidenceRow(life.id, life.random.choice("AB"), start, min(end, self.now) + 5 * SECOND))
        self.env["mes.fact.writer"].write_evidence(rows)

    # -- words and orders ----------------------------------------------------------------------------

    def enter(self, model, told):
        """Enter records, (what they begin with, values): those in a closed period one by one, for they are refused.

        The ids in their order, None where one was refused.
        """
        found = dict.fromkeys(range(len(told)))
        timely = [place for place, (start, _values) in enumerate(told) if start >= self.closed_until]
        made = self.dare(lambda: self.env[model].create([told[place][1] for place in timely])) if timely else None
        found.update(zip(timely, made.ids if made else (), strict=False))
        for place in [place for place in found if place not in timely][:2]:
            one = self.dare(lambda place=place: self.env[model].create(told[place][1]))
            found[place] = one and one.id
        return list(found.values())

    def override(self, lives):
        told = []
        for life in lives:
            start, end = self.span(life, 3 * HOUR)
            values = {
                "workcenter_id": life.id,
                "at_from": clock.from_ms(start),
                "at_until": False if life.random.random() < 0.2 else clock.from_ms(end),
                "loss_id": life.random.choice(self.reasons),
                "state": life.random.choice((False, "down", "running")),
            }
            told.append((start, values))
        for life, id_ in zip(lives, self.enter("mes.state.override", told), strict=True):
            life.words += [id_] if id_ else []

    def withdraw(self, lives):
        ids = [life.words.pop(life.random.randrange(len(life.words))) for life in lives if life.words]
        if self.dare(lambda: self.env["mes.state.override"].browse(ids).withdraw()) is None:
            for id_ in ids[:3]:  # one in a closed period holds up all: some go alone
                self.dare(lambda id_=id_: self.env["mes.state.override"].browse(id_).withdraw())

    def run(self, lives):
        told = []
        for life in lives:
            start, end = self.span(life, 6 * HOUR)
            # A line's order is inherited by all of its machines.
            holder = life.line_id if life.random.random() < 0.5 / MACHINES_OF_A_LINE else life.id
            values = {
                "workcenter_id": holder,
                "product_id": life.random.choice(self.products),
                "at_from": clock.from_ms(start),
                "at_until": False if life.random.random() < 0.2 else clock.from_ms(end),
                "share": life.random.choice((1, 0.5, 0.25)),
            }
            told.append((start, values))
        for life, id_ in zip(lives, self.enter("mes.order.run", told), strict=True):
            life.runs += [id_] if id_ else []

    def change_run(self, lives):
        for life in [life for life in lives if life.runs][:6]:
            run = self.env["mes.order.run"].browse(life.random.choice(life.runs))
            until = clock.from_ms(clock.to_ms(run.at_from) + life.random.randrange(4 * HOUR))
            self.dare(lambda run=run, until=until: run.write({"at_until": until}))

    # -- settings ------------------------------------------------------------------------------------

    def ideal(self, lives):
        told = []
        for life in lives:
            start = self.time(life)
            values = {
                "workcenter_id": life.id,
                "product_id": life.random.choice((False, *self.products)),
                "date_from": clock.from_ms(start),
                "seconds": life.random.randrange(1, 9) / 4,
            }
            told.append((start, values))
        self.enter("mes.ideal.cycle", told)

    def threshold(self, lives):
        """The machine's own, or that of a mode."""
        seconds = self.random.choice((0, 30, 60, 600))
        own = [life.id for life in lives if life.random.random() < 0.5]
        self.dare(lambda: self.env["mrp.workcenter"].browse(own).write({"mes_minor_stop_ms": seconds * SECOND}))
        modes = self.env["mes.minor.stop"]
        rest = {life.id for life in lives} - set(own)
        values = {"threshold_ms": 3 * seconds * SECOND}
        known = modes.search([("workcenter_id", "in", list(rest)), ("mode", "=", "manual")])
        self.dare(lambda: known.write(values))
        new = sorted(rest - set(known.workcenter_id.ids))
        self.dare(lambda: modes.create([{**values, "workcenter_id": wc, "mode": "manual"} for wc in new]))

    def startup(self, lives):
        machines = self.env["mrp.workcenter"].browse([life.id for life in lives])
        self.dare(lambda: machines.write({"mes_startup_minutes": self.random.choice((0, 10, 90))}))

    def calendar(self, lives):
        """An exception for some of the machines."""
        for life in lives[:3]:
            self.dare(lambda life=life: self.env["mes.shift.exception"].create(
                {**self._exception(life.random), "workcenter_id": life.id}))  # fmt: skip

    def _exception(self, chance):
        start, self.named = chance.randrange(24), self.named + 1
        return {
            "name": "Exception",
            "kind": chance.choice(("closed", "overtime")),
            "date": chance.choice(DAYS),
            "shift_code": f"OT{self.named}",
            "start_hour": start,
            "end_hour": (start + 3) % 24,
        }

    def calendar_version(self, lives):
        """Another pattern for some of the machines from a date on."""
        start, day, self.named = self.random.randrange(24), self.random.choice(DAYS), self.named + 1
        shift = {"name": "D", "code": "D", "start_hour": start, "end_hour": (start + 9) % 24}
        values = {
            "name": f"Version {self.seed}.{self.named}",
            "company_id": self.case.site.company_id.id,
            "shift_ids": [Command.create({**shift, **dict.fromkeys(EVERY_DAY, True)})],
            "assignment_ids": [Command.create({"workcenter_id": life.id, "date_from": day}) for life in lives[:6]],
        }
        self.dare(lambda: self.env["mes.shift.pattern"].create(values))

    # -- what happens to all ---------------------------------------------------------------------------

    def later(self):
        self.now = min(BEGIN + HORIZON, self.now + self.random.randrange(8 * HOUR))
        self.case.at(self.now)

    def site_calendar(self):
        values = {**self._exception(self.random), "site_id": self.case.site.id}
        self.dare(lambda: self.env["mes.shift.exception"].create(values))

    def rule(self):
        """A new rule, or another reason or time of the day for an old one."""
        start, self.named = self.random.randrange(24), self.named + 1
        values = {
            "name": f"Rule {self.seed}.{self.named}",
            "loss_id": self.random.choice(self.reasons),
            "codes": self.random.choice(("J*", "23", "*")),
            "hour_from": start,
            "hour_until": (start + self.random.choice((0, 1, 12))) % 24,
        }
        if self.rules and self.random.random() < 0.5:
            self.dare(lambda: self.env["mes.reason.rule"].browse(self.rules[-1]).write(values))
        elif made := self.dare(lambda: self.env["mes.reason.rule"].create(values)):
            self.rules.append(made.id)

    def lock(self):
        """The past is closed up to some time: its hours stay from now on, whatever comes."""
        until = BEGIN + self.random.randrange(max(1, self.now - BEGIN))
        self.case.at(self.now)
        self.locks += self.env["mes.period.lock"].create(
            {"company_id": self.env.company.id, "at_until": clock.from_ms(until)}
        )
        self.closed_until = max(self.closed_until, until)
        self.closed = self.closed_rows()

    def closed_rows(self):
        """Table -> the hour rows before the end of the closed period."""
        found = {}
        for table in ("mes_oee_rollup", "mes_oee_reason_rollup") if self.closed_until else ():
            self.case.env.cr.execute(
                f"SELECT id FROM {table} WHERE workcenter_id = ANY(%s) AND hour_at <= %s - interval '1 hour'"
                " ORDER BY id",
                [self.machines.ids, clock.from_ms(self.closed_until)],
            )
            found[table] = self.case.env.cr.fetchall()
        return found

    def reopen(self):
        """What waited outside comes in."""
        self.case.assertEqual(self.closed_rows(), self.closed, f"closed hours stay as they are, fleet {self.seed}")
        self.locks.with_env(self.env).action_reopen()
        self.locks, self.closed, self.closed_until = self.env["mes.period.lock"], {}, 0
