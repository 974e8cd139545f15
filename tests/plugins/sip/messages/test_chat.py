"""MESSAGE both ways: text, typing, receipts, conferences, and whoever is not there."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import pytest

from .....core import immcu
from .....core.conversation import History
from .....core.errors import Refused
from .....core.identity import Identity
from .....core.message import Copy, Notice, Receipt, Typing, Utterance
from .....core.people import Person
from .....plugins.sip.messages import composing, imdn
from .....plugins.sip.messages.composing import Composing
from .....plugins.sip.messages.imdn import Disposition, Notification
from .....plugins.sip.messages.letters import message_id_of
from .....plugins.sip.syntax.message import Request
from ....people import ALICE, BOB, CAROL, NOON, Desk, at
from ....stage import sit
from ..conftest import Exchange
from ..phone import PATIENCE, Phone

ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def send(phone: Phone, to: str, kind: str, body: bytes, **headers: str) -> int:
    extra = [("Content-Type", kind), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return (await phone.ask("MESSAGE", to, headers=extra, body=body)).status


# ---- text


async def test_two_people_talk(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    assert (await alice.say(BOBS, "hällo Bob ✓")).status == 200
    heard = await bob.text("hällo Bob ✓")
    assert heard.from_.uri.user == "alice" and heard.to.uri.user == "bob" and heard.uri.startswith("sip:bob@127.0.0.1")
    assert str(heard.content_type) == "text/plain;charset=UTF-8" and heard.first("Contact") is None
    assert (await bob.say(ALICES, "hello Alice")).status == 200
    await alice.text("hello Alice")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    assert conversation.last_seq == 2


async def test_all_of_a_persons_places_hear_it_in_order(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    desk, mobile = await exchange.phone(BOB, instance="urn:1"), await exchange.phone(BOB, instance="urn:2")
    xmpp = sit(exchange.front_end, BOB)
    for number in range(5):
        assert (await alice.say(BOBS, str(number))).status == 200
    for phone in (desk, mobile):
        await phone.text("4")
        assert [r.body.decode() for r in phone.heard("MESSAGE")] == list("01234")
    assert xmpp.texts == list("01234")


async def test_messages_sent_at_once_keep_their_order(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    challenge = await alice.exchange(alice.request("MESSAGE", BOBS))
    requests = [
        alice.signing(
            alice.request("MESSAGE", BOBS, headers=[("Content-Type", "text/plain")], body=f"{n}".encode()), challenge
        )
        for n in range(20)
    ]
    answers = await asyncio.gather(*(alice.exchange(request) for request in requests))
    assert {response.status for response in answers} == {200}
    await bob.text("19")
    assert [r.body.decode() for r in bob.heard("MESSAGE")] == [str(n) for n in range(20)]


async def test_one_message_at_a_time_to_each_endpoint(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    bob.answers["MESSAGE"] = None
    await alice.say(BOBS, "first")
    await alice.say(BOBS, "second")
    first = await bob.text("first")
    assert len(bob.heard("MESSAGE")) == 1
    bob.answers["MESSAGE"] = 200
    bob.send(first.reply(200))
    await bob.text("second")


async def test_a_message_for_somebody_absent_is_kept_and_comes_once_with_its_time(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    assert (await alice.say(BOBS, "for later")).status == 202
    exchange.clock.turn(hours=1)
    bob = await exchange.phone(BOB)
    late = await bob.text("for later")
    assert late.first("Date") == "Tue, 24 Nov 2026 12:00:00 GMT"
    await bob.register(0)
    await bob.register()
    await alice.say(BOBS, "now")
    await bob.text("now")
    assert len(bob.heard("MESSAGE")) == 2


async def test_a_repeated_request_is_one_message(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    request = alice.request("MESSAGE", BOBS, headers=[("Content-Type", "text/plain")], body=b"once")
    signed = alice.signing(request, await alice.exchange(request))
    assert (await alice.exchange(signed)).status == 200
    challenge = await alice.exchange(alice.request("MESSAGE", BOBS))
    again = alice.signing(Request("MESSAGE", BOBS, signed.headers(), b"once"), challenge)
    again.set("CSeq", signed.cseq)
    assert (await alice.exchange(again)).status == 200
    await alice.say(BOBS, "twice")
    await bob.text("twice")
    assert [r.body for r in bob.heard("MESSAGE")] == [b"once", b"twice"]


@pytest.mark.parametrize(
    ("kind", "body", "headers", "status"),
    [
        ("text/html", b"<b>x</b>", {}, 415),
        ("image/png", b"x", {}, 415),
        ("text/plain;charset=koi8-r", b"x", {}, 415),
        ("text/plain", b"x", {"Content_Encoding": "gzip"}, 415),
        ("text/plain", b"\xff\xfe", {}, 400),
        ("text/plain", b"", {}, 400),
        ("application/im-iscomposing+xml", b"<x", {}, 400),
        ("message/cpim", b"nothing", {}, 400),
        ("text/plain", b"x", {"Require": "nosuchext"}, 420),
        ("text/plain", b"x" * 65_530, {}, 413),
        ("text/plain", zlib.compress(b"packed"), {"Content_Encoding": "deflate"}, 200),
        ("text/plain", b"x", {"P_Asserted_Identity": f"<sip:{CAROL}>"}, 200),
    ],
)
async def test_what_is_taken_and_what_is_refused(
    exchange: Exchange, kind: str, body: bytes, headers: dict[str, str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(immcu, "MAX_TEXT", 65_000)
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    assert await send(alice, BOBS, kind, body, **headers) == status
    if status == 200:
        heard = await bob.hears("MESSAGE")
        assert heard.from_.uri.user == "alice" and heard.first("P-Asserted-Identity") is None


async def test_an_unknown_body_is_told_what_is_taken(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.ask("MESSAGE", BOBS, headers=[("Content-Type", "text/html")], body=b"x")
    assert "text/plain" in response.all("Accept") and "deflate" in response.all("Accept-Encoding")


async def test_nobody_there_and_somebody_who_blocks_are_the_same(exchange: Exchange) -> None:
    alice, _ = await exchange.phone(ALICE), await exchange.phone(BOB)
    await exchange.front_end.contacts.block(BOB, ALICE)
    nobody = Identity("nobody", "example.test")
    answers = [await alice.say(f"sip:{who}", "x") for who in (BOB, nobody)]
    assert [(a.status, a.reason) for a in answers] == [(404, "Not Found")] * 2
    assert (await alice.say("sip:x@elsewhere.test", "x")).status == 404
    assert (await alice.say("sip:example.test", "x")).status == 404


async def test_an_address_that_names_one_place_is_for_that_place(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    desk, mobile = await exchange.phone(BOB, instance="urn:1"), sit(exchange.front_end, BOB, "urn:2")
    assert (await alice.say(f"{BOBS};gr=urn:2", "to the mobile")).status == 200
    await desk.text("to the mobile")
    assert [d.copy for d in mobile.shown] == [Copy.ADDRESSED]


async def test_a_request_of_a_session_there_is_not(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    kind = [("Content-Type", "text/plain")]
    response = await alice.ask("MESSAGE", BOBS, to=f"<{BOBS}>;tag=x", headers=kind, body=b"x")
    assert response.status == 481


async def test_a_stopping_server_says_so(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    exchange.front_end.immcu.stopping = True
    response = await alice.say(BOBS, "too late")
    assert response.status == 503 and response.first("Retry-After") == "30"
    exchange.front_end.immcu.stopping = False


# ---- endpoints that do not take it


async def test_an_endpoint_that_refuses_gets_the_next_one_all_the_same(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    bob.answers["MESSAGE"] = lambda request: 480 if request.body == b"bad" else 200
    assert (await alice.say(BOBS, "bad")).status == 200, "it is in the journal"
    await alice.say(BOBS, "good")
    await bob.text("good")
    assert len(exchange.front_end.registrar.of(BOB)) == 1


async def test_an_endpoint_that_says_it_is_gone_is(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    bob.answers["MESSAGE"] = 410
    await alice.say(BOBS, "hello?")
    await until(lambda: not exchange.front_end.registrar.of(BOB))
    bob.answers["MESSAGE"] = 200
    since = len(bob.received)
    await bob.register()
    await bob.hears("MESSAGE", lambda r: r.body == b"hello?", since)


async def test_what_was_under_way_when_the_connection_broke_comes_over_the_next(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB, instance="urn:1")
    bob.answers["MESSAGE"] = None
    await alice.say(BOBS, "lost?")
    await bob.text("lost?")
    back = await exchange.phone(BOB, instance="urn:1")
    await back.text("lost?")
    await alice.say(BOBS, "no")
    await back.text("no")


# ---- typing and receipts


async def test_typing_is_passed_on_and_ends_by_itself(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, xmpp = await exchange.phone(ALICE), sit(exchange.front_end, BOB)
    await alice.say(BOBS, "hello")
    monkeypatch.setattr(composing, "MIN_REFRESH", 0)
    assert await send(alice, BOBS, composing.CONTENT_TYPE, composing.write(Composing(True, 0))) == 200
    await until(lambda: len(typing(xmpp)) == 2)
    assert typing(xmpp) == [True, False]
    assert await send(alice, BOBS, composing.CONTENT_TYPE, composing.write(Composing(False))) == 200
    assert typing(xmpp) == [True, False, False]


def typing(desk: Desk) -> list[bool]:
    return [news.active for news in desk.news if isinstance(news, Typing)]


async def test_typing_begins_no_conversation(exchange: Exchange) -> None:
    alice, xmpp = await exchange.phone(ALICE), sit(exchange.front_end, BOB)
    assert await send(alice, BOBS, composing.CONTENT_TYPE, composing.write(Composing(True))) == 200
    assert typing(xmpp) == [] and not exchange.front_end.immcu.conversations


async def test_a_phone_is_shown_typing_until_it_says_it_does_not_understand(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.say(BOBS, "hello")
    (conversation,) = exchange.front_end.immcu.of(BOB)
    bob.answers["MESSAGE"] = lambda request: 200 if request.content_type.value == "text/plain" else 415
    for _ in range(3):
        exchange.front_end.immcu.tell(conversation, Typing(conversation, at(ALICE), True), at(ALICE))
        await alice.say(BOBS, "x")
        await bob.text("x")
    notices = [r for r in bob.heard("MESSAGE") if r.content_type.value == composing.CONTENT_TYPE]  # type: ignore[union-attr]
    assert len(notices) == 1 and notices[0].first("Expires") == "0"
    assert composing.read(notices[0].body).active


async def test_a_200_and_a_notification_become_receipts_each_once(exchange: Exchange) -> None:
    bob, xmpp = await exchange.phone(BOB), sit(exchange.front_end, ALICE)
    await exchange.front_end.immcu.send(Utterance(at(ALICE), "read me", origin="stanza-1"), BOB)
    heard = await bob.text("read me")
    await until(lambda: receipts(xmpp) == [("stanza-1", False)])
    for disposition in (Disposition.DELIVERED, Disposition.DISPLAYED, Disposition.DISPLAYED, Disposition.OTHER):
        body = imdn.write(Notification(heard.call_id, disposition), NOON)
        assert await send(bob, ALICES, imdn.CONTENT_TYPE, zlib.compress(body), Content_Encoding="deflate") == 200
    assert receipts(xmpp) == [("stanza-1", False), ("stanza-1", True)]


def receipts(desk: Desk) -> list[tuple[str, bool]]:
    return [(news.origin, news.displayed) for news in desk.news if isinstance(news, Receipt)]


async def test_nobody_else_can_say_that_a_message_was_read(exchange: Exchange) -> None:
    bob, carol = await exchange.phone(BOB), await exchange.phone(CAROL)
    xmpp = sit(exchange.front_end, ALICE)
    await exchange.front_end.immcu.send(Utterance(at(ALICE), "read me", origin="stanza-1"), BOB)
    heard = await bob.text("read me")
    body = imdn.write(Notification(heard.call_id, Disposition.DISPLAYED), NOON)
    assert await send(carol, ALICES, imdn.CONTENT_TYPE, body) == 200
    unknown = imdn.write(Notification("unknown", Disposition.DISPLAYED), NOON)
    assert await send(bob, ALICES, imdn.CONTENT_TYPE, unknown) == 200
    assert ("stanza-1", True) not in receipts(xmpp)


async def test_a_phone_learns_what_became_of_its_message_by_its_own_id(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    request = alice.request("MESSAGE", BOBS, call="mine", headers=[("Content-Type", "text/plain")], body=b"x")
    await alice.exchange(alice.signing(request, await alice.exchange(request)))
    heard = await bob.text("x")
    body = imdn.write(Notification(heard.call_id, Disposition.DISPLAYED), NOON)
    assert await send(bob, ALICES, imdn.CONTENT_TYPE, body) == 200
    notice = await alice.hears("MESSAGE")
    assert imdn.read(notice.body) == Notification("mine", Disposition.DISPLAYED), "and its own 200 was no notification"
    assert notice.from_.uri.user == "bob"
    assert message_id_of("t,1,a,b") == "a,b" and message_id_of("stanza-1") == "" == message_id_of("a,b,c")


# ---- conferences


async def test_a_third_person_makes_it_a_conference_for_phones_too(exchange: Exchange) -> None:
    await exchange.front_end.store.put_person(BOB, Person(str(BOB), "Bob", language="de-AT"))
    alice, bob, carol = [await exchange.phone(who) for who in (ALICE, BOB, CAROL)]
    await alice.say(BOBS, "hello")
    await bob.text("hello")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.add(conversation, CAROL, by=ALICE, history=History.ALL)

    joined = await alice.text("Carol joined. Write here to all.")
    address = joined.from_.uri
    assert address.host == "conference.example.test"
    await bob.text("Carol ist dabei. Hier schreibst du an alle.")
    invited = await carol.text("Alice added you to a conversation with Alice and Bob. Write here to all.")
    assert invited.from_.uri == address
    await carol.text("Alice: hello")

    assert (await carol.say(str(address), "hello all")).status == 200
    for phone in (alice, bob):
        heard = await phone.text("Carol: hello all")
        assert heard.from_.uri == address and heard.from_.display == "Carol"
    await exchange.front_end.immcu.leave(conversation, BOB)
    await carol.text("Bob left.")
    assert (await bob.say(str(address), "still here?")).status == 404
    assert (await bob.say(f"sip:{'0' * 32}@conference.example.test", "?")).status == 404


async def test_typing_in_a_conference_comes_from_its_address_and_receipts_do_not(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.say(BOBS, "hello")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.add(conversation, CAROL, by=ALICE)
    address = f"sip:{conversation.address}"
    assert await send(bob, address, composing.CONTENT_TYPE, composing.write(Composing(True))) == 200
    notice = await alice.hears("MESSAGE", lambda r: r.content_type.value == composing.CONTENT_TYPE)
    assert str(notice.from_.uri) == address and notice.from_.display == "Bob"
    await bob.say(address, "hi")
    await alice.text("Bob: hi")
    assert not [r for r in bob.heard("MESSAGE") if r.content_type.value == imdn.CONTENT_TYPE]  # type: ignore[union-attr]


async def test_the_server_speaks_in_its_own_name(exchange: Exchange) -> None:
    alice, _ = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.say(BOBS, "hello")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    exchange.front_end.registrar.tell(ALICE, Notice("try /help", conversation))
    notice = await alice.text("try /help")
    assert str(notice.from_.uri) == "sip:example.test"


async def test_what_happens_in_a_talk_of_two_is_not_told(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.say(BOBS, "hello")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.end(conversation, "idle")
    await alice.say(BOBS, "again")
    await bob.text("again")
    assert [r.body for r in bob.heard("MESSAGE")] == [b"hello", b"again"]


async def test_a_refusal_by_policy_is_told_in_its_own_words(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await exchange.phone(ALICE)

    async def refuse(*_: object) -> None:
        raise Refused("no links here")

    monkeypatch.setattr(exchange.front_end.immcu, "send", refuse)
    response = await alice.say(BOBS, "http://example.test")
    assert (response.status, response.reason) == (403, "no links here")
