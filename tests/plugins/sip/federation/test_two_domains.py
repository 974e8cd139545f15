"""Two hereabouts servers federate: messages, presence, conferences, and what happens when one is gone."""

from __future__ import annotations

from .....core.federation import LinkState
from .....core.presence import Availability
from ..presence.test_pidf import published
from .houses import ALICE, BOB, CAROL, DORA, HERE, THERE, Town, until


async def test_a_message_goes_there_and_the_answer_comes_back(town: Town) -> None:
    alice, bob = await town.here.phone(ALICE), await town.there.phone(BOB)
    assert (await alice.say(f"sip:{BOB}", "hello, other domain")).status == 200
    heard = await bob.text("hello, other domain")
    assert str(heard.from_.uri) == f"sip:{ALICE}"
    assert (await bob.say(f"sip:{ALICE}", "hello back")).status == 200
    assert str((await alice.text("hello back")).from_.uri) == f"sip:{BOB}"
    (conversation,) = town.here.front_end.immcu.of(ALICE)
    assert set(conversation.participants) == {ALICE, BOB} and conversation.last_seq == 2, "one conversation"
    there = town.here.partner(THERE)
    assert (there["state"], there["sent"], there["received"], there["queued"]) == (LinkState.UP, 1, 1, 0)
    assert town.there.partner(HERE)["received"] == 1


async def test_many_messages_arrive_in_order_and_once(town: Town) -> None:
    alice, bob = await town.here.phone(ALICE), await town.there.phone(BOB)
    for number in range(40):
        assert (await alice.say(f"sip:{BOB}", f"number {number}")).status == 200
    await bob.text("number 39")
    assert [m.body.decode() for m in bob.heard("MESSAGE")] == [f"number {n}" for n in range(40)]


async def test_presence_needs_a_yes_and_follows_every_change(town: Town) -> None:
    alice, bob = await town.here.phone(ALICE), await town.there.phone(BOB)
    document = published(activities="<rpid:busy/>", note="thinking").replace(b"bob@example.test", str(BOB).encode())
    assert (await bob.publish(document)).status == 200
    assert (await alice.subscribe(f"sip:{BOB}")).status == 200
    first = await alice.hears("NOTIFY")
    assert (first.first("Subscription-State") or "").startswith("pending") and b"closed" in first.body
    assert await town.there.asked(BOB) == ALICE
    assert b"open" not in b"".join(n.body for n in alice.heard("NOTIFY")), "nothing is seen before the yes"
    await town.there.front_end.contacts.grant(BOB, ALICE)
    shown = await alice.sees("<basic>open</basic>")
    assert "thinking" not in shown.body.decode(), "people outside see the availability alone"
    await until(lambda: town.here.front_end.presence.of(BOB).availability is not Availability.OFFLINE)
    entry = await town.here.front_end.contacts.get(ALICE, BOB)
    assert entry is not None and entry.sees
    since = len(alice.received)
    await bob.register(expires=0)
    await alice.sees("<basic>closed</basic>", since=since)


async def test_who_is_on_a_list_may_look_without_being_asked_again(town: Town) -> None:
    await town.there.opens_to(BOB, ALICE)
    alice, bob = await town.here.phone(ALICE), await town.there.phone(BOB)
    await alice.subscribe(f"sip:{BOB}")
    await alice.sees("<basic>open</basic>")
    since = len(bob.received)
    await bob.subscribe(f"sip:{ALICE}")
    await bob.sees("<basic>open</basic>", since=since)
    assert await town.there.front_end.contacts.questions(BOB) == []


async def test_a_yes_to_one_is_no_yes_to_another(town: Town) -> None:
    await town.there.opens_to(BOB, ALICE)
    alice, carol = await town.here.phone(ALICE), await town.here.phone(CAROL)
    await town.there.phone(BOB)
    await alice.subscribe(f"sip:{BOB}")
    await alice.sees("<basic>open</basic>")
    await carol.subscribe(f"sip:{BOB}")
    await until(lambda: len(town.there.front_end.presence.watchers(BOB)) == 2, "carol's question to arrive")
    assert all(b"<basic>open" not in n.body for n in carol.heard("NOTIFY")), "alice's yes is no yes to carol"
    seen = await town.here.front_end.presence.view(CAROL, BOB)
    assert not seen.document.availability.here


async def test_taking_the_yes_back_ends_the_sight(town: Town) -> None:
    await town.there.opens_to(BOB, ALICE)
    alice = await town.here.phone(ALICE)
    await town.there.phone(BOB)
    await alice.subscribe(f"sip:{BOB}")
    await alice.sees("<basic>open</basic>")
    since = len(alice.received)
    await town.there.front_end.contacts.revoke(BOB, ALICE)
    await alice.sees("<basic>closed</basic>", since=since)


async def test_nobody_watches_any_more_and_the_subscription_ends(town: Town) -> None:
    await town.there.opens_to(BOB, ALICE)
    alice = await town.here.phone(ALICE)
    await town.there.phone(BOB)
    await alice.subscribe(f"sip:{BOB}", call="watching")
    told = await alice.sees("<basic>open</basic>")
    assert town.here.partner(THERE)["watched"] == 1
    headers = [("Contact", alice.contact), ("Expires", 0), ("Event", "presence")]
    to = f"<sip:{BOB}>;tag={told.from_.tag}"
    ended = await alice.ask("SUBSCRIBE", f"sip:{BOB}", to=to, call="watching", headers=headers)
    assert ended.status == 200
    await until(lambda: not town.there.front_end.presence.watchers(BOB), "the subscription to end there")
    assert town.here.partner(THERE)["watched"] == 0


async def test_a_conference_takes_people_of_other_domains_along(town: Town) -> None:
    alice, bob = await town.here.phone(ALICE), await town.there.phone(BOB)
    carol = await town.here.phone(CAROL)
    await alice.say(f"sip:{BOB}", "between us")
    await bob.text("between us")
    (conversation,) = town.here.front_end.immcu.of(ALICE)
    await town.here.front_end.immcu.add(conversation, CAROL, by=ALICE)
    invited = await bob.hears("MESSAGE", lambda m: b"Carol" in m.body)
    address = str(invited.from_.uri)
    assert address == f"sip:{conversation.address}" and address.endswith(f"@conference.{HERE}")
    assert (await bob.say(address, "to all of you")).status == 200
    await alice.hears("MESSAGE", lambda m: b"to all of you" in m.body)
    await carol.hears("MESSAGE", lambda m: b"to all of you" in m.body)
    await carol.say(address, "hello bob")
    await bob.hears("MESSAGE", lambda m: b"hello bob" in m.body)


async def test_two_people_of_one_other_domain_each_get_their_own_copy(town: Town) -> None:
    alice, bob, dora = await town.here.phone(ALICE), await town.there.phone(BOB), await town.there.phone(DORA)
    await alice.say(f"sip:{BOB}", "between us")
    (conversation,) = town.here.front_end.immcu.of(ALICE)
    await town.here.front_end.immcu.add(conversation, DORA, by=ALICE)
    await dora.hears("MESSAGE", lambda m: b"Here" in m.body or b"here" in m.body or b"added" in m.body)
    await alice.say(f"sip:{conversation.address}", "both of you")
    for phone in (bob, dora):
        await phone.hears("MESSAGE", lambda m: b"both of you" in m.body)
        assert sum(b"both of you" in m.body for m in phone.heard("MESSAGE")) == 1


async def test_nobody_there_is_said_to_the_sender_in_a_sentence(town: Town) -> None:
    alice = await town.here.phone(ALICE)
    assert (await alice.say(f"sip:nobody@{THERE}", "anybody?")).status == 200
    notice = await alice.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert notice.body.decode() == f"nobody@{THERE} did not get your message: nobody there has this address."


async def test_domains_that_are_not_partners_are_not_found(town: Town) -> None:
    alice = await town.here.phone(ALICE)
    assert (await alice.say("sip:eve@third.example", "hello")).status == 404
    assert (await alice.subscribe("sip:eve@third.example")).status == 404
