"""How fast OEE is: from the rollups over a month and over a year, and a rebuild of a day from the facts.

    ./mes bench oee [--machines N] [--days N] [--repeats N] [--year-machines N] [--year-days N]

100 machines over 30 days: state changes every 4 minutes, counts every minute (and rejects every ten),
three shifts with breaks, an order every 10 hours. ``query_s``: OEE of every machine and shift (9 000
figures) from the rollups, the hour that is running computed on the fly, median of the repeats; with
availability, effectiveness and quality beside it in ``query_with_apq_s``.
``rebuild_day_s``: a day of all machines from facts to rows, database and commit included, median of all
days. ``fold_two_days_s``: the stops of two days of all machines, new and once more with all of them known.

Then 500 machines over a year (a row an hour, some 13 million): ``dashboard_p95_ms`` of what dashboards ask of complete
hours (OEE by month, line, machine, product, crew and month; the waterfall's sums; Pareto), each in a transaction of its
own with empty caches; ``dashboard_first_ms``: the first asking of each, not in p95; ``overview_ms``: the plant overview
by span; ``list_*_ms``: opening the lists over it. ``late_batch_ms``: a thousand states of ten machines
come late for a complete hour; what they touch is made anew, committed. ``--year-machines 0`` leaves this part out.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from mescli import odoo

HERE = Path(__file__).resolve().parent
GOALS = {"query_s": 1.0, "rebuild_day_s": 5.0, "dashboard_p95_ms": 300, "late_batch_ms": 100, "list_report_ms": 1000}
SCRIPT = """
import json, sys
sys.path.insert(0, {here!r})
import oee_inside, oee_year_inside
found = oee_inside.main(env, {machines}, {days}, {repeats})
if {year_machines}:
    found |= oee_year_inside.main(env, {year_machines}, {year_days}, {repeats})
answer(json.dumps(found))
"""


def main() -> int:
    """Run it; 0 if the goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--year-machines", type=int, default=500)
    parser.add_argument("--year-days", type=int, default=365)
    options = parser.parse_args()
    code = SCRIPT.format(here=str(HERE), **vars(options))
    result = json.loads(odoo.script(os.environ["MES_BENCH_DB"], code, what="The OEE benchmark"))
    reached = all(result[name] <= goal for name, goal in GOALS.items() if name in result)
    print(json.dumps({**result, "ok": reached}))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
