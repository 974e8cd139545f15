"""What other domains show, what their people do about ours, and one lock for each person."""

from __future__ import annotations

import asyncio

import pytest

from ...core.access import AccessLevel
from ...core.federation import Federation, LinkState, Partner
from ...core.front_end import FrontEnd
from ...core.identity import Endpoint, Identity
from ...core.locks import Locks
from ...core.message import Copy, Native, SubscriptionNews, Utterance
from ...core.presence import Availability, Publication, Source
from ...core.presence_registry import View
from ...core.subscription import Deed
from ..people import ALICE, BOB, CAROL, NOON, Desk
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


async def test_what_our_people_do_about_somebody_elsewhere_is_told_by_what_leads_there(front_end: FrontEnd) -> None:
    contacts, told = front_end.contacts, []
    front_end.registrar.elsewhere.append(lambda who, news: told.append((who, news)) if who == EVE else None)
    words = Native("xmpp", b"<status>it is me</status>")
    await contacts.ask(ALICE, EVE, words)
    assert told == [(EVE, SubscriptionNews(ALICE, Deed.ASK, words))]
    await contacts.grant(ALICE, EVE)
    assert len(told) == 1, "an approval in advance is nobody else's business"
    await contacts.heard(EVE, Deed.ASK, ALICE)
    assert told.pop() == (EVE, SubscriptionNews(ALICE, Deed.GRANT)), "answered in the owner's name"
    await contacts.heard(EVE, Deed.GRANT, ALICE)
    told.clear()
    await contacts.stop(ALICE, EVE)
    await contacts.revoke(ALICE, EVE)
    assert [news.what for _, news in told] == [Deed.STOP, Deed.REVOKE]
    await contacts.revoke(ALICE, EVE)
    assert len(told) == 2, "nothing is left to take back"


@pytest.mark.parametrize("how", ["off the list", "account removed"])
async def test_whoever_goes_says_so_elsewhere(front_end: FrontEnd, how: str) -> None:
    contacts, told = front_end.contacts, []
    await contacts.ask(ALICE, EVE)
    await contacts.heard(EVE, Deed.ASK, ALICE)
    await contacts.grant(ALICE, EVE)
    front_end.registrar.elsewhere.append(lambda who, news: told.append((who, getattr(news, "what", None))))
    if how == "off the list":
        await contacts.remove(ALICE, EVE)
    else:
        await front_end.accounts.remove(ALICE)
    assert [what for who, what in told if who == EVE] == [Deed.STOP, Deed.REVOKE]


async def test_the_words_of_a_question_from_elsewhere_are_kept_until_it_is_answered(front_end: FrontEnd) -> None:
    words = Native("xmpp", b"<status>Eve here</status>")
    await front_end.contacts.heard(EVE, Deed.ASK, ALICE, words)
    assert await front_end.contacts.words(ALICE, EVE) == words
    await front_end.contacts.grant(ALICE, EVE)
    assert await front_end.contacts.words(ALICE, EVE) is None


async def test_who_watches_a_list_hears_of_a_change_last(front_end: FrontEnd) -> None:
    order: list[object] = []
    front_end.contacts.changed.append(lambda owner: order.append("in the store"))
    front_end.contacts.told.append(lambda owner: order.append("everybody has heard"))
    front_end.registrar.elsewhere.append(lambda who, news: order.append(type(news)))
    await front_end.contacts.ask(ALICE, EVE)
    assert order[0] == "in the store" and order[-1] == "everybody has heard" and SubscriptionNews in order


async def test_a_speaker_from_elsewhere_hears_themselves_in_a_conference(front_end: FrontEnd) -> None:
    desk = Desk()

    async def foreign(who: Identity) -> Desk:
        return desk

    front_end.registrar.foreign = foreign  # type: ignore[method-assign,assignment]
    room = await front_end.immcu.open_room(Identity("r", front_end.conference_domain()), ALICE)
    await front_end.immcu.enter(room, EVE)
    await front_end.immcu.say(room, Utterance(Endpoint(EVE, "b"), "hello"))
    await front_end.immcu.say(room, Utterance(Endpoint(ALICE, "desk"), "hi"))
    async with asyncio.timeout(10):
        while len(desk.shown) < 2:
            await asyncio.sleep(0)
    assert [(d.message.text, d.copy) for d in desk.shown] == [("hello", Copy.SENT), ("hi", Copy.ADDRESSED)]


async def test_a_watcher_may_be_shown_more_of_those_it_is_let_see(front_end: FrontEnd) -> None:
    class Raised:
        identity = EVE
        seen: View

        def raised(self, level: AccessLevel) -> AccessLevel:
            return AccessLevel.COLLEAGUES if level is AccessLevel.EXTERNAL else level

        def notify(self, view: View, before: View | None) -> None:
            self.seen = view

    watcher, claim = Raised(), Publication("x", Source.MACHINE, Availability.AWAY, NOON, note="gone fishing")
    await front_end.presence.publish(ALICE, claim)
    await front_end.presence.watch(ALICE, watcher)
    assert watcher.seen.document.note == "" and not watcher.seen.level.sees, "a stranger stays one"
    await front_end.contacts.heard(EVE, Deed.ASK, ALICE)
    await front_end.contacts.grant(ALICE, EVE)
    assert watcher.seen.document.note == "gone fishing"


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
