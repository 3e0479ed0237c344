"""The demo bridge's configuration file and the command line of the simulated plant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# A pure description, without third-party imports: the one place that knows the demo plant's devices.
from iot_bridge.simulator.layout import BROKERED, PLANTS, Meter, connections, devices, ports

PLC_HOST = "127.0.0.1"
# Ports that the devices of the largest plant need; after them the broker, orders to the plant, the bridge's status.
DEVICES = max(ports(plant) for plant in PLANTS)
BROKER, CONTROL, STATUS = DEVICES, DEVICES + 1, DEVICES + 2


def port_count() -> int:
    """How many ports in a row the devices, the broker, the control of the demo plant and the bridge need."""
    return DEVICES + 3


def device_ports(plc_port: int, plant: str = "line1") -> list[int]:
    """Ports that devices of the plant listen on."""
    return [
        port
        for port, device in enumerate(devices(plant).values(), plc_port)
        if isinstance(device, Meter) or device[0].protocol not in BROKERED
    ]


def write(path: Path, url: str, database: str, provided: Mapping[str, object], plc_port: int) -> None:
    """Write the bridge's YAML for the demo plant. `provided` is the answer of `mes.demo.provision`.

    `plc_port` is the first of the block of ports; what the answer calls `plant` decides which devices there are. The
    API key stays in the file `key` beside it. Values are written as JSON, which is YAML too.
    """
    made = connections(PLC_HOST, plc_port, plc_port + BROKER, plant=str(provided.get("plant", "line1")))
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
        *(f"  - {json.dumps(connection)}" for connection in made),
    ]
    path.write_text("\n".join(lines) + "\n")


def simulate_arguments(
    plc_port: int, seed: int, profile: str, truth: Path, memory: Path, linger: bool, plant: str = "line1"
) -> list[str]:
    """The arguments of `python -m iot_bridge` that start the simulated plant.

    No part is made before the bridge has read every machine once. With `linger` the first SIGTERM ends production
    only, and the second the process.
    """
    where = ["--host", PLC_HOST, "--base-port", str(plc_port), "--broker-port", str(plc_port + BROKER)]
    where += ["--control", str(plc_port + CONTROL), "--wait-for-reader", *(["--linger"] if linger else [])]
    made = ["--plant", plant, "--seed", str(seed), "--profile", profile, "--truth", str(truth), "--memory", str(memory)]
    return ["simulate", *where, *made]
