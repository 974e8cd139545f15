"""SUBSCRIBE: who may watch whom, and what strangers, blocked people and hidden people look like."""

from __future__ import annotations

import asyncio

import pytest

from .....core.identity import Identity
from .....plugins.sip.events import subscriptions
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB, CAROL
from ..conftest import Exchange
from ..phone import PATIENCE, Phone
from ..presence.test_pidf import published

OPEN, CLOSED = "<basic>open</basic>", "<basic>closed</basic>"
ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"


def state(request: Request) -> str:
    return (request.first("Subscription-State") or "").partition(";")[0]


async def again(phone: Phone, response: Response, expires: int, *, cseq: int = 0, **headers: str) -> Response:
    """A SUBSCRIBE inside the dialog that a response began."""
    request = phone.request(
        "SUBSCRIBE",
        str(response.contacts[0].uri),  # type: ignore[index]
        to=response.first("To") or "",
        call=response.call_id,
        tag=response.from_.tag,
        headers=[("Event", "presence"), ("Contact", phone.contact), ("Expires", expires), *headers.items()],
    )
    signed = phone.signing(request, await phone.exchange(request))
    if cseq:
        signed.set("CSeq", f"{cseq} SUBSCRIBE")
    return await phone.exchange(signed)


async def test_friends_see_each_other_at_once_and_at_every_change(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    response = await alice.subscribe(BOBS)
    assert (response.status, response.expires) == (200, 600)
    assert response.to.tag and response.contacts
    first = await alice.sees(OPEN)
    assert state(first) == "active" and first.call_id == response.call_id and first.from_.tag == response.to.tag
    await bob.publish(published(activities="<rpid:busy/>", note="on it"))
    assert (await alice.sees("<rpid:busy/>", "on it")).cseq.number > first.cseq.number
    await bob.register(0)
    await alice.sees(CLOSED)


async def test_somebody_who_comes_late_sees_how_it_is_now(exchange: Exchange) -> None:
    bob = await exchange.phone(BOB)
    await bob.publish(published(activities="<rpid:away/>"))
    alice = await exchange.phone(ALICE)
    await alice.subscribe(BOBS)
    assert "<rpid:away/>" in (await alice.hears("NOTIFY")).body.decode()


async def test_the_200_comes_before_the_notify(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(BOBS)
    await alice.hears("NOTIFY")
    kinds = [line.strip("<>").split()[0] for line in alice.order]
    assert kinds[-2:] == ["200", "NOTIFY"]


async def test_refresh_unsubscribe_and_fetch(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.subscribe(BOBS)
    await alice.hears("NOTIFY")
    renewed = await again(alice, response, 300)
    assert (renewed.status, renewed.expires, renewed.to.tag) == (200, 300, response.to.tag)
    await alice.hears("NOTIFY", lambda r: "expires=300" in (r.first("Subscription-State") or ""))
    ended = await again(alice, response, 0)
    assert (ended.status, ended.expires) == (200, 0)
    last = await alice.hears("NOTIFY", lambda r: state(r) == "terminated")
    assert last.first("Subscription-State") == "terminated;reason=timeout"
    assert (await again(alice, response, 300)).status == 481
    since = len(alice.received)
    fetched = await alice.subscribe(BOBS, 0)
    assert (fetched.status, fetched.expires) == (200, 0)
    once = await alice.hears("NOTIFY", since=since)
    assert state(once) == "terminated" and CLOSED in once.body.decode()


async def test_the_unknown_the_hidden_and_the_blocking_look_the_same(exchange: Exchange) -> None:
    for who in (BOB, CAROL):
        await exchange.phone(who)
    await exchange.front_end.contacts.block(BOB, ALICE)
    alice = await exchange.phone(ALICE)
    seen = []
    for name in (BOB, CAROL, Identity("nobody", "example.test")):
        response = await alice.subscribe(f"sip:{name}")
        told = await alice.hears("NOTIFY", lambda r, name=name: f"sip:{name}".encode() in r.body)  # type: ignore[misc]
        body = told.body.decode().replace(name.user, "X")
        seen.append((response.status, response.reason, told.first("Subscription-State"), body))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][2] == "pending;expires=600" and CLOSED in seen[0][3]


async def test_watching_puts_somebody_on_the_list_and_asks_them(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    carol = await exchange.phone(CAROL)
    await alice.subscribe(f"sip:{CAROL}", headers=[("To", f'"Carol C." <sip:{CAROL}>')])
    pending = await alice.hears("NOTIFY")
    assert state(pending) == "pending"
    async with asyncio.timeout(PATIENCE):
        while not await exchange.front_end.contacts.questions(CAROL):
            await asyncio.sleep(0.01)
    contact = await exchange.front_end.contacts.get(ALICE, CAROL)
    assert contact is not None and contact.asked and contact.name == "Carol C."
    await exchange.front_end.contacts.grant(CAROL, ALICE)
    assert state(await alice.sees(OPEN)) == "active"
    await carol.subscribe(ALICES)
    await carol.sees(OPEN)


async def test_a_fetch_puts_nobody_on_the_list(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(f"sip:{CAROL}", 0)
    await alice.hears("NOTIFY")
    assert await exchange.front_end.contacts.get(ALICE, CAROL) is None


async def test_being_granted_shows_even_when_the_person_is_offline(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(f"sip:{CAROL}")
    await alice.hears("NOTIFY", lambda r: state(r) == "pending")
    await exchange.front_end.contacts.grant(CAROL, ALICE)
    await alice.hears("NOTIFY", lambda r: state(r) == "active")


async def test_whoever_is_blocked_later_sees_somebody_go_offline(exchange: Exchange) -> None:
    alice, _ = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.subscribe(BOBS)
    await alice.sees(OPEN)
    await exchange.front_end.contacts.block(BOB, ALICE)
    assert state(await alice.sees(CLOSED)) == "active"


async def test_one_may_watch_oneself(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(ALICES)
    assert state(await alice.sees(OPEN)) == "active"
    assert await exchange.front_end.contacts.get(ALICE, ALICE) is None


@pytest.mark.parametrize(
    ("headers", "status", "tells"),
    [
        ([("Event", "dialog.winfo")], 489, ("Allow-Events", "presence")),
        ([("Event", "refer")], 489, ("Allow-Events", "presence")),
        ([("Accept", "text/plain")], 406, ("Accept", "application/pidf+xml")),
        ([("Expires", 10)], 423, ("Min-Expires", "60")),
        ([("Contact", "*")], 400, None),
        ([("Require", "levitation")], 420, ("Unsupported", "levitation")),
        ([("Accept", "application/cpim-pidf+xml, */*")], 200, None),
        ([("Accept", "application/xpidf+xml, application/pidf+xml;q=0.5")], 200, None),
    ],
)
async def test_what_is_refused_and_how(
    exchange: Exchange, headers: list[tuple[str, object]], status: int, tells: tuple[str, str] | None
) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.subscribe(BOBS, headers=headers)
    assert response.status == status
    assert tells is None or tells[1] in response.all(tells[0])


async def test_no_event_no_contact_and_other_domains(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    assert (await alice.ask("SUBSCRIBE", BOBS, headers=[("Contact", alice.contact)])).status == 489
    assert (await alice.ask("SUBSCRIBE", BOBS, headers=[("Event", "presence")])).status == 400
    assert (await alice.subscribe("sip:someone@elsewhere.test")).status == 404


async def test_a_dialog_belongs_to_its_subscriber_and_its_order(exchange: Exchange) -> None:
    alice, mallory = await exchange.phone(ALICE), await exchange.phone(CAROL)
    response = await alice.subscribe(BOBS)
    assert (await again(mallory, response, 0, cseq=99)).status == 403
    assert (await again(alice, response, 300, cseq=50)).status == 200
    assert (await again(alice, response, 300, cseq=40)).status == 500
    assert (await again(alice, response, 300, cseq=60, Event="presence;id=7")).status == 481


async def test_subscriptions_of_one_person_have_a_limit(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    alice = await exchange.phone(ALICE)
    first = await alice.subscribe(BOBS)
    assert [first.status, *[(await alice.subscribe(BOBS)).status for _ in range(2)]] == [200, 200, 403]
    await again(alice, first, 0)
    assert (await alice.subscribe(BOBS)).status == 200


async def test_a_phone_that_comes_back_keeps_its_subscriptions(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE, instance="urn:1"), await exchange.phone(BOB)
    response = await alice.subscribe(BOBS)
    await alice.sees(OPEN)
    await alice.close()
    async with asyncio.timeout(PATIENCE):
        while exchange.front_end.registrar.of(ALICE):
            await asyncio.sleep(0.01)
    await bob.publish(published(activities="<rpid:busy/>"))
    back = await exchange.phone(ALICE, instance="urn:1")
    assert (await back.sees("<rpid:busy/>")).call_id == response.call_id


async def test_a_subscriber_that_knows_nothing_of_it_is_told_no_more(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    alice.answers["NOTIFY"] = 481
    await alice.subscribe(BOBS)
    await alice.hears("NOTIFY")
    await bob.publish(published(activities="<rpid:busy/>"))
    alice.answers["NOTIFY"] = 200
    await alice.subscribe(BOBS)
    await alice.sees("<rpid:busy/>")
    assert len(alice.heard("NOTIFY")) == 2


async def test_at_the_end_subscribers_are_told_to_come_back(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(BOBS)
    await alice.hears("NOTIFY")
    await exchange.front_end.__aexit__()
    last = await alice.hears("NOTIFY", lambda r: state(r) == "terminated")
    assert last.first("Subscription-State") == "terminated;reason=probation;retry-after=5"
