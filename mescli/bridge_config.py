"""The demo bridge's configuration file and the command line of the simulated plant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# A pure description, without third-party imports: the one place that knows the demo line's devices.
from iot_bridge.simulator.layout import BROKERED, MACHINES, METERS, PORTS, connections

PLC_HOST = "127.0.0.1"
# The last ports of the block: the broker, orders to the simulated plant, the bridge's status page.
BROKER, CONTROL, STATUS = PORTS, PORTS + 1, PORTS + 2


def port_count() -> int:
    """How many ports in a row the devices, the broker, the control of the demo line and the bridge need."""
    return PORTS + 3


def device_ports(plc_port: int) -> list[int]:
    """Ports that devices of the line listen on."""
    listening = [index for index, machine in enumerate(MACHINES) if machine.protocol not in BROKERED]
    return [plc_port + index for index in [*listening, *range(len(MACHINES), len(MACHINES) + len(METERS))]]


def write(path: Path, url: str, database: str, provided: Mapping[str, object], plc_port: int) -> None:
    """Write the bridge's YAML for the demo plant. `provided` is the answer of `mes.demo.provision`.

    `plc_port` is the first of the block of ports. The API key stays in the file `key` beside it. Values are written
    as JSON, which is YAML too.
    """
    odoo = {"url": url, "database": database, "login": provided["login"], "key_file": "key"}
    lines = [
        "# Written by ./mes demo at each start.",
        *(f"{name}: {json.dumps(provided[name])}" for name in ("stream", "telemetry_stream") if name in provided),
        "data_dir: bridge",
        "tags: from_odoo",
        f"status: {json.dumps({'port': plc_port + STATUS})}",
        "odoo:",
        *(f"  {name}: {json.dumps(value)}" for name, value in odoo.items()),
        "connections:",
        *(f"  - {json.dumps(connection)}" for connection in connections(PLC_HOST, plc_port, plc_port + BROKER)),
    ]
    path.write_text("\n".join(lines) + "\n")


def simulate_arguments(plc_port: int, seed: int, profile: str, truth: Path, memory: Path, linger: bool) -> list[str]:
    """The arguments of `python -m iot_bridge` that start the simulated plant.

    No part is made before the bridge has read every machine once. With `linger` the first SIGTERM ends production
    only, and the second the process.
    """
    where = ["--host", PLC_HOST, "--base-port", str(plc_port), "--broker-port", str(plc_port + BROKER)]
    where += ["--control", str(plc_port + CONTROL), "--wait-for-reader", *(["--linger"] if linger else [])]
    made = ["--seed", str(seed), "--profile", profile, "--truth", str(truth), "--memory", str(memory)]
    return ["simulate", *where, *made]
