"""Documents that were written once, and a contact list that went on: the document says what is true, and once."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from .....core.contacts import Contact
from .....core.identity import Identity
from .....plugins.sip.resource_lists import NAMESPACE
from .....plugins.sip.xcap import contact_list, presence_rules
from .....plugins.sip.xcap.faults import Fault
from .....plugins.sip.xcap.presence_rules import ALLOW, BLOCK, CONFIRM, POLICY, RULES
from .....plugins.sip.xcap.usage import reread, written
from .....plugins.sip.xml import escaped
from ....people import ALICE, BOB, CAROL, DAVE

CAST = (BOB, CAROL, DAVE, Identity("erin", "elsewhere.test"))
GROUPS = ("friends", "work", contact_list.UNGROUPED)
NAMES = st.sampled_from(("", "Bob", "<&>", "ä"))
ENTRIES = st.lists(st.sampled_from(CAST), unique=True, max_size=4).flatmap(
    lambda people: st.tuples(*(st.tuples(st.just(who), NAMES) for who in people))
)
LISTS = st.dictionaries(st.sampled_from(("", *GROUPS)), ENTRIES, max_size=4)
CONTACTS = st.dictionaries(
    st.sampled_from(CAST),
    st.builds(
        lambda name, groups: Contact(ALICE, ALICE, name, tuple(groups)),
        NAMES,
        st.lists(st.sampled_from(GROUPS), unique=True),
    ),
)


def lists_of(lists: Mapping[str, tuple[tuple[Identity, str], ...]]) -> bytes:
    """A document as a client might have written it."""
    text = ""
    for name, people in lists.items():
        named = f' name="{name}"' if name else ""
        inside = "".join(
            f'<entry uri="sip:{who}"><display-name>{escaped(called)}</display-name></entry>' for who, called in people
        )
        text += f"<list{named}>{inside}</list>"
    return f'<resource-lists xmlns="{NAMESPACE}">{text}</resource-lists>'.encode()


@given(LISTS, CONTACTS)
def test_a_contact_list_is_read_out_of_its_document_again(
    lists: Mapping[str, tuple[tuple[Identity, str], ...]], known: Mapping[Identity, Contact]
) -> None:
    contacts = [Contact(ALICE, who, contact.name, contact.groups) for who, contact in sorted(known.items())]
    root = reread(lists_of(lists))
    contact_list.reconcile(root, contacts)
    root = reread(written(root))
    wanted = contact_list.read(root, ALICE)
    assert set(wanted) == set(known)
    for contact in contacts:
        want = wanted[contact.address]
        assert want.name(contact.name) == contact.name and want.names == {contact.name}
        assert sorted(want.groups(contact.groups)) == sorted(contact.groups)
    assert contact_list.reconcile(root, contacts) is False, "it is true now"


HANDLINGS = st.sampled_from(tuple(presence_rules.HANDLING))
RULE = st.tuples(HANDLINGS, st.lists(st.sampled_from(CAST), max_size=3))
NOW = st.dictionaries(st.sampled_from(CAST), st.sampled_from((ALLOW, BLOCK)))


def rules_of(rules: list[tuple[str, list[Identity]]]) -> bytes:
    text = ""
    for number, (handling, people) in enumerate(rules):
        ones = "".join(f'<one id="sip:{who}"/>' for who in people)
        text += (
            f'<rule id="r{number}"><conditions><identity>{ones}</identity></conditions>'
            f"<actions><pr:sub-handling>{handling}</pr:sub-handling></actions></rule>"
        )
    return f'<ruleset xmlns="{POLICY}" xmlns:pr="{RULES}">{text}</ruleset>'.encode()


@given(st.lists(RULE, max_size=4), NOW)
def test_who_may_see_is_read_out_of_the_rules_again(
    rules: list[tuple[str, list[Identity]]], now: Mapping[Identity, str]
) -> None:
    root = reread(rules_of(rules))
    presence_rules.reconcile(root, now)
    root = reread(written(root))
    said = presence_rules.read(root)
    assert {who: effect for who, effect in said.items() if effect != CONFIRM} == now
    assert presence_rules.reconcile(root, now) is False


WORDS = ("list", "entry", "display-name", "entry-ref", "rule", "identity", "one", "conditions", "actions", "other")
URIS = st.sampled_from(("", "sip:a@b.c", "x"))
TREES = st.recursive(
    st.builds(lambda word, uri: f'<{word} uri="{uri}" id="{uri}"/>', st.sampled_from(WORDS), URIS),
    lambda inner: st.builds(
        lambda word, parts: f'<{word} name="{len(parts)}" id="i">{"".join(parts)}</{word}>',
        st.sampled_from(WORDS),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@given(TREES)
def test_any_document_is_understood_or_refused_by_name(inside: str) -> None:
    for root, namespace in (("resource-lists", NAMESPACE), ("ruleset", POLICY)):
        document = reread(f'<{root} xmlns="{namespace}">{inside}</{root}>'.encode())
        try:
            if root == "ruleset":
                presence_rules.read(document)
            else:
                contact_list.read(document, ALICE)
        except Fault as refused:
            assert refused.kind in ("schema-validation-error", "constraint-failure", "uniqueness-failure")
            reread(refused.document)
