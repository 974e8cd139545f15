"""The event package ``conference``: who may watch, and what they see."""

from __future__ import annotations

import pytest

from .....core.conversation import Conversation
from .....core.identity import Identity
from .....plugins.sip.conferences.conference_info import CONTENT_TYPE
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB, CAROL
from ....stage import sit
from ..conftest import Exchange
from ..phone import Phone
from .caller import URN

LOUNGE = Identity("lounge", "conference.example.test")


async def lounge(exchange: Exchange, *others: Identity) -> Conversation:
    immcu = exchange.front_end.immcu
    room = await immcu.open_room(LOUNGE, BOB, subject="tea", open_door=False, keeps_seats=True)
    for who in others:
        await immcu.add(room, who, by=BOB)
    return room


async def watch(phone: Phone, uri: str = f"sip:{LOUNGE}", expires: int = 600, **headers: str) -> Response:
    more = [("Event", "conference"), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return await phone.subscribe(uri, expires, headers=more)


def version(notify: Request) -> int:
    return int(notify.body.decode().partition('" version="')[2].partition('"')[0])


async def test_a_participant_sees_everybody_and_then_what_changes(exchange: Exchange) -> None:
    room, alice = await lounge(exchange, ALICE), await exchange.phone(ALICE, instance=URN + "1")
    sit(exchange.front_end, BOB, "desk")
    assert (await watch(alice)).status == 200
    whole = await alice.sees('state="full" version="0"', f'entity="sip:{BOB}" state="full"', "<entry>admin</entry>")
    assert whole.first("Content-Type") == CONTENT_TYPE and whole.first("Event") == "conference"
    body = whole.body.decode()
    assert f'endpoint entity="sip:{ALICE};gr={URN}1"' in body and f'endpoint entity="sip:{BOB};gr=' in body
    since = len(alice.received)
    await exchange.front_end.immcu.add(room, CAROL, by=BOB)
    partial = await alice.sees('state="partial" version="1"', f'entity="sip:{CAROL}" state="full"', since=since)
    assert f"sip:{BOB}" not in partial.body.decode()
    await exchange.front_end.immcu.chair.appoint(room, CAROL, BOB, moderator=True)
    await alice.sees('version="2"', f'entity="sip:{CAROL}" state="partial"', "<entry>admin</entry>")
    await exchange.front_end.immcu.name(room, "coffee", BOB)
    await alice.sees('version="3"', "<subject>coffee</subject>")
    await exchange.front_end.immcu.chair.set_door(room, BOB, locked=True)
    await alice.sees('version="4"', "<locked>true</locked>")
    await exchange.front_end.immcu.leave(room, CAROL)
    await alice.sees('version="5"', f'<user entity="sip:{CAROL}" state="deleted"/>')


async def test_devices_come_and_go(exchange: Exchange) -> None:
    await lounge(exchange, ALICE, CAROL)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    await watch(alice)
    await alice.sees('version="0"')
    await exchange.phone(CAROL, instance=URN + "7")
    await alice.sees('state="partial"', f'<endpoint entity="sip:{CAROL};gr={URN}7" state="full">')
    await exchange.phones[-1].close()
    await alice.sees('state="partial"', f'<endpoint entity="sip:{CAROL};gr={URN}7" state="deleted"/>')


async def test_a_refresh_brings_everything_again(exchange: Exchange) -> None:
    await lounge(exchange, ALICE)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    response = await watch(alice)
    await alice.sees('state="full" version="0"')
    again = [("Event", "conference"), ("Contact", alice.contact), ("Expires", 600)]
    target = response.contacts[0].uri  # type: ignore[index, union-attr]
    await alice.ask("SUBSCRIBE", str(target), to=str(response.to), call=response.call_id, headers=again)
    await alice.sees('state="full" version="1"')


async def test_the_first_number_is_newer_than_what_linphone_has(exchange: Exchange) -> None:
    await lounge(exchange, ALICE)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    await watch(alice, Last_Notify_Version="41")
    assert version(await alice.sees('state="full"')) == 42
    since = len(alice.received)
    await watch(alice, Last_Notify_Version="many")
    assert version(await alice.sees('state="full"', since=since)) == 0


async def test_a_fetch_shows_once(exchange: Exchange) -> None:
    await lounge(exchange, ALICE)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    assert (await watch(alice, expires=0)).status == 200
    notify = await alice.sees('state="full"')
    assert (notify.first("Subscription-State") or "").startswith("terminated")


@pytest.mark.parametrize(("uri", "status"), [(f"sip:{LOUNGE}", 403), ("sip:none@conference.example.test", 404)])
async def test_who_is_not_in_it_sees_nothing(exchange: Exchange, uri: str, status: int) -> None:
    await lounge(exchange)
    alice = await exchange.phone(ALICE)
    assert (await watch(alice, uri)).status == status
    assert (await watch(alice, f"sip:{BOB}")).status == 404
    assert (await watch(alice, Accept="application/pidf+xml")).status == 406


async def test_who_is_put_out_sees_no_more(exchange: Exchange) -> None:
    room, alice = await lounge(exchange, ALICE, CAROL), await exchange.phone(ALICE, instance=URN + "1")
    await watch(alice)
    await alice.sees('version="0"')
    await exchange.front_end.immcu.chair.eject(room, ALICE, BOB)
    last = await alice.hears("NOTIFY", lambda r: (r.first("Subscription-State") or "").startswith("terminated"))
    assert str(CAROL) not in last.body.decode() and "active>false" in last.body.decode()


async def test_what_sleeps_can_be_watched_and_is_not_woken(exchange: Exchange) -> None:
    room, alice = await lounge(exchange, ALICE), await exchange.phone(ALICE, instance=URN + "1")
    await exchange.front_end.immcu.end(room, "idle")
    assert (await watch(alice)).status == 200
    await alice.sees('state="full"', "<user-count>2</user-count>", "<subject>tea</subject>")
    assert not exchange.front_end.immcu.conversations
