"""Presence rules over XCAP: who may see somebody, as every other client sets it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from .....core.access import AccessLevel
from .....core.identity import Identity
from .....plugins.sip.xcap.presence_rules import OMA, POLICY, RULES
from ....people import ALICE, BOB, CAROL, DAVE
from .conftest import Office
from .test_contact_list import canonical, fault

SPACE, PRES = f"{{{POLICY}}}", f"{{{RULES}}}"
PRES_RULES = "pres-rules"
ALL = "".join(f"<pr:provide-{k}s><pr:all-{k}s/></pr:provide-{k}s>" for k in ("device", "person", "service"))
PART = "<pr:provide-services><pr:service-uri>x</pr:service-uri></pr:provide-services>"
BLOCKED, STRANGER, COLLEAGUES = AccessLevel.BLOCKED, AccessLevel.STRANGER, AccessLevel.COLLEAGUES


def ruleset(*rules: str) -> str:
    return f'<ruleset xmlns="{POLICY}" xmlns:pr="{RULES}" xmlns:ocp="{OMA}">{"".join(rules)}</ruleset>'


def rule(id: str, handling: str, *people: Identity | str, conditions: str = "", transformations: str = "") -> str:
    ones = "".join(f'<one id="sip:{who}"/>' for who in people)
    conditions = conditions or (f"<identity>{ones}</identity>" if people else "")
    return (
        f'<rule id="{id}"><conditions>{conditions}</conditions>'
        f"<actions><pr:sub-handling>{handling}</pr:sub-handling></actions>"
        f"<transformations>{transformations}</transformations></rule>"
    )


async def seen(office: Office, usage: str = PRES_RULES, document: str = "index") -> dict[str, tuple[str, set[str]]]:
    """The rules: what becomes of whom."""
    answer = await office.ask("GET", usage, document=document)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/auth-policy+xml")
    return {
        one.get("id", ""): (
            one.findtext(f"{SPACE}actions/{PRES}sub-handling", ""),
            {person.get("id", "")[4:] for person in one.iter(f"{SPACE}one")},
        )
        for one in ElementTree.fromstring(answer.body)
    }


async def levels(office: Office, *people: Identity) -> list[AccessLevel]:
    return [await office.front_end.contacts.level(who, ALICE) for who in people]


async def test_what_the_contact_list_says_is_in_the_rules(office: Office) -> None:
    assert await seen(office) == {}
    contacts = office.front_end.contacts
    await contacts.ask(BOB, ALICE)
    await contacts.grant(ALICE, BOB)
    await contacts.block(ALICE, CAROL)
    assert await seen(office) == {"allowed": ("allow", {str(BOB)}), "blocked": ("polite-block", {str(CAROL)})}
    same = await seen(office, "org.openmobilealliance.pres-rules", "pres-rules")
    assert same == await seen(office)


async def test_rules_that_are_put_are_who_may_see(office: Office) -> None:
    for who in (BOB, CAROL):
        await office.front_end.contacts.ask(who, ALICE)
    bob, carol = rule("a", "allow", BOB, transformations=ALL), rule("b", "block", CAROL)
    document = ruleset(bob, carol, rule("c", "confirm", DAVE))
    answer = await office.ask("PUT", PRES_RULES, body=document)
    assert answer.status == 200
    assert await levels(office, BOB, CAROL, DAVE) == [COLLEAGUES, BLOCKED, STRANGER]
    again = await office.ask("GET", PRES_RULES)
    assert again.etag == answer.etag
    assert canonical(again.body) == canonical(document), "as it was written, block and all"


async def test_allowing_somebody_who_has_not_asked_yet_is_a_yes_in_advance(office: Office) -> None:
    await office.ask("PUT", PRES_RULES, body=ruleset(rule("a", "allow", BOB)))
    assert await levels(office, BOB) == [STRANGER]
    assert (await seen(office))["a"] == ("allow", {str(BOB)})
    await office.front_end.contacts.ask(BOB, ALICE)
    assert await levels(office, BOB) == [COLLEAGUES]


async def test_people_come_and_go_one_by_one(office: Office) -> None:
    await office.front_end.contacts.ask(BOB, ALICE)
    await office.ask("PUT", PRES_RULES, body=ruleset(rule("a", "allow", BOB, DAVE)))
    one = f'ruleset/rule[@id="a"]/conditions/identity/one[@id="sip:{BOB}"]'
    assert (await office.ask("DELETE", PRES_RULES, one)).status == 200
    assert await levels(office, BOB) == [STRANGER] and (await seen(office))["a"] == ("allow", {str(DAVE)})
    handling = 'ruleset/rule[@id="a"]/actions/pr:sub-handling'
    changed = await office.ask(
        "PUT", PRES_RULES, handling, "<pr:sub-handling>block</pr:sub-handling>", query=f"?xmlns(pr={RULES})"
    )
    assert changed.status == 200 and await levels(office, DAVE) == [BLOCKED]


async def test_a_rule_that_would_name_nobody_any_more_is_not_about_everybody(office: Office) -> None:
    await office.ask("PUT", PRES_RULES, body=ruleset(rule("a", "allow", BOB)))
    one = f'ruleset/rule[@id="a"]/conditions/identity/one[@id="sip:{BOB}"]'
    assert (await office.ask("DELETE", PRES_RULES, one)).status == 200
    assert await levels(office, BOB, CAROL) == [STRANGER, STRANGER]


async def test_what_other_clients_decide_is_in_the_document(office: Office) -> None:
    contacts = office.front_end.contacts
    for who in (BOB, CAROL):
        await contacts.ask(who, ALICE)
    rules = rule("a", "allow", BOB), rule("b", "allow", CAROL), rule("c", "block", DAVE)
    await office.ask("PUT", PRES_RULES, body=ruleset(*rules))
    await contacts.block(ALICE, BOB)
    await contacts.revoke(ALICE, CAROL)
    await contacts.unblock(ALICE, DAVE)
    assert await seen(office) == {"blocked": ("polite-block", {str(BOB)})}


async def test_where_several_rules_fit_the_most_open_one_counts(office: Office) -> None:
    await office.front_end.contacts.ask(BOB, ALICE)
    await office.ask("PUT", PRES_RULES, body=ruleset(rule("a", "block", BOB), rule("b", "allow", BOB)))
    assert await levels(office, BOB) == [COLLEAGUES]


@pytest.mark.parametrize(
    ("id", "handling", "conditions"),
    [
        ("others", "confirm", ""),
        ("others", "confirm", "<ocp:other-identity/>"),
        ("unnamed", "block", "<ocp:anonymous-request/>"),
        ("unnamed", "polite-block", "<ocp:anonymous-request/>"),
    ],
)
async def test_rules_that_say_what_holds_anyhow_are_kept(
    office: Office, id: str, handling: str, conditions: str
) -> None:
    document = ruleset(rule(id, handling, conditions=conditions))
    assert (await office.ask("PUT", PRES_RULES, body=document)).status == 200
    assert canonical((await office.ask("GET", PRES_RULES)).body) == canonical(document)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("<ruleset/>", "schema-validation-error"),
        (ruleset("<rule/>"), "schema-validation-error"),
        (ruleset(rule("a", "maybe", BOB)), "schema-validation-error"),
        (ruleset(rule("a", "allow", BOB), rule("a", "allow", CAROL)), "uniqueness-failure"),
        (ruleset(rule("a", "allow")), "constraint-failure"),
        (ruleset(rule("a", "block", conditions="<ocp:other-identity/>")), "constraint-failure"),
        (ruleset(rule("a", "allow", conditions="<ocp:anonymous-request/>")), "constraint-failure"),
        (ruleset(rule("a", "allow", conditions="<sphere value='work'/>")), "constraint-failure"),
        (ruleset(rule("a", "allow", conditions="<identity><many/></identity>")), "constraint-failure"),
        (ruleset(rule("a", "allow", ALICE)), "constraint-failure"),
        (ruleset(rule("a", "allow", "nowhere")), "constraint-failure"),
        (ruleset(rule("a", "allow", BOB, transformations="<pr:provide-note>false</pr:provide-note>")),
         "constraint-failure"),
        (ruleset(rule("a", "allow", BOB, transformations=PART)), "constraint-failure"),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused_and_changes_nothing(office: Office, document: str, kind: str) -> None:
    await office.front_end.contacts.block(ALICE, BOB)
    answer = await office.ask("PUT", PRES_RULES, body=document)
    assert (answer.status, fault(answer.body)) == (409, kind)
    assert await seen(office) == {"blocked": ("polite-block", {str(BOB)})}


async def test_rules_are_never_deleted_at_once(office: Office) -> None:
    assert fault((await office.ask("DELETE", PRES_RULES)).body) == "cannot-delete"
