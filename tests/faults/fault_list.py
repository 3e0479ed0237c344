"""The faults of the matrix: how each is made and mended, and for which protocols it means something."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from fault_links import DOWN, UP
from fault_world import World, wait

from iot_bridge.simulator.layout import BROKERED, MODBUS
from mescli.proxy import Act, Call

PROTOCOLS = ("modbus_tcp", "modbus_rtu_tcp", "opcua", "mqtt", "sparkplug")
HOLD_S = 7.0  # the stale limit of 5 s, and what it takes to be seen
# What is pushed still comes when nothing goes out: the stale limit begins when the link is found to be half-open.
LONG_HOLD_S = 10.0
HOUR_S = 3600.0

Work = Callable[[World], None]


def _nothing(_world: World) -> None:
    """Some faults mend themselves."""


def _everywhere(_protocol: str) -> str | None:
    return None


# -- signs that the fault bites: a scene whose fault is not felt proves nothing


def _no_data(world: World) -> bool:
    """Odoo is told, and tells everybody, that nothing is known of any machine."""
    return all(shown.state is None for shown in world.live().values())


def _silence(world: World) -> bool:
    """Odoo has heard nothing of any machine for some seconds."""
    return all(time.time() * 1000 - shown.at > 3000 for shown in world.live().values())


def _other_time(world: World) -> bool:
    """What the bridge's clock stamps is wrong by an hour, or not believed; what has a stamp of its own goes on."""
    stamped = [shown for protocol, shown in world.live().items() if protocol in MODBUS]
    return all(abs(time.time() * 1000 - shown.at) > 3000 for shown in stamped)


def _backlog(world: World) -> bool:
    """Parts are made that are not booked."""
    booked = world.booked()
    return all(plant.made > booked[protocol] for protocol, plant in world.plants.items())


def _unacknowledged(world: World) -> bool:
    """The bridge has events that it does not know to be in Odoo."""
    return bool(world.pending())


def _full(world: World) -> bool:
    return world.disk is not None and world.disk.is_full() and _backlog(world)


def _fill_disk(world: World) -> None:
    assert world.disk
    world.disk.fill()


def _free_disk(world: World) -> None:
    assert world.disk
    world.disk.free()


def _unfelt(_world: World) -> bool:
    """It was over before anybody could look."""
    return True


@dataclass(frozen=True)
class Fault:
    """A row of the matrix.

    inject, mend: begin and end of it. hold_s: how long it lasts; parts are made meanwhile by whoever can.
    settles: the machines go to their next state during the fault, not after it. reason: why a protocol
    has no such fault, or None. felt: whether it bites, asked at its end. often: part of the default run.
    needs: what the scene must have for it, ``tls`` (Odoo and devices behind certificates), ``small disk``
    or ``own postgres``.
    """

    name: str
    title: str
    how: str
    inject: Work
    mend: Work = _nothing
    hold_s: float = HOLD_S
    felt: Callable[[World], bool] = _silence
    settles: bool = True
    reason: Callable[[str], str | None] = _everywhere
    often: bool = False
    needs: str = ""

    @property
    def protocols(self) -> list[str]:
        """Those that can have it."""
        return [protocol for protocol in PROTOCOLS if self.reason(protocol) is None]


# -- PLC


def _kill_plants(world: World) -> None:
    world.each(lambda plant: plant.kill())


def _lose_memory(world: World) -> None:
    """Only what was read before the loss can be known by anybody: the machines pause until all is booked."""
    world.order("pause")
    wait("the parts before the loss", lambda: all(world.booked()[p] == world.plants[p].made for p in world.plants))
    _kill_plants(world)


def _zero_plants(world: World) -> None:
    world.start_plants(zero=True)
    made = {protocol: plant.made for protocol, plant in world.plants.items()}
    wait("new parts", lambda: all(plant.made > made[p] + 3 for p, plant in world.plants.items()))


# -- broker


def _brokered(protocol: str) -> str | None:
    return None if protocol in BROKERED else "no broker"


def _broker(word: str) -> Work:
    def do(world: World) -> None:
        assert world.broker
        getattr(world.broker, word)()

    return do


# -- Odoo


def _kill_in_a_batch(world: World) -> None:
    """SIGKILL some milliseconds after a batch has gone in."""
    struck = threading.Event()

    def strike() -> None:
        time.sleep(0.02)
        world.site.kill()

    def decide(call: Call) -> Act:
        if call.method == "ingest" and not struck.is_set():
            struck.set()
            threading.Thread(target=strike).start()
        return Act()

    world.proxy.decide = decide
    wait("a batch", struck.is_set)
    wait("the end of Odoo", lambda: world.site.server is None)


def _restart_odoo(world: World) -> None:
    _heal_odoo(world)
    world.site.start()


def _odoo(act: Act) -> Work:
    """Every call meets this."""

    def inject(world: World) -> None:
        world.proxy.decide = lambda call: act

    return inject


def _heal_odoo(world: World) -> None:
    world.proxy.decide = lambda call: Act()


def _restart_postgres(world: World) -> None:
    assert world.site.cluster
    world.site.cluster.restart()


# -- cables and names


def _drop_devices(*ways: str) -> Work:
    def inject(world: World) -> None:
        for cable in world.cables.values():
            cable.drop(*ways)

    return inject


def _drop_odoo(*ways: str) -> Work:
    def inject(world: World) -> None:
        world.odoo_cable.drop(*ways)

    return inject


def _mend_cables(world: World) -> None:
    for cable in [*world.cables.values(), world.odoo_cable]:
        cable.mend()


def _forget_names(world: World) -> None:
    """A name is only asked for by who connects: the connections there are end too."""
    world.set_names(known=False)
    for cable in [*world.cables.values(), world.odoo_cable]:
        cable.cut()


# -- certificates


def _with_certificate(protocol: str) -> str | None:
    return "no certificates" if protocol in MODBUS else None


FAULTS = (
    Fault("plc_killed", "PLC killed", "SIGKILL; started again with its retentive counters", _kill_plants,
          lambda world: world.start_plants(), settles=False, felt=_no_data),
    Fault("plc_frozen", "PLC frozen", "SIGSTOP, SIGCONT: its sockets stay open", lambda world: world.freeze_plants(),
          lambda world: world.thaw_plants(), settles=False, often=True, felt=_no_data),
    Fault("plc_zeroed", "PLC restarted with counters at zero", "SIGKILL; started again without memory, boot number + 1",
          _lose_memory, _zero_plants, hold_s=2.0, settles=False, often=True, felt=_unfelt),
    Fault("broker_killed", "Broker killed", "SIGKILL of Mosquitto; started again", _broker("kill"), _broker("run"),
          reason=_brokered, often=True, felt=_no_data),
    Fault("broker_frozen", "Broker frozen", "SIGSTOP, SIGCONT of Mosquitto", _broker("freeze"), _broker("thaw"),
          reason=_brokered, felt=_no_data),
    Fault("odoo_killed", "Odoo killed in a batch", "SIGKILL 20 ms after a batch went in; started again",
          _kill_in_a_batch, _restart_odoo, hold_s=2.0, often=True, felt=_backlog),
    Fault("odoo_500", "Odoo answers 500", "by a proxy, every call", _odoo(Act(copies=0, status=500)), _heal_odoo),
    Fault("odoo_401", "Odoo answers 401", "by a proxy, every call", _odoo(Act(copies=0, status=401)), _heal_odoo),
    Fault("odoo_429", "Odoo answers 429", "by a proxy, every call", _odoo(Act(copies=0, status=429)), _heal_odoo),
    Fault("odoo_slow", "Odoo slow", "each call waits for 2.5 s", _odoo(Act(delay_s=2.5)), _heal_odoo, felt=_backlog),
    Fault("postgres_restarted", "PostgreSQL restarted", "immediate stop, 2 s away, start: a server of the scene's own",
          _restart_postgres, hold_s=2.0, needs="own postgres", felt=_unfelt),
    Fault("bridge_killed", "Bridge SIGKILL", "started again", lambda world: world.kill_bridge(),
          lambda world: world.start_bridge(), often=True),
    Fault("bridge_frozen", "Bridge SIGSTOP", "SIGSTOP, SIGCONT", lambda world: world.signal_bridge(signal.SIGSTOP),
          lambda world: world.signal_bridge(signal.SIGCONT)),
    Fault("link_up", "Device link dropped towards the device", "a relay holds back that direction", _drop_devices(UP),
          _mend_cables, hold_s=LONG_HOLD_S, felt=_no_data),
    Fault("link_down", "Device link dropped towards the bridge", "a relay holds back that direction",
          _drop_devices(DOWN), _mend_cables, felt=_no_data),
    Fault("link_both", "Device link dropped both ways", "a relay holds back both directions", _drop_devices(UP, DOWN),
          _mend_cables, often=True, felt=_no_data),
    Fault("odoo_link_up", "Odoo link dropped towards Odoo", "a relay holds back that direction", _drop_odoo(UP),
          _mend_cables),
    Fault("odoo_link_down", "Odoo link dropped towards the bridge", "a relay holds back that direction",
          _drop_odoo(DOWN), _mend_cables, felt=_unacknowledged),
    Fault("odoo_link_both", "Odoo link dropped both ways", "a relay holds back both directions", _drop_odoo(UP, DOWN),
          _mend_cables),
    Fault("dns_gone", "DNS gone", "no name is found and all connections are cut", _forget_names,
          lambda world: world.set_names(known=True)),
    Fault("disk_full", "Disk full", "the bridge's folder on a tmpfs that is kept full (root), or RLIMIT_FSIZE",
          _fill_disk, _free_disk, needs="small disk", felt=_full),
    Fault("clock_ahead", "Clock steps an hour ahead and back", "the wall clock of the bridge's process",
          lambda world: world.set_clock(HOUR_S), lambda world: world.set_clock(0.0), felt=_other_time),
    Fault("clock_behind", "Clock steps an hour back and ahead", "the wall clock of the bridge's process",
          lambda world: world.set_clock(-HOUR_S), lambda world: world.set_clock(0.0), felt=_other_time),
    Fault("odoo_certificate", "Odoo's certificate expired", "TLS before Odoo; the certificate is changed, then renewed",
          lambda world: world.use_odoo_certificate(expired=True),
          lambda world: world.use_odoo_certificate(expired=False), needs="tls"),
    Fault("device_certificate", "Device's or broker's certificate expired", "changed, connections cut, then renewed",
          lambda world: world.use_device_certificate(expired=True),
          lambda world: world.use_device_certificate(expired=False), reason=_with_certificate, needs="tls",
          settles=False, felt=_no_data),
)  # fmt: skip
BY_NAME = {fault.name: fault for fault in FAULTS}
