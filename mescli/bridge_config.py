"""The demo bridge's configuration file and the command line of the simulated plant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# A pure description, without third-party imports: the one place that knows the demo line's devices.
from iot_bridge.simulator.layout import connections

PLC_HOST = "127.0.0.1"


def plc_count() -> int:
    """How many PLCs the demo line has: as many ports in a row are needed."""
    return len(connections(PLC_HOST, 1))


def write(path: Path, url: str, database: str, provided: Mapping[str, object], plc_port: int) -> None:
    """Write the bridge's YAML for the demo plant. `provided` is the answer of `mes.demo.provision`.

    The API key stays in the file `key` beside it. Values are written as JSON, which is YAML too.
    """
    odoo = {"url": url, "database": database, "login": provided["login"], "key_file": "key"}
    lines = [
        "# Written by ./mes demo at each start.",
        f"stream: {json.dumps(provided['stream'])}",
        "data_dir: bridge",
        "tags: from_odoo",
        "odoo:",
        *(f"  {name}: {json.dumps(value)}" for name, value in odoo.items()),
        "connections:",
        *(f"  - {json.dumps(connection)}" for connection in connections(PLC_HOST, plc_port)),
    ]
    path.write_text("\n".join(lines) + "\n")


def simulate_arguments(plc_port: int, seed: int, profile: str, truth: Path, memory: Path, linger: bool) -> list[str]:
    """The arguments of `python -m iot_bridge` that start the simulated plant.

    No part is made before the bridge has read every machine once. With `linger` the first SIGTERM ends production
    only, and the second the process.
    """
    where = ["--host", PLC_HOST, "--base-port", str(plc_port), "--wait-for-reader", *(["--linger"] if linger else [])]
    made = ["--seed", str(seed), "--profile", profile, "--truth", str(truth), "--memory", str(memory)]
    return ["simulate", *where, *made]
