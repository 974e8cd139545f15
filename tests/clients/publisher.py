"""A slixmpp client that publishes and hears what others publish (XEP-0163)."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from .program import until
from .xmpp import Slix

PLUGINS = (
    "xep_0048", "xep_0049", "xep_0054", "xep_0060", "xep_0084", "xep_0115", "xep_0118", "xep_0153", "xep_0163",
    "xep_0172", "xep_0191", "xep_0402",
)  # fmt: skip


def png(side: int) -> bytes:
    """A grey square that every program can read."""

    def chunk(name: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))

    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURE = png(48)


class Publisher(Slix):
    """A slixmpp client with personal eventing; ``told`` keeps every event: from whom, of which node, the stanza."""

    def __init__(self, jid: str, password: str, ca: str, *interests: str) -> None:
        super().__init__(jid, password, ca)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        for interest in interests:
            self.plugin["xep_0163"].add_interest(interest)
        self.told: list[tuple[str, str, Any]] = []
        self.photos: dict[str, str] = {}
        for kind in ("publish", "retract", "purge", "delete"):
            self.add_event_handler(f"pubsub_{kind}", self._told)
        self.add_event_handler("vcard_avatar_update", self._photo)

    def _told(self, message: Any) -> None:
        items = message["pubsub_event"]["items"]
        self.told.append((message["from"].bare, items["node"], message))

    def _photo(self, presence: Any) -> None:
        self.photos[presence["from"].bare] = presence["vcard_temp_update"]["photo"]

    async def _start(self, event: Any) -> None:
        await self.plugin["xep_0115"].update_caps(broadcast=False)
        await super()._start(event)

    async def hears_of(self, sender: str, node: str) -> Any:
        def found() -> Any:
            return next((event for who, of, event in self.told if (who, of) == (sender, node)), None)

        event = await until(found, f"{self.boundjid} to hear of {node} of {sender}; heard {self.told}")
        self.told.clear()
        return event


def payload(event: Any) -> Any:
    """What is in the item that an event brings."""
    return event.xml.find(".//{http://jabber.org/protocol/pubsub#event}item")[0]
