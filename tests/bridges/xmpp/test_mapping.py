"""One person in two worlds: each row of the mapping of XMPP's states and SIP's, walked there and back."""

from __future__ import annotations

from itertools import product

import pytest

from ....bridges.xmpp import translate
from ....bridges.xmpp.presence import activities
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.message import Native, Notice, Receipt, Typing, Utterance
from ....core.presence import Activity, Availability, Device, PresenceDocument, Publication, Source, aggregate
from ....core.registrar import Binding
from ....plugins.sip.presence import pidf
from ...people import ALICE, BOB, CAROL, NOON, Desk, at
from .house import body, condition

RPID = activities.RPID
IDLE_SINCE = "<idle xmlns='urn:xmpp:idle:1' since='2026-11-24T11:40:00.000Z'/>"
A, X = Availability, Activity

ROWS = [
    # show and status, the core's state, what SIP's document says of the person
    ("", A.AVAILABLE, X.NONE, False, []),
    (f"<show>away</show>{IDLE_SINCE}", A.AVAILABLE, X.NONE, True, ["user-input"]),
    ("<show>dnd</show><status>Busy</status>", A.BUSY, X.NONE, False, ["busy"]),
    ("<show>dnd</show><status>In a call</status>", A.BUSY, X.IN_A_CALL, False, ["busy", "on-the-phone"]),
    ("<show>dnd</show><status>In a meeting</status>", A.BUSY, X.IN_A_MEETING, False, ["busy", "meeting"]),
    (f"<show>dnd</show>{IDLE_SINCE}", A.BUSY, X.NONE, True, ["busy", "user-input"]),
    ("<show>dnd</show><status>Do not disturb</status>", A.DO_NOT_DISTURB, X.NONE, False, ["busy"]),
    ("<show>dnd</show><status>Presenting</status>", A.DO_NOT_DISTURB, X.PRESENTING, False, ["busy", "presentation"]),
    ("<show>away</show><status>Be right back</status>", A.BE_RIGHT_BACK, X.NONE, False, ["away"]),
    ("<show>away</show>", A.AWAY, X.NONE, False, ["away"]),
    ("<show>xa</show>", A.AWAY, X.EXTENDED_AWAY, False, ["away", "extended-away"]),
    ("<show>xa</show><status>Out of office</status>", A.AWAY, X.OUT_OF_OFFICE, False, ["away", "vacation"]),
    ("<show>xa</show><status>On vacation</status>", A.AWAY, X.VACATION, False, ["away", "vacation"]),
    (
        "<show>xa</show><status>Not here any more</status>",
        A.AWAY,
        X.PERMANENT_ABSENCE,
        False,
        ["away", "permanent-absence"],
    ),
]


def read(inner: str | bytes) -> translate.Shown:
    raw = inner.encode() if isinstance(inner, str) else inner
    return translate.read(Stanza.read(b"<presence>" + raw + b"</presence>"))


def seen(shown: translate.Shown) -> PresenceDocument:
    """What watchers learn of somebody whose one client says this."""
    claim = Publication(
        "xmpp/desk",
        Source.MACHINE,
        shown.availability,
        NOON,
        activity=shown.activity,
        note=shown.note,
        idle_since=shown.idle_since,
        instance="desk",
        priority=shown.priority,
    )
    return aggregate(ALICE, [claim], NOON)[0]


def device(claim: pidf.Claim) -> Device:
    """What a SIP device has published, as the core keeps it."""
    since = (claim.idle_since or NOON) if claim.idle else None
    return Device("phone", claim.availability, claim.activity, claim.note, idle_since=since)


@pytest.mark.parametrize("inner, availability, activity, idle, elements", ROWS)
def test_a_row_from_xmpp_to_sip_and_back(inner, availability, activity, idle, elements):
    shown = read(inner)
    assert (shown.availability, shown.activity, shown.idle_since is not None) == (availability, activity, idle)
    document = pidf.write(seen(shown))
    for element in elements:
        assert element.encode() in document
    assert b"<basic>open</basic>" in document
    claim = pidf.read(document)
    assert (claim.availability, claim.activity, claim.idle, claim.note) == (availability, activity, idle, "")
    back = read(translate.inner_of(device(claim), "en"))
    assert (back.availability, back.activity, back.idle_since is not None) == (availability, activity, idle)
    assert back.note == ""


def test_nobody_there():
    document = pidf.write(PresenceDocument(ALICE))
    assert b"<basic>closed</basic>" in document and pidf.read(document).availability is A.OFFLINE
    assert translate.inners(PresenceDocument(ALICE), "en", "alone") == {}


@pytest.mark.parametrize("note", ["", "until <three> & a bit", "Busy"])
@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_is_lost_between_two_servers_of_ours_over_xmpp(language, idle, note):
    """Whatever a SIP device says, an XMPP stanza brings it to where SIP devices are again."""
    for availability, activity in product([a for a in A if a.here], X):
        told = Device("phone", availability, activity, note, idle_since=NOON if idle else None)
        back = read(translate.inner_of(told, language))
        assert (back.availability, back.activity, back.idle_since) == (availability, activity, told.idle_since)
        if note != "Busy":
            assert back.note == note


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("note", ["", "at the dentist"])
def test_nothing_is_lost_between_two_servers_of_ours_over_sip(idle, note):
    for availability, activity in product([a for a in A if a.here], X):
        shown = translate.Shown(availability, activity, note, 0, NOON if idle else None)
        claim = pidf.read(pidf.write(seen(shown)))
        assert (claim.availability, claim.activity, claim.note, claim.idle) == (availability, activity, note, idle)


def test_away_and_away_for_long_stay_two_things_for_people_who_see_little():
    for show in ("away", "xa"):
        shown = read(f"<show>{show}</show>")
        again = read(translate.inner_of(Device("desk", shown.availability, shown.activity), "en"))
        assert again == shown
    assert read("<show>away</show>") != read("<show>xa</show>")


def test_an_activity_beside_a_note():
    inner = translate.inner_of(Device("phone", A.BUSY, X.IN_A_MEETING, "until three"), "en").decode()
    assert "<status>until three</status>" in inner and f"<activities xmlns='{RPID}'>" in inner
    assert "<activities" not in translate.inner_of(Device("phone", A.BUSY, X.IN_A_MEETING), "en").decode()
    assert "<activities" not in translate.inner_of(Device("phone", A.AWAY, note="until three"), "en").decode()


@pytest.mark.parametrize(
    "inner, availability, activity",
    [
        ("<meeting/>", A.BUSY, X.NONE),
        ("<other>busy</other><juggling/>", A.BUSY, X.NONE),
        ("<other>available</other><meeting/>", A.BUSY, X.NONE),
        ("<other>do-not-disturb</other><other>out-of-office</other>", A.DO_NOT_DISTURB, X.OUT_OF_OFFICE),
        ("<x xmlns='urn:x'>do-not-disturb</x><other>busy</other>", A.BUSY, X.NONE),
        ("<juggling/>" * 20 + "<other>do-not-disturb</other>", A.BUSY, X.NONE),
    ],
)
def test_activities_that_others_write(inner, availability, activity):
    """Only what agrees with the show is believed, and only so much of it is read."""
    shown = read(f"<show>dnd</show><activities xmlns='{RPID}'>{inner}</activities>")
    assert (shown.availability, shown.activity) == (availability, activity)


@pytest.mark.parametrize("priority, contact", [(0, b""), (5, b'priority="0.5'), (-1, None), (127, b'priority="0.99')])
def test_a_priority_that_takes_no_messages_is_no_contact(priority, contact):
    document = pidf.write(seen(read(f"<priority>{priority}</priority>")))
    if contact is None:
        assert b"<contact" not in document
    else:
        assert b"<contact" in document and contact in document


# ---- talk


async def house_with_phone(house):
    """Alice at an XMPP client, Bob at a phone, and what they said."""
    alice, phone = await house.client(ALICE), Desk()
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), phone, client="a phone"))
    await alice.send(
        f"<message type='chat' id='m1' to='{BOB}'><body>hi</body><thread>t-1</thread>"
        "<request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='m1'/></message>"
    )
    alice.got()
    return alice, phone, phone.shown[0].conversation


@pytest.mark.parametrize(
    "state, typing", [("composing", True), ("paused", False), ("active", False), ("inactive", False), ("gone", False)]
)
async def test_chat_states_as_typing(house, state, typing):
    alice, phone, _ = await house_with_phone(house)
    await alice.send(
        f"<message type='chat' to='{BOB}'><{state} xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    (news,) = [n for n in phone.news if isinstance(n, Typing)]
    assert news.active is typing and news.who == at(ALICE)


@pytest.mark.parametrize("typing, state", [(True, "composing"), (False, "paused")])
async def test_typing_as_chat_states(house, typing, state):
    alice, _, talk = await house_with_phone(house)
    house.front_end.immcu.tell(talk, Typing(talk, at(BOB, "phone"), typing), but=at(BOB, "phone"))
    (told,) = alice.got("message")
    assert [kid.tag for kid in told] == [f"{{http://jabber.org/protocol/chatstates}}{state}"]


@pytest.mark.parametrize(
    "displayed, tag", [(False, "{urn:xmpp:receipts}received"), (True, "{urn:xmpp:chat-markers:0}displayed")]
)
async def test_receipts_name_the_stanza(house, displayed, tag):
    alice, phone, talk = await house_with_phone(house)
    said = phone.shown[0].message
    news = Receipt(talk, at(BOB, "phone"), said.origin or said.id, displayed)
    house.front_end.immcu.tell(talk, news, but=at(BOB, "phone"))
    (told,) = alice.got("message")
    assert told[0].tag == tag and told[0].get("id") == "m1"


async def test_a_thread_is_the_conversation(house):
    """What the phone answers stands in the thread that the client chose; where nobody chose one, in the talk's own."""
    alice, _, talk = await house_with_phone(house)
    await house.front_end.immcu.say(talk, Utterance(at(BOB, "phone"), "hello"))
    (heard,) = alice.got("message")
    assert body(heard) == "hello" and heard.findtext("{jabber:client}thread") == "t-1"
    carol = await house.client(CAROL)
    other = await house.front_end.immcu.talk(BOB, CAROL)
    carol.got()
    await house.front_end.immcu.say(other, Utterance(at(BOB, "phone"), "you too"))
    assert [m.findtext("{jabber:client}thread") for m in carol.got("message")] == [other.id]


TABLE = """
300 redirect modify | 302 redirect modify | 305 redirect modify | 301 gone cancel | 410 gone cancel
380 not-acceptable modify | 400 bad-request modify | 402 bad-request modify | 493 bad-request modify
401 not-authorized auth | 403 forbidden auth | 404 item-not-found cancel | 604 item-not-found cancel
405 feature-not-implemented cancel | 420 feature-not-implemented cancel | 501 feature-not-implemented cancel
406 not-acceptable modify | 415 not-acceptable modify | 421 not-acceptable modify | 505 not-acceptable modify
407 registration-required auth | 408 remote-server-timeout wait | 423 resource-constraint wait
430 recipient-unavailable wait | 480 recipient-unavailable wait | 482 not-acceptable modify
483 not-acceptable modify | 484 item-not-found cancel | 485 item-not-found cancel | 486 service-unavailable cancel
487 recipient-unavailable wait | 488 not-acceptable modify | 606 not-acceptable modify | 489 policy-violation modify
491 unexpected-request wait | 500 internal-server-error wait | 503 internal-server-error wait
580 internal-server-error wait | 502 remote-server-not-found cancel | 504 remote-server-timeout wait
513 policy-violation modify | 413 policy-violation modify | 414 policy-violation modify
600 service-unavailable cancel | 603 service-unavailable cancel | 481 item-not-found cancel
"""


@pytest.mark.parametrize("row", [row.strip() for line in TABLE.strip().splitlines() for row in line.split("|")])
async def test_what_sip_refuses_comes_back_as_an_error_of_the_stanza(house, row):
    status, name, type = row.split()
    alice, phone, talk = await house_with_phone(house)
    said = phone.shown[0].message
    why = Native("sip", status.encode())
    house.front_end.registrar.tell(ALICE, Notice(f"{BOB} did not get your message: no.", talk, said, why))
    (error,) = alice.got("message")
    assert condition(error) == (type, name)
    assert error.get("id") == "m1" and error.get("from") == str(BOB) and error.get("to") == alice.jid
    assert f"SIP {status}" in "".join(error.itertext())


async def test_other_clients_and_conferences_are_told_in_words(house):
    alice, phone, talk = await house_with_phone(house)
    tablet = await house.client(ALICE, "tablet")
    tablet.got()
    said, why = phone.shown[0].message, Native("sip", b"404")
    house.front_end.registrar.at(at(ALICE, "tablet")).channel.tell(Notice("It did not arrive.", talk, said, why))
    assert [body(m) for m in tablet.got("message")] == ["It did not arrive."]
    await house.front_end.immcu.add(talk, CAROL, by=ALICE)
    alice.got()
    house.front_end.registrar.at(at(ALICE)).channel.tell(Notice("It did not arrive.", talk, said, why))
    assert [body(m) for m in alice.got("message", type="chat")] == ["It did not arrive."]


def test_rows_are_complete():
    """Every state of the core that the table names is walked."""
    assert {row[1] for row in ROWS} == {a for a in A if a.here}
