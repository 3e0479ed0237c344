"""One subscription and its monitored items."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...tags.model import Tag
from .library import ua
from .plan import KEEP_ALIVE_COUNT, Class, deadband
from .session import Session
from .values import Reading, reading

log = logging.getLogger(__name__)

MAX_NOTIFICATIONS = 10_000
Told = list[tuple[str, Reading]]


class Subscription:
    """What the server pushes of one class of tags. ``lost``: it is known to be gone.

    tell: called with each publishing, at once and in order. gaps counts publishings that went missing;
    last_word_s is the loop's time of the last one.
    """

    def __init__(self, session: Session, plan: Class, deadband_percent: float, tell: Callable[[Told], None]) -> None:
        self.plan = plan
        self.lost = True
        self.gaps = 0
        self.last_word_s = 0.0
        self.items: dict[str, int] = {}
        self._session = session
        self._percent = deadband_percent
        self._tell = tell
        self._id = 0
        self._expected: int | None = None
        self._handles = {handle: tag.tag for handle, tag in enumerate(plan.tags, 1)}
        self._tags = {tag.tag: (handle, tag) for handle, tag in enumerate(plan.tags, 1)}

    async def create(self, nodes: Mapping[str, Any]) -> dict[str, str]:
        """Create it and an item for each tag that has a node; returns tag -> why there is none."""
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = float(self.plan.publishing_ms)
        parameters.RequestedMaxKeepAliveCount = KEEP_ALIVE_COUNT
        parameters.RequestedLifetimeCount = self.plan.lifetime_count
        parameters.MaxNotificationsPerPublish = MAX_NOTIFICATIONS
        self.items.clear()
        self._expected = None
        result: Any = await self._session.slow_call(
            "to create a subscription", lambda services: services.create_subscription(parameters, self._published)
        )
        self._id = result.SubscriptionId
        self.lost = False
        self.last_word_s = asyncio.get_running_loop().time()
        return await self.add([tag for tag in self.plan.tags if tag.tag in nodes], nodes)

    async def add(self, tags: Sequence[Tag], nodes: Mapping[str, Any]) -> dict[str, str]:
        """Create items; returns tag -> why there is none."""
        failed: dict[str, str] = {}
        step = self._session.items_per_call
        for start in range(0, len(tags), step):
            failed.update(await self._add(tags[start : start + step], nodes, filtered=True))
        return failed

    async def audit(self) -> list[Tag]:
        """Ask for every item whether it lives; returns the tags whose item is gone (all, if the whole is)."""
        if self.lost:
            return list(self.plan.tags)
        names = list(self.items)
        gone: list[Tag] = []
        for start in range(0, len(names), self._session.items_per_call):
            some = names[start : start + self._session.items_per_call]
            parameters = ua.SetMonitoringModeParameters()
            parameters.SubscriptionId = self._id
            parameters.MonitoringMode = ua.MonitoringMode.Reporting
            parameters.MonitoredItemIds = [self.items[name] for name in some]
            try:
                answer: Any = await self._session.call(
                    "to an audit",
                    lambda services, parameters=parameters: services.set_monitoring_mode(parameters),  # type: ignore[misc]
                    expected=(ua.uaerrors.BadSubscriptionIdInvalid, ua.uaerrors.BadNoSubscription),
                )
            except (ua.uaerrors.BadSubscriptionIdInvalid, ua.uaerrors.BadNoSubscription):
                self.lost = True
                return list(self.plan.tags)
            dead = [name for name, status in zip(some, answer) if not status.is_good()]
            for name in dead:
                del self.items[name]
            gone += [self._tags[name][1] for name in dead]
        return gone

    async def remove(self, names: Sequence[str]) -> None:
        """Forget items, here and at the server."""
        ids = [self.items.pop(name) for name in names if name in self.items]
        if ids and not self.lost:
            parameters = ua.DeleteMonitoredItemsParameters(self._id, ids)
            await self._session.call("to delete items", lambda services: services.delete_monitored_items(parameters))

    async def _add(self, tags: Sequence[Tag], nodes: Mapping[str, Any], filtered: bool) -> dict[str, str]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = self._id
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(tag, nodes[tag.tag], filtered) for tag in tags]
        answer: Any = await self._session.slow_call(
            "to create items", lambda services: services.create_monitored_items(parameters)
        )
        failed: dict[str, str] = {}
        unfiltered: list[Tag] = []
        for tag, result in zip(tags, answer):
            if result.StatusCode.is_good():
                self.items[tag.tag] = result.MonitoredItemId
            elif filtered and self._filter(tag) is not None and result.StatusCode.name != "BadNodeIdUnknown":
                # No deadband for this node, or at this server: everything comes, and is thinned here.
                unfiltered.append(tag)
            else:
                failed[tag.tag] = result.StatusCode.name
        if unfiltered:
            failed.update(await self._add(unfiltered, nodes, filtered=False))
        return failed

    def _item(self, tag: Tag, node: Any, filtered: bool) -> Any:
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = ua.ReadValueId(node, ua.AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        wanted = request.RequestedParameters
        wanted.ClientHandle = self._tags[tag.tag][0]
        wanted.SamplingInterval = self.plan.sampling[tag.tag]
        wanted.QueueSize = self.plan.queue(tag)
        wanted.DiscardOldest = True
        thinned = self._filter(tag) if filtered else None
        if thinned is not None:
            wanted.Filter = thinned
        return request

    def _filter(self, tag: Tag) -> Any:
        """What thins a measurement at the server; None: nothing."""
        if tag.signal != "measurement" or tag.window_ms is not None or not (tag.deadband or self._percent):
            return None
        wanted = ua.DataChangeFilter()
        wanted.Trigger = ua.DataChangeTrigger.StatusValue
        if tag.deadband:
            wanted.DeadbandType = int(ua.DeadbandType.Absolute)
            wanted.DeadbandValue = deadband(tag)
        else:
            wanted.DeadbandType = int(ua.DeadbandType.Percent)
            wanted.DeadbandValue = self._percent
        return wanted

    def _published(self, result: Any) -> None:
        """The library hands over one publishing; called in its publishing loop, so never wait here."""
        try:
            self._take(result.NotificationMessage)
        except Exception:
            # Policy: the library would swallow it. What this publishing said is read, with a subscription made anew.
            log.exception("a publishing can't be taken")
            self.lost = True
            self._tell([])

    def _take(self, message: Any) -> None:
        self.last_word_s = asyncio.get_running_loop().time()
        told: Told = []
        for part in message.NotificationData or ():
            items = getattr(part, "MonitoredItems", None)
            if items is not None:
                told += [
                    (self._handles[item.ClientHandle], reading(item.Value))
                    for item in items
                    if item.ClientHandle in self._handles
                ]
            elif getattr(part, "Status", None) is not None and not part.Status.is_good():
                # The server itself says that the subscription ends.
                self.lost = True
        if self._expected is not None and message.SequenceNumber != self._expected:
            self.gaps += 1
        # A keep-alive bears the number of the message that comes next.
        self._expected = message.SequenceNumber + (1 if message.NotificationData else 0)
        self._tell(told)
