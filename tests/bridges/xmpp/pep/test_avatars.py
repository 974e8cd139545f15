"""Pictures: published as nodes, on cards, and by their hash in presence (XEP-0084, XEP-0153, XEP-0398)."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib

import pytest

from .....bridges.xmpp.pep import avatars
from .....bridges.xmpp.pep.images import Image, kind
from .....core.presence import Availability, Publication, Source
from ....people import ALICE, BOB, CAROL
from ..house import MUC, ROOM, condition, house_in
from .asking import PUBSUB, asking_for, configuring, curious, items, publish, pubsub, refusal, told

DATA, METADATA = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"
ME = "alice@example.test"
VCARD = "<vCard xmlns='vcard-temp'/>"


def png(width=32, height=16, more=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + more


PICTURE = png()
HASH = hashlib.sha1(PICTURE).hexdigest()


def metadata(hash=HASH, more="", type="image/png"):
    return f"<metadata xmlns='{METADATA}'><info id='{hash}' type='{type}' bytes='33'{more}/></metadata>"


def data(picture=PICTURE):
    return f"<data xmlns='{DATA}'>{base64.b64encode(picture).decode()}</data>"


def card(picture=PICTURE, more="<FN>Alice</FN>", type="image/png"):
    photo = f"<PHOTO><TYPE>{type}</TYPE><BINVAL>{base64.b64encode(picture).decode()}</BINVAL></PHOTO>"
    return f"<vCard xmlns='vcard-temp'>{more}{photo}</vCard>"


async def show_picture(client, picture=PICTURE, **options):
    hash = hashlib.sha1(picture).hexdigest()
    await publish(client, DATA, data(picture), hash, **options)
    await publish(client, METADATA, metadata(hash), hash, **options)


def hashes(presences):
    """Each sender's hash: None where the presence says nothing of a picture."""
    found = {}
    for presence in presences:
        x = presence.find("{vcard-temp:x:update}x")
        found[presence.get("from")] = x.findtext("{vcard-temp:x:update}photo") if x is not None else None
    return found


def picture_on(answer):
    text = answer.findtext(".//{vcard-temp}BINVAL")
    return base64.b64decode(text) if text is not None else None


# ---- from nodes to cards and presence


async def test_a_published_picture_is_on_the_card_and_in_presence(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.ask("<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>", type="set")
    bob.got()
    await show_picture(alice)
    assert hashes(bob.got("presence")) == {alice.jid: HASH}
    answer = await bob.ask(VCARD, to=ME)
    assert picture_on(answer) == PICTURE and answer.findtext(".//{vcard-temp}TYPE") == "image/png"
    assert answer.findtext(".//{vcard-temp}FN") == "Alice"
    assert picture_on(await alice.ask(VCARD)) == PICTURE


async def test_the_contact_hears_of_the_picture_and_gets_it(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, METADATA)
    await show_picture(alice)
    ((sender, node, change),) = told(bob)
    assert (sender, node) == (ME, METADATA) and change[0][0][0].get("id") == HASH
    (item,) = await items(bob, DATA, ME, inner=f"<item id='{HASH}'/>")
    assert base64.b64decode(item[0].text) == PICTURE


async def test_every_later_presence_has_the_hash(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await show_picture(alice)
    bob.got()
    await alice.send("<presence><show>away</show></presence>")
    await alice.send("<presence><x xmlns='vcard-temp:x:update'/></presence>")
    other = await house.client(ALICE, "other")
    found = bob.got("presence")
    assert {h for p in found for h in hashes([p]).values()} == {HASH} and len(found) >= 2
    await other.send("<presence><x xmlns='vcard-temp:x:update'><photo>0123</photo></x></presence>")
    assert hashes(bob.got("presence")) in ({}, {other.jid: HASH})
    await other.send("<presence><x xmlns='vcard-temp:x:update'><photo/></x></presence>")
    assert hashes(bob.got("presence")) == {other.jid: ""}


async def test_a_picture_is_shown_to_rooms_and_single_addresses(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await show_picture(alice)
    bob.got()
    await alice.send(f"<presence to='{bob.jid}'/>")
    assert hashes(bob.got("presence")) == {alice.jid: HASH}
    alice.got()
    await alice.send(f"<presence to='{ROOM}/alice'><x xmlns='{MUC}'/></presence>")
    assert hashes(alice.got("presence")) == {f"{ROOM}/alice": HASH}


async def test_somebody_who_is_only_on_the_phone_has_a_picture_too(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await show_picture(alice)
    await alice.goes()
    bob.got()
    claim = Publication(
        "sip/1", Source.MACHINE, Availability.BUSY, since=house.front_end.clock(), instance="desk phone"
    )
    await house.front_end.presence.publish(ALICE, claim)
    assert hashes(bob.got("presence")) == {f"{ME}/desk phone": HASH}
    await bob.send(f"<presence type='probe' to='{ME}'/>")
    assert hashes(bob.got("presence")) == {f"{ME}/desk phone": HASH}


async def test_another_picture_and_none(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await show_picture(alice)
    bob.got()
    other = png(8, 8)
    await show_picture(alice, other)
    (once,) = bob.got("presence")
    assert hashes([once]) == {alice.jid: hashlib.sha1(other).hexdigest()}
    assert picture_on(await bob.ask(VCARD, to=ME)) == other
    await publish(alice, METADATA, f"<metadata xmlns='{METADATA}'/>")
    assert hashes(bob.got("presence")) == {alice.jid: ""}
    assert picture_on(await bob.ask(VCARD, to=ME)) is None


@pytest.mark.parametrize(
    "payload, told_of",
    [
        (metadata("0" * 40), False),
        (metadata(more=" url='http://pictures.example/a.png'"), False),
        ("<metadata xmlns='urn:xmpp:avatar:metadata'/>", False),
        (
            f"<metadata xmlns='{METADATA}'><info id='1' url='http://x.example' type='image/gif' bytes='1'/>"
            f"<info id='{HASH}' type='image/png' bytes='33'/></metadata>",
            True,
        ),
    ],
)
async def test_only_a_picture_that_is_here_is_told_of(house, payload, told_of):
    alice = await house.client(ALICE)
    await publish(alice, DATA, data(), HASH)
    await publish(alice, METADATA, payload, HASH)
    assert house.router._parts.personal.photos.of(ALICE) == (HASH if told_of else "")


async def test_bytes_that_are_no_picture_or_not_the_one_that_was_named(house):
    alice = await house.client(ALICE)
    for text in (data(b"#!/bin/sh"), f"<data xmlns='{DATA}'>no base64!</data>", data(png(9, 9))):
        await publish(alice, DATA, text, HASH)
        await publish(alice, METADATA, metadata(), HASH)
        assert house.router._parts.personal.photos.of(ALICE) == ""
        assert picture_on(await alice.ask(VCARD)) is None


async def test_a_picture_that_few_may_see_is_not_told_of(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await show_picture(alice, access_model="whitelist")
    assert bob.got("presence") == [] and picture_on(await bob.ask(VCARD, to=ME)) is None
    assert picture_on(await alice.ask(VCARD)) == PICTURE


async def test_a_picture_for_everybody_is_all_that_strangers_see_of_a_card(house):
    alice, carol = await house.client(ALICE), await house.client(CAROL)
    await alice.ask(card(), type="set")
    assert condition(await carol.ask(VCARD, to=ME))[1] == "service-unavailable"
    for node in (DATA, METADATA):
        await alice.ask(configuring(node, access_model="open"), type="set")
    answer = await carol.ask(VCARD, to=ME)
    assert picture_on(answer) == PICTURE and answer.find(".//{vcard-temp}FN") is None


# ---- from cards to nodes


async def test_a_picture_on_a_card_is_published(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, METADATA)
    assert (await alice.ask(card(), type="set")).get("type") == "result"
    ((_, node, change),) = told(bob)
    info = change[0][0][0]
    assert node == METADATA and info.get("id") == HASH and info.get("type") == "image/png"
    assert (info.get("bytes"), info.get("width"), info.get("height")) == (str(len(PICTURE)), "32", "16")
    (item,) = await items(bob, DATA, ME)
    assert item.get("id") == HASH and base64.b64decode(item[0].text) == PICTURE
    await alice.ask(card(more="<FN>Alicia</FN>"), type="set")
    assert told(bob) == []
    assert (await bob.ask(VCARD, to=ME)).findtext(".//{vcard-temp}FN") == "Alicia"


async def test_a_card_without_its_picture_takes_the_picture_back(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, METADATA)
    await alice.ask(card(), type="set")
    told(bob)
    await alice.ask("<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>", type="set")
    ((_, _, change),) = told(bob)
    assert len(change[0][0]) == 0 and picture_on(await bob.ask(VCARD, to=ME)) is None


@pytest.mark.parametrize("picture", [b"#!/bin/sh\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
async def test_what_is_no_picture_does_not_come_on_a_card(house, picture):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(card(picture), type="set")) == ("modify", "not-acceptable")
    broken = "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>?</BINVAL></PHOTO></vCard>"
    assert condition(await alice.ask(broken, type="set")) == ("modify", "not-acceptable")
    assert await house.front_end.store.document("vcard-temp", ME) is None


async def test_a_picture_may_be_too_large(house, monkeypatch):
    monkeypatch.setattr(avatars, "MAX_IMAGE", 100)
    alice = await house.client(ALICE)
    assert condition(await alice.ask(card(png(more=b"x" * 100)), type="set")) == ("modify", "not-acceptable")


async def test_addresses_of_pictures_stay_on_the_card(house):
    alice = await house.client(ALICE)
    linked = "<vCard xmlns='vcard-temp'><PHOTO><EXTVAL>http://x.example/a.png</EXTVAL></PHOTO></vCard>"
    await alice.ask(linked, type="set")
    assert (await alice.ask(VCARD)).findtext(".//{vcard-temp}EXTVAL") == "http://x.example/a.png"


# ---- what stays


async def test_the_hash_survives_a_restart_and_goes_with_the_account(tmp_path):
    async with house_in(tmp_path) as house:
        alice = await house.client(ALICE)
        await show_picture(alice)
    async with house_in(tmp_path) as house:
        await house.friends(ALICE, BOB)
        bob = await house.client(BOB)
        await house.client(ALICE)
        assert hashes(bob.got("presence"))[alice.jid] == HASH
        assert picture_on(await bob.ask(VCARD, to=ME)) == PICTURE
        await house.front_end.accounts.remove(ALICE)
        assert house.router._parts.personal.photos.of(ALICE) == ""
        assert await house.front_end.store.documents("photo-hash") == {}


async def test_a_deleted_node_is_no_picture(house):
    alice = await house.client(ALICE)
    await show_picture(alice)
    for node in (DATA, METADATA):
        deleting = pubsub(f"<delete node='{node}'/>", f"{PUBSUB}#owner")
        assert (await alice.ask(deleting, type="set")).get("type") == "result"
        assert house.router._parts.personal.photos.of(ALICE) == ""
    assert refusal(await alice.ask(asking_for(METADATA)))[1] == "item-not-found"
    await show_picture(alice)
    assert house.router._parts.personal.photos.of(ALICE) == HASH


# ---- what kind of picture


def test_kinds_of_pictures():
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08\x00\x20\x00\x40" + b"\0" * 9
    assert kind(png(3, 4)) == Image("image/png", 3, 4)
    assert kind(b"GIF89a" + struct.pack("<HH", 5, 6)) == Image("image/gif", 5, 6)
    assert kind(jpeg) == Image("image/jpeg", 64, 32)
    assert kind(b"RIFF\0\0\0\0WEBPVP8 ") == Image("image/webp")
    assert kind(b"\xff\xd8\xff\xe0\x00\x04ab") == Image("image/jpeg")
    assert kind(b"\x89PNG\r\n\x1a\n") == Image("image/png")
    for other in (b"", b"BM", b"<svg/>", b"RIFF\0\0\0\0WAVE"):
        assert kind(other) is None
