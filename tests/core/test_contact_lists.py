"""Contact lists: two people's lists change together, everybody hears of it in the right order, and nothing leaks."""

import asyncio
from dataclasses import replace

import pytest

from ...core.access import AccessLevel, AccessPolicy
from ...core.accounts import Accounts
from ...core.contact_lists import MAX_BLOCKED, MAX_QUESTIONS, ContactLists
from ...core.contacts import MAX_CONTACTS, MAX_GROUPS, MAX_NAME, Contact, Subscription
from ...core.errors import NotAllowed, NotFound, Refused, TooLarge
from ...core.hooks import hookimpl
from ...core.identity import Identity
from ...core.message import ContactChanged, Native, SubscriptionNews
from ...core.people import Person
from ...core.presence import Availability, Publication, Source
from ...core.question_words import MAX_WORDS
from ...core.registrar import Binding, Registrar
from ...core.sqlite import SqliteStore
from ...core.standalone import StandaloneDirectory
from ..people import ALICE, BOB, CAROL, DAVE, Clock, Desk, at, who
from ..plugged import hooks_of

NOBODY = who("nobody")
ERIN = who("erin@elsewhere.test")
STRANGER, COLLEAGUES = AccessLevel.STRANGER, AccessLevel.COLLEAGUES


class House:
    """The lists with all they need, desks for people, and who was told that access changed."""

    def __init__(self, store, *plugins, domains=("example.test",), **policy):
        hooks = hooks_of(*plugins)
        self.store = store
        self.accounts = Accounts(store, hooks, Clock(), secret=b"secret")
        self.registrar = Registrar(hooks, StandaloneDirectory(), "here")
        self.lists = ContactLists(
            store, self.registrar, self.accounts, hooks, own_domains=domains, policy=AccessPolicy(**policy)
        )
        self.lists.access_changed = self._access_changed
        self.happened = []

    async def _access_changed(self, presentity, watchers):
        self.happened.append(("access", presentity, None if watchers is None else sorted(watchers)))

    def desk(self, person, instance="desk"):
        """Somebody signs in; what they are told is noted in ``happened`` too, in order."""
        desk = Desk()
        house, tell = self, desk.tell

        def noted(news):
            house.happened.append((person, news))
            tell(news)

        desk.tell = noted
        self.registrar.bind(Binding(at(person, instance), desk))
        return desk

    async def states(self, one, other):
        """How each has the other: subscription, and ? for asked, ! for asking, + for approved, - for not listed."""
        return [shorthand(await self.lists.get(a, b)) for a, b in ((one, other), (other, one))]

    async def befriend(self, one, other):
        for a, b in ((one, other), (other, one)):
            await self.lists.ask(a, b)
            await self.lists.grant(b, a)
        self.happened.clear()


def shorthand(entry: Contact | None) -> str:
    if entry is None:
        return "no entry"
    flags = (("?", entry.asked), ("!", entry.asking), ("+", entry.approved), ("-", not entry.listed))
    return entry.subscription + "".join(mark for mark, there in flags if there)


@pytest.fixture
async def store(tmp_path):
    async with SqliteStore(tmp_path / "lists.db", clock=Clock()) as store:
        for person in (ALICE, BOB, CAROL, DAVE):
            await store.put_person(person, Person(str(person), person.user.title()))
        yield store


@pytest.fixture
async def house(store):
    return House(store)


@pytest.fixture
async def lists(house):
    return house.lists


# ---- the list


async def test_somebody_is_put_on_the_list_renamed_and_regrouped(lists):
    assert await lists.of(ALICE) == []
    first = await lists.put(ALICE, BOB, name="Bob", groups=("Friends", "Work"))
    assert first == Contact(ALICE, BOB, "Bob", ("Friends", "Work"))
    await lists.put(ALICE, BOB, name="Robert", groups=())
    assert await lists.of(ALICE) == [Contact(ALICE, BOB, "Robert")]
    assert await lists.get(ALICE, BOB) == Contact(ALICE, BOB, "Robert")
    assert await lists.get(BOB, ALICE) is None


async def test_the_list_is_in_order_of_address_and_each_has_their_own(lists):
    for person in (DAVE, BOB, CAROL):
        await lists.put(ALICE, person, name="", groups=())
    await lists.put(BOB, DAVE, name="", groups=())
    assert [entry.address for entry in await lists.of(ALICE)] == [BOB, CAROL, DAVE]
    assert [entry.address for entry in await lists.of(BOB)] == [DAVE]


async def test_the_same_group_twice_is_once(lists):
    assert (await lists.put(ALICE, BOB, name="", groups=("B", "A", "B"))).groups == ("B", "A")


async def test_renaming_keeps_who_may_see_whom(house, lists):
    await house.befriend(ALICE, BOB)
    await lists.put(ALICE, BOB, name="Bobby", groups=("Friends",))
    assert (await lists.get(ALICE, BOB)).subscription is Subscription.BOTH


@pytest.mark.parametrize(
    ("name", "groups", "error"),
    [
        ("x" * (MAX_NAME + 1), (), TooLarge),
        ("ä" * (MAX_NAME // 2 + 1), (), TooLarge),
        ("", ("x" * (MAX_NAME + 1),), TooLarge),
        ("", tuple(f"g{n}" for n in range(MAX_GROUPS + 1)), TooLarge),
        ("", ("",), Refused),
        ("", ("Friends", ""), Refused),
        ("line\nbreak", (), Refused),
        ("", ("nul\0",), Refused),
        ("half \ud83d", (), Refused),
    ],
)
async def test_what_is_no_name_is_refused_and_changes_nothing(house, lists, name, groups, error):
    desk = house.desk(ALICE)
    with pytest.raises(error):
        await lists.put(ALICE, BOB, name=name, groups=groups)
    assert await lists.of(ALICE) == []
    assert desk.news == []


async def test_names_may_be_as_long_as_the_limit(lists):
    await lists.put(ALICE, BOB, name="x" * MAX_NAME, groups=tuple(f"g{n}" for n in range(MAX_GROUPS)))
    assert len((await lists.get(ALICE, BOB)).groups) == MAX_GROUPS


async def test_nobody_is_on_their_own_list(house, lists):
    with pytest.raises(NotAllowed):
        await lists.put(ALICE, ALICE, name="me", groups=())
    for deed in (lists.ask, lists.grant, lists.revoke, lists.stop):
        await deed(ALICE, ALICE)
    assert await lists.get(ALICE, ALICE) is None
    with pytest.raises(NotFound):
        await lists.remove(ALICE, ALICE)


async def test_a_list_has_a_limit(house, lists):
    people = [who(f"p{number}") for number in range(MAX_CONTACTS)]
    await house.store.put_contacts([Contact(ALICE, person) for person in people])
    with pytest.raises(TooLarge):
        await lists.put(ALICE, BOB, name="one too many", groups=())
    with pytest.raises(TooLarge):
        await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["no entry", "no entry"]
    await lists.put(ALICE, people[0], name="still renamed", groups=())
    await lists.ask(ALICE, people[0])
    await lists.remove(ALICE, people[0])
    await lists.put(ALICE, BOB, name="there is room again", groups=())


async def test_who_is_on_the_list_and_who_has_asked_is_known_after_a_restart(house, lists, store):
    await lists.put(ALICE, BOB, name="Bob", groups=("Friends",))
    await lists.ask(CAROL, ALICE)
    await lists.block(ALICE, DAVE)
    again = House(store).lists
    assert await again.of(ALICE) == [Contact(ALICE, BOB, "Bob", ("Friends",))]
    assert [question.address for question in await again.questions(ALICE)] == [CAROL]
    assert await again.blocked(ALICE) == {DAVE}
    assert await again.version(ALICE) == await lists.version(ALICE)


async def test_every_endpoint_of_the_owner_hears_of_a_change_and_nobody_else(house, lists):
    here, there, bob = house.desk(ALICE), house.desk(ALICE, "phone"), house.desk(BOB)
    entry = await lists.put(ALICE, BOB, name="Bob", groups=())
    assert here.news == there.news == [ContactChanged(entry)]
    assert bob.news == []


# ---- versions


async def test_a_version_changes_with_the_list_and_comes_back_with_it(lists):
    empty = await lists.version(ALICE)
    assert empty == await lists.version(ALICE) != ""
    await lists.put(ALICE, BOB, name="Bob", groups=())
    named = await lists.version(ALICE)
    await lists.put(ALICE, BOB, name="Bob", groups=("Friends",))
    grouped = await lists.version(ALICE)
    await lists.ask(ALICE, BOB)
    asked = await lists.version(ALICE)
    assert len({empty, named, grouped, asked}) == 4
    await lists.remove(ALICE, BOB)
    assert await lists.version(ALICE) == empty


async def test_a_strangers_question_is_no_new_version(lists):
    before = await lists.version(BOB)
    await lists.ask(ALICE, BOB)
    assert await lists.version(BOB) == before


# ---- asking and answering


async def test_alice_asks_bob_says_yes(house, lists):
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "none!-"]
    assert await lists.level(ALICE, BOB) is STRANGER
    await lists.grant(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["to", "from"]
    assert await lists.level(ALICE, BOB) is COLLEAGUES
    assert await lists.level(BOB, ALICE) is STRANGER


async def test_alice_asks_bob_says_no(house, lists):
    await lists.ask(ALICE, BOB)
    await lists.revoke(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["none", "no entry"]
    assert await lists.questions(BOB) == []
    assert await lists.of(BOB) == []


async def test_both_say_yes_and_then_one_takes_it_back(house, lists):
    await house.befriend(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["both", "both"]
    await lists.revoke(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["to", "from"]
    await lists.stop(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none", "none"]


async def test_alice_no_longer_wants_to_know(house, lists):
    await lists.ask(ALICE, BOB)
    await lists.stop(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none", "no entry"]


async def test_asking_the_one_who_asks_leaves_both_questions_open(house, lists):
    await lists.ask(ALICE, BOB)
    await lists.ask(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["none?!", "none?!"]
    await lists.grant(ALICE, BOB)
    await lists.grant(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["both", "both"]


async def test_a_yes_before_the_question(house, lists):
    """RFC 6121 section 3.4."""
    alice, bob = house.desk(ALICE), house.desk(BOB)
    await lists.grant(BOB, ALICE)
    assert await house.states(BOB, ALICE) == ["none+", "no entry"]
    assert alice.news == []
    bob.news.clear()
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["to", "from"]
    assert [news.what for news in alice.news if isinstance(news, SubscriptionNews)] == ["grant"]
    assert [type(news) for news in bob.news] == [ContactChanged]


async def test_a_yes_before_the_question_can_be_taken_back(house, lists):
    await lists.grant(BOB, ALICE)
    await lists.revoke(BOB, ALICE)
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "none!"]


async def test_asking_again_bothers_nobody_twice(house, lists):
    bob = house.desk(BOB)
    await lists.ask(ALICE, BOB)
    await lists.ask(ALICE, BOB)
    assert [news.what for news in bob.news] == ["ask"]


async def test_asking_again_what_was_granted_is_answered_by_the_server(house, lists, store):
    """A client whose list is older than the truth: only Bob's side knows that he said yes."""
    await store.put_contacts(
        [Contact(ALICE, BOB, asked=True), Contact(BOB, ALICE, subscription=Subscription.FROM)],
    )
    alice, bob = house.desk(ALICE), house.desk(BOB)
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["to", "from"]
    assert SubscriptionNews(BOB, "grant") in alice.news
    assert bob.news == []


async def test_a_question_waits_for_every_sign_in_until_it_is_answered(lists):
    await lists.ask(ALICE, CAROL)
    await lists.ask(BOB, CAROL)
    assert [question.address for question in await lists.questions(CAROL)] == [ALICE, BOB]
    assert [question.address for question in await lists.questions(CAROL)] == [ALICE, BOB]
    await lists.grant(CAROL, ALICE)
    assert [question.address for question in await lists.questions(CAROL)] == [BOB]
    await lists.stop(BOB, CAROL)
    assert await lists.questions(CAROL) == []


async def test_a_question_of_somebody_on_the_list_waits_too(lists):
    await lists.put(BOB, ALICE, name="Alice", groups=())
    await lists.ask(ALICE, BOB)
    assert [shorthand(question) for question in await lists.questions(BOB)] == ["none!"]
    assert [entry.name for entry in await lists.of(BOB)] == ["Alice"]


async def test_the_words_of_a_question_wait_with_it(lists, store):
    words = Native("xmpp", b"<status>Hello, Bob.\nIt's me!</status>")
    await lists.ask(ALICE, BOB, words)
    assert await lists.words(BOB, ALICE) == words
    assert await House(store).lists.words(BOB, ALICE) == words
    better = Native("xmpp", b"<status>Please?</status>")
    await lists.ask(ALICE, BOB, better)
    assert await lists.words(BOB, ALICE) == better
    await lists.grant(BOB, ALICE)
    assert await lists.words(BOB, ALICE) is None


@pytest.mark.parametrize("answer", ["revoke", "withdrawn", "removed"])
async def test_the_words_go_with_the_question(lists, answer):
    await lists.ask(ALICE, BOB, Native("xmpp", b"hello"))
    match answer:
        case "revoke":
            await lists.revoke(BOB, ALICE)
        case "withdrawn":
            await lists.stop(ALICE, BOB)
        case "removed":
            await lists.remove(ALICE, BOB)
    assert await lists.words(BOB, ALICE) is None


async def test_too_many_words_are_heard_once_and_not_kept(house, lists):
    bob = house.desk(BOB)
    words = Native("xmpp", b"x" * (MAX_WORDS + 1))
    await lists.ask(ALICE, BOB, words)
    assert bob.news == [SubscriptionNews(ALICE, "ask", words)]
    assert await lists.words(BOB, ALICE) is None
    assert [question.address for question in await lists.questions(BOB)] == [ALICE]


async def test_only_so_many_strangers_questions_wait(house, lists, store):
    strangers = [who(f"s{number}") for number in range(MAX_QUESTIONS)]
    await store.put_contacts([Contact(BOB, stranger, asking=True, listed=False) for stranger in strangers])
    bob = house.desk(BOB)
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "no entry"]
    assert bob.news == []
    await lists.revoke(BOB, strangers[0])
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "none!-"]


# ---- taking off the list


async def test_taking_somebody_off_the_list_ends_both_ways(house, lists):
    await house.befriend(ALICE, BOB)
    alice, bob = house.desk(ALICE), house.desk(BOB)
    before = await lists.get(ALICE, BOB)
    await lists.remove(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["no entry", "none"]
    assert alice.news == [ContactChanged(before, removed=True)]
    assert [getattr(news, "what", "list") for news in bob.news] == ["list", "stop", "revoke"]
    assert await lists.level(ALICE, BOB) is await lists.level(BOB, ALICE) is STRANGER


async def test_taking_somebody_off_who_asks_is_a_no(house, lists):
    await lists.put(BOB, ALICE, name="Alice", groups=())
    await lists.ask(ALICE, BOB)
    alice = house.desk(ALICE)
    await lists.remove(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["none", "no entry"]
    assert [news.what for news in alice.news if isinstance(news, SubscriptionNews)] == ["revoke"]


async def test_what_is_not_on_the_list_cannot_be_taken_off(house, lists):
    for absent in (BOB, NOBODY, ERIN):
        with pytest.raises(NotFound):
            await lists.remove(ALICE, absent)
    await lists.ask(BOB, ALICE)
    with pytest.raises(NotFound):
        await lists.remove(ALICE, BOB)
    assert len(await lists.questions(ALICE)) == 1


async def test_a_yes_in_advance_goes_with_the_entry(house, lists):
    await lists.grant(BOB, ALICE)
    await lists.remove(BOB, ALICE)
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "none!-"]


# ---- who is told what, and when


async def test_lists_before_news_and_presence_when_there_is_something_to_see(house, lists):
    await lists.ask(ALICE, BOB)
    house.desk(ALICE), house.desk(BOB)
    await lists.grant(BOB, ALICE, words := Native("xmpp", b"<nick>Bob</nick>"))
    assert house.happened == [
        (BOB, ContactChanged(await lists.get(BOB, ALICE))),
        (ALICE, ContactChanged(await lists.get(ALICE, BOB))),
        (ALICE, SubscriptionNews(BOB, "grant", words)),
        ("access", BOB, [ALICE]),
    ]


async def test_who_loses_sight_sees_them_go_before_hearing_why(house, lists):
    """RFC 6121 section 3.2.2: unavailable first, while the subscription is still there to carry it."""
    await house.befriend(ALICE, BOB)
    house.desk(ALICE), house.desk(BOB)
    await lists.revoke(BOB, ALICE)
    assert [what if what == "access" else type(news[0]).__name__ for what, *news in house.happened] == [
        "ContactChanged",
        "ContactChanged",
        "access",
        "SubscriptionNews",
    ]


async def test_everything_is_in_the_store_before_anybody_hears_of_it(house, lists, store, monkeypatch):
    seen = []
    put = store.put_contacts

    async def noted(changed, removed=()):
        house.happened.append("committing")
        await put(changed, removed)
        house.happened.append("committed")
        seen.append((list(changed), list(removed)))

    monkeypatch.setattr(store, "put_contacts", noted)
    house.desk(ALICE), house.desk(BOB)
    await lists.ask(ALICE, BOB)
    assert house.happened[:2] == ["committing", "committed"]
    assert {entry.owner for entry in seen[0][0]} == {ALICE, BOB}, "both sides in one commit"
    house.happened.clear()
    await lists.grant(BOB, ALICE)
    await lists.remove(BOB, ALICE)
    assert len(seen) == 3
    assert seen[2] == ([replace(Contact(ALICE, BOB))], [(BOB, ALICE)])


async def test_a_commit_that_fails_changes_nothing_and_tells_nobody(house, lists, store, monkeypatch):
    async def broken(changed, removed=()):
        raise OSError("disk on fire")

    bob = house.desk(BOB)
    await lists.of(ALICE)
    with monkeypatch.context() as patched:
        patched.setattr(store, "put_contacts", broken)
        with pytest.raises(OSError, match="fire"):
            await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["no entry", "no entry"]
    assert bob.news == []
    await lists.ask(ALICE, BOB)
    assert await house.states(ALICE, BOB) == ["none?", "none!-"]


async def test_a_deed_that_changes_nothing_is_no_commit_and_no_news(house, lists, store, monkeypatch):
    await house.befriend(ALICE, BOB)
    commits = []
    put = store.put_contacts
    monkeypatch.setattr(store, "put_contacts", lambda *given: (commits.append(given), put(*given))[1])
    house.desk(ALICE), house.desk(BOB)
    for deed in (lists.ask, lists.grant):
        await deed(ALICE, BOB)
    await lists.stop(ALICE, CAROL)
    await lists.revoke(ALICE, CAROL)
    assert commits == []
    assert house.happened == []


class Audit:
    def __init__(self):
        self.changes = []

    @hookimpl
    def contact_changed(self, contact):
        self.changes.append(contact)


async def test_plugins_hear_of_every_entry_that_changed(store):
    audit = Audit()
    house = House(store, audit)
    async with hooks_delivered(house):
        await house.lists.ask(ALICE, BOB)
        await house.lists.grant(BOB, ALICE)
        await house.lists.remove(ALICE, BOB)
    assert [(contact.owner.user, shorthand(contact)) for contact in audit.changes] == [
        ("alice", "none?"),
        ("bob", "from"),
        ("alice", "to"),
        ("alice", "none-"),
        ("bob", "none"),
    ]


def hooks_delivered(house):
    return house.lists._hooks.delivered()


# ---- nobody, and people elsewhere


@pytest.mark.parametrize("absent", [NOBODY, ERIN], ids=["unknown", "another domain"])
async def test_asking_somebody_who_is_not_here_looks_like_asking_somebody_who_is_silent(house, lists, absent):
    alice = house.desk(ALICE)
    await lists.ask(ALICE, absent)
    await lists.ask(ALICE, CAROL)
    to_absent, to_carol = (news.contact for news in alice.news)
    assert to_absent == replace(to_carol, address=absent)
    assert await lists.get(absent, ALICE) is None
    assert await lists.level(ALICE, absent) is await lists.level(ALICE, CAROL) is STRANGER


@pytest.mark.parametrize("deed", ["ask", "grant", "revoke", "stop"])
async def test_no_deed_tells_the_unknown_from_the_silent(house, lists, deed):
    alice = house.desk(ALICE)
    for other in (NOBODY, CAROL):
        await getattr(lists, deed)(ALICE, other)
    changes = [replace(news.contact, address=CAROL) for news in alice.news]
    assert changes[: len(changes) // 2] == changes[len(changes) // 2 :]
    assert len(changes) == (2 if deed in ("ask", "grant") else 0)


async def test_somebody_unknown_is_put_on_the_list_and_taken_off_like_anybody(lists):
    await lists.put(ALICE, NOBODY, name="Who?", groups=())
    await lists.ask(ALICE, NOBODY)
    await lists.remove(ALICE, NOBODY)
    assert await lists.of(ALICE) == []


async def test_who_was_asked_before_they_existed_can_be_asked_again(house, lists, store):
    await lists.ask(ALICE, NOBODY)
    await store.put_person(NOBODY, Person(str(NOBODY)))
    await lists.ask(ALICE, NOBODY)
    assert await house.states(ALICE, NOBODY) == ["none?", "none!-"]


# ---- blocking


async def test_the_blocked_see_somebody_gone_and_the_unblocked_see_them_again(house, lists):
    await house.befriend(ALICE, BOB)
    await lists.block(ALICE, BOB)
    assert await lists.blocked(ALICE) == {BOB}
    assert await lists.level(BOB, ALICE) is AccessLevel.BLOCKED
    assert await lists.level(ALICE, BOB) is COLLEAGUES
    await lists.unblock(ALICE, BOB)
    assert await lists.level(BOB, ALICE) is COLLEAGUES
    assert house.happened == [("access", ALICE, [BOB])] * 2
    assert await house.states(ALICE, BOB) == ["both", "both"]


async def test_blocking_twice_or_freeing_the_free_is_nothing_new(house, lists):
    await lists.block(ALICE, BOB)
    house.happened.clear()
    await lists.block(ALICE, BOB)
    await lists.unblock(ALICE, CAROL)
    assert house.happened == []


async def test_all_blocks_are_taken_back_at_once(house, lists):
    for person in (BOB, CAROL, ERIN):
        await lists.block(ALICE, person)
    house.happened.clear()
    await lists.unblock(ALICE)
    assert await lists.blocked(ALICE) == frozenset()
    assert house.happened == [("access", ALICE, [BOB, CAROL, ERIN])]


async def test_the_blocked_ask_and_nobody_hears_and_nothing_shows(house, lists):
    alice, bob = house.desk(ALICE), house.desk(BOB)
    await lists.block(ALICE, BOB)
    await lists.ask(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["no entry", "none?"]
    assert alice.news == []
    assert await lists.questions(ALICE) == []
    await lists.ask(BOB, CAROL)
    assert bob.news[0] == ContactChanged(replace(bob.news[1].contact, address=ALICE))


async def test_a_question_from_before_the_block_is_put_no_more_and_comes_back(lists):
    await lists.ask(BOB, ALICE)
    await lists.block(ALICE, BOB)
    assert await lists.questions(ALICE) == []
    await lists.unblock(ALICE, BOB)
    assert [question.address for question in await lists.questions(ALICE)] == [BOB]


async def test_what_the_blocked_do_is_on_both_lists_and_in_nobodys_ear(house, lists):
    await house.befriend(ALICE, BOB)
    await lists.block(ALICE, BOB)
    alice = house.desk(ALICE)
    await lists.stop(BOB, ALICE)
    await lists.remove(BOB, ALICE)
    assert await house.states(ALICE, BOB) == ["none", "no entry"]
    assert {type(news) for news in alice.news} == {ContactChanged}


async def test_blocking_has_a_limit_and_nobody_blocks_themselves(lists, store):
    await store.put_blocked(ALICE, frozenset(who(f"b{number}") for number in range(MAX_BLOCKED)))
    with pytest.raises(TooLarge):
        await lists.block(ALICE, BOB)
    with pytest.raises(NotAllowed):
        await lists.block(BOB, BOB)


# ---- the access decision


async def test_everybody_sees_themselves(lists):
    assert await lists.level(ALICE, ALICE) is AccessLevel.PERSONAL


async def test_somebody_unknown_sees_nothing_unless_the_site_is_public(store):
    assert await House(store).lists.level(None, ALICE) is STRANGER
    assert await House(store, public=True).lists.level(None, ALICE) is AccessLevel.EXTERNAL


async def test_a_public_site_shows_the_unknown_and_the_nonexistent_alike(store):
    lists = House(store, public=True).lists
    assert await lists.level(None, NOBODY) is await lists.level(None, ALICE)


async def test_where_everyone_of_the_domain_may_see_strangers_still_may_not(store):
    lists = House(store, same_domain="everyone").lists
    assert await lists.level(BOB, ALICE) is COLLEAGUES
    assert await lists.level(ERIN, ALICE) is STRANGER
    assert await lists.level(NOBODY, ALICE) is COLLEAGUES
    await lists.block(ALICE, BOB)
    assert await lists.level(BOB, ALICE) is AccessLevel.BLOCKED


async def test_two_domains_of_one_server_are_two_sites(store):
    lists = House(store, domains=("example.test", "elsewhere.test"), same_domain="everyone").lists
    assert await lists.level(ERIN, ALICE) is STRANGER


async def test_a_contact_of_another_domain_sees_availability_alone(store):
    await store.put_contacts([Contact(ALICE, ERIN, subscription=Subscription.FROM)])
    assert await House(store).lists.level(ERIN, ALICE) is AccessLevel.EXTERNAL
    assert await House(store, domains=("example.test", "elsewhere.test")).lists.level(ERIN, ALICE) is COLLEAGUES


@pytest.mark.parametrize("subscription", list(Subscription))
async def test_seeing_somebody_does_not_make_one_seen(store, subscription):
    await store.put_contacts([Contact(ALICE, BOB, subscription=subscription, asked=True, asking=True, approved=True)])
    seen = subscription in (Subscription.FROM, Subscription.BOTH)
    assert await House(store).lists.level(BOB, ALICE) is (COLLEAGUES if seen else STRANGER)


class Privacy:
    """Lets Carol see everything and Dave nothing; has no opinion about others."""

    @hookimpl
    async def access(self, watcher, presentity):
        return {CAROL: AccessLevel.PERSONAL, DAVE: STRANGER}.get(watcher)


async def test_a_plugin_may_decide_before_the_lists_do(store):
    house = House(store, Privacy())
    await house.befriend(ALICE, DAVE)
    await house.befriend(ALICE, BOB)
    assert await house.lists.level(CAROL, ALICE) is AccessLevel.PERSONAL
    assert await house.lists.level(DAVE, ALICE) is STRANGER
    assert await house.lists.level(BOB, ALICE) is COLLEAGUES


async def test_no_plugin_shows_somebody_to_whom_they_block_or_hides_them_from_themselves(store):
    house = House(store, Privacy())
    await house.lists.block(ALICE, CAROL)
    assert await house.lists.level(CAROL, ALICE) is AccessLevel.BLOCKED
    assert await house.lists.level(DAVE, DAVE) is AccessLevel.PERSONAL


# ---- somebody leaves


async def test_somebody_who_is_removed_is_off_every_list_and_out_of_sight(house, lists):
    await house.befriend(ALICE, BOB)
    await house.befriend(BOB, CAROL)
    await lists.ask(DAVE, ALICE)
    await lists.ask(BOB, DAVE)
    alice, dave = house.desk(ALICE), house.desk(DAVE)
    await house.accounts.remove(BOB)
    assert await lists.of(ALICE) == await lists.of(CAROL) == await lists.of(BOB) == []
    assert await lists.questions(DAVE) == []
    assert [(news.contact.address, news.removed) for news in alice.news] == [(BOB, True)]
    assert dave.news == []
    assert await lists.level(ALICE, BOB) is await lists.level(BOB, ALICE) is STRANGER
    assert ("access", BOB, None) in house.happened
    assert ("access", ALICE, [BOB]) in house.happened


async def test_a_new_person_of_the_same_name_inherits_nothing(house, lists, store):
    await house.befriend(ALICE, BOB)
    await lists.block(BOB, CAROL)
    await lists.ask(DAVE, BOB, Native("xmpp", b"old friend?"))
    await house.accounts.remove(BOB)
    await house.accounts.add(BOB, None, Person(str(BOB), "Another Bob"))
    assert await lists.of(BOB) == await lists.questions(BOB) == []
    assert await lists.blocked(BOB) == frozenset()
    assert await lists.words(BOB, DAVE) is None
    assert await lists.level(ALICE, BOB) is await lists.level(BOB, ALICE) is STRANGER


# ---- many at once


async def test_deeds_of_both_sides_at_once_leave_lists_that_agree(house, lists):
    deeds = [lists.ask, lists.grant, lists.stop, lists.revoke]
    for turn in range(6):
        await asyncio.gather(
            *(deed(*pair) for pair in ((ALICE, BOB), (BOB, ALICE)) for deed in deeds[turn % 4 :] + deeds[: turn % 4])
        )
        mine = await lists.get(ALICE, BOB) or Contact(ALICE, BOB)
        theirs = await lists.get(BOB, ALICE) or Contact(BOB, ALICE)
        assert (mine.sees, mine.seen) == (theirs.seen, theirs.sees)
        assert (mine.asked, mine.asking) == (theirs.asking, theirs.asked)


async def test_a_ring_of_people_who_ask_each_other_at_once_does_not_lock_up(lists):
    ring = [ALICE, BOB, CAROL, DAVE]
    async with asyncio.timeout(20):
        await asyncio.gather(*(lists.ask(one, other) for one in ring for other in ring if one != other))
    for person in ring:
        assert len(await lists.questions(person)) == len(await lists.of(person)) == 3


async def test_what_is_in_memory_is_what_is_in_the_store(house, lists, store):
    await house.befriend(ALICE, BOB)
    await lists.put(ALICE, CAROL, name="Carol", groups=("Work",))
    await lists.remove(ALICE, BOB)
    await lists.ask(DAVE, ALICE)
    for person in (ALICE, BOB, CAROL, DAVE):
        held = await lists._lists.of(person)
        assert sorted(held.entries.values(), key=lambda entry: entry.address) == sorted(
            await store.contacts(person), key=lambda entry: entry.address
        )


async def test_identities_are_compared_and_not_their_spelling(lists):
    await lists.put(ALICE, Identity.parse("sip:BOB@Example.test"), name="Bob", groups=())
    assert await lists.get(ALICE, BOB)


# ---- with presence: what watchers really see


class Window:
    """A watcher that remembers how available it was told somebody is."""

    def __init__(self, identity):
        self.identity = identity
        self.seen = []

    def notify(self, view, before):
        self.seen.append(view.document.availability.name.lower())


@pytest.fixture
async def alice_is_here(front_end):
    """Alice is available; Bob, who may see her, and Carol, who may not, look."""
    desk = Publication("desk", Source.MACHINE, Availability.AVAILABLE, front_end.clock(), instance="desk")
    await front_end.presence.publish(ALICE, desk)
    await front_end.contacts.ask(BOB, ALICE)
    await front_end.contacts.grant(ALICE, BOB)
    bob, carol = Window(BOB), Window(CAROL)
    await front_end.presence.watch(ALICE, bob)
    await front_end.presence.watch(ALICE, carol)
    assert (bob.seen, carol.seen) == (["available"], ["offline"])
    return front_end.contacts, bob, carol


async def test_a_yes_shows_and_a_no_hides_at_once(alice_is_here):
    lists, bob, carol = alice_is_here
    await lists.ask(CAROL, ALICE)
    assert carol.seen == ["offline"]
    await lists.grant(ALICE, CAROL)
    assert carol.seen == ["offline", "available"]
    await lists.revoke(ALICE, BOB)
    assert bob.seen == ["available", "offline"]
    await lists.stop(CAROL, ALICE)
    assert carol.seen == ["offline", "available", "offline"]


async def test_a_block_hides_at_once_and_its_end_shows(alice_is_here):
    lists, bob, carol = alice_is_here
    await lists.block(ALICE, BOB)
    await lists.block(ALICE, CAROL)
    await lists.unblock(ALICE)
    assert bob.seen == ["available", "offline", "available"]
    assert carol.seen == ["offline"]


async def test_taking_somebody_off_the_list_hides_at_once(alice_is_here):
    lists, bob, _ = alice_is_here
    await lists.remove(ALICE, BOB)
    assert bob.seen == ["available", "offline"]


async def test_an_account_that_goes_is_out_of_everybodys_sight(front_end, alice_is_here):
    _, bob, _ = alice_is_here
    await front_end.accounts.remove(ALICE)
    assert bob.seen == ["available", "offline"]
