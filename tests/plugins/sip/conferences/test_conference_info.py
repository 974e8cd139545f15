"""Documents of who is in a conference: whole ones, and what has changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from .....plugins.sip.conferences.conference_info import NAMESPACE, Member, Roster, full, over, partial
from .....plugins.sip.xml import document

NS = {"c": NAMESPACE}
ALICE = Member("sip:alice@example.test", "Alice <3 & co", True, ("sip:alice@example.test;gr=1",))
BOB = Member("sip:bob@example.test", "Bob", False, ("sip:bob@example.test;gr=1", "sip:bob@example.test;gr=2"))
CAROL = Member("sip:carol@example.test", "Carol", False)
TEA = Roster("sip:r@conference.example.test", "Tea & cake", False, (ALICE, BOB), 250)


def read(body: bytes | None) -> etree._Element:
    assert body is not None
    return document(body, f"{{{NAMESPACE}}}conference-info")


def texts(root: etree._Element, path: str) -> list[str]:
    return [str(found.text or "") for found in root.findall(path, NS)]


def states(root: etree._Element) -> dict[str, str]:
    return {user.get("entity", ""): user.get("state", "") for user in root.findall("c:users/c:user", NS)}


def test_the_whole_document() -> None:
    root = read(full(TEA, 3))
    assert (root.get("state"), root.get("version"), root.get("entity")) == ("full", "3", TEA.uri)
    assert texts(root, "c:conference-description/c:subject") == ["Tea & cake"]
    assert texts(root, "c:conference-state/*") == ["2", "true", "false"]
    assert states(root) == {ALICE.uri: "full", BOB.uri: "full"}
    assert texts(root, ".//c:roles/c:entry") == ["admin", "participant"]
    assert texts(root, ".//c:display-text") == ["Alice <3 & co", "Bob"]
    assert [e.get("entity") for e in root.iterfind(".//c:endpoint", NS)] == [*ALICE.endpoints, *BOB.endpoints]


def test_the_order_of_elements_is_that_of_the_schema() -> None:
    root = read(full(TEA, 0))
    assert [etree.QName(e).localname for e in root] == ["conference-description", "conference-state", "users"]


def test_nothing_new_is_no_document() -> None:
    assert partial(TEA, TEA, 4) is None


def test_who_came_went_and_changed() -> None:
    desk = BOB._replace(moderator=True, endpoints=("sip:bob@example.test;gr=2", "sip:bob@example.test;gr=3"))
    root = read(partial(TEA, TEA._replace(members=(desk, CAROL)), 4))
    assert root.get("state") == "partial" and root.find("c:users", NS).get("state") == "partial"  # type: ignore[union-attr]
    assert states(root) == {BOB.uri: "partial", CAROL.uri: "full", ALICE.uri: "deleted"}
    assert texts(root, ".//c:roles/c:entry") == ["admin", "participant"]
    endpoints = {e.get("entity", "")[-1]: e.get("state") for e in root.iterfind(".//c:endpoint", NS)}
    assert endpoints == {"3": "full", "1": "deleted"}
    assert texts(root, "c:conference-state/c:user-count") == ["2"]


def test_a_new_subject_alone_and_a_lock() -> None:
    root = read(partial(TEA, TEA._replace(subject="Cocoa", locked=True), 5))
    assert texts(root, "c:conference-description/c:subject") == ["Cocoa"]
    assert texts(root, "c:conference-state/c:locked") == ["true"] and root.find("c:users", NS) is None


def test_the_end() -> None:
    root = read(over(TEA, 6))
    assert states(root) == {} and texts(root, "c:conference-state/c:active") == ["false"]


def test_liblinphone_needs_a_description_in_every_document() -> None:
    for body in (full(TEA, 1), partial(TEA, TEA._replace(members=()), 2), over(TEA, 3)):
        assert read(body).find("c:conference-description", NS) is not None


people = st.builds(Member, st.sampled_from(["sip:a@x", "sip:b@x", "sip:c@x"]), st.text(max_size=5), st.booleans())
rosters = st.lists(people, unique_by=lambda m: m.uri, max_size=3).map(
    lambda members: TEA._replace(members=tuple(members))
)


@given(rosters, rosters)
def test_what_was_known_and_what_changed_make_what_is(before: Roster, after: Roster) -> None:
    body = partial(before, after, 1)
    known = {member.uri for member in before.members}
    for uri, state in states(read(body)).items() if body else ():
        known = known - {uri} if state == "deleted" else known | {uri}
    assert known == {member.uri for member in after.members}
