"""An oracle of the KPI rules: one bucket per second, deliberately naive, importing nothing of ours.

It was written from the text of the rules alone (``docs/kpi.md``) and must stay that way: whoever changes
the engine changes this file only when the *text* changed. Everything is whole seconds and plain dicts, so
that a person can redo an answer on paper:

    {"now": 540, "window": [0, 360], "threshold": 60,
     "shifts":    [{"start": 0, "end": 2880, "breaks": [{"start": 360, "end": 450, "stops": True}]}],
     "evidence":  [[0, 180], [170, 500]],                               any order, may overlap
     "states":    [{"at": 0, "state": "running"}],                      any order
     "modes":     [{"at": 0, "mode": "production"}],                    any order
     "runs":      [{"start": 0, "end": None, "order": 7, "product": "A", "share": 1}],
     "line_runs": [],                                                    used where the unit has none
     "overrides": [{"start": 5, "end": 9, "recorded": 1, "planned": False, "setup": False, "state": None}],
     "counters":  [{"role": "total", "points": [[0, 100], [60, 130]]}],  [at, running total]
     "ideal":     {"A": 2},                                              seconds a piece
     "rules":     [{"planned": True, "setup": False, "codes": ["17"]}],  in their order; conditions may be absent
     "threshold_by_mode": {"manual": 40}, "startup": 30}

A state may carry "code" and "raw"; an override "reason": False if it gives a state and nothing else.

Nothing here is clever: a second is looked up by walking the lists.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import pairwise

PLANNED_MODES = ("cleaning", "maintenance", "trial")
BUCKETS = (
    "not_scheduled",
    "no_data",
    "planned",
    "setup",
    "no_order",
    "production",
    "unplanned",
    "minor",
    "undetermined",
)
COVERAGE_LIMIT = Fraction(4, 5)


# -- one second --------------------------------------------------------------------------------------


def _over(item, second):
    return item["start"] <= second and (item["end"] is None or second < item["end"])


def _latest(points, second, key):
    """The value of the last point at or before the second; ``None`` before the first."""
    known = [point for point in points if point["at"] <= second]
    return max(known, key=lambda point: point["at"])[key] if known else None


def context(h, second):
    """All that is known of one second."""
    shift = next((s for s in h["shifts"] if _over(s, second)), None)
    on_break = any(b["stops"] and _over(b, second) for b in shift["breaks"]) if shift else False
    watched = second < h["now"] and any(start <= second < end for start, end in h["evidence"])
    overrides = [o for o in h["overrides"] if _over(o, second)]
    override = max(overrides, key=lambda o: o["recorded"]) if overrides else None
    own_state = _latest(h["states"], second, "state")
    mode = _latest(h["modes"], second, "mode")
    runs = [r for r in h["runs"] if _over(r, second)] or [r for r in h["line_runs"] if _over(r, second)]
    said = {
        "second": second,
        "state": own_state,
        "code": _latest(h["states"], second, "code"),
        "raw": _latest(h["states"], second, "raw"),
        "mode": mode,
        "products": [run["product"] for run in runs],
    }
    fitting = next((r for r in h.get("rules", ()) if rule_fits(r, said)), None)
    if override and override["state"] == "running":
        fitting = None
    return {
        "second": second,
        "flags": override if override and override.get("reason", True) else fitting,
        "shift": shift["start"] if shift else None,
        "on_break": on_break,
        "watched": watched,
        "override": override,
        "own_state": own_state,
        "state": override["state"] if override and override["state"] else own_state,
        "mode": mode,
        "runs": sorted(runs, key=lambda r: (r["start"], r["order"])),
    }


def rule_fits(rule, said):
    """Whether every condition of a reason rule holds; never while the machine runs or its state is unknown."""
    if said["state"] in (None, "running"):
        return False
    try:
        word = int(said["raw"] or "0", 0)
    except ValueError:
        word = 0
    return (
        ("codes" not in rule or any(fnmatchcase(said["code"] or "", pattern) for pattern in rule["codes"]))
        and ("bits" not in rule or word & rule["bits"] == rule["bits"])
        and ("states" not in rule or said["state"] in rule["states"])
        and ("modes" not in rule or said["mode"] in rule["modes"])
        and ("products" not in rule or any(product in rule["products"] for product in said["products"]))
        and ("windows" not in rule or any(low <= said["second"] < high for low, high in rule["windows"]))
    )


def rule(c):
    """The first rule of the table that fits; rule 7 is ``delay`` and is told apart later."""
    if c["shift"] is None:
        return "not_scheduled"
    if not c["watched"] or c["state"] is None:
        return "no_data"
    if c["on_break"] or (c["flags"] and c["flags"]["planned"]) or c["mode"] in PLANNED_MODES:
        return "planned"
    if c["state"] == "setup" or c["mode"] == "changeover" or (c["flags"] and c["flags"]["setup"]):
        return "setup"
    if not c["runs"]:
        return "no_order"
    return "production" if c["state"] == "running" else "delay"


def looked_at(h):
    """The window as far as it has happened: nothing is said about what comes after now."""
    low, high = h["window"]
    return low, max(low, min(high, h["now"]))


# -- the whole history -------------------------------------------------------------------------------


def life(h):
    """``{second: (context, rule)}`` from before the first fact to after the window."""
    first = min([h["window"][0], *(p[0] for c in h["counters"] for p in c["points"])], default=0)
    first = min([first, *(p["at"] for p in h["states"]), *(s["start"] for s in h["shifts"])])
    last = max([h["window"][1], h["now"], *(p[0] for c in h["counters"] for p in c["points"])])
    known = {second: context(h, second) for second in range(first - 1, last + 1)}
    return {second: (c, rule(c)) for second, c in known.items()}


def stops(h, seconds):
    """Every delay as ``(start, end, kind)``: seconds of rule 7 in a row, whatever their states and codes.

    Its end was seen when a watched second follows; a stop that runs into ``now`` or into no data is open.
    """
    found, start = [], None
    for second in sorted(seconds):
        delayed = seconds[second][1] == "delay"
        if delayed and start is None:
            start = second
        if not delayed and start is not None:
            open_end = second >= h["now"] or seconds[second][1] == "no_data"
            mode = seconds[start][0]["mode"]
            short = second - start < h.get("threshold_by_mode", {}).get(mode, h["threshold"])
            kind = "unplanned" if not short else "undetermined" if open_end else "minor"
            found.append((start, second, kind))
            start = None
    return found


def buckets(h, seconds=None):
    """Seconds of the window in each bucket, and the stops that began in the window, by kind."""
    seconds = seconds or life(h)
    low, high = looked_at(h)
    kinds = {second: kind for start, end, kind in stops(h, seconds) for second in range(start, end)}
    sums = dict.fromkeys(BUCKETS, 0)
    for second in range(low, high):
        name = seconds[second][1]
        sums[kinds[second] if name == "delay" else name] += 1
    return sums


def stop_counts(h, seconds):
    """How many stops of each kind began in the window; a stop is counted once, where it began."""
    low, high = looked_at(h)
    kinds = [kind for start, _, kind in stops(h, seconds) if low <= start < high]
    return {kind: kinds.count(kind) for kind in ("unplanned", "minor", "undetermined")}


# -- pieces ------------------------------------------------------------------------------------------


def shared_out(pieces, weights):
    """Whole pieces by weight, in order: before each edge the number nearest to the exact one, a half before it."""
    whole, passed, given = [], 0, 0
    for weight in weights:
        passed += weight
        due = int(Fraction(pieces * passed, sum(weights)) + Fraction(1, 2))
        whole.append(due - given)
        given = due
    return whole


def _may_run(c):
    """Running, or nobody knows: the time in which pieces can have been made."""
    return not c["watched"] or c["state"] in (None, "running")


def pieces(h, seconds, role):
    """Pieces of one counter in the window as ``[(context, rule, pieces)]``, by running time."""
    points = sorted(p for c in h["counters"] if c["role"] == role for p in c["points"])
    booked = []
    low, high = looked_at(h)
    for (start, before), (end, after) in pairwise(points):
        span = range(start, end)
        weights = [int(_may_run(seconds[second][0])) for second in span]
        shares = shared_out(after - before, weights if any(weights) else [1] * len(span))
        booked += [(*seconds[second], share) for second, share in zip(span, shares) if low <= second < high]
    return booked


def roles(h):
    return {counter["role"] for counter in h["counters"]}


def told_since(h, role):
    """The second with which the hour of a counter's first reading begins: from then on it says something."""
    times = [p[0] for c in h["counters"] if c["role"] == role for p in c["points"] if p[0] <= h["now"]]
    return min(times) - (min(times) - h["hour"]) % 3600 if times else float("inf")


def totals(h, seconds):
    """Pieces by the total's counter; before that says anything good and rejected ones make the total."""
    since = told_since(h, "total")
    others = [one for role in ("good", "reject") for one in pieces(h, seconds, role)]
    return pieces(h, seconds, "total") + [one for one in others if one[0]["second"] < since]


def quantities(h, seconds):
    """Pieces made in production time, outside of it, and without an order: totals of the window.

    ``ideal`` is the sum of ideal x total over the products in seconds, as least and most it can be: where
    orders share the machine, the rules do not say which of them gets a single piece.
    """
    total = totals(h, seconds)
    sums = {"total": 0, "outside": 0, "unallocated": 0, "good": None, "ideal": (0, 0)}
    for c, name, count in total:
        sums["total" if name == "production" else "outside"] += count
        if not c["runs"]:
            sums["unallocated"] += count
        if name == "production":
            cycles = [h["ideal"][run["product"]] for run in c["runs"]]
            low, high = sums["ideal"]
            sums["ideal"] = (low + min(cycles) * count, high + max(cycles) * count)
    made = {role: _in_production(h, seconds, role) for role in ("good", "reject")}
    if "good" in roles(h):
        since = told_since(h, "good")
        untold = [n for c, name, n in total if name == "production" and c["second"] < since]
        sums["good"] = made["good"] + sum(untold)
    elif "reject" in roles(h):
        sums["good"] = sums["total"] - made["reject"]
    else:
        sums["good"] = sums["total"]
    return sums


def startup_seconds(h, seconds):
    """The seconds that come within the start-up time after a set-up has ended, whatever the machine does then."""
    found = set()
    for second in sorted(seconds):
        before = seconds.get(second - 1)
        if second < h["now"] and before and before[1] == "setup" != seconds[second][1]:
            found.update(range(second, second + h.get("startup", 0)))
    return found


def startup_rejects(h, seconds):
    """Rejects made in production time while the machine started up; only where rejects are counted."""
    starting = startup_seconds(h, seconds)
    told = pieces(h, seconds, "reject")
    return sum(n for c, name, n in told if name == "production" and c["second"] in starting)


def _in_production(h, seconds, role):
    return sum(count for _, name, count in pieces(h, seconds, role) if name == "production")


# -- figures -----------------------------------------------------------------------------------------


def figures(h, seconds=None):
    """Availability, performance, quality, OEE and coverage as fractions; ``None`` is a refused figure.

    Performance and OEE are pairs, least and most; they are equal unless orders of products with other
    ideal cycles share the machine.
    """
    seconds = seconds or life(h)
    time, made = buckets(h, seconds), quantities(h, seconds)
    shift_time = sum(time.values()) - time["not_scheduled"]
    busy = shift_time - time["planned"] - time["no_data"]
    running = time["production"]
    coverage = 1 - Fraction(time["no_data"], shift_time) if shift_time else None
    answers = {"availability": None, "performance": None, "quality": None, "oee": None}
    if coverage is not None and coverage >= COVERAGE_LIMIT:
        if busy:
            answers["availability"] = Fraction(running, busy)
        if running:
            answers["performance"] = tuple(Fraction(ideal, running) for ideal in made["ideal"])
        if made["total"]:
            answers["quality"] = Fraction(made["good"], made["total"])
        if None not in (answers["availability"], answers["performance"], answers["quality"]):
            rest = answers["availability"] * answers["quality"]
            answers["oee"] = tuple(sorted(rest * performance for performance in answers["performance"]))
        elif busy and not made["total"]:
            answers["oee"] = (Fraction(0), Fraction(0))
    return {**answers, "coverage": coverage}
