"""Journeys of XMPP clients to what people publish: pictures, bookmarks, keys, tunes (slixmpp's own plugins)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0048.stanza import Bookmarks as OldBookmarks
from slixmpp.plugins.xep_0402.stanza import Conference

from .conftest import DOMAIN, Visitors
from .program import until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

PLUGINS = (
    "xep_0048", "xep_0049", "xep_0054", "xep_0060", "xep_0084", "xep_0115", "xep_0118", "xep_0153", "xep_0163",
    "xep_0172", "xep_0191", "xep_0402",
)  # fmt: skip
METADATA = "urn:xmpp:avatar:metadata"
BOOKMARKS = "urn:xmpp:bookmarks:1"
TUNE = "http://jabber.org/protocol/tune"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
ALICE, BOB = f"alice@{DOMAIN}", f"bob@{DOMAIN}"
ROOM = f"tearoom@conference.{DOMAIN}"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f00038601808"
    "0500a5a0000000049454e44ae426082"
)


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


@pytest.fixture
async def publishers(visitors: Visitors) -> AsyncIterator[Any]:
    """``await publishers("alice", "phone", node, …)``: signed in, wanting to hear of these nodes."""
    async with AsyncExitStack() as stack:

        async def come(name: str, resource: str, *interests: str) -> Publisher:
            client = Publisher(f"{name}@{DOMAIN}/{resource}", visitors.password(name), visitors.ca, *interests)
            stack.push_async_callback(client.leave)
            await client.sign_in(visitors.server.ports["xmpp"])
            return client

        yield come


async def test_a_picture_is_seen_by_the_contact_by_every_way(publishers: Any) -> None:
    alice, bob = await publishers("alice", "desk"), await publishers("bob", "desk", METADATA)
    hash = hashlib.sha1(PICTURE).hexdigest()
    await alice.plugin["xep_0084"].publish_avatar(PICTURE)
    info = {"id": hash, "type": "image/png", "bytes": str(len(PICTURE)), "height": "1", "width": "1"}
    await alice.plugin["xep_0084"].publish_avatar_metadata([info])
    event = await bob.hears_of(ALICE, METADATA)
    assert payload(event)[0].get("id") == hash
    answer = await bob.plugin["xep_0084"].retrieve_avatar(JID(ALICE), hash)
    assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE
    await until(lambda: bob.photos.get(ALICE) == hash, f"the hash in presence; saw {bob.photos}")
    card = await bob.plugin["xep_0054"].get_vcard(JID(ALICE))
    assert card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE and card["vcard_temp"]["PHOTO"]["TYPE"] == "image/png"
    late = await publishers("bob", "phone", METADATA)
    await late.hears_of(ALICE, METADATA)


async def test_a_picture_on_a_card_is_published(publishers: Any) -> None:
    alice, bob = await publishers("alice", "desk"), await publishers("bob", "desk", METADATA)
    await alice.plugin["xep_0153"].set_avatar(avatar=PICTURE, mtype="image/png")
    event = await bob.hears_of(ALICE, METADATA)
    info = payload(event)[0]
    assert info.get("id") == hashlib.sha1(PICTURE).hexdigest() and info.get("type") == "image/png"
    answer = await bob.plugin["xep_0084"].retrieve_avatar(JID(ALICE), info.get("id"))
    assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE


async def test_bookmarks_of_two_clients_and_of_an_old_one(publishers: Any) -> None:
    desk, phone = await publishers("alice", "desk"), await publishers("alice", "phone", BOOKMARKS)
    old = await publishers("alice", "old")
    conference = Conference()
    conference["name"], conference["autojoin"], conference["nick"] = "Tea", True, "al"
    await desk.plugin["xep_0060"].publish(JID(ALICE), BOOKMARKS, id=ROOM, payload=conference)
    event = await phone.hears_of(ALICE, BOOKMARKS)
    told = payload(event)
    assert event["pubsub_event"]["items"]["item"]["id"] == ROOM
    assert told.get("autojoin") == "true" and told.findtext(f"{{{BOOKMARKS}}}nick") == "al"
    answer = await old.plugin["xep_0049"].retrieve("bookmarks")
    (there,) = answer.xml.iter("{storage:bookmarks}conference")
    assert (there.get("jid"), there.get("name"), there.get("autojoin")) == (ROOM, "Tea", "true")
    whole = OldBookmarks()
    whole.add_conference(JID(ROOM), "al", name="Tea and cake", autojoin=True)
    await old.plugin["xep_0049"].store(whole)
    event = await phone.hears_of(ALICE, BOOKMARKS)
    assert payload(event).get("name") == "Tea and cake"
    (item,) = (await desk.plugin["xep_0060"].get_items(JID(ALICE), BOOKMARKS))["pubsub"]["items"]
    assert item["conference"]["name"] == "Tea and cake"


async def test_keys_as_omemo_keeps_them(publishers: Any) -> None:
    """A device list and a bundle that are open to everybody, as Dino configures them after its first publication."""
    alice, bob = await publishers("alice", "desk"), await publishers("bob", "desk", DEVICES)
    pubsub = alice.plugin["xep_0060"]
    payload = fromstring("<list xmlns='eu.siacs.conversations.axolotl'><device id='234373136'/></list>")
    await pubsub.publish(JID(ALICE), DEVICES, payload=payload)
    config = (await pubsub.get_node_config(JID(ALICE), DEVICES))["pubsub_owner"]["configure"]["form"]
    config["type"] = "submit"
    config.set_values({"pubsub#access_model": "open"})
    await pubsub.set_node_config(JID(ALICE), DEVICES, config)
    await bob.hears_of(ALICE, DEVICES)
    answer = await bob.plugin["xep_0060"].get_items(JID(ALICE), DEVICES)
    (item,) = answer["pubsub"]["items"]
    assert item.xml[0][0].get("id") == "234373136"


async def test_only_what_a_client_wants_to_hear_and_only_from_whom_it_may(
    publishers: Any, visitors: Visitors
) -> None:
    alice, bob = await publishers("alice", "desk", TUNE), await publishers("bob", "desk", TUNE)
    deaf, heard = await visitors.slix("bob", "deaf"), []
    deaf.add_event_handler("message", heard.append)
    await alice.plugin["xep_0118"].publish_tune(title="Heart of Oak")
    event = await bob.hears_of(ALICE, TUNE)
    assert event["pubsub_event"]["items"]["item"]["tune"]["title"] == "Heart of Oak"
    await alice.hears_of(ALICE, TUNE)
    await bob.plugin["xep_0118"].publish_tune(title="Scarborough Fair")
    await alice.hears_of(BOB, TUNE)
    assert heard == []
    await alice.plugin["xep_0191"].block([JID(BOB)])
    with pytest.raises(IqError) as refused:
        await bob.plugin["xep_0060"].get_items(JID(ALICE), TUNE)
    assert refused.value.condition == "not-authorized"
