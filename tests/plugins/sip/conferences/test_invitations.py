"""A talk becomes a conference under everybody's hands: who is called, who is written to, and that nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from .....core.conversation import Conversation, History
from .....core.identity import Identity
from .....plugins.sip.conferences import invitations
from .....plugins.sip.messages import composing, imdn
from .....plugins.sip.messages.composing import Composing
from .....plugins.sip.messages.imdn import Disposition, Notification
from .....plugins.sip.syntax.message import Request
from ....people import ALICE, BOB, CAROL
from ....stage import say, sit
from ..conftest import Exchange
from ..messages.test_chat import send, until
from .caller import URN, answering, contact_of, invited, rooms_phone


def wrapped(text: str) -> Callable[[Request], bool]:
    return lambda r: r.first("Content-Type") == "message/cpim" and r.body.decode().endswith(text)


async def test_a_third_person_and_everybody_in_their_own_way(exchange: Exchange) -> None:
    """Alice's client knows rooms, Bob's knows text, Carol has something else."""
    alice, bob = await rooms_phone(exchange, ALICE), await exchange.phone(BOB)
    carol = sit(exchange.front_end, CAROL)
    await alice.say(f"sip:{BOB}", "between us")
    await bob.text("between us")
    (talk,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.add(talk, CAROL, by=BOB)
    invite = await alice.hears("INVITE")
    assert str(invite.to.uri) == f"sip:{ALICE};gr={URN}1" and "isfocus" in (invite.first("Contact") or "")
    assert invite.first("Session-Expires") == "1800;refresher=uas" and invite.uri.startswith("sip:alice@127.0.0.1")
    await alice.hears("ACK")
    await bob.text("Carol joined. Write here to all.")
    await say(exchange.front_end, CAROL, talk.address, "hello from elsewhere")
    heard = await alice.hears("MESSAGE", wrapped("hello from elsewhere"))
    assert str(heard.from_.uri) == f"sip:{talk.address}" and str(heard.to.uri) == f"sip:{ALICE};gr={URN}1"
    assert f'From: "Carol"<sip:{CAROL}>\r\nTo: <sip:{talk.address}>' in heard.body.decode()
    await bob.text("Carol: hello from elsewhere")
    line = invited(invite, alice)
    assert (await line.ask("MESSAGE", [("Content-Type", "text/plain")], b"hello to all")).status == 200
    await bob.text("Alice: hello to all")
    assert carol.texts[-1] == "hello to all"
    assert len(alice.heard("INVITE")) == 1 and len(alice.heard("MESSAGE")) == 1
    assert talk.moderators == {ALICE, BOB}


async def test_nothing_is_lost_or_doubled_while_it_changes(exchange: Exchange) -> None:
    alice = await rooms_phone(exchange, ALICE)
    sit(exchange.front_end, CAROL)
    immcu = exchange.front_end.immcu
    await say(exchange.front_end, BOB, ALICE, "m0")
    (talk,) = immcu.of(ALICE)

    async def talking() -> None:
        for number in range(1, 30):
            await say(exchange.front_end, BOB, talk.address or ALICE, f"m{number}")

    await asyncio.gather(talking(), immcu.add(talk, CAROL, by=BOB))
    await alice.hears("MESSAGE", lambda r: r.body.decode().endswith("m29"))
    words = [r.body.decode().rpartition("\n")[2].rpartition(" ")[2] for r in alice.heard("MESSAGE")]
    assert words == [f"m{number}" for number in range(30)]


@pytest.mark.parametrize(
    ("history", "seen"), [(History.NONE, []), (History.NOW, ["two"]), (History.ALL, ["one", "two"])]
)
async def test_the_newcomer_sees_what_the_adder_chose(exchange: Exchange, history: History, seen: list[str]) -> None:
    carol = await rooms_phone(exchange, CAROL)
    for text in ("one", "two"):
        await say(exchange.front_end, ALICE, BOB, text)
    (talk,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.add(talk, CAROL, by=BOB, history=history)
    await carol.hears("ACK")
    await say(exchange.front_end, ALICE, talk.address, "three")
    await carol.hears("MESSAGE", wrapped("three"))
    assert [r.body.decode().rpartition("\n")[2] for r in carol.heard("MESSAGE")] == [*seen, "three"]


async def test_a_client_that_refuses_gets_text(exchange: Exchange) -> None:
    alice = await rooms_phone(exchange, ALICE)
    answering(alice, 486)
    room = await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await say(exchange.front_end, BOB, room.address, "hello")
    await alice.text("Bob: hello")
    assert len(alice.heard("INVITE")) == 1 and ALICE in room.participants


async def test_a_person_who_declines_is_out(exchange: Exchange) -> None:
    alice = await rooms_phone(exchange, ALICE)
    answering(alice, 603)
    room = await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await until(lambda: ALICE not in room.participants)


async def test_a_client_that_rings_on_is_not_waited_for(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "INVITE_WITHIN", 0.2)
    alice = await rooms_phone(exchange, ALICE)
    ringing: list[Request] = []

    def ring(request: Request) -> int:
        ringing.append(request)
        return 180

    alice.answers["INVITE"] = ring
    room = await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await say(exchange.front_end, BOB, room.address, "hello")
    await alice.hears("CANCEL")
    await alice.text("Bob: hello")
    late = ringing[0].reply(200, headers=[("Contact", contact_of(alice))])
    alice.send(late)
    await alice.hears("ACK")
    await alice.hears("BYE")


async def test_a_client_that_does_not_take_the_wrapper_gets_text(exchange: Exchange) -> None:
    alice = await rooms_phone(exchange, ALICE)
    alice.answers["MESSAGE"] = lambda r: 488 if r.first("Content-Type") == "message/cpim" else 200
    room = await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    for text in ("one", "two"):
        await say(exchange.front_end, BOB, room.address, text)
        await alice.text(f"Bob: {text}")
    assert [r.first("Content-Type") for r in alice.heard("MESSAGE")].count("message/cpim") == 1


async def test_a_client_that_comes_back_is_invited_again(exchange: Exchange) -> None:
    alice, room = await rooms_phone(exchange, ALICE), await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await alice.hears("ACK")
    await alice.close()
    await until(lambda: not exchange.front_end.registrar.of(ALICE))
    await say(exchange.front_end, BOB, room.address, "while you were away")
    again = await rooms_phone(exchange, ALICE)
    await again.hears("MESSAGE", wrapped("while you were away"))
    assert [r.method for r in again.received[:3]] == ["INVITE", "ACK", "MESSAGE"]


async def test_what_was_said_before_the_conference_fell_asleep(exchange: Exchange) -> None:
    room = await _room(exchange)
    immcu = exchange.front_end.immcu
    await immcu.add(room, ALICE, by=BOB)
    await say(exchange.front_end, BOB, room.address, "good night")
    await immcu.end(room, "idle")
    alice = await rooms_phone(exchange, ALICE)
    await alice.hears("MESSAGE", wrapped("good night"))
    assert [r.method for r in alice.received[:3]] == ["INVITE", "ACK", "MESSAGE"] and not immcu.conversations


async def test_what_was_said_before_the_end_comes_as_text(exchange: Exchange) -> None:
    room = await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await say(exchange.front_end, BOB, room.address, "goodbye")
    await exchange.front_end.immcu.end(room, "closed")
    alice = await rooms_phone(exchange, ALICE)
    await alice.text("Bob: goodbye")
    assert not alice.heard("INVITE")


async def test_typing_in_a_conference(exchange: Exchange) -> None:
    alice, room = await rooms_phone(exchange, ALICE), await _room(exchange)
    carol = await exchange.phone(CAROL)
    for who in (ALICE, CAROL):
        await exchange.front_end.immcu.add(room, who, by=BOB)
    await alice.hears("ACK")
    await send(carol, f"sip:{room.address}", composing.CONTENT_TYPE, composing.write(Composing(True)))
    heard = await alice.hears("MESSAGE", lambda r: b"isComposing" in r.body)
    assert heard.first("Content-Type") == "message/cpim" and f'"Carol"<sip:{CAROL}>'.encode() in heard.body
    assert heard.first("Expires") == "0"


async def test_receipts_of_a_conference_go_to_the_sender_alone(exchange: Exchange) -> None:
    alice, bob = await rooms_phone(exchange, ALICE, 1), await rooms_phone(exchange, BOB, 2)
    carol, room = await rooms_phone(exchange, CAROL, 3), await _room(exchange)
    for who in (ALICE, CAROL):
        await exchange.front_end.immcu.add(room, who, by=BOB)
    for phone in (alice, carol):
        await phone.hears("ACK")
    await alice.ask(
        "MESSAGE", f"sip:{room.address}", call="my-own-id", headers=[("Content-Type", "text/plain")], body=b"x"
    )
    heard = await carol.hears("MESSAGE", lambda r: b"imdn.Message-ID" in r.body)
    assert b"imdn.Disposition-Notification: positive-delivery" in heard.body
    known_as = heard.body.decode().partition("imdn.Message-ID: ")[2].partition("\r\n")[0]
    now = exchange.clock()
    for disposition in (Disposition.DELIVERED, Disposition.DELIVERED, Disposition.DISPLAYED):
        body = imdn.write(Notification(known_as, disposition), now)
        assert await send(carol, f"sip:{room.address}", imdn.CONTENT_TYPE, body) == 200
    await alice.hears("MESSAGE", lambda r: b"<displayed/>" in r.body and b"my-own-id" in r.body)
    receipts = [r for r in alice.heard("MESSAGE") if b"<message-id>" in r.body]
    assert len(receipts) == 2 and all(f"<sip:{CAROL}>".encode() in r.body for r in receipts)
    assert not [r for r in bob.heard("MESSAGE") if b"<message-id>" in r.body]


async def test_a_message_of_another_world_asks_for_no_receipts(exchange: Exchange) -> None:
    alice, room = await rooms_phone(exchange, ALICE), await _room(exchange)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    await say(exchange.front_end, BOB, room.address, "hello")
    heard = await alice.hears("MESSAGE", wrapped("hello"))
    assert b"Disposition-Notification" not in heard.body


async def _room(exchange: Exchange) -> Conversation:
    address = Identity("lounge", "conference.example.test")
    return await exchange.front_end.immcu.open_room(address, BOB, open_door=False, keeps_seats=True)
