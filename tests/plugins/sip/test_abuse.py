"""What attackers send to a running server: each is refused, nobody is harmed, nothing of ours fails."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from ....core.identity import Identity
from ...people import ALICE, BOB, CAROL
from .conftest import Exchange
from .phone import Phone
from .presence.test_pidf import published

HOME = "sip:example.test"
ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"
TARGETS = (BOBS, ALICES, HOME, "sip:%00@example.test", "sip:a;b@example.test", "sips:x@example.test:1")
METHODS = ("REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE", "OPTIONS", "INVITE", "NOTIFY", "FOO")


async def test_no_identity_is_spoofed_by_any_method(exchange: Exchange) -> None:
    """S6, S7: who signed is who acts, whatever the headers say."""
    alice, mallory = await exchange.phone(ALICE), await exchange.phone(CAROL)
    as_alice = {"sender": ALICES}
    answers = {
        "REGISTER": await mallory.ask("REGISTER", HOME, to=ALICES, headers=[("Contact", mallory.contact)], **as_alice),
        "PUBLISH": await mallory.ask("PUBLISH", ALICES, headers=[("Event", "presence")], body=published(), **as_alice),
        "SUBSCRIBE": await mallory.ask(
            "SUBSCRIBE", BOBS, headers=[("Event", "presence"), ("Contact", mallory.contact)], **as_alice
        ),
        "MESSAGE": await mallory.ask("MESSAGE", BOBS, headers=[("Content-Type", "text/plain")], body=b"x", **as_alice),
    }
    assert {method: answer.status for method, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert len(exchange.front_end.registrar.of(ALICE)) == 1 and not exchange.front_end.immcu.conversations
    assert (await alice.register()).status == 200


async def test_every_method_that_acts_is_challenged_first(exchange: Exchange) -> None:
    stranger = await exchange.phone(ALICE, registered=False)
    for method in ("REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE"):
        assert (await stranger.exchange(stranger.request(method, BOBS))).status == 401


async def test_scanners_learn_nothing_from_names(exchange: Exchange) -> None:
    """S9: the same status and the same headers for who exists and who does not."""
    scanner = await exchange.phone(ALICE, registered=False, agent="friendly-scanner")
    seen = set()
    for name in ("alice", "bob", "100", "admin", "nobody"):
        for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"):
            uri = f"sip:{name}@example.test"
            answer = await scanner.exchange(scanner.request(method, uri, to=uri, sender=uri))
            seen.add((method, answer.status, tuple(header for header, _ in answer.headers())))
    assert len(seen) == 5, "one kind of answer for each method"


@pytest.mark.parametrize("seed", range(6))
async def test_damaged_requests_are_refused_and_nothing_fails(
    exchange: Exchange, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    phone = await exchange.phone(ALICE)
    for _ in range(15):
        request = phone.request(
            chance.choice(METHODS),
            chance.choice(TARGETS),
            headers=[
                ("Event", chance.choice(["presence", "presence;id=1", "x", "PRESENCE"])),
                ("Expires", chance.choice(["0", "60", "4294967295", "99999999999999"])),
                ("Contact", chance.choice([phone.contact, "<sip:x>", "<sip:a@b?c=d>", "<sip:[::1]:1>;expires=x"])),
                ("Accept", chance.choice(["*/*", "application/pidf+xml", ""])),
                ("Content-Type", chance.choice(["application/pidf+xml", "text/plain", "message/cpim", "x/y"])),
                ("Content-Encoding", chance.choice(["", "deflate", "gzip"])),
                ("SIP-If-Match", chance.choice(["x", "", "%00"])),
                ("User-Agent", chance.choice(["phone", "ü" * 100, ""])),
            ],
            body=bytes(chance.randrange(256) for _ in range(chance.randrange(60))),
        )
        response = await phone.exchange(request)
        if response.status == 401:
            response = await phone.exchange(phone.signing(request, response))
        assert 200 <= response.status < 700
        if phone._reading.done():
            phone = await exchange.phone(ALICE)
    await asyncio.sleep(0)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
    assert (await phone.register()).status == 200


async def test_control_characters_in_a_note_or_a_name_end_in_no_header(exchange: Exchange) -> None:
    """S2: what came as text leaves as text."""
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    await alice.subscribe(BOBS)
    await bob.publish(published(note="one&#13;&#10;Via: evil&#10;&lt;b&gt;"))
    told = await alice.sees("Via: evil")
    assert len(told.via) == 1 and "<b>" not in told.body.decode()
    await alice.say(BOBS, "a\r\n\r\nBYE sip:x SIP/2.0\r\n")
    heard = await bob.hears("MESSAGE")
    assert heard.body == b"a\r\n\r\nBYE sip:x SIP/2.0\r\n" and len(bob.heard("BYE")) == 0


async def test_one_persons_flood_does_not_stop_the_others(exchange: Exchange) -> None:
    flooding, carol = await exchange.phone(ALICE), await exchange.phone(CAROL)
    for _ in range(150):
        flooding.send(flooding.request("SUBSCRIBE", BOBS))
    async with asyncio.timeout(5):
        assert (await carol.say(ALICES, "in between")).status == 200


async def test_a_stranger_never_reads_another_conference(exchange: Exchange) -> None:
    """I1, I2: an address is no key."""
    alice, mallory = await exchange.phone(ALICE), await exchange.phone(Identity("dave", "example.test"))
    await alice.say(BOBS, "between us")
    (conversation,) = exchange.front_end.immcu.of(ALICE)
    await exchange.front_end.immcu.add(conversation, CAROL, by=ALICE)
    address = f"sip:{conversation.address}"
    assert (await mallory.say(address, "let me in")).status == 404
    subscribed = await mallory.subscribe(address)
    assert subscribed.status == 200
    told = await mallory.hears("NOTIFY")
    assert (told.first("Subscription-State") or "").startswith("pending") and b"closed" in told.body
    assert isinstance(mallory, Phone) and mallory.heard("MESSAGE") == []
