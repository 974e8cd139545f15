"""How calls end that their phones do not end, and how they go on when the server does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .....core.call import CallState
from .....plugins.sip.calls import endings, timers
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from ....people import ALICE, BOB
from ....stage import front_end_in
from .conftest import Exchange, Records
from .handset import Handset, Line, connected, sdp

INSTANCE = "urn:uuid:00000000-0000-4000-8000-000000000001"


class TestSessionTimers:
    async def test_both_sides_are_told_when_nobody_refreshes(
        self, exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timers, "MIN_SE", 1)
        timer = [("Supported", "timer"), ("Session-Expires", "1;refresher=uac")]
        alices, bobs = await connected(alice, bob, headers=timer)
        byes = [await alice.hears("BYE"), await bob.hears("BYE")]
        assert [bye.cseq.number for bye in byes] == [1, alices.number + 1], "each in the other's name and by its count"
        assert [bye.from_ for bye in byes] == [bobs.mine, alices.mine]
        assert [bye.to for bye in byes] == [alices.mine, bobs.mine] and byes[1].uri == bob.contact.split(">")[0][1:]
        assert (await exchange.recorded()).reason == "no answer from the other side"

    async def test_a_refresh_keeps_it_alive(
        self, exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timers, "MIN_SE", 1)
        timer = [("Supported", "timer"), ("Session-Expires", "3;refresher=uac")]
        alices, bobs = await connected(alice, bob, headers=timer)
        refreshed = await alices.ask("UPDATE", [("Supported", "timer"), ("Session-Expires", "3600;refresher=uac")])
        assert refreshed.first("Session-Expires") == "3600;refresher=uac" and refreshed.first("Require") == "timer"
        with pytest.raises(TimeoutError):
            await alice.hears("BYE")
        assert (await bobs.ask("BYE")).status == 200

    async def test_phones_that_know_timers_are_offered_one(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        invite = await alice.call(bob.uri, headers=[("Supported", "timer")])
        rung = await bob.rung()
        assert rung.first("Session-Expires") == str(timers.SESSION_EXPIRES)
        bob.answer(rung, 200, sdp())
        heard = await alice.hears_status(invite, 200)
        assert heard.first("Session-Expires") == f"{timers.SESSION_EXPIRES};refresher=uac"

    async def test_too_short_an_interval(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri, headers=[("Supported", "timer"), ("Session-Expires", 10)])
        refused = await alice.final(invite)
        assert refused.status == 422 and refused.first("Min-SE") == str(timers.MIN_SE)
        assert not bob.heard("INVITE")
        await exchange.recorded()


class TestDeadPhones:
    async def test_one_whose_connection_is_lost(
        self, exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endings, "FLOW_GRACE", 0.05)
        await connected(alice, bob)
        await bob.close()
        await alice.hears("BYE")
        assert (await exchange.recorded()).reason == "connection lost"

    async def test_one_that_comes_back_in_time(
        self, exchange: Exchange, alice: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endings, "FLOW_GRACE", 1.0)
        bob = await exchange.phone(BOB, instance=INSTANCE)
        alices, bobs = await connected(alice, bob)
        await bob.close()
        back = await exchange.phone(BOB, instance=INSTANCE)
        assert (await alices.ask("INFO")).status == 200
        await back.hears("INFO")
        bobs.phone = back
        assert (await bobs.ask("INFO")).status == 200
        await alice.hears("INFO")
        with pytest.raises(TimeoutError):
            await alice.hears("BYE")
        assert (await bobs.ask("BYE")).status == 200

    async def test_one_that_knows_no_such_call_any_more(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, _ = await connected(alice, bob)
        bob.answers["UPDATE"] = 481
        assert (await alices.ask("UPDATE")).status == 481
        await alice.hears("BYE")
        assert not bob.heard("BYE")
        await exchange.recorded()

    async def test_a_refused_notify_says_nothing_of_the_call(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        alices, _ = await connected(alice, bob)
        bob.answers["NOTIFY"] = 481
        assert (await alices.ask("NOTIFY")).status == 481
        assert (await alices.ask("INFO")).status == 200 and len(exchange.calls) == 1

    async def test_an_answer_that_is_never_acknowledged(
        self, exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endings, "ACK_WITHIN", 0.1)
        await alice.call(bob.uri)
        bob.answer(await bob.rung(), 200, sdp())
        await alice.hears("BYE")
        await bob.hears("BYE")
        await exchange.recorded()


class TestTheAdministrator:
    async def test_ends_a_call(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        await connected(alice, bob)
        await exchange.front_end.calls.end(exchange.calls[0], "ended by an administrator")
        await alice.hears("BYE")
        await bob.hears("BYE")
        assert (await exchange.recorded()).reason == "ended by an administrator"

    async def test_ends_one_that_rings(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        invite = await alice.call(bob.uri)
        bob.answer(await bob.rung(), 180)
        await exchange.until(lambda: exchange.calls and exchange.calls[0].state is CallState.EARLY, "it to ring")
        await exchange.front_end.calls.end(exchange.calls[0], "ended by an administrator")
        assert (await alice.final(invite)).status == 487
        await bob.hears("CANCEL")


class TestTheServer:
    @pytest.fixture
    async def twice(self, tmp_path: Path) -> AsyncIterator[list[Records]]:
        """Records of a server, and of the one that comes after it."""
        yield [Records(), Records()]

    async def test_a_call_outlives_it(self, tmp_path: Path, twice: list[Records]) -> None:
        first = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0))
        phones: list[Handset] = []
        try:
            async with front_end_in(tmp_path, first, twice[0]) as front_end:
                served = Exchange(front_end, first, twice[0], phones)
                alice, bob = await served.phone(ALICE, instance=INSTANCE), await served.phone(BOB)
                alices, bobs = await connected(alice, bob)
            assert [record.reason for record in twice[0].closed] == ["server stopped"]
            assert not alice.heard("BYE") and not bob.heard("BYE"), "media goes on between the phones"
            port = first.ports["tcp"]
            second = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=port))
            async with front_end_in(tmp_path, second, twice[1]) as front_end:
                served = Exchange(front_end, second, twice[1], phones)
                back = await served.phone(BOB, registered=False)
                alice = await served.phone(ALICE, instance=INSTANCE)
                alices.phone, bobs.phone = alice, back
                assert (await alices.ask("INFO")).status == 480, "bob is not signed in yet"
                back.local, bobs_address = bob.local, back.local
                assert (await back.register()).status == 200, "with the contact it always had"
                back.local = bobs_address
                reinvite = alices.send("INVITE", body=sdp())
                asked = await back.rung()
                ok = back.answer(asked, 200, sdp())
                assert (await alice.final(reinvite)).body == ok.body
                alices.send("ACK")
                await back.hears("ACK")
                assert (await bobs.ask("BYE")).status == 200
                await alice.hears("BYE")
            assert twice[1].closed == [], "its record was closed before"
        finally:
            for phone in phones:
                await phone.close()

    async def test_who_waits_for_an_answer_is_told_that_there_will_be_none(
        self, tmp_path: Path, twice: list[Records]
    ) -> None:
        sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0))
        phones: list[Handset] = []
        async with front_end_in(tmp_path, sip, twice[0]) as front_end:
            served = Exchange(front_end, sip, twice[0], phones)
            alice, bob = await served.phone(ALICE), await served.phone(BOB)
            invite = await alice.call(bob.uri)
            bob.answer(await bob.rung(), 180)
            await alice.hears_status(invite, 180)
        assert (await alice.final(invite)).status == 503
        await bob.hears("CANCEL")
        assert len(twice[0].closed) == 1
        for phone in phones:
            await phone.close()

    async def test_a_phone_signs_its_goodbye_on_a_new_connection(
        self, exchange: Exchange, alice: Handset, bob: Handset
    ) -> None:
        alices, _ = await connected(alice, bob)
        fresh = await exchange.phone(ALICE, registered=False)
        alices.phone = fresh
        bye = alices.send("BYE")
        challenge = await fresh.final(bye)
        assert challenge.status == 401
        signed = fresh.signing(bye, challenge)
        signed.set("CSeq", f"{bye.cseq.number + 1} BYE")
        fresh.send(signed)
        assert (await fresh.final(signed)).status == 200
        await bob.hears("BYE")
        await exchange.recorded()

    async def test_a_strict_router_on_the_way(self, exchange: Exchange, alice: Handset, bob: Handset) -> None:
        alices, _ = await connected(alice, bob)
        alices.target = target = "sip:bob@phone.invalid"
        info, ours = alices.request("INFO"), alices.routes[0].strip("<>")
        info.uri = ours
        info.set("Route", f"<{target}>")
        alice.send(info)
        assert (await alice.final(info)).status == 200
        heard = await bob.hears("INFO")
        assert heard.uri == target and heard.first("Route") is None


async def test_an_early_call_that_nobody_hears_of_leaves_nothing(
    exchange: Exchange, alice: Handset, bob: Handset
) -> None:
    invite = await alice.call(bob.uri)
    rung = await bob.rung()
    bob.answer(rung, 183, sdp())
    early = await alice.hears_status(invite, 183)
    bob.answer(rung, 486)
    await alice.hears_status(invite, 486)
    line = Line(alice, invite, early, calling=True)
    bob.answers["UPDATE"] = 481
    assert (await line.ask("UPDATE")).status == 481
    await exchange.recorded()
