"""Nodes across domains: contacts of other domains hear, read and subscribe as those of ours do."""

from __future__ import annotations

import base64

import pytest

from .....bridges.xmpp.pep import interests
from .....core.subscription import Deed
from ....people import ALICE, BOB
from ..abroad.domains import JULIET, NURSE, two_domains
from .asking import (
    TUNE,
    asking_for,
    caps_of,
    curious,
    explains,
    features,
    items,
    publish,
    pubsub,
    refusal,
    told,
    with_caps,
)
from .test_avatars import HASH, METADATA, PICTURE, VCARD, hashes, show_picture

ME = str(ALICE)


@pytest.fixture
async def domains(tmp_path):
    async with two_domains(tmp_path) as both:
        yield both


async def know_each_other(ours, theirs, mine, other):
    """As if both had asked and granted long ago."""
    for house, owner, address in ((ours, mine, other), (theirs, other, mine)):
        contacts = house.front_end.contacts
        await contacts.ask(owner, address)
        await contacts.heard(address, Deed.GRANT, owner)
        await contacts.heard(address, Deed.ASK, owner)
        await contacts.grant(owner, address)
    await ours.quiet()


async def visiting(house, person, *nodes, instance="balcony"):
    """A client elsewhere, which answers its own server and ours."""
    client = await curious(house, person, *nodes, instance=instance)
    while await explains(client, features(*nodes)):
        await house.quiet()
    return client


def heard(client, sender):
    return [(node, change) for who, node, change in told(client) if who == str(sender)]


async def test_a_contact_elsewhere_hears_what_is_published_and_what_was(domains):
    ours, theirs = domains
    await know_each_other(ours, theirs, ALICE, JULIET)
    alice = await ours.client(ALICE)
    await publish(alice, TUNE)
    juliet = await visiting(theirs, JULIET, TUNE)
    ((node, change),) = heard(juliet, ALICE)
    assert node == TUNE and change[0].get("id") == "current"
    await publish(alice, TUNE, "<tune xmlns='http://jabber.org/protocol/tune'/>")
    ((node, change),) = heard(juliet, ALICE)
    assert node == TUNE and len(change[0][0]) == 0
    await juliet.send("<presence type='unavailable'/>")
    await publish(alice, TUNE)
    assert heard(juliet, ALICE) == []
    assert ours.router._parts.personal.eventing.notices.visitors == {}


async def test_who_came_before_anything_was_published_hears_the_first_of_it(domains):
    ours, theirs = domains
    await know_each_other(ours, theirs, ALICE, JULIET)
    alice, juliet = await ours.client(ALICE), await visiting(theirs, JULIET, TUNE)
    assert heard(juliet, ALICE) == []
    await publish(alice, TUNE)
    assert [node for node, _ in heard(juliet, ALICE)] == [TUNE]


async def test_one_client_elsewhere_visits_several_of_ours(domains):
    ours, theirs = domains
    for who in (ALICE, BOB):
        await know_each_other(ours, theirs, who, JULIET)
    alice, bob = await ours.client(ALICE), await ours.client(BOB)
    await publish(alice, TUNE)
    await publish(bob, TUNE)
    juliet = await visiting(theirs, JULIET, TUNE)
    assert sorted(who for who, node, _ in told(juliet) if node == TUNE) == [str(ALICE), str(BOB)]
    await publish(bob, TUNE)
    assert [who for who, *_ in told(juliet)] == [str(BOB)]


async def test_strangers_elsewhere_hear_and_read_nothing(domains):
    ours, theirs = domains
    alice, nurse = await ours.client(ALICE), await visiting(theirs, NURSE, TUNE)
    await publish(alice, TUNE)
    await nurse.send(with_caps(caps_of(features(TUNE))).replace("<presence>", f"<presence to='{ME}'>"))
    await explains(nurse, features(TUNE))
    await publish(alice, TUNE)
    assert heard(nurse, ALICE) == []
    answer = await nurse.ask(asking_for(TUNE), to=ME)
    assert refusal(answer) == ("auth", "not-authorized", "presence-subscription-required")
    await publish(alice, "urn:open", access_model="open")
    assert len(await items(nurse, "urn:open", ME)) == 1


async def test_a_contact_elsewhere_sees_the_picture(domains):
    ours, theirs = domains
    await know_each_other(ours, theirs, ALICE, JULIET)
    alice, juliet = await ours.client(ALICE), await visiting(theirs, JULIET, METADATA)
    await show_picture(alice)
    came = juliet.got()
    assert hashes([p for p in came if p.tag.endswith("}presence")])[alice.jid] == HASH
    assert base64.b64decode((await juliet.ask(VCARD, to=ME)).findtext(".//{vcard-temp}BINVAL")) == PICTURE


async def test_a_subscriber_elsewhere(domains):
    ours, theirs = domains
    alice, nurse = await ours.client(ALICE), await theirs.client(NURSE)
    await publish(alice, TUNE, access_model="open")
    answer = await nurse.ask(pubsub(f"<subscribe node='{TUNE}' jid='{NURSE}'/>"), to=ME, type="set")
    assert answer.get("type") == "result"
    told(nurse)
    await publish(alice, TUNE)
    assert len(heard(nurse, ALICE)) == 1


async def test_visitors_are_bounded(domains, monkeypatch):
    monkeypatch.setattr(interests, "MAX_VISITORS", 0)
    ours, theirs = domains
    await know_each_other(ours, theirs, ALICE, JULIET)
    alice, juliet = await ours.client(ALICE), await visiting(theirs, JULIET, TUNE)
    await publish(alice, TUNE)
    assert heard(juliet, ALICE) == []
