"""The contact list over XCAP: the same list that every other client has."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest

from .....core.contacts import Contact
from .....core.identity import Identity
from .....plugins.sip.xcap import contact_list
from ....people import ALICE, BOB, CAROL, DAVE
from .conftest import Office

RL = contact_list.NAMESPACE
SPACE = f"{{{RL}}}"
PATIENCE = 10.0
LISTS = "resource-lists"


def whole(*lists: str) -> str:
    return f'<?xml version="1.0"?>\n<resource-lists xmlns="{RL}">{"".join(lists)}</resource-lists>'


def listed(name: str, *entries: str) -> str:
    return f'<list name="{name}">{"".join(entries)}</list>'


def entry(who: Identity | str, name: str = "") -> str:
    shown = f"<display-name>{name}</display-name>" if name else ""
    return f'<entry uri="sip:{who}">{shown}</entry>'


def at(name: str, who: Identity) -> str:
    return f'resource-lists/list[@name="{name}"]/entry[@uri="sip:{who}"]'


def canonical(document: str) -> str:
    """Equal for documents that say the same."""
    return ElementTree.canonicalize(document)


async def seen(office: Office) -> dict[str, dict[str, str]]:
    """Lists, and the names of whom is on them."""
    answer = await office.ask("GET", LISTS)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/resource-lists+xml")
    found: dict[str, dict[str, str]] = {}
    for one in ElementTree.fromstring(answer.body).iter(f"{SPACE}list"):
        people = {e.get("uri", ""): e.findtext(f"{SPACE}display-name", "") for e in one.iter(f"{SPACE}entry")}
        found[one.get("name", "")] = people
    return found


async def contact(office: Office, who: Identity) -> Contact | None:
    return await office.front_end.contacts.get(ALICE, who)


async def test_the_contact_list_is_there_before_anybody_wrote_it(office: Office) -> None:
    assert await seen(office) == {}
    await office.front_end.contacts.put(ALICE, BOB, name="Bob", groups=("friends", "work"))
    await office.front_end.contacts.put(ALICE, CAROL, name="", groups=())
    assert await seen(office) == {
        "contacts": {f"sip:{CAROL}": ""},
        "friends": {f"sip:{BOB}": "Bob"},
        "work": {f"sip:{BOB}": "Bob"},
    }


async def test_a_document_that_is_put_is_the_contact_list_and_stays_as_it_was_written(office: Office) -> None:
    friends, own = listed("friends", entry(CAROL, "C"), entry(BOB)), '<x:own xmlns:x="urn:x">1</x:own>'
    document = whole(friends, listed("empty"), own)
    answer = await office.ask("PUT", LISTS, body=document)
    assert (answer.status, answer.body) == (200, "")
    found = await contact(office, CAROL)
    assert found is not None and (found.name, found.groups, found.listed) == ("C", ("friends",), True)
    again = await office.ask("GET", LISTS)
    assert again.etag == answer.etag
    assert canonical(again.body) == canonical(document), "order, empty lists and extensions stay"


async def test_whoever_is_added_is_asked_as_everywhere(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("friends", entry(BOB, "Bob"))))
    [question] = await office.front_end.contacts.questions(BOB)
    assert question.address == ALICE
    found = await contact(office, BOB)
    assert found is not None and found.asked and found.approved
    await office.front_end.contacts.grant(BOB, ALICE)
    await office.ask("PUT", LISTS, at("friends", BOB), entry(BOB, "Bobby"))
    found = await contact(office, BOB)
    assert found is not None and (found.name, found.sees) == ("Bobby", True)


async def test_entries_come_and_go_one_by_one(office: Office) -> None:
    assert (await office.ask("PUT", LISTS, 'resource-lists/list[@name="friends"]', listed("friends"))).status == 201
    made = await office.ask("PUT", LISTS, at("friends", BOB), entry(BOB, "Bob"))
    assert made.status == 201 and await seen(office) == {"friends": {f"sip:{BOB}": "Bob"}}
    part = await office.ask("GET", LISTS, at("friends", BOB))
    assert (part.status, part.headers["Content-Type"], part.etag) == (200, "application/xcap-el+xml", made.etag)
    assert ElementTree.fromstring(part.body).get("uri") == f"sip:{BOB}"
    name = await office.ask("GET", LISTS, at("friends", BOB) + "/@uri")
    assert (name.body, name.headers["Content-Type"]) == (f"sip:{BOB}", "application/xcap-att+xml")
    assert (await office.ask("DELETE", LISTS, at("friends", BOB))).status == 200
    assert await seen(office) == {"friends": {}} and await contact(office, BOB) is None
    assert (await office.ask("DELETE", LISTS, at("friends", BOB))).status == 404
    assert (await office.ask("GET", LISTS, at("friends", BOB))).status == 404


async def test_what_other_clients_change_is_in_the_document(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("friends", entry(BOB, "Bob"), entry(CAROL)), listed("work")))
    contacts = office.front_end.contacts
    await contacts.put(ALICE, BOB, name="Robert", groups=("work", "new"))
    await contacts.remove(ALICE, CAROL)
    await contacts.put(ALICE, DAVE, name="", groups=())
    assert await seen(office) == {
        "friends": {},
        "work": {f"sip:{BOB}": "Robert"},
        "new": {f"sip:{BOB}": "Robert"},
        "contacts": {f"sip:{DAVE}": ""},
    }


async def test_changing_one_entry_leaves_what_others_wrote_alone(office: Office) -> None:
    """A group that is called like the list of those in no group stays a group."""
    await office.front_end.contacts.put(ALICE, BOB, name="Bob", groups=("contacts", "b"))
    await office.front_end.contacts.put(ALICE, CAROL, name="", groups=())
    await office.ask("PUT", LISTS, at("contacts", CAROL), entry(CAROL, "Carol"))
    bob, carol = await contact(office, BOB), await contact(office, CAROL)
    assert bob is not None and (bob.name, bob.groups) == ("Bob", ("contacts", "b"))
    assert carol is not None and (carol.name, carol.groups) == ("Carol", ())


async def test_a_name_changed_in_one_list_is_changed_in_all(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("a", entry(BOB, "Bob")), listed("b", entry(BOB, "Bob"))))
    await office.ask("PUT", LISTS, at("b", BOB), entry(BOB, "Robert"))
    assert await seen(office) == {"a": {f"sip:{BOB}": "Robert"}, "b": {f"sip:{BOB}": "Robert"}}


async def test_lists_in_lists_and_nameless_lists_are_kept(office: Office) -> None:
    document = whole(f"<list>{entry(BOB)}{listed('inner', entry(CAROL))}</list>")
    answer = await office.ask("PUT", LISTS, body=document)
    bob, carol = await contact(office, BOB), await contact(office, CAROL)
    assert bob is not None and bob.groups == () and carol is not None and carol.groups == ("inner",)
    assert (await office.ask("GET", LISTS)).etag == answer.etag


# ---- what is refused


def fault(body: str) -> str:
    root = ElementTree.fromstring(body)
    assert root.tag == "{urn:ietf:params:xml:ns:xcap-error}xcap-error"
    [kind] = root
    assert kind.get("phrase")
    return kind.tag.rpartition("}")[2]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("<resource-lists", "not-well-formed"),
        (b"<resource-lists>\xff</resource-lists>", "not-utf-8"),
        ("<!DOCTYPE x><resource-lists/>", "not-well-formed"),
        ("<resource-lists/>", "schema-validation-error"),
        (whole("<entry uri='sip:bob@example.test'/>"), "schema-validation-error"),
        (whole("<list><entry/></list>"), "schema-validation-error"),
        (whole("<list><other/></list>"), "schema-validation-error"),
        (whole(listed("a"), listed("a")), "uniqueness-failure"),
        (whole(listed("a", entry(BOB), entry(BOB))), "uniqueness-failure"),
        (whole('<list><entry-ref ref="x"/></list>'), "constraint-failure"),
        (whole('<list><external anchor="x"/></list>'), "constraint-failure"),
        (whole(listed("a", entry(ALICE))), "constraint-failure"),
        (whole(listed("a", '<entry uri="tel:+49301234"/>')), "constraint-failure"),
        (whole(listed("a", '<entry uri="sip:nobody"/>')), "constraint-failure"),
        (whole(listed("a", entry(BOB, "x" * 1025))), "constraint-failure"),
        (whole(listed("x" * 1025)), "constraint-failure"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_changes_nothing(office: Office, document: str, kind: str) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("friends", entry(CAROL))))
    answer = await office.ask("PUT", LISTS, body=document)
    assert (answer.status, answer.headers["Content-Type"]) == (409, "application/xcap-error+xml")
    assert fault(answer.body) == kind
    assert await seen(office) == {"friends": {f"sip:{CAROL}": ""}}


async def test_a_list_has_as_many_contacts_as_a_contact_list(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_list, "MAX_CONTACTS", 2)
    document = whole(listed("a", *(entry(f"p{n}@example.test") for n in range(3))))
    assert fault((await office.ask("PUT", LISTS, body=document)).body) == "constraint-failure"
    assert await seen(office) == {}


async def test_the_contact_list_is_never_deleted_at_once(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("friends", entry(CAROL))))
    answer = await office.ask("DELETE", LISTS)
    assert (answer.status, fault(answer.body)) == (409, "cannot-delete")
    assert await contact(office, CAROL) is not None


async def test_an_entry_needs_its_list(office: Office) -> None:
    answer = await office.ask("PUT", LISTS, at("friends", BOB), entry(BOB))
    assert (answer.status, fault(answer.body)) == (409, "no-parent")


async def test_changes_at_the_same_time_come_one_after_the_other(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("friends")))
    people = [Identity(f"p{n}", "example.test") for n in range(6)]
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*(office.ask("PUT", LISTS, at("friends", p), entry(p)) for p in people))
    assert {answer.status for answer in answers} == {201}
    assert len((await seen(office))["friends"]) == 6
