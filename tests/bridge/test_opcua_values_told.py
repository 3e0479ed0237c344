"""What an OPC UA server tells arrives as it was told: order, times, dead bands, bad status."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

from asyncua import ua
from opcua_runs import NAMES, run, show
from opcua_scene import CLOCK, PATH, Scene, line_tags, node_tag

from iot_bridge.drivers import DRIVERS, Surroundings
from iot_bridge.drivers.base import Browsable, Subscriber, Writable
from iot_bridge.drivers.opcua.settings import OpcUaConfig

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
