"""Who sees whom across domains (RFC 6121 sections 3 and 4): asked, answered, shown, taken back, lost and found."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.abroad import sights
from .....core.access import AccessLevel
from .....core.presence import Activity, Availability, Publication, Source
from .....core.registrar import Binding
from .....core.subscription import Deed
from ....people import ALICE, BOB, NOON, Desk, at
from ..house import Options
from .domains import ELSEWHERE, JULIET, NURSE, domain_at, road_to

CLIENT = "{jabber:client}"


def here(client, who=None):
    """The resources whose presence a client got, and what each says."""
    return {p.get("from"): p for p in client.got("presence") if p.get("type") is None and (who or "") in p.get("from")}


async def friends(ours, theirs):
    """Alice and Juliet see each other, by what their clients say."""
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET, "balcony")
    await alice.ask("<query xmlns='jabber:iq:roster'/>")
    await juliet.ask("<query xmlns='jabber:iq:roster'/>")
    await alice.send(f"<presence type='subscribe' to='{JULIET}'/>")
    await juliet.send(f"<presence type='subscribed' to='{ALICE}'/><presence type='subscribe' to='{ALICE}'/>")
    await alice.send(f"<presence type='subscribed' to='{JULIET}'/>")
    return alice, juliet


async def knows(house, owner, other):
    """As if the two had asked and granted long ago."""
    contacts = house.front_end.contacts
    await contacts.ask(owner, other)
    await contacts.heard(other, Deed.GRANT, owner)
    await contacts.heard(other, Deed.ASK, owner)
    await contacts.grant(owner, other)
    await house.quiet()


async def test_a_question_and_its_answer(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET, "balcony")
    await alice.ask("<query xmlns='jabber:iq:roster'/>")
    juliet.got()
    await alice.send(f"<presence type='subscribe' to='{JULIET}'><status>It is I</status></presence>")
    (question,) = juliet.got("presence", type="subscribe")
    assert question.get("from") == str(ALICE) and question.findtext(f"{CLIENT}status") == "It is I"
    alice.got()
    await juliet.send(f"<presence type='subscribed' to='{ALICE}'/>")
    (push,) = alice.got("iq", type="set")
    assert push[0][0].get("subscription") == "to" and push[0][0].get("ask") is None
    entry = await ours.front_end.contacts.get(ALICE, JULIET)
    assert entry.sees and not entry.seen


async def test_the_answer_is_followed_by_what_there_is_to_see(domains):
    ours, theirs = domains
    alice = await ours.client(ALICE)
    juliet = await theirs.client(
        JULIET, "balcony", presence="<presence><show>away</show><priority>3</priority></presence>"
    )
    await alice.send(f"<presence type='subscribe' to='{JULIET}'/>")
    alice.got()
    await juliet.send(f"<presence type='subscribed' to='{ALICE}'/>")
    came = [p for p in alice.got("presence") if p.get("from", "").startswith(str(JULIET))]
    assert came[0].get("type") == "subscribed"
    assert came[-1].get("from") == juliet.jid and came[-1].findtext(f"{CLIENT}show") == "away"


async def test_a_question_waits_for_the_sign_in_with_its_words(domains):
    ours, theirs = domains
    alice = await ours.client(ALICE)
    await alice.send(
        f"<presence type='subscribe' to='{JULIET}'><nick xmlns='http://jabber.org/protocol/nick'>A</nick></presence>"
    )
    juliet = await theirs.client(JULIET)
    (question,) = juliet.got("presence", type="subscribe")
    assert question[0].text == "A"


async def test_changes_are_shown_as_they_were_said(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    juliet.got()
    await alice.send(
        "<presence><show>xa</show><status>At the tomb</status>"
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>"
    )
    (seen,) = here(juliet, str(ALICE)).values()
    assert seen.get("from") == alice.jid and seen.findtext(f"{CLIENT}show") == "xa"
    assert seen.findtext(f"{CLIENT}status") == "At the tomb"
    assert seen.find("{http://jabber.org/protocol/caps}c").get("ver") == "v"


async def test_each_place_comes_and_goes_for_itself(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    juliet.got()
    phone = await ours.client(ALICE, "phone", presence="<presence><priority>-1</priority></presence>")
    assert set(here(juliet, str(ALICE))) == {phone.jid}
    assert set(here(phone, str(JULIET))) == {juliet.jid}
    await phone.send("<presence type='unavailable'><status>battery</status></presence>")
    (gone,) = juliet.got("presence", type="unavailable")
    assert gone.get("from") == phone.jid and gone.findtext(f"{CLIENT}status") == "battery"
    await alice.goes()
    (gone,) = juliet.got("presence", type="unavailable")
    assert gone.get("from") == alice.jid


async def test_who_signs_in_later_is_shown_those_who_are_there(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    await alice.goes()
    juliet.got()
    again = await ours.client(ALICE, "laptop")
    assert set(here(again, str(JULIET))) == {juliet.jid}
    assert set(here(juliet, str(ALICE))) == {again.jid}


async def test_a_yes_is_taken_back(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    alice.got(), juliet.got()
    await juliet.send(f"<presence type='unsubscribed' to='{ALICE}'/>")
    types = [p.get("type") for p in alice.got("presence") if p.get("from", "").startswith(str(JULIET))]
    assert sorted(types) == ["unavailable", "unsubscribed"]
    entry = await ours.front_end.contacts.get(ALICE, JULIET)
    assert not entry.sees and entry.seen
    await juliet.send("<presence><show>dnd</show></presence>")
    assert here(alice, str(JULIET)) == {}


async def test_who_no_longer_wants_to_see_sees_them_go(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    alice.got()
    await alice.send(f"<presence type='unsubscribe' to='{JULIET}'/>")
    assert [p.get("from") for p in alice.got("presence", type="unavailable")] == [juliet.jid]
    theirs_of_it = await theirs.front_end.contacts.get(JULIET, ALICE)
    assert theirs_of_it.sees and not theirs_of_it.seen


async def test_off_the_list_is_out_of_sight_on_both_sides(domains):
    ours, theirs = domains
    alice, juliet = await friends(ours, theirs)
    juliet.got()
    await alice.ask(f"<query xmlns='jabber:iq:roster'><item jid='{JULIET}' subscription='remove'/></query>", type="set")
    assert {p.get("type") for p in juliet.got("presence")} == {"unavailable", "unsubscribe", "unsubscribed"}
    entry = await theirs.front_end.contacts.get(JULIET, ALICE)
    assert not entry.sees and not entry.seen


async def test_an_approval_in_advance_is_answered_by_the_server(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await juliet.send(f"<presence type='subscribed' to='{ALICE}'/>")
    juliet.got()
    await alice.send(f"<presence type='subscribe' to='{JULIET}'/>")
    assert juliet.got("presence", type="subscribe") == []
    assert (await ours.front_end.contacts.get(ALICE, JULIET)).sees
    assert juliet.jid in here(alice, str(JULIET))


# ---- asked by their server


async def test_a_probe_is_answered_for_who_may_see(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE, presence="<presence><show>dnd</show></presence>")
    road.took()
    await house.heard(f"<presence type='probe' from='{JULIET}' to='{ALICE}'/>")
    (left,) = road.took("presence")
    assert left.attrs["from"] == alice.jid and left.attrs["to"] == str(JULIET) and left.type == ""
    assert left.tree.findtext(f"{CLIENT}show") == "dnd"


async def test_a_probe_for_somebody_who_is_away(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    road.took()
    await house.heard(f"<presence type='probe' from='{JULIET}' to='{ALICE}'/>")
    (left,) = road.took("presence")
    assert left.type == "unavailable" and left.attrs["from"] == str(ALICE)


@pytest.mark.parametrize("who", ["alice", "nobody"])
async def test_a_probe_of_a_stranger_is_told_the_same_for_everybody(ours, who):
    house, road = ours
    await house.client(ALICE)
    await house.heard(f"<presence type='probe' from='{JULIET}' to='{who}@example.test'/>")
    (left,) = road.took("presence")
    assert left.type == "unsubscribed" and left.attrs["from"] == f"{who}@example.test"


async def test_a_probe_of_somebody_whose_question_waits_does_not_end_the_question(ours):
    house, road = ours
    await house.heard(f"<presence type='subscribe' from='{JULIET}' to='{ALICE}'/>")
    await house.heard(f"<presence type='probe' from='{JULIET}' to='{ALICE}'/>")
    assert road.took("presence") == []


async def test_whom_one_blocks_sees_one_offline(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    road.took()
    await house.front_end.contacts.block(ALICE, JULIET)
    await house.quiet()
    assert [p.attrs["from"] for p in road.took("presence", type="unavailable")] == [alice.jid]
    await alice.send("<presence><show>away</show></presence>")
    assert road.took("presence", type="") == []
    await house.heard(f"<presence type='probe' from='{JULIET}' to='{ALICE}'/>")
    (left,) = road.took("presence")
    assert left.type == "unavailable" and left.attrs["from"] == str(ALICE)


async def test_everything_or_availability_alone(tmp_path):
    async with domain_at(tmp_path, "example.test", "alice", options=Options(presence_abroad="availability")) as house:
        road = road_to(None, ELSEWHERE)
        house.abroad.carriers.append(road)
        await knows(house, ALICE, JULIET)
        await house.client(ALICE, presence="<presence><show>away</show><status>secret</status></presence>")
        (left,) = road.took("presence", type="", to=str(JULIET))
        assert left.tree.findtext(f"{CLIENT}show") == "away" and b"secret" not in left.raw


# ---- what their server says


async def test_what_was_said_to_one_is_not_shown_to_another(ours):
    house, _ = ours
    for person in (ALICE, BOB):
        await knows(house, person, JULIET)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got(), bob.got()
    await house.heard(f"<presence from='{JULIET}/balcony' to='{ALICE}'><status>for you</status></presence>")
    assert set(here(alice, str(JULIET))) == {f"{JULIET}/balcony"} and here(bob, str(JULIET)) == {}
    assert await house.front_end.contacts.level(BOB, JULIET) is AccessLevel.STRANGER
    await house.heard(f"<presence from='{JULIET}/balcony' to='{BOB}'><status>for you</status></presence>")
    assert set(here(bob, str(JULIET))) == {f"{JULIET}/balcony"} and here(alice) == {}
    await house.heard(f"<presence type='unavailable' from='{JULIET}/balcony' to='{ALICE}'/>")
    assert [p.get("from") for p in alice.got("presence", type="unavailable")] == [f"{JULIET}/balcony"]
    assert bob.got("presence") == []


async def test_programs_that_know_no_stanzas_see_them_too(ours):
    house, _ = ours
    await knows(house, BOB, JULIET)
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), Desk(), client="a phone"))

    class Watcher:
        identity = BOB
        seen = None

        def notify(self, view, before):
            self.seen = view.document

    watcher = Watcher()
    await house.front_end.presence.watch(JULIET, watcher)
    await house.quiet()
    await house.heard(
        f"<presence from='{JULIET}/b' to='{BOB}'><show>dnd</show><status>In a meeting</status></presence>"
    )
    assert (watcher.seen.availability, watcher.seen.activity) == (Availability.BUSY, Activity.IN_A_MEETING)
    await house.heard(f"<presence type='unavailable' from='{JULIET}' to='{BOB}'/>")
    assert watcher.seen.availability is Availability.OFFLINE


async def test_programs_that_know_no_stanzas_are_seen_as_a_resource(ours):
    house, road = ours
    await knows(house, BOB, JULIET)
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), Desk(), client="a phone"))
    claim = Publication("sip/1", Source.MACHINE, Availability.BUSY, NOON, activity=Activity.IN_A_CALL, instance="phone")
    await house.front_end.presence.publish(BOB, claim)
    await house.quiet()
    (left,) = road.took("presence", to=str(JULIET), type="")
    assert left.attrs["from"] == f"{BOB}/phone" and left.tree.findtext(f"{CLIENT}show") == "dnd"
    assert left.tree.findtext(f"{CLIENT}status") == "In a call"
    house.front_end.registrar.unbind(at(BOB, "phone"))
    await house.quiet()
    assert [p.attrs["from"] for p in road.took("presence", type="unavailable")] == [f"{BOB}/phone"]


async def test_our_people_are_asked_for_when_they_sign_in_and_forgotten_after(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    road.took()
    alice = await house.client(ALICE)
    await house.client(ALICE, "phone")
    assert [p.attrs["to"] for p in road.took("presence", type="probe")] == [str(JULIET)]
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'/>")
    for place in ("desk", "phone"):
        resource = house.router._parts.resources.at(at(ALICE, place))
        house.front_end.registrar.unbind(resource.endpoint)
        resource.session.closed = True
        house.router.closed(resource.session, "signed out")
    await house.quiet()
    assert house.front_end.presence.publications(JULIET) == []
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'><show>away</show></presence>")
    assert house.front_end.presence.publications(JULIET) == []
    assert alice.got("presence", type="error") == []


async def test_a_restart_forgets_nobody(tmp_path):
    road = road_to(None, ELSEWHERE)
    async with domain_at(tmp_path, "example.test", "alice") as house:
        house.abroad.carriers.append(road)
        await knows(house, ALICE, JULIET)
    async with domain_at(tmp_path, "example.test", "alice") as house:
        house.abroad.carriers.append(road)
        road.took()
        alice = await house.client(ALICE)
        left = {(p.type, p.attrs["from"]) for p in road.took("presence", to=str(JULIET))}
        assert left == {("probe", str(ALICE)), ("", alice.jid)}


async def test_a_domain_that_is_lost_takes_its_people_along_and_brings_them_back(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'/>")
    alice.got(), road.took()
    house.abroad.lost(ELSEWHERE)
    await house.quiet()
    assert [p.get("from") for p in alice.got("presence", type="unavailable")] == [f"{JULIET}/b"]
    assert house.front_end.presence.of(JULIET).availability is Availability.UNKNOWN
    house.abroad.found(ELSEWHERE)
    await house.quiet()
    assert {(p.type, p.attrs["from"]) for p in road.took("presence")} == {("probe", str(ALICE)), ("", alice.jid)}
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'/>")
    assert set(here(alice, str(JULIET))) == {f"{JULIET}/b"}
    house.abroad.found(ELSEWHERE)
    await house.quiet()
    assert road.took() == []


async def test_what_could_not_leave_is_said_again_when_the_way_is_open(ours):
    house, road = ours
    await knows(house, ALICE, JULIET)
    road.why = "remote-server-timeout"
    alice = await house.client(ALICE)
    assert alice.got("presence", type="error") == []
    road.why = ""
    road.took()
    house.abroad.found(ELSEWHERE)
    await house.quiet()
    assert {p.type for p in road.took("presence", to=str(JULIET))} == {"probe", ""}


async def test_a_question_that_cannot_leave_is_known_to_have_failed(ours):
    house, road = ours
    alice = await house.client(ALICE)
    alice.got()
    road.why = "remote-server-not-found"
    await alice.send(f"<presence type='subscribe' to='{JULIET}'/>")
    (error,) = alice.got("presence", type="error")
    assert error.get("from") == str(JULIET)


async def test_directed_presence_goes_and_is_taken_back(ours):
    house, road = ours
    alice = await house.client(ALICE)
    road.took()
    await alice.send(f"<presence to='{NURSE}/kitchen'><status>psst</status></presence>")
    (left,) = road.took("presence")
    assert left.attrs["to"] == f"{NURSE}/kitchen" and left.attrs["from"] == alice.jid
    await alice.goes()
    (left,) = road.took("presence")
    assert left.type == "unavailable" and left.attrs["to"] == f"{NURSE}/kitchen"


async def test_directed_presence_comes(ours):
    house, _ = ours
    alice = await house.client(ALICE)
    phone = await house.client(ALICE, "phone")
    alice.got(), phone.got()
    await house.heard(f"<presence from='{NURSE}/kitchen' to='{alice.jid}'><status>psst</status></presence>")
    assert set(here(alice)) == {f"{NURSE}/kitchen"} and here(phone) == {}
    await house.front_end.contacts.block(ALICE, NURSE)
    await alice.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{NURSE}'/></block>", type="set")
    alice.got()
    await house.heard(f"<presence from='{NURSE}/kitchen' to='{alice.jid}'/>")
    assert alice.got() == []


# ---- limits


async def test_more_resources_than_anybody_has_are_not_shown(ours):
    house, _ = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    alice.got()
    for number in range(sights.MAX_RESOURCES + 3):
        await house.heard(f"<presence from='{JULIET}/r{number}' to='{ALICE}'/>")
    assert len(here(alice, str(JULIET))) == sights.MAX_RESOURCES


async def test_who_changes_all_the_time_is_shown_as_they_are_in_the_end(ours, monkeypatch):
    monkeypatch.setattr(sights, "CHANGE_EVERY", 0.2)
    house, _ = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    alice.got()
    for number in range(200):
        await house.heard(f"<presence from='{JULIET}/r' to='{ALICE}'><status>{number}</status></presence>")
    shown = alice.got("presence")
    assert len(shown) < 120
    for _ in range(200):
        if shown and shown[-1].findtext(f"{CLIENT}status") == "199":
            break
        import asyncio

        await asyncio.sleep(0.05)
        await house.quiet()
        shown += alice.got("presence")
    assert shown[-1].findtext(f"{CLIENT}status") == "199"


@pytest.mark.parametrize("inner", ["<show>asleep</show>", "<priority>900</priority>"])
async def test_presence_that_nobody_could_read_is_not_shown(ours, inner):
    house, road = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    alice.got(), road.took()
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'>{inner}</presence>")
    assert alice.got() == [] and road.took() == []
