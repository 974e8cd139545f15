"""Presence of resources (RFC 6121 section 4) as others see it, in XMPP and in every other world's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ....core.presence import Activity, Availability, Publication, Source
from ...people import ALICE, BOB, CAROL, DAVE, NOON
from .house import Options, condition, house_in, nick

IDLE = "<idle xmlns='urn:xmpp:idle:1' since='2026-11-24T11:30:00Z'/>"


def show(presence):
    return presence.findtext("{jabber:client}show")


def status(presence):
    return presence.findtext("{jabber:client}status")


async def publish(house, person, availability, activity=Activity.NONE, **more):
    """A claim as another world makes it."""
    given = {"owner": "sip/1", "source": Source.MACHINE, "since": NOON, "instance": "phone", **more}
    await house.front_end.presence.publish(person, Publication(availability=availability, activity=activity, **given))
    await house.quiet()


async def test_a_resource_sees_itself_and_its_person_elsewhere(house):
    desk = await house.client(ALICE)
    (own,) = desk.got("presence")
    assert own.get("from") == own.get("to") == desk.jid
    phone = await house.client(ALICE, "phone", presence="<presence><show>away</show></presence>")
    assert {nick(p) for p in phone.got("presence")} == {"desk", "phone"}
    (seen,) = desk.got("presence")
    assert nick(seen) == "phone" and show(seen) == "away"


async def test_friends_see_each_other_come_change_and_go(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    alice.got()
    bob = await house.client(BOB, presence="<presence><status>hi</status><x xmlns='urn:x'/></presence>")
    (seen,) = alice.got("presence")
    assert seen.get("from") == bob.jid and seen.get("to") == alice.jid and status(seen) == "hi"
    assert seen.find("{urn:x}x") is not None
    assert {p.get("from") for p in bob.got("presence")} == {bob.jid, alice.jid}
    await bob.send("<presence><show>xa</show></presence>")
    assert [show(p) for p in alice.got("presence")] == ["xa"]
    await bob.send("<presence type='unavailable'><status>bye</status></presence>")
    (gone,) = alice.got("presence")
    assert gone.get("type") == "unavailable" and status(gone) == "bye"
    own = bob.got("presence", type="unavailable")
    assert [p.get("from") for p in own] == [bob.jid]


async def test_strangers_see_nothing(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    assert [p.get("from") for p in alice.got("presence")] == [alice.jid]
    assert [p.get("from") for p in bob.got("presence")] == [bob.jid]


async def test_a_lost_client_goes_after_a_grace_and_a_goodbye_at_once(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got()
    await bob.goes("connection lost")
    assert alice.got("presence") == []
    bob = await house.client(BOB)
    assert alice.got("presence") == []  # back in time: nothing has changed
    await bob.goes()
    assert [p.get("type") for p in alice.got("presence")] == ["unavailable"]


async def test_what_has_not_changed_is_not_said_again(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got()
    await bob.send("<presence/>" * 3)
    assert alice.got("presence") == []


@pytest.mark.parametrize(
    "stanza, availability, activity, note, idle",
    [
        ("", Availability.AVAILABLE, Activity.NONE, "", False),
        ("<show>chat</show>", Availability.AVAILABLE, Activity.NONE, "", False),
        ("<show>away</show>", Availability.AWAY, Activity.NONE, "", False),
        (f"<show>away</show>{IDLE}", Availability.AVAILABLE, Activity.NONE, "", True),
        ("<show>xa</show><status>at home</status>", Availability.AWAY, Activity.EXTENDED_AWAY, "at home", False),
        ("<show>xa</show>", Availability.AWAY, Activity.EXTENDED_AWAY, "", False),
        ("<show>dnd</show>", Availability.BUSY, Activity.NONE, "", False),
        (f"<show>dnd</show>{IDLE}", Availability.BUSY, Activity.NONE, "", True),
        ("<show>dnd</show><status>In a call</status>", Availability.BUSY, Activity.IN_A_CALL, "", False),
        ("<show>dnd</show><status>Im Gespräch</status>", Availability.BUSY, Activity.IN_A_CALL, "", False),
        ("<show>dnd</show><status>do not disturb</status>", Availability.DO_NOT_DISTURB, Activity.NONE, "", False),
        ("<show>dnd</show><status>Presenting</status>", Availability.DO_NOT_DISTURB, Activity.PRESENTING, "", False),
        ("<show>away</show><status>Be right back</status>", Availability.BE_RIGHT_BACK, Activity.NONE, "", False),
        ("<show>xa</show><status>Out of office</status>", Availability.AWAY, Activity.OUT_OF_OFFICE, "", False),
        ("<status>In a call</status>", Availability.AVAILABLE, Activity.IN_A_CALL, "", False),
    ],
)
async def test_what_a_client_says_in_the_words_of_the_core(house, stanza, availability, activity, note, idle):
    await house.client(ALICE, presence=f"<presence>{stanza}</presence>")
    document = house.front_end.presence.of(ALICE)
    assert (document.availability, document.activity, document.note) == (availability, activity, note)
    assert document.idle is idle


async def test_a_domain_may_take_dnd_at_its_word(tmp_path):
    async with house_in(tmp_path, options=Options(dnd_means="dnd")) as house:
        await house.client(ALICE, presence="<presence><show>dnd</show></presence>")
        assert house.front_end.presence.of(ALICE).availability is Availability.DO_NOT_DISTURB


@pytest.mark.parametrize(
    "wrong",
    [
        "<show>busy</show>",
        "<priority>high</priority>",
        "<priority>128</priority>",
        "<priority>-129</priority>",
        "<priority>99999</priority>",
    ],
)
async def test_presence_that_is_none(house, wrong):
    alice = await house.client(ALICE, presence="")
    await alice.send(f"<presence id='p1'>{wrong}</presence>")
    assert condition(alice.got("presence", id="p1")[0]) == ("modify", "bad-request")
    assert not house.front_end.presence.of(ALICE).availability.here


@pytest.mark.parametrize(
    "availability, activity, more, shown, said",
    [
        (Availability.AVAILABLE, Activity.NONE, {}, None, None),
        (Availability.AVAILABLE, Activity.NONE, {"idle_since": NOON}, "away", None),
        (Availability.BUSY, Activity.NONE, {}, "dnd", "Busy"),
        (Availability.BUSY, Activity.IN_A_CALL, {}, "dnd", "In a call"),
        (Availability.BUSY, Activity.IN_A_MEETING, {"note": "until three"}, "dnd", "until three"),
        (Availability.DO_NOT_DISTURB, Activity.NONE, {}, "dnd", "Do not disturb"),
        (Availability.DO_NOT_DISTURB, Activity.PRESENTING, {}, "dnd", "Presenting"),
        (Availability.BE_RIGHT_BACK, Activity.NONE, {}, "away", "Be right back"),
        (Availability.AWAY, Activity.NONE, {}, "away", None),
        (Availability.AWAY, Activity.VACATION, {}, "xa", "On vacation"),
    ],
)
async def test_what_another_world_says_in_the_words_of_xmpp(house, availability, activity, more, shown, said):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    alice.got()
    await publish(house, BOB, availability, activity, **more)
    (seen,) = alice.got("presence")
    assert nick(seen) == "phone" and (show(seen), status(seen)) == (shown, said)
    idle = seen.find("{urn:xmpp:idle:1}idle")
    assert (idle is not None) == ("idle_since" in more)
    await house.front_end.presence.withdraw(BOB, "sip/1")
    assert [(nick(p), p.get("type")) for p in alice.got("presence")] == [("phone", "unavailable")]


async def test_phrases_are_in_the_watchers_language(house):
    await house.friends(ALICE, BOB)
    from .house import Client

    alice = Client(house, ALICE, "desk", lang="de-AT")
    await house.quiet()
    await alice.send("<presence/>")
    alice.got()
    await publish(house, BOB, Availability.BUSY, Activity.IN_A_CALL)
    assert [status(p) for p in alice.got("presence")] == ["Im Gespräch"]


async def test_a_person_may_have_a_language_in_the_directory(house):
    await house.friends(ALICE, BOB)
    person = await house.front_end.accounts.person(ALICE)
    from msgspec.structs import replace as changed

    await house.front_end.store.put_person(ALICE, changed(person, language="de"))
    alice = await house.client(ALICE)
    alice.got()
    await publish(house, BOB, Availability.BUSY)
    assert [status(p) for p in alice.got("presence")] == ["Beschäftigt"]


async def test_a_call_shows_on_every_device(house):
    """Nobody who uses XMPP for chat and SIP for calls looks free while they speak (RFC 7081)."""
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got(), bob.got()
    call = {"owner": "phone", "source": Source.PHONE, "instance": ""}
    await publish(house, BOB, Availability.BUSY, Activity.IN_A_CALL, **call)
    assert [(nick(p), show(p), status(p)) for p in alice.got("presence")] == [("desk", "dnd", "In a call")]
    await bob.goes()
    assert [(nick(p), p.get("type"), status(p)) for p in alice.got("presence")] == [
        ("hereabouts", None, "In a call"),
        ("desk", "unavailable", None),
    ]
    await house.front_end.presence.withdraw(BOB, "phone")
    assert [(nick(p), p.get("type")) for p in alice.got("presence")] == [("hereabouts", "unavailable")]


async def test_blocking_hides_both_ways_and_unblocking_shows_again(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got(), bob.got()
    await alice.ask("<block xmlns='urn:xmpp:blocking'><item jid='bob@example.test'/></block>", type="set")
    assert [(p.get("from"), p.get("type")) for p in bob.got("presence")] == [(alice.jid, "unavailable")]
    assert alice.got("presence") == []
    await bob.send("<presence><show>away</show></presence>")
    bob.got()
    assert alice.got("presence") == []
    await alice.ask("<unblock xmlns='urn:xmpp:blocking'/>", type="set")
    assert [p.get("from") for p in bob.got("presence")] == [alice.jid]


# ---- presence for one address (section 4.6)


async def test_directed_presence_is_taken_back_in_the_end(house):
    alice, dave = await house.client(ALICE), await house.client(DAVE)
    dave.got()
    await alice.send("<presence to='dave@example.test'><status>only you</status></presence>")
    (seen,) = dave.got("presence")
    assert seen.get("from") == alice.jid and seen.get("to") == "dave@example.test" and status(seen) == "only you"
    await alice.send("<presence><show>dnd</show></presence>")
    assert dave.got("presence") == []
    await alice.send("<presence type='unavailable'><status>bye</status></presence>")
    assert [(p.get("type"), status(p)) for p in dave.got("presence")] == [("unavailable", "bye")]


async def test_directed_presence_ends_with_the_stream_or_before(house):
    alice, dave = await house.client(ALICE), await house.client(DAVE)
    carol = await house.client(CAROL)
    dave.got(), carol.got()
    await alice.send(f"<presence to='{dave.jid}'/><presence to='carol@example.test'/>")
    assert len(dave.got("presence")) == len(carol.got("presence")) == 1
    await alice.send("<presence to='carol@example.test' type='unavailable'/>")
    assert [p.get("type") for p in carol.got("presence")] == ["unavailable"]
    await alice.goes("connection lost")
    assert [p.get("type") for p in dave.got("presence")] == ["unavailable"]
    assert carol.got("presence") == []


async def test_directed_presence_has_a_limit(house):
    alice = await house.client(ALICE)
    alice.got()
    many = "".join(f"<presence to='p{n}@example.test'/>" for n in range(251))
    await alice.send(many)
    errors = alice.got("presence", type="error")
    assert [condition(e) for e in errors] == [("wait", "resource-constraint")]
    assert errors[0].get("from") == "p250@example.test"


async def test_directed_presence_does_not_reach_who_blocks(house):
    alice, dave = await house.client(ALICE), await house.client(DAVE)
    await house.front_end.contacts.block(DAVE, ALICE)
    dave.got(), alice.got()
    await alice.send("<presence to='dave@example.test'/><presence to='nobody@example.test'/>")
    assert dave.got() == [] and alice.got() == []


async def test_presence_of_no_known_kind(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<presence id='p1' type='subscribe'/><presence id='p2' to='bob@example.test' type='poke'/>")
    assert [condition(p)[1] for p in alice.got("presence", type="error")] == ["bad-request", "bad-request"]
    await alice.send("<presence type='error' to='bob@example.test'/><presence to='example.test'/>")
    assert alice.got() == []


async def test_a_probe_shows_what_the_asker_may_see(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.client(DAVE)
    alice.got()
    await alice.send("<presence type='probe' to='bob@example.test'/>")
    assert [p.get("from") for p in alice.got("presence")] == [bob.jid]
    await alice.send("<presence type='probe' to='dave@example.test'/><presence type='probe' to='nobody@example.test'/>")
    assert alice.got() == []


async def test_forged_rooms_and_times_are_taken_out_of_presence(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got()
    await bob.send(
        "<presence><x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x><show>away</show>"
        "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>"
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='x'/>"
        "<x xmlns='http://jabber.org/protocol/muc#user'/></presence>"
    )
    (seen,) = alice.got("presence")
    assert [kid.tag for kid in seen] == ["{jabber:client}show"]


async def test_one_rendering_serves_all_who_see_the_same(house, monkeypatch):
    from ....bridges.xmpp.presence import watch

    for person in (ALICE, CAROL, DAVE):
        await house.friends(person, BOB)
    clients = [await house.client(p, instance) for p in (ALICE, CAROL, DAVE) for instance in ("desk", "phone")]
    bob = await house.client(BOB)
    made = []
    real = watch.differences
    monkeypatch.setattr(watch, "differences", lambda *args: made.append(args) or real(*args))
    for client in clients:
        client.got()
    await bob.send("<presence><show>away</show></presence>")
    assert [len(c.got("presence")) for c in clients] == [1] * 6
    assert len(made) == 2  # once for those at Bob's own level, once for his contacts


async def test_a_claim_that_ends_by_itself(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    alice.got()
    await publish(house, BOB, Availability.AVAILABLE, expires=NOON + timedelta(seconds=60))
    assert len(alice.got("presence")) == 1
    house.front_end.presence._clock.turn(seconds=61)
    await house.front_end.presence._settle(BOB)
    assert [p.get("type") for p in alice.got("presence")] == ["unavailable"]
    assert replace(house.front_end.presence.of(BOB)).availability is Availability.UNKNOWN


async def test_a_newer_stream_takes_the_name_of_an_older_one(house):
    """RFC 6120 section 7.7.2.2: what the older said of its presence ends with it, or with what the newer says."""
    from .house import Client

    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    older = await house.client(BOB, presence="<presence><show>dnd</show></presence>")
    alice.got()
    newer = Client(house, BOB, "desk")
    older.session.closed = True
    house.router.closed(older.session, "replaced")
    await house.quiet()
    assert [(nick(p), p.get("type")) for p in alice.got("presence")] == [("desk", "unavailable")]
    await newer.send("<presence/>")
    assert [(nick(p), show(p)) for p in alice.got("presence")] == [("desk", None)]
    newest = Client(house, BOB, "desk")
    await newest.send("<presence><show>away</show></presence>")
    newer.session.closed = True
    house.router.closed(newer.session, "replaced")
    await house.quiet()
    assert [(nick(p), p.get("type"), show(p)) for p in alice.got("presence")] == [("desk", None, "away")]
    assert house.router._parts.resources.at(newest.session.endpoint).session is newest.session


@pytest.mark.parametrize(
    "node, name",
    [
        ("https://gajim.org", "gajim.org"),
        ("http://pidgin.im/", "pidgin.im"),
        ("http://www.example.org/client", "example.org/client"),
        ("urn:client", "urn:client"),
        ("x" * 200, "x" * 64),
        ("", "a test's client"),
    ],
)
async def test_the_records_name_the_program(house, node, name):
    caps = f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{node}' ver='x'/>"
    alice = await house.client(ALICE, presence=f"<presence>{caps}</presence>")
    assert house.front_end.registrar.at(alice.session.endpoint).client == alice.session.client == name
