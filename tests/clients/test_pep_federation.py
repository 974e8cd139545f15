"""What people publish, across domains: our server and a real Prosody and ejabberd."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from slixmpp import JID

from ..stage import PASSWORD
from .our_server import OURS, OurServer, our_server
from .program import until
from .publisher import PICTURE, Publisher, payload
from .street import Street, street_in
from .xmpp_server import XmppServer

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

METADATA = "urn:xmpp:avatar:metadata"
TUNE = "http://jabber.org/protocol/tune"
HASH = hashlib.sha1(PICTURE).hexdigest()
ANN = f"ann@{OURS}"


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as street:
        yield street


async def publisher(street: Street, jid: str, password: str, port: int) -> Publisher:
    """A client that believes every certificate, and wants to hear of pictures and tunes."""
    client = Publisher(jid, password, str(street.authority.file), METADATA, TUNE)
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    client.auto_authorize = client.auto_subscribe = True
    street.leaves(client)
    await client.sign_in(port)
    return client


async def friends(street: Street, ours: OurServer, theirs: XmppServer) -> tuple[Publisher, Publisher]:
    """Ann here and Bob there see each other."""
    await theirs.register("bob", "pw of bob")
    ann = await publisher(street, f"{ANN}/desk", PASSWORD, ours.bridge.ports["starttls"])
    bob = await publisher(street, f"bob@{theirs.domain}/desk", "pw of bob", theirs.c2s)
    ann.send_presence_subscription(bob.boundjid.bare)
    await until(lambda: "available" in ann.sees(bob.boundjid.bare), "ann to see bob")
    await until(lambda: "available" in bob.sees(ANN), "bob to see ann")
    return ann, bob


async def show_picture(client: Publisher) -> None:
    await client.plugin["xep_0084"].publish_avatar(PICTURE)
    info = {"id": HASH, "type": "image/png", "bytes": str(len(PICTURE)), "height": "48", "width": "48"}
    await client.plugin["xep_0084"].publish_avatar_metadata([info])


@pytest.mark.parametrize("program", ["prosody", "ejabberd"])
async def test_pictures_and_tunes_both_ways(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await friends(street, ours, theirs)
        for one, other in ((ann, bob), (bob, ann)):
            sender = one.boundjid.bare
            await show_picture(one)
            event = await other.hears_of(sender, METADATA)
            assert payload(event)[0].get("id") == HASH
            answer = await other.plugin["xep_0084"].retrieve_avatar(JID(sender), HASH)
            assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE
            await one.plugin["xep_0118"].publish_tune(title=f"A tune of {sender}")
            event = await other.hears_of(sender, TUNE)
            assert f"A tune of {sender}" in "".join(payload(event).itertext())
        await until(lambda: bob.photos.get(ANN) == HASH, f"ann's hash in her presence; saw {bob.photos}")
        card = await bob.plugin["xep_0054"].get_vcard(JID(ANN))
        assert card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE


@pytest.mark.parametrize("program", ["prosody", "ejabberd"])
async def test_who_comes_online_hears_what_was_published_before(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await friends(street, ours, theirs)
        await ann.plugin["xep_0118"].publish_tune(title="Before")
        await bob.hears_of(ANN, TUNE)
        late = await publisher(street, f"bob@{theirs.domain}/late", "pw of bob", theirs.c2s)
        event = await late.hears_of(ANN, TUNE)
        assert "Before" in "".join(payload(event).itertext())
