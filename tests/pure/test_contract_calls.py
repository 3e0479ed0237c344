"""hello, live and tags: heads that hold, machines that do not."""

from __future__ import annotations

import json
from typing import Any

import contract
import pytest
from contract_samples import EQUIPMENT, NOW

EPOCH = "00000000-0000-4000-8000-000000000001"
AT = contract.format_time(NOW)


def hello(**fields: Any) -> str:
    """A hello as JSON text."""
    return json.dumps({"stream": "LINE1", "epoch": EPOCH, "first": 1, "last": 0, **fields})


def live(machines: Any, **fields: Any) -> str:
    """A live call as JSON text."""
    return json.dumps({"stream": "LINE1", "version": 3, "machines": machines, **fields})


def test_hello_is_read() -> None:
    """What a bridge says of itself."""
    said = contract.read_hello(hello(last=7, supersedes=EPOCH, bridge="1.2"))
    assert (said.first, said.last, said.supersedes, said.bridge) == (1, 7, EPOCH, "1.2")


@pytest.mark.parametrize(
    "fields",
    [{"first": 0}, {"last": -1}, {"epoch": "x"}, {"stream": None}, {"supersedes": "x"}, {"v": 2}, {"bridge": 5}],
)
def test_a_broken_hello_is_refused(fields: dict[str, Any]) -> None:
    """Nothing is taken of a broken hello."""
    with pytest.raises(contract.CallRefused):
        contract.read_hello(hello(**fields))


def test_live_is_read() -> None:
    """Values of machines, the bridge's clock and its health."""
    machine = {"at": AT, "state": "down", "code": "17", "interlock": None, "mode": "production", "counts": {"total": 5}}
    said = contract.read_live(live({EQUIPMENT: machine}, at=AT, epoch=EPOCH, health={"pending": 3}))
    assert said.at == NOW and said.epoch == EPOCH and said.health == {"pending": 3}
    expected = contract.LiveMachine(EQUIPMENT, NOW, "down", "production", "17", None, {"total": 5})
    assert said.machines == [expected] and not said.refused


@pytest.mark.parametrize(
    "machine",
    [
        None,
        {},
        {"at": AT},
        {"at": "x", "state": "down"},
        {"at": AT, "state": "asleep"},
        {"at": AT, "state": None, "counts": {"total": -1}},
        {"at": AT, "state": None, "counts": {"total": 1.5}},
        {"at": AT, "state": None, "counts": []},
        {"at": AT, "state": None, "code": "\x00"},
        {"at": AT, "state": None, "code": "x" * 65},
    ],
)
def test_a_broken_machine_leaves_the_others_live(machine: Any) -> None:
    """One bad machine is named, the other stays live."""
    said = contract.read_live(live({"BAD": machine, EQUIPMENT: {"at": AT, "state": "running"}}))
    assert [one.code for one in said.machines] == [EQUIPMENT]
    assert list(said.refused) == ["BAD"]


@pytest.mark.parametrize("fields", [{"version": "3"}, {"at": "x"}, {"health": 1}, {"epoch": "x"}])
def test_a_broken_live_head_is_refused(fields: dict[str, Any]) -> None:
    """Nothing is taken of a broken head."""
    with pytest.raises(contract.CallRefused):
        contract.read_live(live({}, **fields))


def test_machines_are_an_object() -> None:
    """A list of machines is no live call."""
    with pytest.raises(contract.CallRefused):
        contract.read_live(live([]))


def test_tags_request_is_read() -> None:
    """A bridge names its stream; a revision is welcome and not needed."""
    assert contract.read_tags_request('{"stream": "LINE1", "revision": null}').stream == "LINE1"
    with pytest.raises(contract.CallRefused):
        contract.read_tags_request("{}")
