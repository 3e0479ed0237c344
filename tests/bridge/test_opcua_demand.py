"""OPC UA on demand: write, read, browse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from opcua_runs import NAMES, run, show
from opcua_scene import Scene, node_tag

from iot_bridge.errors import LinkLost, Rejected

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
