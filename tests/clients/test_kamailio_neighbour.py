"""A real Kamailio is the server of another domain: messages and presence both ways, over mutual TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...core.federation import LinkState
from ...core.identity import Identity
from ...plugins.sip.federation.options import FederationOptions, PartnerOptions
from ..plugins.sip.federation.houses import HERE, Town, town_in
from ..plugins.sip.phone import Phone
from ..plugins.sip.presence.test_pidf import published
from .kamailio import Kamailio
from .program import needs

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]

THERE = "kamailio.example"
ALICE, BOB = Identity("alice", HERE), Identity("bob", THERE)
ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"


@pytest.fixture
async def neighbours(tmp_path: Path) -> AsyncIterator[tuple[Town, Kamailio]]:
    """Ours here, Kamailio there."""
    needs("kamailio")
    kamailio = Kamailio(tmp_path / "kamailio", THERE)
    async with town_in(tmp_path) as town:
        await kamailio.start(HERE, town.here.port, town.here.authority)
        try:
            partners = {THERE: PartnerOptions(next_hop=f"127.0.0.1:{kamailio.tls}", ca=kamailio.ca)}
            await town.start(town.here, federation=FederationOptions(port=town.here.port, partners=partners))
            yield town, kamailio
        finally:
            await kamailio.stop()


async def at_kamailio(town: Town, kamailio: Kamailio, who: Identity = BOB) -> Phone:
    """A phone registered there."""
    phone = await Phone(who, kamailio.tcp).connect()
    town.here.phones.append(phone)
    assert (await phone.register()).status == 200
    return phone


async def test_messages_both_ways(neighbours: tuple[Town, Kamailio]) -> None:
    town, kamailio = neighbours
    alice, bob = await town.here.phone(ALICE), await at_kamailio(town, kamailio)
    assert (await alice.say(BOBS, "hello Kamailio")).status == 200
    heard = await bob.text("hello Kamailio")
    assert str(heard.from_.uri) == ALICES
    assert (await bob.say(ALICES, "hello hereabouts")).status == 200, kamailio.said[-2000:]
    assert str((await alice.text("hello hereabouts")).from_.uri) == BOBS
    (conversation,) = town.here.front_end.immcu.of(ALICE)
    assert conversation.last_seq == 2
    assert town.here.partner(THERE)["state"] is LinkState.UP


async def test_presence_of_theirs_is_seen_here(neighbours: tuple[Town, Kamailio]) -> None:
    town, kamailio = neighbours
    alice, bob = await town.here.phone(ALICE), await at_kamailio(town, kamailio)
    document = published(activities="<rpid:busy/>", note="in the engine room")
    document = document.replace(b"bob@example.test", str(BOB).encode())
    answer = await bob.publish(document)
    assert answer.status == 200, kamailio.said[-2000:]
    assert (await alice.subscribe(BOBS)).status == 200
    shown = await alice.sees("<basic>open</basic>", "<rpid:busy/>")
    assert "in the engine room" in shown.body.decode(), "their domain shows it, so it is shown"
    since = len(alice.received)
    gone = document.replace(b">open<", b">closed<").replace(b"<rpid:busy/>", b"")
    assert (await bob.publish(gone, etag=answer.first("SIP-ETag") or "")).status == 200
    await alice.sees("<basic>closed</basic>", since=since)
    entry = await town.here.front_end.contacts.get(ALICE, BOB)
    assert entry is not None and entry.sees


async def test_presence_of_ours_is_seen_there_after_a_yes(neighbours: tuple[Town, Kamailio]) -> None:
    town, kamailio = neighbours
    await town.here.phone(ALICE)
    bob = await at_kamailio(town, kamailio)
    asked = await bob.subscribe(ALICES)
    assert asked.status == 200, kamailio.said[-2000:]
    first = await bob.hears("NOTIFY")
    assert (first.first("Subscription-State") or "").startswith("pending") and b"open" not in first.body
    assert await town.here.asked(ALICE) == BOB
    await town.here.front_end.contacts.grant(ALICE, BOB)
    told = await bob.sees("<basic>open</basic>")
    assert (told.first("Subscription-State") or "").startswith("active")


async def test_who_is_nobody_there_is_told_to_the_sender(neighbours: tuple[Town, Kamailio]) -> None:
    town, _ = neighbours
    alice = await town.here.phone(ALICE)
    assert (await alice.say(f"sip:nobody@{THERE}", "hello?")).status == 200
    notice = await alice.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert b"nobody there has this address" in notice.body


async def test_kamailios_people_cannot_speak_for_others(neighbours: tuple[Town, Kamailio]) -> None:
    """Kamailio relays whatever From its phones write; we look at it."""
    town, kamailio = neighbours
    alice, bob = await town.here.phone(ALICE), await at_kamailio(town, kamailio)
    assert (await bob.say(ALICES, "I am carol", sender=f"sip:carol@{HERE}")).status == 403
    assert (await bob.say(ALICES, "I am eve", sender="sip:eve@third.example")).status == 403
    assert alice.heard("MESSAGE") == []
