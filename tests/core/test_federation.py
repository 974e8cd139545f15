"""What other domains show, what their people do about ours, and one lock for each person."""

from __future__ import annotations

import asyncio

from ...core.access import AccessLevel
from ...core.federation import Federation, LinkState, Partner
from ...core.front_end import FrontEnd
from ...core.identity import Identity
from ...core.locks import Locks
from ...core.message import SubscriptionNews
from ...core.subscription import Deed
from ..people import ALICE, BOB, CAROL
from ..stage import sit

EVE = Identity("eve", "other.example")


def test_what_is_shown_is_between_two_people_and_can_be_taken_back() -> None:
    federation = Federation()
    assert federation.level(ALICE, EVE) is AccessLevel.STRANGER
    assert federation.shows(ALICE, EVE, AccessLevel.COLLEAGUES)
    assert not federation.shows(ALICE, EVE, AccessLevel.COLLEAGUES), "no change"
    assert federation.level(ALICE, EVE) is AccessLevel.COLLEAGUES
    assert federation.level(BOB, EVE) is AccessLevel.STRANGER
    assert federation.shows(ALICE, EVE, None) and not federation.shows(ALICE, EVE, None)
    assert federation.level(ALICE, EVE) is AccessLevel.STRANGER


def test_partners_of_every_protocol_are_in_one_list() -> None:
    federation = Federation()
    federation.sources += [
        lambda: [Partner("b.example", "sip", LinkState.IDLE)],
        lambda: [Partner("b.example", "xmpp", LinkState.UP), Partner("a.example", "xmpp", LinkState.UP)],
    ]
    assert [(p.domain, p.protocol) for p in federation.partners()] == [
        ("a.example", "xmpp"),
        ("b.example", "sip"),
        ("b.example", "xmpp"),
    ]


async def test_somebody_elsewhere_asks_and_is_answered(front_end: FrontEnd) -> None:
    desk = sit(front_end, ALICE)
    contacts = front_end.contacts
    await contacts.heard(EVE, Deed.ASK, ALICE)
    assert desk.news == [SubscriptionNews(EVE, Deed.ASK)]
    assert [question.address for question in await contacts.questions(ALICE)] == [EVE]
    assert await contacts.level(EVE, ALICE) is AccessLevel.STRANGER, "asking is not seeing"
    await contacts.grant(ALICE, EVE)
    assert await contacts.level(EVE, ALICE) is AccessLevel.EXTERNAL
    await contacts.heard(EVE, Deed.STOP, ALICE)
    assert await contacts.level(EVE, ALICE) is AccessLevel.STRANGER
    assert await contacts.of(EVE) == [], "nobody keeps a list for people of other domains"


async def test_somebody_elsewhere_says_yes_and_takes_it_back(front_end: FrontEnd) -> None:
    contacts = front_end.contacts
    await contacts.put(ALICE, EVE, name="", groups=())
    await contacts.heard(EVE, Deed.GRANT, ALICE)
    entry = await contacts.get(ALICE, EVE)
    assert entry is not None and not entry.sees, "nobody had asked"
    await contacts.ask(ALICE, EVE)
    desk = sit(front_end, ALICE)
    await contacts.heard(EVE, Deed.GRANT, ALICE)
    entry = await contacts.get(ALICE, EVE)
    assert entry is not None and entry.sees and SubscriptionNews(EVE, Deed.GRANT) in desk.news
    await contacts.heard(EVE, Deed.REVOKE, ALICE)
    entry = await contacts.get(ALICE, EVE)
    assert entry is not None and not entry.sees and not entry.asked


async def test_deeds_about_nobody_and_from_the_blocked_leave_no_trace(front_end: FrontEnd) -> None:
    contacts = front_end.contacts
    nobody = Identity("nobody", ALICE.domain)
    await contacts.heard(EVE, Deed.ASK, nobody)
    assert await contacts.questions(nobody) == []
    await contacts.block(ALICE, EVE)
    desk = sit(front_end, ALICE)
    await contacts.heard(EVE, Deed.ASK, ALICE)
    assert await contacts.questions(ALICE) == [] and desk.news == []


async def test_what_is_shown_of_people_elsewhere_decides_for_ours(front_end: FrontEnd) -> None:
    assert await front_end.contacts.level(ALICE, EVE) is AccessLevel.STRANGER
    front_end.federation.shows(ALICE, EVE, AccessLevel.COLLEAGUES)
    assert await front_end.contacts.level(ALICE, EVE) is AccessLevel.COLLEAGUES
    assert await front_end.contacts.level(CAROL, EVE) is AccessLevel.STRANGER


async def test_locks_hold_one_person_at_a_time_and_never_each_other_up() -> None:
    locks, order = Locks(), []

    async def work(name: str, *people: Identity) -> None:
        async with locks.held(*people):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    async with asyncio.timeout(10):
        await asyncio.gather(work("ab", ALICE, BOB), work("ba", BOB, ALICE), work("c", CAROL), work("aa", ALICE, ALICE))
    apart = [event for event in order if not event.startswith("c")]
    assert all(apart[at].split()[0] == apart[at + 1].split()[0] for at in range(0, len(apart), 2))
