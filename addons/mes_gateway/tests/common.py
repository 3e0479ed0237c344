"""A gateway with a stream, and a bridge to speak for it: for tests of this room and of dependents."""

import json
from typing import Any

from odoo.addons.mes_base.tests.common import MONDAY, MesCase, at_time, make_counter, make_work_center

from .. import contract

EPOCH = "00000000-0000-4000-8000-000000000001"
OTHER_EPOCH = "00000000-0000-4000-8000-000000000002"
NOW = MONDAY + 12 * 3_600_000


def make_gateway(env, site, stream: str = "LINE1", name: str = "Hall 1", **values):
    """A gateway of a site with one stream and its technical user."""
    gateway = env["mes.gateway"].create(
        {
            "name": name,
            "site_id": site.id,
            "company_id": site.company_id.id,
            "stream_ids": [(0, 0, {"code": stream})],
            **values,
        }
    )
    gateway._ensure_user()
    return gateway


class Bridge:
    """Speaks for one stream of a gateway through its user's public calls, at a time of its own."""

    def __init__(self, gateway, stream: str | None = None, epoch: str = EPOCH, now: int = NOW):
        self.gateway, self.epoch, self.now = gateway, epoch, now
        self.stream = stream or gateway.stream_ids[:1].code

    def call(self, method: str, message: Any) -> dict[str, Any]:
        """One call as the gateway's user."""
        model = at_time(self.gateway.env["mes.gateway"].with_user(self.gateway.user_id), self.now)
        text = message if isinstance(message, str) else json.dumps(message)
        return json.loads(getattr(model, method)(text))

    def hello(self, **fields: Any) -> dict[str, Any]:
        """Say hello."""
        return self.call("hello", {"stream": self.stream, "epoch": self.epoch, "first": 1, "last": 0, **fields})

    def batch(self, events: list[Any], first: int | None = None, **fields: Any) -> dict[str, Any]:
        """The message of a batch."""
        first = first if first is not None else events[0]["seq"]
        head = {"v": 1, "stream": self.stream, "epoch": self.epoch, "from": first, "to": first + len(events) - 1}
        return {**head, "events": events, **fields}

    def ingest(self, events: list[Any], first: int | None = None, **fields: Any) -> dict[str, Any]:
        """Send a batch."""
        return self.call("ingest", self.batch(events, first, **fields))

    def live(self, machines: dict[str, Any], version: int = 1, **fields: Any) -> dict[str, Any]:
        """Send live values."""
        return self.call("live", {"stream": self.stream, "version": version, "machines": machines, **fields})


def event(seq: int, kind: str, machine, at: int, **fields: Any) -> dict[str, Any]:
    """An event of a machine."""
    common = {"seq": seq, "kind": kind, "equipment": machine.mes_code, "quality": "good"}
    return {**common, "at": contract.format_time(at), **fields}


def state(seq: int, machine, at: int, value: str | None = "running", **fields: Any) -> dict[str, Any]:
    """A state event."""
    return event(seq, "state", machine, at, **{"raw": 1, "state": value, "map": 1, **fields})


def count(seq: int, machine, at: int, total: int, delta: int, **fields: Any) -> dict[str, Any]:
    """A count event of the counter `total`."""
    values = {"counter": "total", "counter_epoch": 1, "raw": total, "total": total, "delta": delta, "decision": "step"}
    return event(seq, "count", machine, at, **{**values, **fields})


class GatewayCase(MesCase):
    """The plant of MesCase with a counter, a second machine, and a gateway that has said hello."""

    @classmethod
    def setUpClass(cls):
        """Build the gateway once for the class."""
        super().setUpClass()
        cls.counter = make_counter(cls.env, cls.machine, "total")
        cls.machine2 = make_work_center(cls.env, cls.area, "M2", line=cls.line)
        cls.counter2 = make_counter(cls.env, cls.machine2, "total")
        cls.gateway = make_gateway(cls.env, cls.site)
        cls.stream = cls.gateway.stream_ids
        cls.bridge = Bridge(cls.gateway)
        cls.bridge.hello()

    def facts(self) -> dict[str, list[tuple[Any, ...]]]:
        """All facts of the company's machines, without their origin."""
        fields = {
            "mes.state.point": ["workcenter_id", "lane", "at", "until", "raw", "value", "code"],
            "mes.count.point": ["counter_id", "counter_epoch", "at", "raw", "total", "delta", "decision"],
            "mes.evidence.span": ["workcenter_id", "at_from", "at_until"],
            "mes.measurement": ["tag_id", "at", "value"],
        }
        return {
            model: sorted(
                tuple(str(value) for name, value in row.items() if name != "id")
                for row in self.env[model].search([]).read(names, load="_classic_write")
            )
            for model, names in fields.items()
        }

    def finding(self, kind: str):
        """The open findings of one kind."""
        return self.env["mes.gateway.finding"].search([("kind", "=", kind), ("state", "=", "open")])

    def rejection(self, code: str):
        """The rejections with one code."""
        return self.env["mes.event.rejection"].search([("code", "=", code)])
