"""REFER to a conference: who brings whom in, who puts whom out, and what is told of it."""

from __future__ import annotations

import pytest

from .....core.conversation import Conversation
from .....core.identity import Identity
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB, CAROL
from ..conftest import Exchange
from ..messages.test_chat import until
from ..phone import Phone
from .caller import URN, call, contact_of

LOUNGE = Identity("lounge", "conference.example.test")


async def lounge(exchange: Exchange) -> tuple[Conversation, Phone]:
    """Bob moderates, Alice takes part and has a phone."""
    room = await exchange.front_end.immcu.open_room(LOUNGE, BOB, open_door=False, keeps_seats=True)
    await exchange.front_end.immcu.add(room, ALICE, by=BOB)
    return room, await exchange.phone(ALICE, instance=URN + "1")


async def refer(phone: Phone, refer_to: str, uri: str = f"sip:{LOUNGE}", **headers: str) -> Response:
    given = [("Contact", contact_of(phone)), ("Refer-To", refer_to)]
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return await phone.ask("REFER", uri, headers=given)


async def told(phone: Phone, line: str) -> Request:
    return await phone.hears("NOTIFY", lambda r: r.body.decode().startswith(line))


async def test_any_participant_brings_somebody_in_and_is_told(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    response = await refer(alice, f"<sip:{CAROL}>")
    assert response.status == 202 and response.first("Contact") == f"<sip:{LOUNGE}>;text;isfocus"
    trying = await told(alice, "SIP/2.0 100 Trying")
    assert trying.first("Event") == f"refer;id={response.cseq.number}" and trying.call_id == response.call_id
    done = await told(alice, "SIP/2.0 200 OK")
    assert done.first("Content-Type") == "message/sipfrag;version=2.0"
    assert done.first("Subscription-State") == "terminated;reason=noresource"
    assert room.participants == [BOB, ALICE, CAROL]


async def test_somebody_nobody_knows(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    assert (await refer(alice, "<sip:nobody@example.test>")).status == 202
    await told(alice, "SIP/2.0 404 Not Found")
    assert room.participants == [BOB, ALICE]


async def test_without_a_subscription_nothing_is_told(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    response = await refer(alice, f"<sip:{CAROL}>", Refer_Sub="false", Require="norefersub")
    assert (response.status, response.first("Refer-Sub")) == (202, "false")
    await until(lambda: CAROL in room.participants)
    assert not alice.heard("NOTIFY")


async def test_moderators_put_people_out_and_others_do_not(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    await exchange.front_end.immcu.add(room, CAROL, by=BOB)
    assert (await refer(alice, f"<sip:{CAROL};method=BYE>")).status == 403
    bob = await exchange.phone(BOB, instance=URN + "2")
    assert (await refer(bob, f"<sip:{CAROL};method=BYE>")).status == 202
    await told(bob, "SIP/2.0 200 OK")
    assert room.participants == [BOB, ALICE]
    assert (await refer(bob, f"<sip:{CAROL};method=BYE>")).status == 404
    assert (await refer(alice, f"<sip:{ALICE};method=BYE>")).status == 202
    await until(lambda: room.participants == [BOB])


async def test_moderators_appoint_moderators(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    assert (await refer(alice, f"<sip:{ALICE}>;text;admin=1")).status == 403
    bob = await exchange.phone(BOB, instance=URN + "2")
    await refer(bob, f"<sip:{ALICE}>;text;admin=1")
    await until(lambda: room.moderators == {ALICE, BOB})
    await refer(alice, f"<sip:{BOB}>;text;admin=0")
    await until(lambda: room.moderators == {ALICE})


async def test_a_locked_conference(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    await exchange.front_end.immcu.chair.set_door(room, BOB, locked=True)
    assert (await refer(alice, f"<sip:{CAROL}>")).status == 403
    assert room.participants == [BOB, ALICE]


async def test_inside_a_session(exchange: Exchange) -> None:
    room, alice = await lounge(exchange)
    _, line = await call(alice, f"sip:{LOUNGE}")
    assert (await line.ask("REFER", [("Refer-To", f"<sip:{CAROL}>")])).status == 202
    done = await told(alice, "SIP/2.0 200 OK")
    assert done.call_id == line.call and CAROL in room.participants


@pytest.mark.parametrize(
    ("refer_to", "status"),
    [
        ("", 400),
        ("carol", 400),
        ("<tel:+4930123>", 416),
        (f"<sip:{CAROL};method=SUBSCRIBE>", 403),
        (f"<sip:{CAROL}?Replaces=x>", 403),
    ],
)
async def test_what_is_asked_wrongly(exchange: Exchange, refer_to: str, status: int) -> None:
    room, alice = await lounge(exchange)
    assert (await refer(alice, refer_to)).status == status
    assert room.participants == [BOB, ALICE]


async def test_who_is_not_in_it_refers_to_nothing(exchange: Exchange) -> None:
    _, alice = await lounge(exchange)
    carol = await exchange.phone(CAROL)
    assert (await refer(carol, f"<sip:{CAROL}>")).status == 404
    assert (await refer(alice, f"<sip:{CAROL}>", "sip:none@conference.example.test")).status == 404
    assert (await refer(alice, f"<sip:{CAROL}>", f"sip:{BOB}")).status == 405
    two = [("Contact", contact_of(alice)), ("Refer-To", f"<sip:{CAROL}>, <sip:{BOB}>")]
    assert (await alice.ask("REFER", f"sip:{LOUNGE}", headers=two)).status == 400
    assert (await alice.ask("REFER", f"sip:{LOUNGE}", to=f"<sip:{LOUNGE}>;tag=x", headers=two)).status == 481
    assert (await refer(alice, "<cid:list@x>", Require="multiple-refer")).status == 420
