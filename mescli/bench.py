"""`./mes bench [name]`: each benchmark is `tests/benchmarks/bench_<name>.py`; its last line is one JSON object.

A name stands for its family too: `bridge` is bench_bridge.py and every bench_bridge_*.py. What follows the names goes
to each of them.

A benchmark gets a copy of the template database, whose name is in $MES_BENCH_DB, and the database
connection in the usual PG variables. It imports `mescli` for a server or a script inside Odoo.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import database, odoo, template, venv
from .errors import MesError
from .paths import ROOT
from .progress import say

FOLDER = ROOT / "tests/benchmarks"
# Only by name: one takes ten minutes, the other installs a foreign gateway.
BY_NAME = frozenset({"soak", "bridge_peers"})


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def run(wanted: Sequence[str], extra: Sequence[str]) -> int:
    """Run the named benchmarks, or all but those by name only; 0 only if each ended well and with its JSON line."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise MesError(f"There is no benchmark {unknown[0]}.", f"there are: {', '.join(known) or 'none yet'}.")
    if not known:
        raise MesError("There is no benchmark in tests/benchmarks.", "add bench_<name>.py there.")
    family = [name for name in known if any(name == want or name.startswith(f"{want}_") for want in wanted or known)]
    codes = [_run_one(FOLDER / f"bench_{name}.py", extra) for name in family]
    return 1 if any(codes) else 0


def _run_one(script: Path, extra: Sequence[str]) -> int:
    say(f"\n== {script.stem.removeprefix('bench_')} ==")
    name = database.own_name("mes_bench_")
    # Durable, as in a plant: a benchmark that does not wait for the disk would flatter.
    database.copy(template.ensure(), name, durable=True)
    env = odoo.environment({"MES_BENCH_DB": name})
    try:
        process = subprocess.Popen(
            [str(venv.python()), str(script), *extra], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
        )
        last = ""
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                say(line.rstrip("\n"))
                last = line.strip() or last
        return process.returncode or _complain_unless_json(last)
    finally:
        database.drop(name)


def _complain_unless_json(line: str) -> int:
    try:
        if isinstance(json.loads(line), dict):
            return 0
    except ValueError:
        pass
    say("mes bench: the last line is not one JSON object.")
    return 1
