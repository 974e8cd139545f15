"""Contract of Store: people, credentials, contact lists, and small documents."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ....core.contacts import Contact, Subscription
from ....core.errors import HereaboutsError
from ....core.people import Person
from ...people import ALICE, BOB, CAROL, DAVE, who

MUELLER = Person(
    "mueller@example.test",
    "Jörg Müller",
    "joerg.mueller@corp.example",
    ["+49 30 1234567", "4711"],
    "Hausmeister",
    "Europe/Berlin",
    "de",
)


async def put(store, *people: Person) -> None:
    for person in people:
        await store.put_person(who(person.address), person)


async def names(store, query: str, **more: object) -> list[str]:
    return [person.name for person in await store.people(query, **more)]


# ---- people


async def test_a_person_comes_back_as_they_were_put(store):
    await put(store, MUELLER)
    assert await store.person(who("mueller")) == MUELLER
    assert await store.person(ALICE) is None


async def test_a_person_changes(store):
    await put(store, MUELLER, Person(MUELLER.address, "Jörg Meier"))
    assert await store.person(who("mueller")) == Person(MUELLER.address, "Jörg Meier")
    assert await names(store, "müller") == []


async def test_everybody_by_address(store):
    await put(store, Person("carol@example.test"), Person("alice@example.test"), Person("bob@example.test"))
    assert [person.address.split("@")[0] for person in await store.people()] == ["alice", "bob", "carol"]
    assert len(await store.people(limit=2)) == 2
    assert await store.people(limit=0) == [] == await store.people(limit=-1)


@pytest.mark.parametrize(
    "query", ["Jörg", "jörg", "MÜLLER", "rg Mü", "MUELLER@example", "@CORP", "30 123", "4711", "jo\u0308rg"]
)
async def test_people_are_found_by_part_of_name_address_mail_or_phone(store, query):
    await put(store, MUELLER, Person("alice@example.test", "Alice"))
    assert await names(store, query) == ["Jörg Müller"]


@pytest.mark.parametrize("query", ["Hausmeister", "Berlin", "x%", "_", "%", "jo*", "'", '"', "\x00"])
async def test_people_are_not_found_by_anything_else(store, query):
    await put(store, MUELLER)
    assert await names(store, query) == []


async def test_a_search_for_what_is_no_text_is_refused(store):
    with pytest.raises(HereaboutsError):
        await store.people("\ud83d")
    assert await store.people("x") == []


async def test_a_person_who_is_removed_is_gone_with_all_that_is_theirs(store):
    await put(store, Person(str(ALICE)), Person(str(BOB)))
    await store.put_credentials(ALICE, {"scram-sha-256": "key"})
    await store.put_contacts([Contact(ALICE, BOB), Contact(BOB, ALICE), Contact(BOB, CAROL)])
    await store.put_blocked(ALICE, frozenset([DAVE]))
    await store.put_document("vcard", str(ALICE), b"vcard")
    await store.put_document("bookmarks", f"{ALICE}/urn:xmpp:bookmarks:1", b"bookmarks")
    await store.remove_person(ALICE)
    assert await store.person(ALICE) is None and [p.address for p in await store.people()] == [str(BOB)]
    assert await store.credentials(ALICE) == {}
    assert await store.contacts(ALICE) == []
    assert [contact.address for contact in await store.contacts(BOB)] == [CAROL]
    assert await store.blocked(ALICE) == frozenset()
    assert await store.documents("vcard") == {} == await store.documents("bookmarks")


async def test_removing_a_person_harms_no_neighbour(store):
    """A neighbour is somebody whose address begins alike."""
    neighbour = who("alice@example.test.org")
    await put(store, Person(str(ALICE)), Person(str(neighbour)))
    await store.put_document("vcard", str(neighbour), b"theirs")
    await store.put_document("wild", "a_ice@example.test/x", b"theirs")
    await store.put_credentials(neighbour, {"k": "v"})
    await store.put_blocked(BOB, frozenset([ALICE]))
    await store.remove_person(ALICE)
    assert await store.person(neighbour) is not None
    assert await store.document("vcard", str(neighbour)) == b"theirs"
    assert await store.document("wild", "a_ice@example.test/x") == b"theirs"
    assert await store.credentials(neighbour) == {"k": "v"}
    assert await store.blocked(BOB) == {ALICE}


async def test_somebody_who_is_not_there_can_be_removed(store):
    await store.remove_person(ALICE)


# ---- credentials


async def test_credentials_are_replaced_all_at_once(store):
    await store.put_credentials(ALICE, {"scram-sha-256": "a", "digest-md5": "b"})
    assert await store.credentials(ALICE) == {"scram-sha-256": "a", "digest-md5": "b"}
    await store.put_credentials(ALICE, {"scrypt": "c"})
    assert await store.credentials(ALICE) == {"scrypt": "c"}
    assert await store.credentials(BOB) == {}
    await store.put_credentials(ALICE, {})
    assert await store.credentials(ALICE) == {}


# ---- contact lists

FULL = Contact(
    ALICE,
    BOB,
    "Bob from accounting",
    ("Work", "Bowling & co", "☕"),
    Subscription.BOTH,
    asked=True,
    asking=True,
    approved=True,
    listed=False,
)


async def test_a_contact_comes_back_as_it_was_put(store):
    plain = Contact(ALICE, CAROL)
    await store.put_contacts([FULL, plain])
    assert await store.contact(ALICE, BOB) == FULL
    assert await store.contacts(ALICE) == [FULL, plain]
    assert await store.contact(BOB, ALICE) is None
    assert await store.contacts(BOB) == []


async def test_a_contact_changes(store):
    await store.put_contacts([FULL])
    changed = replace(FULL, name="Bob", groups=(), subscription=Subscription.FROM, asked=False, listed=True)
    await store.put_contacts([changed])
    assert await store.contacts(ALICE) == [changed]


async def test_who_has_somebody_on_their_list(store):
    entries = [Contact(ALICE, CAROL), Contact(BOB, CAROL), Contact(CAROL, ALICE)]
    await store.put_contacts(entries)
    assert await store.watchers(CAROL) == entries[:2]
    assert await store.watchers(DAVE) == []


async def test_several_lists_change_in_one_go(store):
    await store.put_contacts([Contact(ALICE, BOB), Contact(BOB, ALICE)])
    await store.put_contacts([Contact(BOB, CAROL)], [(ALICE, BOB), (BOB, ALICE), (DAVE, ALICE)])
    assert await store.contacts(ALICE) == []
    assert await store.contacts(BOB) == [Contact(BOB, CAROL)]


async def test_several_lists_change_together_or_not_at_all(store):
    with pytest.raises(HereaboutsError):
        await store.put_contacts([Contact(ALICE, BOB), Contact(BOB, ALICE, "half \ud83d of a name")])
    assert await store.contacts(ALICE) == []


async def test_what_is_put_and_removed_at_once_is_there(store):
    await store.put_contacts([FULL], [(ALICE, BOB)])
    assert await store.contacts(ALICE) == [FULL]


async def test_blocked_people_are_replaced_all_at_once(store):
    await store.put_blocked(ALICE, frozenset([BOB, CAROL]))
    await store.put_blocked(BOB, frozenset([ALICE]))
    await store.put_blocked(ALICE, frozenset([CAROL, DAVE]))
    assert await store.blocked(ALICE) == {CAROL, DAVE}
    assert await store.blocked(BOB) == {ALICE}
    assert await store.blocked(CAROL) == frozenset()


# ---- documents


async def test_a_document_is_kept_changed_and_forgotten(store):
    assert await store.document("vcard", "alice") is None
    await store.put_document("vcard", "alice", b"one\x00\xff")
    assert await store.document("vcard", "alice") == b"one\x00\xff"
    await store.put_document("vcard", "alice", b"")
    assert await store.document("vcard", "alice") == b""
    await store.put_document("vcard", "alice", None)
    assert await store.document("vcard", "alice") is None
    await store.put_document("vcard", "alice", None)


async def test_kinds_are_apart(store):
    await store.put_document("vcard", "alice", b"one")
    await store.put_document("avatar", "alice", b"two")
    await store.put_document("avatar", "alice", None)
    assert await store.document("vcard", "alice") == b"one"


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["a", "a/", "a/1", "a/2", "a/☕", "ab", "a\U0001f600", "b%", "b_c"]),
        ("a/", ["a/", "a/1", "a/2", "a/☕"]),
        ("a", ["a", "a/", "a/1", "a/2", "a/☕", "ab", "a\U0001f600"]),
        ("b%", ["b%"]),
        ("b_", ["b_c"]),
        ("A", []),
        ("a/1", ["a/1"]),
        ("c", []),
    ],
)
async def test_documents_by_the_beginning_of_their_key(store, prefix, found):
    for key in ["b_c", "a/2", "b%", "a/☕", "ab", "a", "a/1", "a/", "a\U0001f600"]:
        await store.put_document("kind", key, key.encode())
    await store.put_document("other kind", "a/9", b"")
    assert await store.documents("kind", prefix) == {key: key.encode() for key in found}


async def test_the_kinds_of_documents_are_those_there_are_any_of(store):
    assert await store.document_kinds() == []
    for kind, key in (("vcard", "alice"), ("bookmarks", "alice"), ("vcard", "bob")):
        await store.put_document(kind, key, b"x")
    assert await store.document_kinds() == ["bookmarks", "vcard"]
    await store.put_document("bookmarks", "alice", None)
    assert await store.document_kinds() == ["vcard"]


async def test_the_last_of_two_who_write_at_once_is_kept(store):
    await asyncio.gather(*(store.put_document("kind", "key", str(n).encode()) for n in range(20)))
    assert await store.document("kind", "key") == b"19"


async def test_everything_outlives_a_restart(make_store):
    async with make_store() as store:
        await put(store, MUELLER)
        await store.put_contacts([FULL])
        await store.put_blocked(ALICE, frozenset([BOB]))
        await store.put_credentials(ALICE, {"k": "v"})
        await store.put_document("vcard", "alice", b"one")
    async with make_store() as store:
        assert await store.person(who("mueller")) == MUELLER
        assert await store.contacts(ALICE) == [FULL]
        assert await store.blocked(ALICE) == {BOB}
        assert await store.credentials(ALICE) == {"k": "v"}
        assert await store.document("vcard", "alice") == b"one"
