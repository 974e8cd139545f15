"""Calling conferences: who gets in, who makes one, what is answered to everybody else."""

from __future__ import annotations

import zlib

import pytest

from .....core.conversation import Conversation
from .....core.identity import Identity
from .....plugins.sip.conferences import offers
from .....plugins.sip.resource_lists import CONTENT_TYPE as LIST
from ....people import ALICE, BOB, CAROL
from ....stage import say
from ..conftest import Exchange
from ..messages.test_chat import until
from .caller import GROUPS, URN, call, invited, people, rooms_phone

FACTORY = "sip:conference-factory@example.test"
LOUNGE = Identity("lounge", "conference.example.test")
VOICE = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
LYNC = VOICE.replace(b"m=audio 4000 RTP/AVP 0", b"m=message 5060 sip null\r\na=accept-types:text/plain")


async def lounge(exchange: Exchange, *, open_door: bool = True, keeps_seats: bool = False) -> Conversation:
    immcu = exchange.front_end.immcu
    return await immcu.open_room(LOUNGE, BOB, subject="tea", open_door=open_door, keeps_seats=keeps_seats)


# ---- coming in


async def test_who_calls_an_open_conference_takes_part(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    response, line = await call(alice, f"sip:{LOUNGE}")
    assert response.status == 200 and response.first("Subject") == "tea"
    assert response.first("Contact") == f"<sip:{LOUNGE}>;text;isfocus"
    assert "INVITE" in (response.first("Allow") or "") and response.first("Allow-Events") == "conference"
    assert line.routes and ";lr" in line.routes[0]
    assert room.participants == [BOB, ALICE]
    await say(exchange.front_end, BOB, LOUNGE, "welcome")
    heard = await alice.text("Bob: welcome")
    assert heard.from_.uri.user == "lounge"


async def test_bye_means_to_leave(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    _, line = await call(alice, f"sip:{LOUNGE}")
    assert (await line.ask("BYE")).status == 200
    assert room.participants == [BOB]
    assert (await line.ask("BYE")).status == 481


async def test_with_two_sessions_the_last_one_means_to_leave(exchange: Exchange) -> None:
    room = await lounge(exchange)
    one, other = await exchange.phone(ALICE, instance=URN + "1"), await exchange.phone(ALICE, instance=URN + "2")
    (_, first), (_, second) = await call(one, f"sip:{LOUNGE}"), await call(other, f"sip:{LOUNGE}")
    await first.ask("BYE")
    assert room.participants == [BOB, ALICE]
    await second.ask("BYE")
    assert room.participants == [BOB]


async def test_a_crash_is_not_leaving(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    await call(alice, f"sip:{LOUNGE}")
    await alice.close()
    await until(lambda: not exchange.front_end.registrar.of(ALICE))
    assert room.participants == [BOB, ALICE]


@pytest.mark.parametrize(
    ("uri", "status"),
    [(f"sip:{LOUNGE}", 403), ("sip:nowhere@conference.example.test", 404), ("sip:conference.example.test", 404)],
)
async def test_who_may_not_come_in(exchange: Exchange, uri: str, status: int) -> None:
    await lounge(exchange, open_door=False)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    assert (await call(alice, uri))[0].status == status


async def test_a_participant_comes_back_through_a_closed_door(exchange: Exchange) -> None:
    room, alice = await lounge(exchange, open_door=False), await exchange.phone(ALICE, instance=URN + "1")
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    assert (await call(alice, f"sip:{LOUNGE}"))[0].status == 200


async def test_a_locked_conference_lets_nobody_in(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    await exchange.front_end.immcu.chair.set_door(room, BOB, locked=True)
    assert (await call(alice, f"sip:{LOUNGE}"))[0].status == 403


async def test_who_is_not_registered_registers_first(exchange: Exchange) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE, registered=False)
    assert (await call(alice, f"sip:{LOUNGE}"))[0].status == 403


async def test_voice_is_refused_with_the_reason(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    response, _ = await call(alice, f"sip:{LOUNGE}", headers=[("Content-Type", "application/sdp")], body=VOICE)
    assert response.status == 488 and (response.first("Warning") or "").startswith("304 ")
    assert room.participants == [BOB]


async def test_an_offer_of_messages_is_answered(exchange: Exchange) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    response, _ = await call(alice, f"sip:{LOUNGE}", headers=[("Content-Type", "application/sdp")], body=LYNC)
    assert response.status == 200 and response.first("Content-Type") == "application/sdp"
    assert b"m=message 5060 sip null" in response.body


@pytest.mark.parametrize(
    ("headers", "body", "status", "telling"),
    [
        ([("Require", "100rel, precondition")], b"", 420, ("Unsupported", "100rel, precondition")),
        ([("Content-Type", "text/html")], b"<p>", 415, ("Accept", ", ".join(offers.ACCEPTED))),
        ([("Content-Type", LIST)], b"<p>", 400, None),
        ([("Content-Type", LIST), ("Content-Encoding", "br")], b"x", 415, None),
        ([("Session-Expires", "30"), ("Supported", "timer")], b"", 422, ("Min-SE", "90")),
        ([("Session-Expires", "soon"), ("Supported", "timer")], b"", 400, None),
        ([("End-To-End-Encrypted", "true")], b"", 488, None),
        ([("Replaces", "nobody;to-tag=1;from-tag=2")], b"", 481, None),
    ],
)
async def test_what_is_refused(
    exchange: Exchange,
    headers: list[tuple[str, object]],
    body: bytes,
    status: int,
    telling: tuple[str, str] | None,
) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    response, _ = await call(alice, f"sip:{LOUNGE}", headers=headers, body=body)
    assert response.status == status
    assert telling is None or ", ".join(response.all(telling[0])) == telling[1]
    assert room.participants == [BOB]


async def test_an_invite_without_contact_is_refused(exchange: Exchange) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    assert (await alice.ask("INVITE", f"sip:{LOUNGE}")).status == 400


async def test_a_new_session_replaces_an_old_one(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    _, old = await call(alice, f"sip:{LOUNGE}")
    tag = old.theirs.partition("tag=")[2]
    other = await exchange.phone(ALICE, instance=URN + "2")
    replaces = [("Replaces", f"{old.call};to-tag={tag};from-tag={old.tag}")]
    response, _ = await call(other, f"sip:{LOUNGE}", headers=replaces)
    assert response.status == 200
    bye = await alice.hears("BYE")
    assert bye.call_id == old.call and room.participants == [BOB, ALICE]


async def test_calling_again_from_the_same_phone_ends_the_session_before(exchange: Exchange) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    _, old = await call(alice, f"sip:{LOUNGE}")
    await call(alice, f"sip:{LOUNGE}")
    assert (await alice.hears("BYE")).call_id == old.call


# ---- the factory


async def test_the_factory_makes_a_conference_and_invites(exchange: Exchange) -> None:
    alice = await rooms_phone(exchange, ALICE, 1)
    bob, carol = await rooms_phone(exchange, BOB, 2), await exchange.phone(CAROL)
    body = zlib.compress(people(BOB, CAROL))
    headers = [
        ("Content-Type", LIST),
        ("Content-Disposition", "recipient-list"),
        ("Content-Encoding", "deflate"),
        ("Require", "recipient-list-invite"),
        ("Subject", "Team"),
    ]
    response, line = await call(alice, FACTORY, headers=headers, body=body, features=f";text;{GROUPS}")
    assert response.status == 200
    (room,) = exchange.front_end.immcu.of(ALICE)
    assert response.first("Contact") == f"<sip:{room.address}>;text;isfocus"
    invite = await bob.hears("INVITE")
    assert (invite.from_.uri.user, invite.first("Subject")) == (room.address.user, "Team")
    assert invite.first("Contact") == f"<sip:{room.address}>;text;isfocus"
    assert str(invite.to.uri) == f"sip:{BOB};gr={URN}2"
    await bob.hears("ACK")
    await carol.text("Alice added you to a conversation with Alice and Bob. Write here to all.")
    assert room.participants == [ALICE, BOB, CAROL] and room.moderators == {ALICE}
    assert (room.subject, room.open_door, room.keeps_seats) == ("Team", False, True)
    assert not alice.heard("INVITE") and not bob.heard("MESSAGE")
    await line.ask("MESSAGE", [("Content-Type", "text/plain")], b"hello all")
    await carol.text("Alice: hello all")
    wrapped = await bob.hears("MESSAGE")
    assert wrapped.first("Content-Type") == "message/cpim"
    assert f'From: "Alice"<sip:{ALICE}>' in wrapped.body.decode() and wrapped.body.endswith(b"hello all")


async def test_a_list_beside_an_offer(exchange: Exchange) -> None:
    """RFC 5366 section 6: the list and the session description in one multipart body."""
    alice = await exchange.phone(ALICE, instance=URN + "1")
    parts = [("application/sdp", LYNC), (LIST, people(BOB))]
    body = b"".join(b"--b1\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + part + b"\r\n" for kind, part in parts)
    headers = [("Content-Type", "multipart/mixed;boundary=b1"), ("Require", "recipient-list-invite")]
    response, _ = await call(alice, FACTORY, headers=headers, body=body + b"--b1--\r\n")
    assert response.status == 200
    (room,) = exchange.front_end.immcu.of(ALICE)
    await until(lambda: room.participants == [ALICE, BOB])


async def test_whom_nobody_knows_is_not_invited_and_harms_nobody(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE, instance=URN + "1"), await exchange.phone(BOB)
    body = people(Identity("nobody", "example.test"), BOB)
    response, _ = await call(alice, FACTORY, headers=[("Content-Type", LIST)], body=body)
    assert response.status == 200
    await bob.hears("MESSAGE")
    (room,) = exchange.front_end.immcu.of(ALICE)
    assert room.participants == [ALICE, BOB]


# ---- inside a session


async def test_a_session_is_renewed(exchange: Exchange) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    response, line = await call(alice, f"sip:{LOUNGE}", headers=[("Supported", "timer"), ("Session-Expires", "120")])
    assert response.first("Session-Expires") == "120;refresher=uac" and response.first("Require") == "timer"
    for method in ("INVITE", "UPDATE"):
        again = await line.ask(method, [("Supported", "timer"), ("Session-Expires", "600")])
        assert (again.status, again.first("Session-Expires")) == (200, "600;refresher=uac")
    assert (await line.ask("UPDATE", [("Supported", "timer"), ("Session-Expires", "10")])).status == 422
    voice = await line.ask("INVITE", [("Content-Type", "application/sdp")], VOICE)
    assert voice.status == 488
    assert (await line.ask("OPTIONS")).status == 200


async def test_what_has_no_meaning_in_a_session(exchange: Exchange) -> None:
    await lounge(exchange)
    alice, eve = await exchange.phone(ALICE, instance=URN + "1"), await exchange.phone(CAROL)
    _, line = await call(alice, f"sip:{LOUNGE}")
    refused = await line.ask("INFO")
    assert refused.status == 405 and "BYE" in refused.all("Allow")
    late = alice.request("UPDATE", line.target, to=line.theirs, call=line.call)
    late.set("CSeq", "1 UPDATE")
    answer = await alice.exchange(late)
    answer = await alice.exchange(alice.signing(late, answer)) if answer.status == 401 else answer
    line.phone = eve
    assert (await line.ask("BYE")).status == 403


async def test_a_moderators_subject_is_the_conferences(exchange: Exchange) -> None:
    room = await lounge(exchange)
    alice, bob = await exchange.phone(ALICE, instance=URN + "1"), await exchange.phone(BOB, instance=URN + "2")
    (_, hers), (_, his) = await call(alice, f"sip:{LOUNGE}"), await call(bob, f"sip:{LOUNGE}")
    assert (await hers.ask("INVITE", [("Subject", "coffee")])).status == 200
    assert room.subject == "tea"
    assert (await his.ask("INVITE", [("Subject", "cocoa")])).status == 200
    assert room.subject == "cocoa"
    renamed = await alice.hears("INVITE")
    assert renamed.first("Subject") == "cocoa"
    await alice.hears("ACK")


async def test_who_is_put_out_is_told_bye(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await exchange.phone(ALICE, instance=URN + "1")
    _, line = await call(alice, f"sip:{LOUNGE}")
    await exchange.front_end.immcu.chair.eject(room, ALICE, BOB)
    bye = await alice.hears("BYE")
    assert bye.call_id == line.call and (bye.first("Reason") or "").startswith("SIP ;cause=200")


async def test_what_has_ended_says_bye_and_what_sleeps_does_not(exchange: Exchange) -> None:
    room, alice = await lounge(exchange, keeps_seats=True), await exchange.phone(ALICE, instance=URN + "1")
    _, line = await call(alice, f"sip:{LOUNGE}")
    await exchange.front_end.immcu.end(room, "idle")
    assert (await line.ask("MESSAGE", [("Content-Type", "text/plain")], b"anybody?")).status in (200, 202)
    again = await exchange.front_end.immcu.at(LOUNGE)
    assert again is not None and again.id != room.id
    await exchange.front_end.immcu.end(again, "closed")
    assert (await alice.hears("BYE")).call_id == line.call


async def test_invited_and_leaving(exchange: Exchange) -> None:
    room, alice = await lounge(exchange), await rooms_phone(exchange, ALICE)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    invite = await alice.hears("INVITE")
    await alice.hears("ACK")
    assert (await invited(invite, alice).ask("BYE")).status == 200
    assert room.participants == [BOB]
