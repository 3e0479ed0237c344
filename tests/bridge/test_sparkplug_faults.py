"""Lost, late and broken messages, deaths and restarts between an edge node and the Sparkplug host."""

from __future__ import annotations

from pathlib import Path

from push_rig import CLOCK, publishing, until
from sparkplug_rig import PACKER, Scene, play, ready
from stopwatch import Stopwatch

from mescli import mosquitto


def test_a_gap_is_mended_by_a_birth(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            births = scene.node.births
            scene.node.skip(5)
            await scene.show(total=101)
            await until(lambda: scene.node.births == births + 1)
            await until(lambda: consumer.last("P/setpoint") is not None)
            assert consumer.last("P/total") == 101
            # Between gap and birth nothing was proven.
            assert consumer.deliveries[0].samples[0].tag == "P/total" and len(consumer.deliveries[0].samples) == 1

    play(broker, tmp_path, run)


def test_messages_that_overtake_one_another(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.reorder(PACKER, {"total": 101}, {"total": 102})
            await until(lambda: consumer.last("P/total") == 102)
            assert consumer.values("P/total") == [101, 102]
            assert scene.node.rebirths == 1

    play(broker, tmp_path, run)


def test_a_death_makes_its_values_unknown_until_the_next_birth(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.node.die()
            await until(lambda: consumer.values("P/state")[:1] == [None])
            await until(lambda: consumer.last("P/state") == 1)
            assert consumer.lost == []

    play(broker, tmp_path, run)


def test_a_node_that_comes_back_without_a_birth_is_asked_for_one(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.node.die(births=False)
            await until(lambda: consumer.values("P/state")[:1] == [None])
            await until(lambda: scene.node._up.is_set())
            births = scene.node.births
            await scene.show(total=101)
            await until(lambda: scene.node.births == births + 1)
            await until(lambda: consumer.last("P/state") == 1)
            assert [value for value in consumer.values("P/total") if value is not None][-1] == 101

    play(broker, tmp_path, run)


def test_the_late_death_of_an_earlier_connection_changes_nothing(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.die_wrongly()
            await scene.show(total=101)
            await until(lambda: consumer.last("P/total") == 101)
            assert None not in consumer.values("P/state")
            assert any("bdSeq" in sentence for sentence in consumer.found)

    play(broker, tmp_path, run)


def test_a_device_that_dies_alone(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.lose_device(PACKER)
            await until(lambda: consumer.values("P/state") == [None])
            scene.node.find_device(PACKER)
            await until(lambda: consumer.last("P/state") == 1)
            assert scene.node.rebirths == 1

    play(broker, tmp_path, run)


def test_history_is_marked(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            then = CLOCK.now_ms() - 600_000
            scene.node.tell_history(PACKER, [(then + 1000 * n, {"total": 50 + n}) for n in range(3)])
            await until(lambda: len(consumer.values("P/total", live=False)) == 3)
            past = [sample for sample in consumer.samples if sample.historical]
            assert [(sample.value, sample.at - then) for sample in past] == [(50, 0), (51, 1000), (52, 2000)]
            assert consumer.last("P/total") in (None, 100)

    play(broker, tmp_path, run)


def test_a_restarted_bridge_knows_the_aliases_of_a_node_that_gives_no_birth(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
        scene.node.ignore_rebirths()
        async with scene.bridge(notes=consumer.notes) as again:
            await until(lambda: again.up and scene.node.rebirths >= 2)
            await scene.show(total=105)
            await until(lambda: again.last("P/total") == 105)
            assert {sample.quality for sample in again.samples} == {"uncertain"}
            assert again.values("P/state") == []  # what was not told is not proven

    play(broker, tmp_path, run)


def test_aliases_that_changed_while_the_bridge_was_away_are_never_mixed_up(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
        scene.node.renumber()
        async with scene.bridge(notes=consumer.notes) as again:
            await until(lambda: again.last("P/total") == 100)
            await scene.show(total=106)
            await until(lambda: again.last("P/total") == 106)

    play(broker, tmp_path, run)


def test_a_frozen_broker_costs_nothing_but_time(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            broker.freeze()
            watch = Stopwatch()
            await until(lambda: consumer.lost, 4.0)
            assert watch.until(consumer.lost[0][0]) <= 3.0
            await scene.show(state=3, code=501, total=150)
            broker.thaw()
            await until(lambda: consumer.last("P/total") == 150 and consumer.last("P/state") == 3)
            assert consumer.last("P/code") == 501

    play(broker, tmp_path, run)


def test_a_broker_that_is_killed_comes_back_with_everything(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            broker.kill()
            await until(lambda: consumer.lost, 2.0)
            await scene.show(state=3, total=160)
            broker.run()
            await until(lambda: consumer.last("P/total") == 160 and consumer.last("P/state") == 3)

    play(broker, tmp_path, run)


def test_retained_messages_are_none_of_sparkplugs(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run(scene: Scene) -> None:
        async with publishing(scene.port) as plant:
            topic = f"spBv1.0/Gemba/DDATA/Line1/{PACKER.title}"
            await plant.say(topic, b"\x00garbage", retain=True)
            async with scene.bridge() as consumer:
                await ready(consumer, scene)
                await plant.say(topic, b"\x00garbage")
                await scene.show(total=101)
                await until(lambda: consumer.last("P/total") == 101)
                assert [sentence.split(": ", 1)[1][:10] for sentence in consumer.found] == ["a retained", "no Sparkpl"]

    play(broker, tmp_path, run)
