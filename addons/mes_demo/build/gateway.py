"""The gateway of the demo line: its streams, its tags, its user and key."""

from typing import Any

from ..demoplant import layout, tags
from .master import Plant
from .records import ensure

# What the contract calls a tag by, and what Odoo keeps by other means.
_NOT_STORED = frozenset({"tag", "equipment"})


def ensure_gateway(env: Any, plant: Plant, name: str, new_key: bool) -> dict[str, str | None]:
    """The gateway with all tags of the plant of that name; its login, and its key when one was made now."""
    gateway = ensure(
        env, "mes.gateway", {"company_id": plant.site.company_id.id, "site_id": plant.site.id},
        {"name": layout.GATEWAY["name"]},
    )  # fmt: skip
    for code in (layout.STREAM, layout.TELEMETRY_STREAM):
        ensure(env, "mes.gateway.stream", {"gateway_id": gateway.id, "code": code})
    _ensure_tags(env, plant, name, gateway)
    key = None
    if new_key or not gateway.valid_keys:
        key = gateway.action_new_key()["context"]["default_key"]
    streams = {"stream": layout.STREAM, "telemetry_stream": layout.TELEMETRY_STREAM}
    return {"gateway": gateway.name, **streams, "login": gateway.user_id.login, "key": key}


def _ensure_tags(env: Any, plant: Plant, name: str, gateway: Any) -> None:
    """The tags that are missing, in one go: every creation raises the gateway's revision."""
    known = set(gateway.with_context(active_test=False).tag_ids.mapped("tag"))
    machines = plant.machines
    protocols = {machine.code: machine.protocol for cell in plant.cells for machine in cell.machines}
    limits = tags.write_limits(name)
    missing = [
        {
            "gateway_id": gateway.id,
            "workcenter_id": machines[tag["equipment"]].id,
            "name": tag["tag"].rsplit("/", 1)[-1],
            "protocol": protocols[tag["equipment"]] if "address" in tag else "modbus",
            **{name: value for name, value in tag.items() if name not in _NOT_STORED},
            **limits.get(tag["tag"], {}),
        }
        for tag in tags.line_tags(name)
        if tag["tag"] not in known
    ]
    env["mes.gateway.tag"].create(missing)
