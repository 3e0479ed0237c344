"""What ``iot-bridge check`` says beyond a valid file: warnings, and with --online what answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .clock import Clock
from .commands.permit import rule_of
from .config import BridgeConfig, OdooConfig
from .drivers import DRIVERS, ConnectionConfig, Driver, Subscriber, Surroundings
from .errors import BridgeError, LinkLost
from .events import Sample
from .lock import is_locked
from .tags import Tag, load_last_good, parse_download
from .uplink.caller import Caller
from .uplink.transport import make_transport

HOUR_S = 3600.0
# So long a check listens to a source that delivers by itself.
FIRST_S = 5.0


@dataclass(slots=True)
class Findings:
    """Lines to print, and whether anything failed."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False

    def fail(self, line: str) -> None:
        """Add a line that makes the check fail."""
        self.lines.append(f"FAILED {line}")
        self.failed = True


def known_tags(config: BridgeConfig) -> tuple[Tag, ...]:
    """The tags in use: local ones, or the last good set from Odoo."""
    if config.tags != "from_odoo":
        return tuple(config.tags)
    kept = load_last_good(config.data_dir / "tags.json")
    return () if kept is None else parse_download(kept, config.tag_checks)[1]


def check_offline(config: BridgeConfig) -> list[str]:
    """Warnings: a key that others can read, and outages after which a count is known only modulo."""
    warnings = (_wrap_warnings, _handshake_warnings, _rule_warnings)
    return key_warnings(config.odoo) + [sentence for warn in warnings for sentence in warn(config)]


def check_drivers(config: BridgeConfig, clock: Clock) -> list[str]:
    """What keeps a connection's driver from being built with its settings and tags; nothing is opened."""
    tags, out = known_tags(config), []
    for link in config.connections:
        try:
            DRIVERS[link.driver].load()(link, link.own_tags(tags), clock, Surroundings(config.data_dir))
        except (ValueError, ImportError) as error:
            out.append(f"connection {link.name}: {error}")
    return out


def key_warnings(odoo: OdooConfig) -> list[str]:
    """Who else could speak for the gateway."""
    out = []
    if odoo.is_overheard():
        out.append(f"warning: odoo.url {odoo.url}: the key crosses the network in clear text; https mends it")
    if odoo.key_file.exists() and odoo.key_file.stat().st_mode & 0o077:
        out.append(f"warning: odoo.key_file {odoo.key_file} can be read by other users; chmod 600 mends it")
    return out


def _wrap_warnings(config: BridgeConfig) -> list[str]:
    """Counters that a long outage of the bridge could take round once more."""
    out = []
    for tag in known_tags(config):
        if tag.signal != "counter" or tag.counting != "cumulative" or not tag.max_rate:
            continue
        wraps_s = tag.wraps_at / tag.max_rate
        if wraps_s < config.outbox.keep_days * 24 * HOUR_S:
            out.append(
                f"warning: {tag.tag}: after an outage of the bridge of more than {wraps_s / HOUR_S:.1f} h at full "
                "speed the count is not certain (booked as least, with bounds); a wider counter in the PLC mends it"
            )
    return out


def _handshake_warnings(config: BridgeConfig) -> list[str]:
    """Records that the bridge may not acknowledge: their device would wait for ever."""
    links = {link.name: link for link in config.connections}
    tags = {tag.tag: tag for tag in known_tags(config)}
    out = []
    for tag in tags.values():
        ack = tags.get(tag.ack_tag or "")
        if ack is None:
            continue
        if not ack.writable:
            out.append(f"warning: {tag.tag}: its ack_tag {ack.tag} is not writable: make it so in Odoo's tag list")
        if rule_of(links[ack.connection].write, ack.tag) is None:
            out.append(
                f"warning: {tag.tag}: its ack_tag {ack.tag} is not in the allow-list: "
                f"add it to write of {ack.connection}"
            )
    return out


def _rule_warnings(config: BridgeConfig) -> list[str]:
    """Rules of the allow-list that can never let anything through."""
    tags = {tag.tag: tag for tag in known_tags(config)}
    out = []
    for link in config.connections:
        for rule in link.write if tags else ():
            tag = tags.get(rule.tag)
            if tag is None or tag.connection != link.name:
                out.append(f"warning: {link.name}: write: {rule.tag} is no tag of this connection: correct it")
            elif not tag.writable:
                out.append(f"warning: {link.name}: write: {rule.tag} is not writable in the tag map: set it in Odoo")
    return out


async def check_online(config: BridgeConfig, clock: Clock) -> Findings:
    """Read every device once and say hello to Odoo, changing nothing."""
    findings = Findings()
    await _check_odoo(config, findings)
    tags = known_tags(config)
    if not tags:
        findings.lines.append("no tags yet: they come from Odoo on the first run")
    for connection in config.connections:
        if connection.exclusive and is_locked(config.data_dir):
            findings.lines.append(f"not checked {connection.name}: the bridge runs and has the link; see its status")
            continue
        folder = config.data_dir / "drivers" / connection.name
        around = Surroundings(folder, found=findings.lines.append, visiting=True, shared=config.data_dir)
        await _check_connection(connection, connection.own_tags(tags), clock, around, findings)
    return findings


async def _check_odoo(config: BridgeConfig, findings: Findings) -> None:
    caller = Caller(make_transport(config.odoo, config.odoo.timeout_s), "check")
    try:
        for stream in config.streams():
            try:
                answer = await caller.call("tags", json.dumps({"stream": stream, "revision": None}))
            except BridgeError as error:
                findings.fail(f"{config.odoo.url}: stream {stream}: {error}")
            else:
                findings.lines.append(f"ok {config.odoo.url}: stream {stream}, tags revision {answer.get('revision')}")
    finally:
        caller.close()


async def _check_connection(
    config: ConnectionConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings, findings: Findings
) -> None:
    driver = DRIVERS[config.driver].load()(config, tags, clock, around)
    try:
        await driver.open()
        samples = await first_samples(driver, len(tags))
        for sample in samples:
            if sample.value is None:
                where = "check table and register, or address"
                findings.fail(f"{config.name}: {sample.tag}: the device gives no value: {where}")
        answered = {sample.tag for sample in samples}
        # Polled, and nothing came: the unit behind the line is silent. What is pushed may come later.
        silent = [tag for tag in tags if tag.tag not in answered] if isinstance(driver, Driver) else []
        for tag in silent:
            findings.fail(f"{config.name}: {tag.tag}: no answer from unit {tag.unit_id}: check unit_id and cable")
        if not silent:
            findings.lines.append(f"ok {config.name}: {len(tags)} tags")
    except (LinkLost, asyncio.TimeoutError) as error:
        findings.fail(f"{config.name}: {error}: check host, port and cable")
    finally:
        await driver.close()


async def first_samples(driver: Driver | Subscriber, tags: int) -> list[Sample]:
    """Each tag once from a polled device; of a source that delivers by itself what comes at first."""
    samples: list[Sample] = []
    if isinstance(driver, Driver):
        for group in driver.groups():
            # The second read follows the split of a block that the device refuses.
            await driver.read(group)
            samples += await driver.read(group)
        return samples
    until = time.monotonic() + FIRST_S
    while time.monotonic() < until and len({sample.tag for sample in samples}) < tags:
        samples += (await driver.receive()).samples
    return samples
