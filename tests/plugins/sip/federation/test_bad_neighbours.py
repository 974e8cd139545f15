"""Dead, slow and lying neighbours: none of them harms anybody else, and each is named to the administrator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .....core.federation import LinkState
from .....core.presence import Availability
from .....plugins.sip.federation import post
from .....plugins.sip.federation.options import FederationOptions, PartnerOptions
from .houses import ALICE, BOB, CAROL, HERE, THERE, Town, until
from .stranger import Stranger

ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"


@pytest.fixture
async def guarded(village: Town, tmp_path: Path) -> tuple[Town, Stranger]:
    """Ours alone runs; the other domain is a socket with the right certificate."""
    stranger = Stranger(tmp_path / "stranger", THERE)
    partners = {THERE: PartnerOptions(next_hop=f"127.0.0.1:{village.there.port}", ca=stranger.ca)}
    await village.start(village.here, federation=FederationOptions(port=village.here.port, partners=partners))
    return village, stranger


# ---- lying ones


async def test_a_certificate_of_the_wrong_authority_is_not_let_in(
    guarded: tuple[Town, Stranger], tmp_path: Path
) -> None:
    town, _ = guarded
    impostor = Stranger(tmp_path / "impostor", THERE)
    assert await impostor.is_turned_away(town.here.port)


async def test_a_certificate_of_another_name_is_not_let_in(village: Town, tmp_path: Path) -> None:
    """Believed by its authority, and of no domain we speak with."""
    other = Stranger(tmp_path / "other", "elsewhere.example")
    partners = {THERE: PartnerOptions(next_hop="127.0.0.1:1", ca=other.ca)}
    await village.start(village.here, federation=FederationOptions(port=village.here.port, partners=partners))
    assert await other.is_turned_away(village.here.port)


async def test_one_partners_authority_proves_nothing_about_another(village: Town, tmp_path: Path) -> None:
    """Their authority signs a certificate that names somebody else we speak with."""
    liar, honest = Stranger(tmp_path / "liar", THERE), Stranger(tmp_path / "honest", THERE)
    own = Stranger(tmp_path / "own", "liar.example")
    partners = {
        THERE: PartnerOptions(next_hop="127.0.0.1:1", ca=honest.ca),
        "liar.example": PartnerOptions(next_hop="127.0.0.1:1", ca=liar.ca),
    }
    await village.start(village.here, federation=FederationOptions(port=village.here.port, partners=partners))
    assert await liar.is_turned_away(village.here.port), "its authority counts for liar.example alone"
    assert await own.is_turned_away(village.here.port)
    await honest.connect(village.here.port)
    assert (await honest.ask("OPTIONS", f"sip:{HERE}", BOBS)).status == 200
    honest.close()


async def test_without_a_certificate_nobody_is_let_in(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    stranger.context = type(stranger.context)(stranger.context.protocol)
    stranger.context.check_hostname = False
    stranger.context.verify_mode = 0
    assert await stranger.is_turned_away(town.here.port)


async def test_nobody_speaks_for_people_of_another_domain(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    alice = await town.here.phone(ALICE)
    await stranger.connect(town.here.port)
    for sender in (f"sip:{CAROL}", "sip:eve@third.example", f"sip:bob@x{THERE}"):
        for method in ("MESSAGE", "SUBSCRIBE", "INVITE"):
            assert (await stranger.ask(method, ALICES, sender, body=b"x")).status == 403, (method, sender)
    assert alice.heard("MESSAGE") == [] and town.here.partner(THERE)["refused"] == 9
    assert (await stranger.ask("MESSAGE", ALICES, BOBS, body=b"honestly")).status == 200
    await alice.text("honestly")
    stranger.close()


async def test_nothing_is_relayed_and_nothing_registered(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    await stranger.connect(town.here.port)
    assert (await stranger.ask("MESSAGE", "sip:eve@third.example", BOBS, body=b"x")).status == 403
    assert (await stranger.ask("MESSAGE", BOBS, BOBS, body=b"x")).status == 403
    assert (await stranger.ask("REGISTER", f"sip:{HERE}", BOBS)).status == 403
    assert (await stranger.ask("PUBLISH", ALICES, BOBS)).status == 403
    assert (await stranger.ask("SUBSCRIBE", ALICES, BOBS, event="presence.winfo")).status == 489
    assert (await stranger.ask("MESSAGE", ALICES, BOBS, body=b"x", hops=0)).status == 483
    assert town.here.front_end.registrar.of(BOB) == []
    stranger.close()


async def test_a_notify_from_somebody_else_changes_nothing(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    await stranger.connect(town.here.port)
    assert (await stranger.ask("NOTIFY", ALICES, BOBS)).status == 405
    assert town.here.front_end.presence.of(BOB).availability is Availability.OFFLINE
    stranger.close()


async def test_unknown_people_look_like_people_who_have_not_said_yes(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    await stranger.connect(town.here.port)
    answers = [await stranger.ask("SUBSCRIBE", uri, BOBS) for uri in (ALICES, f"sip:nobody@{HERE}")]
    assert [answer.status for answer in answers] == [200, 200]
    await until(lambda: len([r for r in stranger.heard if r.method == "NOTIFY"]) == 2, "both NOTIFYs")
    told = [
        (r.first("Subscription-State"), r.body.replace(b"alice", b"X").replace(b"nobody", b"X")) for r in stranger.heard
    ]
    assert told[0] == told[1] and str(told[0][0]).startswith("pending")
    stranger.close()


# ---- dead and slow ones


async def test_a_dead_domain_fails_clearly_and_harms_nobody(guarded: tuple[Town, Stranger], monkeypatch) -> None:
    town, _ = guarded
    monkeypatch.setattr(town.here.federation, "_tried_for", 0.5)
    alice, carol = await town.here.phone(ALICE), await town.here.phone(CAROL)
    assert (await alice.say(BOBS, "are you there")).status == 200
    notice = await alice.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert b"cannot be reached" in notice.body
    there = town.here.partner(THERE)
    assert there["state"] is LinkState.FAILING and "cannot be reached" in str(there["error"]) and there["queued"] == 0
    assert (await alice.say(f"sip:{CAROL}", "unharmed")).status == 200
    await carol.text("unharmed")


async def test_a_domain_that_comes_back_gets_what_waited_in_order(village: Town) -> None:
    town = village
    await town.start(town.here)
    alice = await town.here.phone(ALICE)
    for number in range(3):
        assert (await alice.say(BOBS, f"number {number}")).status == 200
    await until(lambda: town.here.partner(THERE)["state"] is LinkState.FAILING, "the first try to fail")
    await town.start(town.there)
    bob = await town.there.phone(BOB)
    await bob.text("number 2")
    assert [m.body.decode() for m in bob.heard("MESSAGE")] == [f"number {n}" for n in range(3)]
    assert alice.heard("MESSAGE") == []
    assert town.here.partner(THERE)["state"] is LinkState.UP and town.here.partner(THERE)["error"] == ""


async def test_when_the_server_stops_senders_hear_what_did_not_leave(guarded: tuple[Town, Stranger]) -> None:
    town, _ = guarded
    alice = await town.here.phone(ALICE)
    assert (await alice.say(BOBS, "too late")).status == 200
    await until(lambda: town.here.partner(THERE)["queued"] == 1, "it to wait")
    await town.stack.aclose()
    notice = await alice.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert b"the server was stopped" in notice.body


async def test_a_server_with_the_wrong_certificate_is_told_nothing(
    guarded: tuple[Town, Stranger], tmp_path: Path, monkeypatch
) -> None:
    town, _ = guarded
    monkeypatch.setattr(town.here.federation, "_tried_for", 0.5)
    impostor = Stranger(tmp_path / "impostor", THERE)
    alice = await town.here.phone(ALICE)
    async with impostor.listens(town.there.port):
        await alice.say(BOBS, "a secret")
        notice = await alice.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert b"not believed" in notice.body and impostor.heard == []


async def test_a_silent_domain_fills_its_own_queue_and_no_other(guarded: tuple[Town, Stranger], monkeypatch) -> None:
    town, stranger = guarded
    monkeypatch.setattr(post, "MAX_QUEUED", 5)
    stranger.answers = None
    alice, carol = await town.here.phone(ALICE), await town.here.phone(CAROL)
    async with stranger.listens(town.there.port):
        for number in range(6):
            assert (await alice.say(BOBS, f"number {number}")).status == 200
        notice = await alice.hears("MESSAGE", lambda m: b"too many messages wait" in m.body)
        assert str(BOB).encode() in notice.body
        await until(lambda: len(stranger.heard) == 1, "one under way")
        assert town.here.partner(THERE)["queued"] == 5
        await alice.say(f"sip:{CAROL}", "unharmed")
        await carol.text("unharmed")


async def test_ten_thousand_messages_of_one_domain_do_not_stop_ours(guarded: tuple[Town, Stranger]) -> None:
    town, stranger = guarded
    alice, carol = await town.here.phone(ALICE), await town.here.phone(CAROL)
    await stranger.connect(town.here.port)
    flood = b"".join(
        bytes(stranger.request("MESSAGE", ALICES, BOBS, body=b"spam %d" % number)) for number in range(10_000)
    )
    stranger.writer.write(flood)
    for number in range(5):
        async with asyncio.timeout(20):
            assert (await carol.say(ALICES, f"in between {number}")).status == 200
    await until(lambda: int(str(town.here.partner(THERE)["refused"])) > 0, "the budget to be spent")
    spam = [m for m in alice.heard("MESSAGE") if m.body.startswith(b"spam")]
    assert len(spam) < 5_000
    stranger.close()


async def test_more_connections_than_a_domain_may_have_are_turned_away(
    guarded: tuple[Town, Stranger], tmp_path: Path
) -> None:
    town, stranger = guarded
    open_ones = []
    for _ in range(4):
        await stranger.connect(town.here.port)
        assert (await stranger.ask("OPTIONS", f"sip:{HERE}", BOBS)).status == 200
        open_ones.append(stranger.writer)
    assert await stranger.is_turned_away(town.here.port)
    for writer in open_ones:
        writer.close()


# ---- presence over a lost link


async def test_presence_is_unknown_when_the_link_is_lost_and_known_when_it_is_back(village: Town) -> None:
    town = village
    await town.start_both()
    await town.there.opens_to(BOB, ALICE)
    alice = await town.here.phone(ALICE)
    await town.there.phone(BOB)
    await alice.subscribe(BOBS)
    await alice.sees("<basic>open</basic>")
    since = len(alice.received)
    presence = town.here.front_end.presence
    assert town.there.federation._listener is not None
    await town.there.federation._listener.close()
    for flow in [f for f in town.here.federation._server.flows if f.peer is not None]:
        flow.close("the test cuts it")
    await until(lambda: presence.of(BOB).availability is Availability.UNKNOWN, "the link to be given up")
    await alice.sees("<basic>closed</basic>", since=since)
    since = len(alice.received)
    await town.there.federation.open("127.0.0.1")
    await alice.sees("<basic>open</basic>", since=since)
    assert presence.of(BOB).availability is Availability.AVAILABLE
