"""What a Sparkplug B connection and a Sparkplug tag need. Imports no MQTT library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ...tags.model import Tag
from ..mqtt.settings import BrokerConfig
from .topics import parse_address


class SparkplugConfig(BrokerConfig):
    """A broker with Sparkplug B edge nodes, whose host application the bridge is."""

    driver: Literal["sparkplug"] = "sparkplug"
    clock: Literal["bridge", "source", "corrected"] = Field(
        default="source", description="whose clock stamps: Sparkplug metrics carry their time"
    )
    host_id: str = Field(
        default="gemba", min_length=1, max_length=128, description="name in STATE messages: edge nodes wait for it"
    )
    groups: list[str] = Field(default_factory=list, description="groups to listen to; default: those of the tags")

    @field_validator("host_id")
    @classmethod
    def _one_level(cls, value: str) -> str:
        if set("/+#") & set(value):
            raise ValueError("host_id is one level of a topic: leave out / + #")
        return value

    @field_validator("groups")
    @classmethod
    def _one_level_each(cls, value: list[str]) -> list[str]:
        if any(not group or set("/+#") & set(group) for group in value):
            raise ValueError("a group is one level of a topic: leave out / + #")
        return value


def check_tag(tag: Tag) -> None:
    """Raise ValueError, saying the mend, for a tag that can't be read over Sparkplug B."""
    if tag.address is None:
        raise ValueError('a Sparkplug tag needs address: "group/node/device:Metric", or "group/node:Metric"')
    parse_address(tag.address)
