"""Nodes and the items in them (XEP-0060): what a person keeps for others, or for their own other clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

KIB = 1024
MAX_NODE_NAME = 256
"""Characters in the name of a node, and in the id of an item."""
MAX_ITEMS = 1000
"""Items in one node; what a node has that is configured for ``max``."""
MAX_PAYLOAD = 256 * KIB
"""Bytes of one item's payload."""
MAX_SUBSCRIBERS = 1000
"""Addresses that have subscribed to one node by themselves."""
MAX_AFFILIATED = 500
"""People named in one node's list of who may read it and who may not."""
MAX_TEXT = 1024
"""Characters of a node's title, description, type and language."""
LONGEST_EXPIRY = 10 * 366 * 24 * 3600
"""Seconds after which an item may expire at the latest; later ones never do."""

Access = Literal["open", "presence", "roster", "whitelist"]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
MAX: Final = "max"


class Config(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a node behaves: the fields of section 16.4.4 that we know, with the defaults of XEP-0163 section 5."""

    access_model: Access = "presence"
    roster_groups_allowed: tuple[str, ...] = ()
    max_items: Annotated[int, Meta(ge=1, le=MAX_ITEMS)] | Literal["max"] = 1
    persist_items: bool = True
    send_last_published_item: Literal["never", "on_sub", "on_sub_and_presence"] = "on_sub_and_presence"
    deliver_notifications: bool = True
    deliver_payloads: bool = True
    notify_config: bool = False
    notify_delete: bool = True
    notify_retract: bool = True
    notification_type: Literal["headline", "normal"] = "headline"
    publish_model: Literal["publishers"] = "publishers"
    item_expire: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRY)] | Literal["max"] = MAX
    max_payload_size: Annotated[int, Meta(ge=1, le=MAX_PAYLOAD)] = MAX_PAYLOAD
    title: Text = ""
    description: Text = ""
    type: Text = ""
    language: Text = ""

    @property
    def room(self) -> int:
        """How many items the node holds."""
        return self.max_items if isinstance(self.max_items, int) else MAX_ITEMS


PRIVATE = Config(access_model="whitelist", max_items=MAX, send_last_published_item="never")
"""For what a person's clients keep for one another (XEP-0223)."""

Affiliation = Literal["member", "outcast"]


class Item(NamedTuple):
    """``payload`` is None where it is so large that it stays in the store until it is asked for."""

    id: str
    at: datetime
    publisher: str
    size: int
    payload: bytes | None


@dataclass(slots=True)
class Node:
    """One node; ``items`` from the oldest to the newest."""

    name: str
    config: Config
    created: datetime
    subscribers: tuple[str, ...] = ()
    affiliations: dict[str, Affiliation] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)

    def fresh(self, now: datetime) -> list[Item]:
        """The items that have not expired, oldest first."""
        expire = self.config.item_expire
        if not isinstance(expire, int):
            return list(self.items.values())
        since = now - timedelta(seconds=expire)
        return [item for item in self.items.values() if item.at >= since]
