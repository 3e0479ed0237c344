"""The OPC UA driver against a real server: values, times, faults, and back again within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from opcua_scene import CLOCK, LABELLER, PATH, PORT, Scene, line_tags, node_tag, scene, serving

from iot_bridge.drivers import DRIVERS, Delivery, Surroundings
from iot_bridge.drivers.base import Browsable, Subscriber, Writable
from iot_bridge.drivers.opcua import subscription as subscriptions
from iot_bridge.drivers.opcua import watch
from iot_bridge.drivers.opcua.driver import OpcUa
from iot_bridge.drivers.opcua.session import Session
from iot_bridge.drivers.opcua.settings import OpcUaConfig
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.simulator.layout import node_id
from iot_bridge.testing import ManualClock

NAMES = ["state", "code", "interlock", "mode", "boot", "speed", "total", "reject"]
MOVING = [name for name in NAMES if name != "speed"]
Act = Callable[[Scene], Awaitable[None]]


def run(tmp_path: Path, act: Act, tags: Any = None, **settings: Any) -> None:
    async def whole() -> None:
        async with scene(tmp_path, tags, **settings) as s:
            await act(s)

    asyncio.run(whole())


async def show(s: Scene, **values: Any) -> None:
    for name, value in values.items():
        await s.server.show(node_id(LABELLER, name), value)


# -- values


def test_is_what_the_bridge_calls_a_subscriber(tmp_path: Path) -> None:
    config = OpcUaConfig(name="opc", endpoint="opc.tcp://127.0.0.1:1")
    made = DRIVERS["opcua"].load()(config, line_tags(), CLOCK, Surroundings(tmp_path))
    assert isinstance(made, Subscriber) and isinstance(made, Writable) and isinstance(made, Browsable)


def test_everything_is_read_at_once_then_notified(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        first = {sample.tag: sample.value for sample in s.seen.cycles[0]}
        assert first == {f"{PATH}/{name}": 0 for name in NAMES} and s.seen.dropped == [False]
        before = CLOCK.now_ms()
        await show(s, state=3, code=411, total=7)
        took = await s.seen.shows("total", 7)
        # Half the sampling interval and a little, not the four seconds of a read.
        assert took < 2.0 and s.driver.figures["healed"] == 0
        (cycle,) = [c for c in s.seen.cycles if any(x.tag == f"{PATH}/state" and x.value == 3 for x in c)][:1]
        together = {sample.tag: sample.value for sample in cycle}
        assert (together[f"{PATH}/code"], together[f"{PATH}/boot"]) == (411, 0)
        assert before <= s.seen.of("total")[-1].at <= s.seen.of("total")[-1].recv

    run(tmp_path, act)


def test_every_change_between_two_publishings_comes_in_its_order_and_with_its_time(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        wrote = []
        for value in range(1, 9):
            await show(s, total=value)
            wrote.append(CLOCK.now_ms())
            await asyncio.sleep(0.015)
        await s.seen.shows("total", 8)
        seen = [x for x in s.seen.of("total") if x.value][:8]
        assert [x.value for x in seen] == list(range(1, 9))
        # The device's own time, however late it was published: the same distances.
        steps = [x.at - seen[0].at - (at - wrote[0]) for x, at in zip(seen, wrote)]
        assert max(abs(step) for step in steps) <= 5

    run(tmp_path, act, line_tags(poll_ms=1000), clock="source")


def test_deadband_is_kept_by_the_server_in_the_tags_unit(tmp_path: Path) -> None:
    """speed has scale 0.1 and deadband 1.0: the node must move by more than ten."""

    async def act(s: Scene) -> None:
        for value in (4.0, 8.0, 30.0, 35.0, 55.0):
            await show(s, speed=value)
        await show(s, mode=4)
        await s.seen.shows("mode", 4)
        await s.seen.shows("speed", 55.0)
        assert 30.0 in s.seen.values("speed")
        assert not {4.0, 8.0, 35.0} & set(s.seen.values("speed"))

    tags = [t.model_copy(update={"scale": 0.1}) if t.signal == "measurement" else t for t in line_tags()]
    run(tmp_path, act, tags)


def test_deadband_that_the_server_refuses_is_left_out(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        original = s.server.server.iserver.subscription_service.create_monitored_items

        async def refuse(parameters: Any) -> Any:
            results = await original(parameters)
            for item, result in zip(parameters.ItemsToCreate, results):
                if isinstance(item.RequestedParameters.Filter, ua.DataChangeFilter):
                    result.StatusCode = ua.StatusCode(ua.StatusCodes.BadFilterNotAllowed)
            return results

        s.server.server.iserver.subscription_service.create_monitored_items = refuse
        s.server.drop_links()
        await s.seen.until(lambda: s.seen.losses == 1)
        await s.seen.fresh(NAMES)
        await show(s, speed=3.0)
        await s.seen.shows("speed", 3.0, 3.0)

    run(tmp_path, act, deadband_percent=5.0)


def test_bad_status_is_no_value_and_the_next_good_one_is(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await s.server.spoil("Labeller.Speed")
        await s.seen.shows("speed", None)
        await s.server.spoil("Labeller.Total", ua.StatusCodes.UncertainLastUsableValue)
        await s.seen.until(lambda: s.seen.latest[f"{PATH}/total"].quality == "uncertain")
        await show(s, speed=12.0, total=5)
        await s.seen.shows("speed", 12.0)
        await s.seen.shows("total", 5)
        assert s.seen.latest[f"{PATH}/total"].quality == "good"

    # Without a deadband: with one, this server's library fails to notify a bad status at all.
    run(tmp_path, act, line_tags(deadband=0.0))


def test_state_that_holds_is_proven_again_before_its_evidence_ends(tmp_path: Path) -> None:
    """stale after 1.5 s: the state is read again at least every 0.75 s, and the counters with the reconciling read."""

    async def act(s: Scene) -> None:
        await s.seen.until(lambda: len(s.seen.of("state")) >= 6)
        times = [x.at for x in s.seen.of("state")]
        assert max(b - a for a, b in pairwise(times)) < 1200
        assert len(s.seen.of("total")) >= 2 and {x.value for x in s.seen.of("total")} == {0}

    run(tmp_path, act, line_tags(stale_ms=1500), reconcile_s=1.0)


def test_texts_booleans_and_what_is_no_single_value(tmp_path: Path) -> None:
    tags = [
        node_tag("recipe", "Labeller.Recipe", signal="companion"),
        node_tag("names", "unused", address="i=2255", signal="companion"),
        node_tag("folder", "Labeller", signal="companion"),
    ]

    async def act(s: Scene) -> None:
        await s.seen.shows("recipe", "none")
        assert s.seen.latest[f"{PATH}/names"].value is None
        assert s.heard("i=2255 can't be used: it is an array")
        await s.seen.until(lambda: s.heard("folder: the server does not watch it (BadAttributeIdInvalid)"))

    run(tmp_path, act, tags)


# -- faults: all live again within five seconds after they exist (P14)


async def everything_moves(s: Scene, value: int, patience_s: float = 5.0) -> float:
    """Every node takes a new value; how long until all of it has arrived."""
    await show(s, **dict.fromkeys(MOVING, value), speed=value * 10.0)
    took = [await s.seen.shows(name, value, patience_s) for name in MOVING]
    return max([*took, await s.seen.shows("speed", value * 10.0, patience_s)])


def test_lost_items_are_found_and_made_anew(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        assert await s.server.lose_items() == len(NAMES)
        await everything_moves(s, 3)
        await s.seen.until(lambda: s.driver.figures["repaired"] >= len(NAMES))
        # Notified again, not only read: far quicker than any read.
        assert await everything_moves(s, 4, 3.0) < 1.9
        assert s.seen.losses == 0

    run(tmp_path, act, reconcile_s=4.0)


def test_one_lost_measurement_is_found_by_the_audit_alone(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        assert await s.server.lose_items(["Labeller.Speed"]) == 1
        await show(s, speed=55.0)
        await s.seen.shows("speed", 55.0, 5.0)
        assert s.driver.figures["repaired"] == 1 and s.seen.losses == 0

    run(tmp_path, act)


def test_lost_subscriptions_are_found_and_made_anew(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        assert await s.server.lose_subscriptions() >= 1
        await everything_moves(s, 3)
        await s.seen.until(lambda: s.driver.figures["repaired"] >= len(NAMES))
        assert await everything_moves(s, 4, 3.0) < 1.9
        assert s.seen.losses == 0

    run(tmp_path, act)


def test_subscription_that_the_server_ends_with_a_word_is_made_anew_at_once(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        for subscription in list(s.server._subscriptions().values()):
            await subscription.monitored_item_srv.trigger_statuschange(ua.StatusCode(ua.StatusCodes.BadTimeout))
        await s.seen.until(lambda: s.driver.figures["repaired"] >= len(NAMES), 1.5)
        await everything_moves(s, 3)

    run(tmp_path, act, audit_s=60.0)


def test_item_that_lives_and_says_nothing_is_read_and_made_anew(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        for subscription in s.server._subscriptions().values():
            for item in subscription.monitored_item_srv._monitored_items.values():
                item.mode = ua.MonitoringMode.Disabled

        async def nothing(mode: Any, ids: Any) -> Any:
            return [ua.StatusCode()] * len(ids)

        for subscription in s.server._subscriptions().values():
            subscription.monitored_item_srv.set_monitoring_mode = nothing
        await show(s, total=9)
        await s.seen.shows("total", 9, 5.0)
        assert s.driver.figures["healed"] >= 1 and s.seen.losses == 0

    run(tmp_path, act, reconcile_s=1.0)


def test_lost_session_is_opened_anew(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        assert await s.server.lose_sessions() == 1
        await everything_moves(s, 3)
        assert s.driver.figures["sessions"] == 2

    run(tmp_path, act)


def test_cut_link_brings_what_was_missed_once(tmp_path: Path) -> None:
    """Total counts on while the link is down: one reading after it, flagged as after a drop, none twice."""

    async def act(s: Scene) -> None:
        await show(s, total=5)
        await s.seen.shows("total", 5)
        s.server.drop_links()
        await s.seen.until(lambda: s.seen.losses == 1, 2.0)
        for value in (6, 7, 8):
            await show(s, total=value)
        await s.seen.shows("total", 8, 5.0)
        values = s.seen.values("total")
        assert [v for a, v in zip([None, *values], values) if v != a] in ([0, 5, 8], [0, 5, 7, 8], [0, 5, 6, 7, 8])
        assert True in s.seen.dropped

    run(tmp_path, act)


def test_restart_with_a_moved_index(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        before = s.server.index
        await s.server.restart(0.3, namespaces=["urn:a", "urn:b"])
        assert s.server.index == before + 2
        await everything_moves(s, 3)

    run(tmp_path, act)


def test_restart_with_missing_nodes_spoils_only_them_and_they_come_back(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await s.server.restart(missing=["Labeller.State", "Labeller.Speed"])
        await s.seen.shows("state", None)
        await s.seen.shows("speed", None)
        await show(s, total=44)
        await s.seen.shows("total", 44, 5.0)
        assert s.heard("Labeller.State does not exist") and s.heard("correct the address in Odoo")
        # Looked for again and again: one None each time, and one sentence.
        seen = len(s.seen.of("state"))
        await s.seen.until(lambda: len(s.seen.of("state")) > seen)
        s.server.values["Labeller.State"] = 1
        await s.server.add_missing()
        await s.seen.shows("state", 1, 5.0)
        await show(s, state=3)
        await s.seen.shows("state", 3, 5.0)
        assert sum("Labeller.State does not exist" in sentence for sentence in s.said) == 1
        assert s.heard(f"{PATH}/state: it is well again")

    run(tmp_path, act, audit_s=0.5)


@pytest.mark.filterwarnings("ignore:coroutine .MonitoredItemService:RuntimeWarning")  # the server's library
def test_node_that_vanishes_in_a_living_session_and_comes_back(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        server = s.server.server
        node = server.get_node(ua.NodeId("Labeller.State", s.server.index))
        await server.delete_nodes([node])
        s.server.missing = {"Labeller.State"}
        await s.seen.shows("state", None, 5.0)
        s.server.values["Labeller.State"] = 3
        await s.server.add_missing()
        await s.seen.shows("state", 3, 5.0)
        await show(s, state=1)
        await s.seen.shows("state", 1, 5.0)
        assert s.seen.losses == 0

    run(tmp_path, act, audit_s=0.5, reconcile_s=0.5)


def test_unknown_namespace_spoils_only_its_tag(tmp_path: Path) -> None:
    tags = [*line_tags(), node_tag("lost", "X", address="nsu=urn:nowhere;s=X")]

    async def act(s: Scene) -> None:
        assert s.seen.latest[f"{PATH}/lost"].value is None
        assert s.heard("lost: the server has no namespace urn:nowhere")
        await everything_moves(s, 3)

    run(tmp_path, act, tags)


def test_half_open_link_is_found_out_within_three_seconds(tmp_path: Path) -> None:
    """P7: connections stay, nobody answers; what is connected meanwhile is not heard either."""

    async def act(s: Scene) -> None:
        s.server.hang()
        assert await s.seen.until(lambda: s.seen.losses == 1) < 3.0
        assert "does not answer" in s.connection.state
        await asyncio.sleep(0)
        s.server.resume()
        await show(s, total=9)
        await s.seen.shows("total", 9, 8.0)

    run(tmp_path, act, open_timeout_s=1.0)


def test_server_that_is_away_is_named(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        await s.server.close()
        await s.seen.until(lambda: "can't be reached" in s.connection.state, 5.0)
        assert f"127.0.0.1:{PORT}" in s.connection.state
        await s.server.open()
        await s.seen.fresh(NAMES, 5.0)

    run(tmp_path, act)


def test_silence_of_the_publishing_is_a_lost_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers reads and publishes nothing, not even keep-alives."""
    monkeypatch.setattr(watch, "SILENT_S", 0.5)

    async def act(s: Scene) -> None:
        for subscription in s.server._subscriptions().values():
            subscription._task.cancel()
        await s.seen.until(lambda: s.seen.losses == 1, 10.0)
        assert s.driver.figures["sessions"] >= 1
        await everything_moves(s, 3)

    run(tmp_path, act, line_tags(poll_ms=100), audit_s=0.5)


def test_defect_in_the_keeper_opens_the_session_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would notice: the server still publishes."""

    async def act(s: Scene) -> None:
        async def fail(session: Any) -> None:
            monkeypatch.undo()
            raise KeyError("a defect")

        monkeypatch.setattr(Session, "probe", fail)
        await s.seen.until(lambda: s.seen.losses == 1, 3.0)
        assert "a defect of the driver: KeyError" in s.connection.state
        await everything_moves(s, 3)

    run(tmp_path, act, probe_s=0.2, reconcile_s=0.5)


def test_publishing_that_can_not_be_taken_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(s: Scene) -> None:
        def fail(data: Any) -> None:
            monkeypatch.undo()
            raise ValueError("a defect")

        monkeypatch.setattr(subscriptions, "reading", fail)
        await show(s, speed=33.0)
        await s.seen.shows("speed", 33.0, 5.0)
        assert s.seen.losses == 0 and s.driver.figures["repaired"] == len(NAMES)

    run(tmp_path, act)


def test_clock_that_is_wrong_is_said_once_and_corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(s: Scene) -> None:
        ahead = ManualClock(CLOCK.now_ms() + 60_000)
        s.server.clock = ahead
        await s.seen.until(lambda: s.heard("the server's clock is 60 s ahead of the bridge's"))
        ahead.advance(1000)
        before = CLOCK.now_ms()
        await show(s, state=3)
        await s.seen.shows("state", 3)
        assert abs(s.seen.of("state")[-1].at - before) < 2000
        assert sum("the server's clock" in sentence for sentence in s.said) == 1

    run(tmp_path, act, probe_s=0.2)


def test_delivery_that_could_not_be_stored_is_read_again(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        s.seen.full = True
        await show(s, state=3, speed=71.0, total=12)
        # The disk is full while these arrive.
        await s.seen.until(lambda: s.connection.samples >= len(NAMES) + 3)
        s.seen.full = False
        await s.seen.shows("state", 3, 6.0)
        await s.seen.shows("speed", 71.0, 6.0)
        await s.seen.shows("total", 12, 6.0)

    run(tmp_path, act)


def test_channel_keys_are_renewed_in_a_living_session(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        renewed = asyncio.Event()
        client = s.driver._session._client
        original = client.uaclient.revolve_security_token

        def told() -> None:
            original()
            renewed.set()

        client.uaclient.revolve_security_token = told
        await asyncio.wait_for(renewed.wait(), 8.0)
        await everything_moves(s, 3)
        assert s.seen.losses == 0

    run(tmp_path, act, channel_lifetime_s=1.5, security_policy="Basic256Sha256", trust_on_first_use=True)


def test_many_lives_leave_nothing_behind(tmp_path: Path) -> None:
    """P16, the short form: tasks and descriptors as before after many sessions."""

    async def act() -> None:
        async with serving() as server:
            config = OpcUaConfig(name="opc", endpoint=server.endpoint)
            driver = OpcUa(config, line_tags(), CLOCK, Surroundings(tmp_path))

            async def once() -> None:
                await driver.open()
                assert (await driver.receive()).samples
                await driver.close()

            def handles() -> int:
                return len(list(Path("/proc/self/fd").iterdir()))

            await once()
            tasks, files = len(asyncio.all_tasks()), handles()
            for _ in range(30):
                await once()
            loop = asyncio.get_running_loop()
            until = loop.time() + 5
            # The server's side ends a moment later than ours.
            while (len(asyncio.all_tasks()), handles()) > (tasks + 1, files + 1) and loop.time() < until:
                await asyncio.sleep(0.02)
            assert len(asyncio.all_tasks()) <= tasks + 1 and handles() <= files + 1

    asyncio.run(act())


def test_idle_receive_returns_so_that_the_loop_is_seen_to_live(tmp_path: Path) -> None:
    async def act() -> None:
        async with serving() as server:
            config = OpcUaConfig(name="opc", endpoint=server.endpoint, reconcile_s=60.0)
            calm = node_tag("speed", "Labeller.Speed", stale_ms=300_000)
            driver = OpcUa(config, [calm], CLOCK, Surroundings(tmp_path))
            await driver.open()
            first = await driver.receive()
            await driver.stored(first)
            deliveries = [await asyncio.wait_for(driver.receive(), 2.0) for _ in range(2)]
            assert Delivery([]) in deliveries
            await driver.close()
            with pytest.raises(LinkLost):
                await driver.read_tags([node_tag("speed", "Labeller.Speed")])

    asyncio.run(act())


# -- write, read, browse


SETPOINT = node_tag("setpoint", "Labeller.Setpoint")
RECIPE = node_tag("recipe", "Labeller.Recipe", signal="companion")


def test_write_in_the_nodes_own_type_and_read_back(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        back = await s.connection.write(SETPOINT, 75)
        assert back is not None and back.value == 75.0
        assert s.server.written("Labeller.Setpoint") == 75.0
        await s.connection.write(RECIPE, "Lager 0.5")
        assert s.server.written("Labeller.Recipe") == "Lager 0.5"

    run(tmp_path, act, [SETPOINT, RECIPE])


@pytest.mark.parametrize(
    ("tag", "value", "sentence"),
    [
        (SETPOINT, "fast", "is no number"),
        (SETPOINT, 1e39, "does not fit into a Float"),
        (node_tag("total", "Labeller.Total"), -1, "no whole number from 0 to 4294967295"),
        (node_tag("total", "Labeller.Total"), 1.5, "no whole number"),
        (node_tag("total", "Labeller.Total"), 5, "refuses to write .*BadUserAccessDenied"),
        (node_tag("x", "Labeller.X"), 5, "BadNodeIdUnknown"),
        (node_tag("x", "X", address="nsu=urn:x;s=X"), 5, "no namespace"),
    ],
)
def test_write_that_can_not_be_is_rejected_with_a_sentence(tmp_path: Path, tag: Any, value: Any, sentence: str) -> None:
    async def act(s: Scene) -> None:
        with pytest.raises(Rejected, match=sentence):
            await s.connection.write(tag, value)
        assert s.connection.state == "up"

    run(tmp_path, act, [SETPOINT])


def test_browse_finds_every_variable_once_with_address_unit_and_rights(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        server = s.server.server
        folder = server.get_node(ua.NodeId("Labeller", s.server.index))
        # A cycle, and a second way to the same nodes.
        await server.nodes.objects.add_reference(folder, ua.ObjectIds.Organizes)
        await folder.add_reference(server.nodes.objects, ua.ObjectIds.HasComponent)
        await show(s, state=3)
        found = await s.driver.browse(None, 100)
        by_name = {one.name: one for one in found}
        assert len(by_name) == len(found) == len(NAMES) + 2
        assert by_name["Labeller/State"].address == "nsu=urn:gemba:demo;s=Labeller.State"
        assert (by_name["Labeller/State"].value, by_name["Labeller/State"].type) == (3, "uint16")
        setpoint = by_name["Labeller/Setpoint"]
        assert (setpoint.unit, setpoint.writable, setpoint.type) == ("1/min", True, "float32")
        assert not by_name["Labeller/Total"].writable
        assert len(await s.driver.browse("nsu=urn:gemba:demo;s=Labeller", 3)) == 3
        with pytest.raises(LinkLost, match="no namespace"):
            await s.driver.browse("nsu=urn:x;s=Labeller", 3)

    run(tmp_path, act)


def test_browse_of_the_whole_server_stays_within_its_limit(tmp_path: Path) -> None:
    async def act(s: Scene) -> None:
        found = await s.driver.browse("i=84", 300)
        assert 100 < len(found) == len({one.address for one in found}) <= 300
        # What no tag can hold is not offered.
        assert "i=2255" not in {one.address for one in found}

    run(tmp_path, act)
