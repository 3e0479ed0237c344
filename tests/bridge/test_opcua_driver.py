"""The OPC UA driver against a real server: values, times, faults, and back again within seconds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from opcua_runs import MOVING, NAMES, run, show
from opcua_scene import CLOCK, PATH, PORT, Scene, line_tags, node_tag, serving

from iot_bridge.drivers import Delivery, Surroundings
from iot_bridge.drivers.opcua import subscription as subscriptions
from iot_bridge.drivers.opcua import watch
from iot_bridge.drivers.opcua.driver import OpcUa
from iot_bridge.drivers.opcua.session import Session
from iot_bridge.drivers.opcua.settings import OpcUaConfig
from iot_bridge.errors import LinkLost
from iot_bridge.testing import ManualClock

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
        await s.seen.until(lambda: "can't be reached" in s.connection.state)
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
        await asyncio.wait_for(renewed.wait(), 12.0)
        await everything_moves(s, 3)
        assert s.seen.losses == 0

    # Long enough that a busy machine renews in time, as every real lifetime is.
    run(tmp_path, act, channel_lifetime_s=5.0, security_policy="Basic256Sha256", trust_on_first_use=True)


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
