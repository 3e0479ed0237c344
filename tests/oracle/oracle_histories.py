"""Random machine histories for the oracle: short, nasty, in whole seconds, and the same for the same seed.

A history holds every lane and every kind of edge that the KPI rules speak of: shifts that touch, overlap
nothing and lie apart, breaks that stop work and breaks that do not, several sources of evidence with gaps,
modes, set-up, own and inherited orders that overlap with a declared split, manual overrides that overlap
and expire, counters with rejects, a window that cuts everything, a ``now`` in the middle of it. All lists
are shuffled: facts arrive in any order. ``hour`` is the second at which a clock hour begins, which must change
nothing. See ``oracle.py`` for the format.
"""

from __future__ import annotations

import random

STATES = ("running", "running", "running", "down", "idle", "setup", "maintenance")
MODES = (*["production"] * 8, "changeover", "maintenance", "cleaning", "trial", "manual")
PRODUCTS = ("A", "B", "C")


def history(seed: int) -> dict:
    """The history of a seed: about 100 to 500 seconds of a machine's life."""
    rng = random.Random(seed)
    horizon = rng.randint(100, 500)
    start = rng.randint(0, horizon // 3)
    now = rng.choice([horizon, horizon, rng.randint(start, horizon)])
    made = {
        "now": now,
        "window": [start, rng.randint(start + 1, horizon + 20)],
        "hour": rng.randint(0, 2 * horizon),
        "threshold": rng.choice([5, 10, 20, 60]),
        "shifts": _shifts(rng, horizon),
        "evidence": _evidence(rng, horizon),
        "states": _lane(rng, now, "state", STATES, gap=rng.choice([8, 20, 60])),
        "modes": _lane(rng, now, "mode", MODES, gap=rng.choice([60, 150, 10_000])),
        "runs": _runs(rng, horizon, rng.choice([0, 1, 1, 2, 3])),
        "line_runs": _runs(rng, horizon, rng.choice([0, 1, 1, 2])),
        "overrides": _overrides(rng, horizon),
        "ideal": {product: rng.randint(1, 5) for product in PRODUCTS},
        "counters": _counters(rng, now),
    }
    _say_more(random.Random(-seed - 1), made, horizon)
    for name, value in made.items():
        if isinstance(value, list) and name not in ("window", "rules"):
            rng.shuffle(value)
    return made


def _say_more(rng: random.Random, made: dict, horizon: int) -> None:
    """Stop codes and raw words, reason rules over them, a threshold of a mode's own, start-up time."""
    for point in made["states"]:
        standing = point["state"] != "running"
        point["code"] = rng.choice([None, "17", "23", "J-4"]) if standing else None
        point["raw"] = rng.choice([None, "3", "6", "0x10", "none"])
    for override in made["overrides"]:
        if override["state"] and not override["planned"] and not override["setup"]:
            override["reason"] = rng.random() < 0.5
    made["rules"] = [_rule(rng, horizon) for _ in range(rng.choice([0, 0, 1, 2, 4]))]
    made["threshold_by_mode"] = {rng.choice(MODES): rng.choice([5, 40])} if rng.random() < 0.4 else {}
    made["startup"] = rng.choice([0, 5, 30, 90])


def _rule(rng: random.Random, horizon: int) -> dict:
    """A reason rule with none, one or several conditions."""
    flag = rng.choice(["planned", "setup", None, None])
    rule = {"planned": flag == "planned", "setup": flag == "setup"}
    conditions = {
        "codes": lambda: rng.choice([["17"], ["17", "23"], ["J-*"], ["?7"]]),
        "bits": lambda: rng.choice([1, 2, 4, 16]),
        "states": lambda: rng.choice([["down"], ["idle", "setup"]]),
        "modes": lambda: [rng.choice(MODES)],
        "products": lambda: rng.sample(PRODUCTS, rng.randint(1, 2)),
        "windows": lambda: [[low, low + rng.randint(1, 80)] for low in rng.sample(range(horizon), 2)],
    }
    for name in rng.sample(sorted(conditions), rng.choice([0, 1, 1, 2])):
        rule[name] = conditions[name]()
    return rule


def _cuts(rng: random.Random, horizon: int, gap: int) -> list[int]:
    """Rising instants about ``gap`` seconds apart; the first may lie well after 0."""
    at, cuts = rng.randint(0, gap), []
    while at < horizon:
        cuts.append(at)
        at += rng.randint(1, 2 * gap)
    return cuts


def _lane(rng: random.Random, now: int, key: str, values: tuple, gap: int) -> list[dict]:
    early = [-rng.randint(1, 50)] if rng.random() < 0.8 else []
    return [{"at": at, key: rng.choice(values)} for at in early + _cuts(rng, now, gap)]


def _shifts(rng: random.Random, horizon: int) -> list[dict]:
    """Up to four shifts, one after the other; half of them touch the one before."""
    shifts, at = [], rng.choice([-20, 0, rng.randint(0, horizon // 2)])
    for _ in range(rng.randint(1, 4)):
        end = at + rng.randint(20, horizon)
        shifts.append({"start": at, "end": end, "breaks": _breaks(rng, at, end)})
        at = end + rng.choice([0, 0, rng.randint(1, 60)])
    return shifts


def _breaks(rng: random.Random, start: int, end: int) -> list[dict]:
    breaks = []
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        low = rng.randint(start, end - 1)
        breaks.append({"start": low, "end": min(end, low + rng.randint(1, 40)), "stops": rng.random() < 0.8})
    return breaks


def _evidence(rng: random.Random, horizon: int) -> list[list[int]]:
    if rng.random() < 0.4:
        return [[-100, horizon + 100]]
    spans = []
    for _source in range(rng.randint(1, 2)):
        at = rng.randint(-20, 20)
        while at < horizon:
            until = at + rng.randint(1, 150)
            spans.append([at, until])
            at = until + rng.choice([0, rng.randint(1, 20)])
    return spans


def _runs(rng: random.Random, horizon: int, count: int) -> list[dict]:
    """Order runs; some still open, some at the same time with a declared split."""
    runs = []
    for number in range(count):
        start = rng.choice([-50, rng.randint(-50, horizon)])
        end = None if rng.random() < 0.4 else start + rng.randint(1, horizon)
        product = rng.choice(PRODUCTS)
        runs.append({"start": start, "end": end, "order": number, "product": product, "share": rng.randint(1, 3)})
    return runs


def _overrides(rng: random.Random, horizon: int) -> list[dict]:
    over = []
    for recorded in rng.sample(range(100), rng.choice([0, 0, 0, 1, 2, 4])):
        start = rng.randint(-20, horizon)
        flag = rng.choice(["planned", "setup", None, None])
        over.append(
            {
                "start": start,
                "end": None if rng.random() < 0.15 else start + rng.randint(1, 120),
                "recorded": recorded,
                "planned": flag == "planned",
                "setup": flag == "setup",
                "state": rng.choice([None, None, *STATES]),
            }
        )
    return over


def _counters(rng: random.Random, horizon: int) -> list[dict]:
    """A total counter, and often one of good or of rejected pieces that is read at other times."""
    total = _totals(rng, horizon, rate=rng.choice([0.2, 1.0, 3.0]))
    second = rng.choice([None, "good", "reject"])
    counters = [{"role": "total", "points": total}]
    if second:
        counters.append({"role": second, "points": _totals(rng, horizon, rate=0.1 if second == "reject" else 0.8)})
    return counters


def _totals(rng: random.Random, horizon: int, rate: float) -> list[list[int]]:
    total, last, points = rng.randint(0, 1000), 0, []
    for at in _cuts(rng, horizon, rng.choice([5, 20, 60])):
        total += int(rng.random() * 2 * rate * (at - last))
        points.append([at, total])
        last = at
    rng.shuffle(points)
    return points
