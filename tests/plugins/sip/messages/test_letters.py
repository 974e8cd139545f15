"""Letters, phrases and contacts: the pure parts of chat and registration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....core.conversation import (
    BecameConference,
    Conversation,
    ConversationEnded,
    ParticipantJoined,
    ParticipantLeft,
    Shape,
    SubjectChanged,
)
from .....core.identity import Identity
from .....core.message import Delivery, Receipt, Typing
from .....plugins.sip.errors import Refusal
from .....plugins.sip.messages import composing, imdn, letters
from .....plugins.sip.messages.imdn import Disposition, Notification
from .....plugins.sip.messages.phrases import PHRASES, people_in, phrase_of
from .....plugins.sip.sign_in.contact import MAX_CONTACTS, Bound, Leases, instance_of, wanted
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request, parse
from .....plugins.sip.syntax.uri import SipUri
from ....people import ALICE, BOB, CAROL, DAVE, NOON, at, says
from ..wire import flow

ROOM = Identity("room", "conference.example.test")
TALK = Conversation("c1", NOON, participants=[ALICE, BOB])
CONFERENCE = Conversation("c1", NOON, Shape.CONFERENCE, ROOM, participants=[ALICE, BOB, CAROL])
CONTACT = SipUri.parse("sip:bob@192.0.2.1")


# ---- letters


def test_what_somebody_said() -> None:
    letter = letters.said(Delivery(says(ALICE, "hällo", id="m1"), TALK, at(BOB)), "Alice")
    request = letters.addressed(letter, BOB, CONTACT, "desk")
    assert (request.uri, request.call_id, request.cseq) == ("sip:bob@192.0.2.1", "m1", (1, "MESSAGE"))
    assert str(request.from_.uri) == "sip:alice@example.test" and str(request.to) == "<sip:bob@example.test>"
    assert request.body.decode() == "hällo" and request.first("Date") is None


def test_each_endpoint_has_its_tag_and_the_same_each_time() -> None:
    letter = letters.said(Delivery(says(ALICE, "x"), TALK, at(BOB)), "")
    tags = [letters.addressed(letter, BOB, CONTACT, instance).from_.tag for instance in ("a", "b", "a")]
    assert tags[0] == tags[2] != tags[1]


def test_what_waited_says_when_it_was_said() -> None:
    letter = letters.said(Delivery(says(ALICE, "x"), TALK, at(BOB), delayed=True), "")
    assert letters.addressed(letter, BOB, CONTACT, "").first("Date") == "Tue, 24 Nov 2026 12:00:00 GMT"


def test_typing_and_receipts_are_of_no_use_later() -> None:
    typing = letters.typing(Typing(TALK, at(ALICE), True), "", "n1")
    receipt = letters.receipt(Receipt(TALK, at(ALICE), "t,1,mine", True), "mine", NOON, "n2")
    for letter in (typing, receipt):
        request = letters.addressed(letter, BOB, CONTACT, "")
        assert (request.expires, request.first("Priority")) == (0, "non-urgent")
        assert str(request.from_.uri) == "sip:alice@example.test"
    assert composing.read(typing.body).active and typing.kind == composing.CONTENT_TYPE
    assert imdn.read(receipt.body) == Notification("mine", Disposition.DISPLAYED)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_and_no_text_breaks_out_of_its_place(name: str, text: str) -> None:
    letter = letters.said(Delivery(says(ALICE, text, id="m"), CONFERENCE, at(BOB)), name)
    read = parse(bytes(letters.addressed(letter, BOB, CONTACT, "desk")))
    assert isinstance(read, Request) and read.from_.uri == SipUri.parse(f"sip:{ROOM}")
    assert len(read.headers()) == 6 and read.body.decode() == f"{name}: {text}".encode("utf-8", "replace").decode()


# ---- phrases


def name(who: Identity) -> str:
    return who.user.capitalize()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (BecameConference("c1", ROOM, NOON), ""),
        (ParticipantJoined("c1", CAROL, NOON), "Carol joined. Write here to all."),
        (ParticipantJoined("c1", BOB, NOON), "You joined a conversation with Alice and Carol. Write here to all."),
        (
            ParticipantJoined("c1", BOB, NOON, ALICE),
            "Alice added you to a conversation with Alice and Carol. Write here to all.",
        ),
        (ParticipantLeft("c1", DAVE, NOON), "Dave left."),
        (ParticipantLeft("c1", BOB, NOON), ""),
        (ParticipantLeft("c1", DAVE, NOON, "removed", ALICE), "Dave was removed by Alice."),
        (ParticipantLeft("c1", BOB, NOON, "removed", ALICE), "You were removed from this conversation."),
        (SubjectChanged("c1", ALICE, "lunch", NOON), "Alice set the subject: lunch"),
        (SubjectChanged("c1", BOB, "lunch", NOON), ""),
        (ConversationEnded("c1", NOON, "idle"), "This conversation has ended."),
    ],
)
def test_what_a_conference_says_to_bob(event: object, said: str) -> None:
    assert phrase_of(event, CONFERENCE, BOB, name, "en") == said  # type: ignore[arg-type]
    german = phrase_of(event, CONFERENCE, BOB, name, "de-CH")  # type: ignore[arg-type]
    assert bool(german) == bool(said) and (not said or german != said)
    assert phrase_of(event, CONFERENCE, BOB, name, "tlh") == said  # type: ignore[arg-type]


def test_of_many_people_only_some_are_named() -> None:
    crowd = [Identity(f"p{n}", "example.test") for n in range(9)]
    room = Conversation("c1", NOON, Shape.CONFERENCE, ROOM, participants=[BOB, *crowd])
    event = ParticipantJoined("c1", BOB, NOON)
    assert "P0, P1, P2, P3, P4 and +4" in phrase_of(event, room, BOB, name, "en")
    assert set(people_in(event, room)) < {BOB, *crowd}
    alone = Conversation("c1", NOON, Shape.CONFERENCE, ROOM, participants=[BOB])
    assert "nobody else yet" in phrase_of(event, alone, BOB, name, "en")


def test_every_language_has_every_phrase() -> None:
    assert len({frozenset(phrases) for phrases in PHRASES.values()}) == 1
    for key in PHRASES["en"]:
        fields = [sorted(part for part in PHRASES[language][key].split() if "{" in part) for language in PHRASES]
        assert all(len(f) == len(fields[0]) for f in fields)


# ---- contacts


def registering(*contacts: str, expires: int | None = 600, call: str = "c", cseq: int = 1) -> Request:
    request = Request("REGISTER", "sip:example.test", [("Call-ID", call), ("CSeq", f"{cseq} REGISTER")])
    for contact in contacts:
        request.add("Contact", contact)
    if expires is not None:
        request.set("Expires", expires)
    return request


LEASES = Leases(60, 3600)


def test_what_a_register_wants() -> None:
    changes = wanted(registering("<sip:a@h>;expires=120", "<sip:b@h>", "<sip:c@h>;expires=0"), LEASES)
    assert changes is not None and [c.expires for c in changes] == [120, 600, 0]
    assert len({c.instance for c in changes}) == 3
    assert wanted(registering("*", expires=0), LEASES) is None
    assert wanted(registering("<sip:a@h>", expires=None), LEASES)[0].expires == 3600  # type: ignore[index]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (registering("*"), 400),
        (registering("*", expires=None), 400),
        (registering("<sip:a@h>;expires=1"), 423),
        (registering("<tel:+49123>"), 400),
        (registering(*[f"<sip:a@h:{n}>" for n in range(1, MAX_CONTACTS + 2)]), 403),
    ],
)
def test_what_a_register_does_not_get(request_: Request, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        wanted(request_, LEASES)
    assert refused.value.status == status


def test_places_are_told_apart_by_instance_and_else_by_address() -> None:
    def instance(contact: str) -> str:
        return instance_of(NameAddr.parse(contact))

    urn = '+sip.instance="<urn:uuid:f81d4fae>"'
    assert instance(f"<sip:a@h:1>;{urn}") == instance(f"<sip:a@h:2>;{urn}") == "urn:uuid:f81d4fae"
    assert instance(f"<sip:a@h:1>;{urn};reg-id=1") == instance(f"<sip:a@h:1>;{urn};reg-id=2"), "two flows of one"
    assert instance("<sip:a@h:1;transport=TCP>") == instance("<sip:a@H:1;transport=tcp;ob>")
    assert instance("<sip:a@h:1>") != instance("<sip:a@h:2>")
    for bad in ('+sip.instance="<a b>"', f'+sip.instance="<{"x" * 300}>"'):
        with pytest.raises(MalformedSip):
            instance(f"<sip:a@h>;{bad}")


def test_a_binding_is_outdated_by_its_own_call_only_and_prints_what_is_left() -> None:
    bound = Bound(NameAddr.parse("<sip:a@h>;q=0.5;expires=9999"), "c", 5, 1000.0, flow())
    assert bound.outdated(registering(cseq=5)) and bound.outdated(registering(cseq=4))
    assert not bound.outdated(registering(cseq=6)) and not bound.outdated(registering(call="other"))
    assert str(bound.printed(now=940.2)) == "<sip:a@h>;q=0.5;expires=60"
    assert "expires=0" in str(bound.printed(now=2000.0))


@given(st.integers(0, 10**9))
def test_a_lease_is_between_its_bounds_or_refused(asked: int) -> None:
    try:
        given_ = LEASES.granted(asked)
    except Refusal as refused:
        assert 0 < asked < 60 and refused.headers == (("Min-Expires", 60),)
    else:
        assert given_ == 0 == asked or 60 <= given_ <= 3600
