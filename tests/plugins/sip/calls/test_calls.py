"""Calls between scripted phones: who hears what, and what the record says of it."""

from __future__ import annotations

import asyncio

import pytest

from .....core.call import CallState
from ....people import ALICE, BOB, CAROL
from .conftest import Exchange
from .handset import Handset, Line, connected, sdp


class TestOneCall:
    async def test_from_the_invite_to_the_record(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri, sdp("audio", "video"))
        await alice.hears_status(invite, 100)
        rung = await bob.rung()
        assert rung.uri.startswith("sip:bob@127.0.0.1") and rung.body == sdp("audio", "video")
        assert rung.max_forwards == 69
        assert rung.first("Authorization") is None, "what proves alice to us is nobody else's"
        bob.answer(rung, 180)
        ringing = await alice.hears_status(invite, 180)
        assert len(ringing.via) == 1 and ringing.to.tag
        await exchange.until(lambda: exchange.calls[0].state is CallState.EARLY, "the core to hear it ring")
        ok = bob.answer(rung, 200, sdp("audio", "video 0"))
        heard = await alice.hears_status(invite, 200)
        assert heard.body == ok.body and heard.all("Record-Route") == ok.all("Record-Route")
        line = Line(alice, invite, heard, calling=True)
        line.send("ACK")
        ack = await bob.hears("ACK")
        assert ack.cseq.number == invite.cseq.number and ack.first("Route") is None
        call = exchange.calls[0]
        await exchange.until(lambda: call.state is CallState.CONFIRMED, "the core to hear of the answer")
        assert call.media == {"audio"} and call.answered_by is not None and call.answered_by.address == BOB
        assert (await line.ask("BYE")).status == 200
        assert (await bob.hears("BYE")).cseq.number == line.number
        record = await exchange.recorded()
        assert record.call is not None and (record.call.caller, record.call.callee) == (str(ALICE), str(BOB))
        assert record.call.outcome == "answered" and record.reason == f"{ALICE} hung up"

    async def test_the_callee_hangs_up(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        _, bobs = await connected(alice, bob)
        assert (await bobs.ask("BYE")).status == 200
        await alice.hears("BYE")
        assert (await exchange.recorded()).reason == f"{BOB} hung up"

    @pytest.mark.parametrize("calling", ["TCP", "UDP", "TLS"])
    @pytest.mark.parametrize("called", ["TCP", "UDP", "TLS"])
    async def test_over_every_pair_of_transports(self, exchange: Exchange, calling: str, called: str) -> None:
        alice, bob = await exchange.phone(ALICE, calling), await exchange.phone(BOB, called)
        alices, bobs = await connected(alice, bob)
        assert len(alices.routes) == (1 if calling == called else 2), "two addresses of ours, where they differ"
        port = exchange.sip.ports
        assert f":{port[calling.lower()]};transport={calling.lower()}" in alices.routes[0]
        assert f":{port[called.lower()]};transport={called.lower()}" in bobs.routes[0]
        assert (await bobs.ask("INFO")).status == 200
        await alice.hears("INFO")
        assert (await alices.ask("BYE")).status == 200
        await bob.hears("BYE")
        await exchange.recorded()

    async def test_everything_inside_passes_untouched(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, bobs = await connected(alice, bob)
        for line, other, method in ((alices, bob, "UPDATE"), (bobs, alice, "INFO"), (alices, bob, "NOTIFY")):
            headers = [("X-Kept", "as it is")]
            assert (await line.ask(method, headers)).status == 200
            heard = await other.hears(method)
            assert heard.first("X-Kept") == "as it is" and len(heard.via) == 2
        assert (await alices.ask("BYE")).status == 200

    async def test_a_reliable_provisional_response_and_its_prack(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        invite = await alice.call(bob.uri, headers=[("Supported", "100rel")])
        rung = await bob.rung()
        assert rung.all("Supported") == ["100rel"]
        bob.answer(rung, 183, sdp(), headers=[("Require", "100rel"), ("RSeq", 1)])
        early = await alice.hears_status(invite, 183)
        assert early.body == sdp() and early.first("RSeq") == "1"
        line = Line(alice, invite, early, calling=True)
        assert (await line.ask("PRACK", [("RAck", f"1 {invite.cseq}")])).status == 200
        assert (await bob.hears("PRACK")).first("RAck") == f"1 {invite.cseq}"
        bob.answer(rung, 200)
        await alice.hears_status(invite, 200)

    async def test_a_gruu_means_one_of_two_phones(self, exchange: Exchange, alice: Handset) -> None:
        one = await exchange.phone(BOB, instance="urn:uuid:00000000-0000-4000-8000-000000000001")
        two = await exchange.phone(BOB, instance="urn:uuid:00000000-0000-4000-8000-000000000002")
        invite = await alice.call(f"{two.uri};gr={two.instance}")
        two.answer(await two.rung(), 200)
        await alice.hears_status(invite, 200)
        assert not one.heard("INVITE")


class TestNobody:
    async def test_who_is_not_there(self, exchange: Exchange, alice: Handset) -> None:
        invite = await alice.call(f"sip:{BOB}")
        assert (await alice.final(invite)).status == 480
        record = await exchange.recorded()
        assert record.call is not None and record.call.outcome == "missed"

    async def test_who_does_not_exist(self, exchange: Exchange, alice: Handset) -> None:
        invite = await alice.call("sip:nobody@example.test")
        assert (await alice.final(invite)).status == 404
        assert not exchange.records.closed

    async def test_who_has_blocked_the_caller_seems_away(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        await exchange.front_end.contacts.block(BOB, ALICE)
        invite = await alice.call(bob.uri)
        assert (await alice.final(invite)).status == 480 and not bob.heard("INVITE")

    async def test_a_chat_is_no_call(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri, sdp("message"))
        refused = await alice.final(invite)
        assert refused.status == 488 and "304" in (refused.first("Warning") or "")
        invite = await alice.call(bob.uri, b"", headers=[("Contact", f"{alice.contact};text")])
        assert (await alice.final(invite)).status == 488

    async def test_busy_and_declined(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        for number, (status, outcome) in enumerate(((486, "busy"), (603, "declined")), 1):
            since = len(bob.received)
            invite = await alice.call(bob.uri)
            bob.answer(await bob.rung(since), status)
            refused = await alice.final(invite)
            assert refused.status == status
            alice.acknowledge(invite, refused)
            record = await exchange.recorded(number)
            assert record.call is not None and record.call.outcome == outcome

    async def test_a_request_outside_of_any_call(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        for method in ("REFER", "INFO", "NOTIFY", "UPDATE", "PRACK", "BYE"):
            assert (await alice.ask(method, bob.uri)).status in (405, 481), method
            assert (await alice.ask(method, bob.uri, to=f"<{bob.uri}>;tag=unknown")).status == 481, method
        assert not [r for r in bob.received if r.method in ("REFER", "INFO", "NOTIFY", "UPDATE", "PRACK", "BYE")]


class TestForking:
    async def three(self, exchange: Exchange) -> list[Handset]:
        return [await exchange.phone(BOB, transport) for transport in ("TCP", "UDP", "TLS")]

    async def test_one_answers_and_the_others_stop_ringing(self, exchange: Exchange, alice: Handset) -> None:
        phones = await self.three(exchange)
        invite = await alice.call(f"sip:{BOB}")
        rung = [await phone.rung() for phone in phones]
        for phone, request in zip(phones, rung, strict=True):
            phone.answer(request, 180)
        await exchange.until(lambda: alice.statuses(invite).count(180) == 3, "three early dialogs")
        assert len({r.to.tag for r in alice.said if r.status == 180}) == 3
        phones[1].answer(rung[1], 200, sdp())
        heard = await alice.hears_status(invite, 200)
        Line(alice, invite, heard, calling=True).send("ACK")
        await phones[1].hears("ACK")
        for index in (0, 2):
            cancel = await phones[index].hears("CANCEL")
            assert (
                "Call completed elsewhere" in (cancel.first("Reason") or "") and "cause=200" in cancel.all("Reason")[0]
            )
            assert cancel.all("Via") == rung[index].all("Via")[:1] and cancel.uri == rung[index].uri
            phones[index].answer(rung[index], 487)
            await phones[index].hears("ACK")
        assert not phones[1].heard("CANCEL")
        assert [status for status in alice.statuses(invite) if status >= 200] == [200]

    async def test_two_answer_at_once(self, exchange: Exchange, alice: Handset) -> None:
        phones = await self.three(exchange)
        invite = await alice.call(f"sip:{BOB}")
        rung = [await phone.rung() for phone in phones]
        for phone, request in zip(phones, rung, strict=True):
            phone.answer(request, 200, sdp())
        heard = await alice.final(invite)
        Line(alice, invite, heard, calling=True).send("ACK")
        winner = next(p for p in phones if heard.to.tag.endswith(p.local))
        for phone in phones:
            await phone.hears("ACK")
            if phone is not winner:
                assert "elsewhere" in ((await phone.hears("BYE")).first("Reason") or "")
        assert not winner.heard("BYE") and alice.statuses(invite).count(200) == 1
        assert len(exchange.calls) == 1

    async def test_the_order_of_q(self, exchange: Exchange, alice: Handset) -> None:
        second = await exchange.phone(BOB, registered=False)
        headers = [("Contact", f"{second.contact};q=0.5"), ("Expires", 600)]
        assert (await second.ask("REGISTER", f"sip:{BOB.domain}", to=second.uri, headers=headers)).status == 200
        first = await exchange.phone(BOB)
        invite = await alice.call(f"sip:{BOB}")
        rung = await first.rung()
        assert not second.heard("INVITE")
        first.answer(rung, 486)
        second.answer(await second.rung(), 200)
        await alice.hears_status(invite, 200)

    async def test_the_best_of_the_failures(self, exchange: Exchange, alice: Handset) -> None:
        phones = await self.three(exchange)
        invite = await alice.call(f"sip:{BOB}")
        for phone, status in zip(phones, (503, 486, 480), strict=True):
            phone.answer(await phone.rung(), status)
        assert (await alice.final(invite)).status in (486, 480)

    async def test_challenges_are_gathered(self, exchange: Exchange, alice: Handset) -> None:
        phones = (await self.three(exchange))[:2]
        await exchange.phones[-1].register(0)
        invite = await alice.call(f"sip:{BOB}")
        for phone in phones:
            challenge = [("WWW-Authenticate", f'Digest realm="{phone.transport}", nonce="1"')]
            phone.answer(await phone.rung(), 401, headers=challenge)
        refused = await alice.final(invite)
        assert {value.split('"')[1] for value in refused.all("WWW-Authenticate")} == {"TCP", "UDP"}

    async def test_a_phone_that_is_lost_while_it_rings(self, exchange: Exchange, alice: Handset) -> None:
        one, two = await exchange.phone(BOB), await exchange.phone(BOB)
        invite = await alice.call(f"sip:{BOB}")
        one.answer(await one.rung(), 180)
        rung = await two.rung()
        await alice.hears_status(invite, 180)
        await one.close()
        two.answer(rung, 200)
        await alice.hears_status(invite, 200)

    async def test_the_last_phone_is_lost_while_it_rings(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        invite = await alice.call(bob.uri)
        bob.answer(await bob.rung(), 180)
        await alice.hears_status(invite, 180)
        await bob.close()
        assert (await alice.final(invite)).status == 480
        await exchange.recorded()


class TestCancelling:
    async def test_while_it_rings(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri)
        rung = await bob.rung()
        bob.answer(rung, 180)
        await alice.hears_status(invite, 180)
        alice.cancel(invite, 'SIP;cause=200;text="Call completed elsewhere"')
        assert (await alice.final(invite)).status == 487
        assert "elsewhere" in ((await bob.hears("CANCEL")).first("Reason") or ""), "a fork before us says why"
        bob.answer(rung, 487)
        await bob.hears("ACK")
        record = await exchange.recorded()
        assert record.call is not None and record.call.outcome == "cancelled"

    async def test_before_the_phone_has_said_anything(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri)
        rung = await bob.rung()
        alice.cancel(invite)
        assert (await alice.final(invite)).status == 487
        assert (await bob.ask("OPTIONS", f"sip:{BOB.domain}")).status == 200
        assert not bob.heard("CANCEL"), "RFC 3261 section 9.1: not before a provisional response"
        bob.answer(rung, 180)
        await bob.hears("CANCEL")
        bob.answer(rung, 487)
        await bob.hears("ACK")

    async def test_crossing_the_answer(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        """The caller is told 487, and whoever answered is hung up on: nobody is left in half a call."""
        invite = await alice.call(bob.uri)
        rung = await bob.rung()
        bob.answer(rung, 180)
        await alice.hears_status(invite, 180)
        alice.cancel(invite)
        await alice.hears_status(invite, 487)
        bob.answer(rung, 200, sdp())
        await bob.hears("ACK")
        await bob.hears("BYE")
        bob.answer(rung, 200, sdp())
        await exchange.until(lambda: len(bob.heard("ACK")) == 2, "the ACK for the 2xx that came again")
        assert len(bob.heard("BYE")) == 1 and 200 not in alice.statuses(invite)
        await exchange.recorded()

    async def test_behind_the_answer_it_has_no_effect(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri)
        bob.answer(await bob.rung(), 200, sdp())
        await alice.hears_status(invite, 200)
        alice.cancel(invite)
        await alice.hear(lambda r: r.cseq.method == "CANCEL" and r.status == 200, "200 to the CANCEL")
        assert 487 not in alice.statuses(invite) and not bob.heard("CANCEL") and len(exchange.calls) == 1

    async def test_the_caller_is_gone(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        await alice.call(bob.uri)
        rung = await bob.rung()
        bob.answer(rung, 180)
        await exchange.until(lambda: exchange.calls and exchange.calls[0].state is CallState.EARLY, "it to ring")
        await alice.close()
        await bob.hears("CANCEL")
        bob.answer(rung, 487)
        assert (await exchange.recorded()).reason == "connection lost"


async def held_is(exchange: Exchange, held: bool) -> None:
    await exchange.until(lambda: exchange.calls[0].held is held, f"held to be {held}")


class TestHolding:
    async def test_hold_and_take_back(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, bobs = await connected(alice, bob)
        for body, held in (
            (sdp(direction="sendonly"), True),
            (sdp(), False),
            (sdp(address="0.0.0.0"), True),
            (sdp(direction="sendrecv"), False),
        ):
            since = len(bob.received)
            reinvite = alices.send("INVITE", body=body)
            asked = await bob.hears("INVITE", since=since)
            assert asked.body == body
            bob.answer(asked, 200, sdp(direction="recvonly" if held else ""))
            await alice.hears_status(reinvite, 200)
            alices.send("ACK")
            await bob.hears("ACK", since=since)
            await held_is(exchange, held)
        assert (await bobs.ask("BYE")).status == 200

    async def test_a_held_reinvite_is_cancelled(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, _ = await connected(alice, bob)
        since = len(bob.received)
        reinvite = alices.send("INVITE", body=sdp("audio", "video"))
        asked = await bob.hears("INVITE", since=since)
        bob.answer(asked, 180)
        await alice.hears_status(reinvite, 180)
        alice.cancel(reinvite)
        await bob.hears("CANCEL")
        bob.answer(asked, 487)
        assert (await alice.final(reinvite)).status == 487
        assert len(exchange.calls) == 1, "the call goes on as it was"


class TestStrangers:
    async def test_nobody_else_speaks_in_a_call(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, bobs = await connected(alice, bob)
        carol = await exchange.phone(CAROL)
        stolen = alices.request("BYE")
        stolen.set_top("Via", carol.via())
        carol.send(stolen)
        refused = await carol.final(stolen)
        assert refused.status in (401, 403) and not bob.heard("BYE")
        carol.send(carol.signing(alices.request("BYE"), refused) if refused.status == 401 else b"")
        await carol.hear(lambda r: r.status == 403, "a 403: signed, but somebody else's call")
        assert not bob.heard("BYE") and len(exchange.calls) == 1
        assert (await alices.ask("BYE")).status == 200
        await bob.hears("BYE")
        assert bobs.call_id == alices.call_id

    async def test_a_token_of_another_call_opens_nothing(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        alices, _ = await connected(alice, bob)
        forged = alices.request("INFO")
        forged.set("Call-ID", "another")
        alice.send(forged)
        assert (await alice.final(forged)).status == 481
        broken = alices.request("INFO")
        broken.set("Route", alices.routes[0].replace("call=", "call=x"))
        alice.send(broken)
        assert (await alice.final(broken)).status == 481 and not bob.heard("INFO")

    async def test_a_request_uri_leads_nowhere_by_itself(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        alices, _ = await connected(alice, bob)
        opened = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        async with opened:
            alices.target = f"sip:x@127.0.0.1:{opened.sockets[0].getsockname()[1]};transport=tcp"
            assert (await alices.ask("INFO")).status == 200
        assert (await bob.hears("INFO")).uri == alices.target, "it went to bob's flow all the same"
