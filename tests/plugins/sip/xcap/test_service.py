"""XCAP over HTTP: only the owner, with a password; nobody overwrites what they have not seen."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from .....core.presence import Activity, Availability, Publication, Source
from .....plugins.sip.presence.pidf import PIDF
from ....people import ALICE, BOB, NOON
from ....stage import PASSWORD, sit
from ..presence.test_pidf import published
from .conftest import Office, office_in
from .test_contact_list import LISTS, at, entry, fault, listed, whole

BOBS = published(activities="<rpid:busy/>", note="deep in thought").decode()
ALICES = BOBS.replace("bob@", "alice@")
HARD = "pidf-manipulation"


def index(office: Office, usage: str) -> str:
    return f"{office.root}/{usage}/users/sip:{ALICE}/index"


# ---- who may


async def test_without_a_password_there_is_a_challenge_in_both_algorithms(office: Office) -> None:
    async with aiohttp.ClientSession() as session, session.get(index(office, LISTS)) as answer:
        assert answer.status == 401
        challenges = answer.headers.getall("WWW-Authenticate")
    assert ["SHA-256" in challenges[0], "MD5" in challenges[1]] == [True, True]
    assert all('realm="example.test"' in challenge for challenge in challenges)


async def test_nobody_reads_or_writes_what_is_somebody_elses(office: Office) -> None:
    for method, body in (("GET", ""), ("PUT", whole()), ("DELETE", "")):
        assert (await office.ask(method, LISTS, body=body, who=BOB)).status == 403


async def test_a_wrong_password_an_unknown_person_and_one_without_an_account_look_the_same(office: Office) -> None:
    wrong = await office.ask("GET", LISTS, password="not this")
    nobody = type(ALICE)("nobody", "example.test")
    unknown = await office.ask("GET", LISTS, who=nobody, owner=nobody)
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body) == (401, "")


async def test_guessing_passwords_is_slowed_down_as_it_is_for_phones(office: Office) -> None:
    answers = [(await office.ask("GET", LISTS, password="guess")) for _ in range(6)]
    assert [answer.status for answer in answers][:5] == [401] * 5
    assert answers[5].status == 429 and int(answers[5].headers["Retry-After"]) >= 1
    assert (await office.ask("GET", LISTS)).status == 429, "the right one waits too"
    office.clock.turn(seconds=10)
    assert (await office.ask("GET", LISTS)).status == 200


async def test_credentials_for_another_address_are_worth_nothing(office: Office) -> None:
    digest = aiohttp.DigestAuthMiddleware("alice", PASSWORD)
    async with aiohttp.ClientSession(middlewares=(digest,)) as session, session.get(index(office, LISTS)) as answer:
        assert answer.status == 200
        signed = {"Authorization": answer.request_info.headers["Authorization"]}
    async with aiohttp.ClientSession(headers=signed) as session:
        async with session.get(index(office, HARD)) as answer:
            assert answer.status == 400
        async with session.get(index(office, LISTS)) as answer:
            assert answer.status == 401, "nor twice"


# ---- what there is


async def test_what_is_served_is_said_to_everybody(office: Office) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{office.root}/xcap-caps/global/index") as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xcap-caps+xml")
            root = ElementTree.fromstring(await answer.text())
        async with session.put(f"{office.root}/xcap-caps/global/index", data=b"x") as answer:
            assert answer.status == 405
        async with session.get(f"{office.root}/{LISTS}/global/index") as answer:
            assert answer.status == 404
    space = "{urn:ietf:params:xml:ns:xcap-caps}"
    auids = {auid.text for auid in root.iter(f"{space}auid")}
    assert {"xcap-caps", LISTS, "pres-rules", HARD, "rls-services", "org.openmobilealliance.pres-rules"} == auids


@pytest.mark.parametrize("document", ["other", "index/deeper"])
async def test_there_is_one_document_of_each_kind(office: Office, document: str) -> None:
    assert (await office.ask("GET", LISTS, document=document)).status == 404
    assert (await office.ask("GET", "nonsense")).status == 404


async def test_people_of_other_domains_and_what_is_no_address_have_none(office: Office) -> None:
    async with aiohttp.ClientSession() as session:
        for owner in ("sip:someone@elsewhere.test", "tel:+49", "%20"):
            async with session.get(f"{office.root}/{LISTS}/users/{owner}/index") as answer:
                assert answer.status == 404


async def test_odd_requests_get_odd_answers(office: Office) -> None:
    assert (await office.ask("POST", LISTS, body="x")).status == 405
    assert (await office.ask("GET", LISTS, "resource-lists[")).status == 400
    assert (await office.ask("PUT", LISTS, body=whole(), kind="text/plain")).status == 415
    assert (await office.ask("PUT", LISTS, body="x" * 70_000)).status == 413
    answer = await office.ask("HEAD", LISTS)
    assert (answer.status, answer.body) == (200, "") and answer.etag


async def test_the_contact_list_has_an_address_to_subscribe_to(office: Office) -> None:
    await office.front_end.contacts.put(ALICE, BOB, name="", groups=())
    answer = await office.ask("GET", "rls-services")
    root = ElementTree.fromstring(answer.body)
    [service] = root.iter("{urn:ietf:params:xml:ns:rls-services}service")
    assert service.get("uri") == "sip:alice-contacts@example.test"
    assert [e.get("uri") for e in root.iter("{urn:ietf:params:xml:ns:resource-lists}entry")] == [f"sip:{BOB}"]
    assert fault((await office.ask("PUT", "rls-services", body="<x/>")).body) == "constraint-failure"
    assert fault((await office.ask("DELETE", "rls-services")).body) == "constraint-failure"


# ---- conditions


async def test_nobody_overwrites_what_they_have_not_seen(office: Office) -> None:
    first = (await office.ask("GET", LISTS)).etag
    changed = await office.ask("PUT", LISTS, body=whole(listed("a")), if_match=first)
    assert changed.status == 200 and changed.etag != first
    assert (await office.ask("PUT", LISTS, body=whole(listed("b")), if_match=first)).status == 412
    assert (await office.ask("DELETE", LISTS, 'resource-lists/list[@name="a"]', if_match=first)).status == 412
    assert (await office.ask("PUT", LISTS, body=whole(listed("b")), if_none_match="*")).status == 412
    assert (await office.ask("GET", LISTS)).etag == changed.etag
    await office.front_end.contacts.put(ALICE, BOB, name="", groups=("a",))
    late = await office.ask("PUT", LISTS, body=whole(listed("a")), if_match=changed.etag)
    assert late.status == 412, "another client's change counts as well"


async def test_a_part_is_put_only_if_it_is_new(office: Office) -> None:
    await office.ask("PUT", LISTS, body=whole(listed("a")))
    assert (await office.ask("PUT", LISTS, at("a", BOB), entry(BOB), if_none_match="*")).status == 201
    assert (await office.ask("PUT", LISTS, at("a", BOB), entry(BOB, "B"), if_none_match="*")).status == 412


async def test_what_is_known_is_not_sent_again(office: Office) -> None:
    etag = (await office.ask("GET", LISTS)).etag
    answer = await office.ask("GET", LISTS, if_none_match=etag)
    assert (answer.status, answer.body, answer.etag) == (304, "", etag)


# ---- hard state


async def seen(office: Office) -> tuple[Availability, Activity, str]:
    document = office.front_end.presence.of(ALICE)
    return document.availability, document.activity, document.note


async def test_hard_state_holds_over_what_endpoints_say(office: Office) -> None:
    sit(office.front_end, ALICE)
    desk = Publication("desk", Source.MACHINE, Availability.AVAILABLE, NOON, instance="desk")
    await office.front_end.presence.publish(ALICE, desk)
    assert (await office.ask("GET", HARD)).status == 404
    assert (await office.ask("DELETE", HARD)).status == 404
    assert (await office.ask("PUT", HARD, body=ALICES, if_match='"x"')).status == 412
    assert (await office.ask("PUT", HARD, body=ALICES, if_none_match="*")).status == 201
    assert await seen(office) == (Availability.BUSY, Activity.NONE, "deep in thought")
    part = await office.ask("GET", HARD, "presence/@entity")
    assert part.body == f"sip:{ALICE}"
    changed = await office.ask("PUT", HARD, "presence/tuple/note", f'<note xmlns="{PIDF}">done</note>')
    assert changed.status == 200 and (await seen(office))[2] == "done"
    assert (await office.ask("DELETE", HARD)).status == 200
    assert (await seen(office))[0] is Availability.AVAILABLE
    assert (await office.ask("GET", HARD)).status == 404


async def test_hard_state_is_about_its_owner(office: Office) -> None:
    assert fault((await office.ask("PUT", HARD, body=BOBS)).body) == "constraint-failure"
    assert fault((await office.ask("PUT", HARD, body="<presence/>")).body) == "schema-validation-error"
    missing = ALICES.replace(' entity="sip:alice@example.test"', "")
    assert fault((await office.ask("PUT", HARD, body=missing)).body) == "schema-validation-error"
    assert fault((await office.ask("PUT", HARD, "presence/note", "<note/>")).body) == "no-parent"


async def test_hard_state_and_documents_outlive_a_restart(tmp_path: Path) -> None:
    async with office_in(tmp_path) as office:
        await office.ask("PUT", HARD, body=ALICES)
        etag = (await office.ask("PUT", LISTS, body=whole(listed("friends", entry(BOB))))).etag
    async with office_in(tmp_path) as office:
        sit(office.front_end, ALICE)
        desk = Publication("desk", Source.MACHINE, Availability.AVAILABLE, NOON, instance="desk")
        await office.front_end.presence.publish(ALICE, desk)
        assert (await office.ask("GET", LISTS)).etag == etag
        assert (await seen(office))[0] is Availability.BUSY


async def test_an_account_that_goes_takes_its_documents_along(office: Office) -> None:
    await office.ask("PUT", HARD, body=ALICES)
    await office.ask("PUT", LISTS, body=whole(listed("friends", entry(BOB))))
    await office.front_end.accounts.remove(ALICE)
    for kind in (LISTS, HARD):
        assert await office.front_end.store.document(f"xcap-{kind}", str(ALICE)) is None


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with office_in(tmp_path, xcap=False) as office:
        assert (await office.ask("GET", LISTS)).status == 404


async def test_a_document_that_is_deeper_than_any_client_writes_is_refused(office: Office) -> None:
    deep = whole("<list>" * 300 + "</list>" * 300)
    assert fault((await office.ask("PUT", LISTS, body=deep)).body) == "not-well-formed"
