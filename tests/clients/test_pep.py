"""Journeys of XMPP clients to what people publish: pictures, bookmarks, keys, tunes (slixmpp's own plugins)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0048.stanza import Bookmarks as OldBookmarks
from slixmpp.plugins.xep_0402.stanza import Conference

from .conftest import DOMAIN, Visitors
from .program import needs, until
from .publisher import PICTURE, Publisher, payload
from .terminal import Terminal

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

METADATA = "urn:xmpp:avatar:metadata"
BOOKMARKS = "urn:xmpp:bookmarks:1"
TUNE = "http://jabber.org/protocol/tune"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
ALICE, BOB = f"alice@{DOMAIN}", f"bob@{DOMAIN}"
ROOM = f"tearoom@conference.{DOMAIN}"


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
    info = {"id": hash, "type": "image/png", "bytes": str(len(PICTURE)), "height": "48", "width": "48"}
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


async def test_only_what_a_client_wants_to_hear_and_only_from_whom_it_may(publishers: Any, visitors: Visitors) -> None:
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


async def test_pictures_with_pidgins_library(publishers: Any, visitors: Visitors, tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(PICTURE)
    hash = hashlib.sha1(PICTURE).hexdigest()
    alice, bob = await publishers("alice", "desk", METADATA), await visitors.pidgin("bob")
    await bob.wait("signed-on")
    await alice.plugin["xep_0153"].set_avatar(avatar=PICTURE, mtype="image/png")
    await bob.wait("icon", who=ALICE, hash=hash)
    bob.do(f"icon {file}")
    event = await alice.hears_of(BOB, METADATA)
    await until(lambda: alice.photos.get(BOB), f"a hash in bob's presence; saw {alice.photos}")
    answer = await alice.plugin["xep_0084"].retrieve_avatar(JID(BOB), payload(event)[0].get("id"))
    assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE


async def test_a_picture_that_profanity_sets(publishers: Any, visitors: Visitors, tmp_path: Path) -> None:
    needs("profanity")
    file = tmp_path / "picture.png"
    file.write_bytes(PICTURE)
    alice = await publishers("alice", "desk", METADATA)
    screen = Terminal("profanity", visitors.homes / "profanity")
    try:
        await screen.shows("Profanity")
        port = visitors.server.ports["xmpp"]
        await screen.type(f"/connect {BOB} server 127.0.0.1 port {port} tls trust")
        await screen.shows("Enter password", "password")
        await screen.type(visitors.password("bob"))
        await screen.shows("logged in successfully")
        await screen.type(f"/avatar set {file}")
        try:
            event = await alice.hears_of(BOB, METADATA)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{screen.text}") from None
        info = payload(event)[0]
        answer = await alice.plugin["xep_0084"].retrieve_avatar(JID(BOB), info.get("id"))
        shown = answer["pubsub"]["items"]["item"]["avatar_data"]["value"]
        assert hashlib.sha1(shown).hexdigest() == info.get("id")
        card = await alice.plugin["xep_0054"].get_vcard(JID(BOB))
        # profanity calls the type img/png; the card has what the bytes say.
        assert card["vcard_temp"]["PHOTO"]["BINVAL"] == shown and card["vcard_temp"]["PHOTO"]["TYPE"] == "image/png"
    finally:
        screen.close()
