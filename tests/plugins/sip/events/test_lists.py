"""Lists: many people in one subscription, each seen exactly as if they were watched alone."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import pytest

from .....core.access import AccessLevel
from .....core.contacts import Contact, Subscription
from .....core.errors import NotFound
from .....core.identity import Identity
from .....core.presence import Availability, Publication, Source
from .....plugins.sip.errors import Refusal
from .....plugins.sip.events import list_feed, lists
from .....plugins.sip.resource_lists import CONTENT_TYPE, NAMESPACE
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB, CAROL, DAVE, NOON
from ..conftest import Exchange
from ..phone import PATIENCE, Phone
from ..presence.test_pidf import published
from .rlmi_reader import Seen, of

OPEN, CLOSED, BUSY = "<basic>open</basic>", "<basic>closed</basic>", "<rpid:busy/>"
RLS = "sip:rls@example.test"
ALICES_LIST = "sip:alice-contacts@example.test"
BOBS, CAROLS, DAVES = (f"sip:{who}" for who in (BOB, CAROL, DAVE))
ELSEWHERE = "sip:someone@elsewhere.test"


def people(*uris: str) -> bytes:
    entries = "".join(f'<entry uri="{uri}"/>' for uri in uris)
    return f'<resource-lists xmlns="{NAMESPACE}"><list>{entries}</list></resource-lists>'.encode()


def naming(*uris: str, deflated: bool = False) -> dict[str, object]:
    """What a SUBSCRIBE says that brings its list along (RFC 5367)."""
    body = people(*uris)
    headers = [("Content-Encoding", "deflate"), ("Accept-Encoding", "deflate")] if deflated else []
    return {
        "body": zlib.compress(body) if deflated else body,
        "headers": [
            ("Supported", "eventlist"),
            ("Require", "recipient-list-subscribe"),
            ("Content-Type", CONTENT_TYPE),
            ("Content-Disposition", "recipient-list"),
            ("Accept", "multipart/related, application/rlmi+xml, application/pidf+xml"),
            *headers,
        ],
    }


OWN = {"headers": [("Supported", "eventlist")]}


async def sees(phone: Phone, wanted: Callable[[Seen], bool], since: int = 0) -> Seen:
    """The first list that is as wanted."""
    return of(await phone.hears("NOTIFY", lambda request: bool(request.body) and wanted(of(request)), since))


def shows(uri: str, *parts: str) -> Callable[[Seen], bool]:
    return lambda seen: uri in seen.documents and all(part in seen.documents[uri] for part in parts)


async def again(phone: Phone, response: Response, expires: int, **more: object) -> Response:
    """A SUBSCRIBE inside the dialog that a response began."""
    headers = [("Event", "presence"), ("Contact", phone.contact), ("Expires", expires), *more.pop("headers", [])]  # type: ignore
    request = phone.request(
        "SUBSCRIBE",
        str(response.contacts[0].uri),  # type: ignore[index]
        to=response.first("To") or "",
        call=response.call_id,
        tag=response.from_.tag,
        headers=headers,
        **more,  # type: ignore[arg-type]
    )
    return await phone.exchange(phone.signing(request, await phone.exchange(request)))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


# ---- seeing


async def test_a_list_shows_everybody_at_once_and_then_who_has_changed(exchange: Exchange) -> None:
    bob, alice = await exchange.phone(BOB), await exchange.phone(ALICE)
    response = await alice.subscribe(RLS, **naming(BOBS, CAROLS, ELSEWHERE))
    assert (response.status, response.first("Require")) == (200, "eventlist")
    first = await alice.hears("NOTIFY")
    assert (first.first("Require"), first.first("Event")) == ("eventlist", "presence")
    seen = of(first)
    assert (seen.version, seen.full, seen.uri) == (0, True, RLS)
    assert seen.states == {BOBS: "active", CAROLS: "pending", ELSEWHERE: "terminated"}
    assert list(seen.documents) == [BOBS] and OPEN in seen.documents[BOBS]
    await bob.publish(published(activities=BUSY))
    later = await sees(alice, shows(BOBS, BUSY))
    assert (later.version, later.full, later.states, later.ids) == (1, False, {BOBS: "active"}, {BOBS: seen.ids[BOBS]})


async def test_watching_through_a_list_asks_as_watching_alone_does(exchange: Exchange) -> None:
    alice, carol = await exchange.phone(ALICE), await exchange.phone(CAROL)
    await alice.subscribe(RLS, **naming(CAROLS))
    await until(lambda: carol)
    async with asyncio.timeout(PATIENCE):
        while not (asked := await exchange.front_end.contacts.questions(CAROL)):
            await asyncio.sleep(0.01)
    assert [contact.address for contact in asked] == [ALICE]
    entry = await exchange.front_end.contacts.get(ALICE, CAROL)
    assert entry is not None and entry.listed and entry.asked and entry.approved
    await exchange.front_end.contacts.grant(CAROL, ALICE)
    assert (await sees(alice, shows(CAROLS, OPEN))).states == {CAROLS: "active"}


async def test_a_fetch_of_a_list_asks_nobody(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, 0, **naming(BOBS, CAROLS))
    last = await alice.hears("NOTIFY")
    assert (last.first("Subscription-State") or "").startswith("terminated")
    assert of(last).states == {BOBS: "active", CAROLS: "pending"}
    assert await exchange.front_end.contacts.get(ALICE, CAROL) is None


async def test_blocked_unknown_and_hidden_people_look_the_same_in_a_list(exchange: Exchange) -> None:
    for who in (CAROL, DAVE):
        await exchange.phone(who)
    await exchange.front_end.contacts.block(CAROL, ALICE)
    alice = await exchange.phone(ALICE)
    nobody = "sip:nobody@example.test"
    await alice.subscribe(RLS, **naming(CAROLS, DAVES, nobody))
    seen = of(await alice.hears("NOTIFY"))
    assert seen.states == {CAROLS: "pending", DAVES: "pending", nobody: "pending"} and not seen.documents


async def test_whoever_hides_again_goes_offline_and_no_more(exchange: Exchange) -> None:
    await exchange.phone(BOB)
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, **naming(BOBS))
    await sees(alice, shows(BOBS, OPEN))
    await exchange.front_end.contacts.block(BOB, ALICE)
    assert (await sees(alice, shows(BOBS, CLOSED))).states == {BOBS: "active"}


async def test_all_watchers_of_a_level_share_one_rendering(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    real = list_feed.pidf.write
    monkeypatch.setattr(
        list_feed.pidf, "write", lambda shown, **more: written.append(shown.identity) or real(shown, **more)
    )
    await exchange.phone(BOB)
    alice = await exchange.phone(ALICE)
    for _ in range(3):
        await alice.subscribe(RLS, **naming(BOBS))
    await alice.subscribe(BOBS)
    await until(lambda: len(alice.heard("NOTIFY")) == 4)
    assert written.count(BOB) == 1


async def test_people_of_other_domains_are_seen_where_something_leads_there(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of them is what their server told ours."""
    asked: list[str] = []

    async def foreign(who: Identity) -> object:
        asked.append(who.domain)
        if who.domain == "nowhere.test":
            raise NotFound("nothing routes there")
        return object()

    monkeypatch.setattr(exchange.front_end.registrar, "foreign", foreign)
    friend, other = Identity("friend", "elsewhere.test"), Identity("other", "elsewhere.test")
    monkeypatch.setattr(exchange.front_end.presence, "_level_of", sees_everybody)
    desk = Publication("desk", Source.MACHINE, Availability.AVAILABLE, NOON, instance="desk")
    await exchange.front_end.presence.publish(friend, desk)
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, **naming(f"sip:{friend}", f"sip:{other}", "sip:x@nowhere.test", "tel:+49301234"))
    seen = of(await alice.hears("NOTIFY"))
    assert list(seen.states.values()) == ["active", "active", "terminated", "terminated"]
    assert OPEN in seen.documents[f"sip:{friend}"] and CLOSED in seen.documents[f"sip:{other}"]
    assert asked == ["elsewhere.test", "nowhere.test"], "each domain once"


async def sees_everybody(watcher: Identity | None, presentity: Identity) -> AccessLevel:
    return AccessLevel.EXTERNAL


async def test_lists_are_for_people_who_sign_in_here(exchange: Exchange) -> None:
    package = exchange.sip.services.dispatch.methods["SUBSCRIBE"].__self__.packages["presence"]  # type: ignore[attr-defined]
    phone = await exchange.phone(ALICE)
    said = naming(BOBS)
    request = phone.request("SUBSCRIBE", RLS, headers=said["headers"], body=said["body"])  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refused:
        await package.subscribe(request, Identity("mallory", "elsewhere.test"), "")
    assert refused.value.status == 403


# ---- the way it is said


async def test_deflate_goes_both_ways(exchange: Exchange) -> None:
    await exchange.phone(BOB)
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, **naming(BOBS, deflated=True))
    first = await alice.hears("NOTIFY")
    assert first.first("Content-Encoding") == "deflate" and shows(BOBS, OPEN)(of(first))


async def test_linphone_is_spoken_to_in_its_own_way_and_nobody_else_is(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE, agent="LinphoneDesktop/5.1 (alice) LinphoneSDK/5.2")
    await alice.subscribe(RLS, **naming(BOBS))
    told = await alice.hears("NOTIFY")
    assert told.first("Event") == "Presence"
    assert (told.first("Content-Type") or "").rpartition(";boundary=")[2].isalnum()
    await alice.subscribe(BOBS)
    alone = await alice.hears("NOTIFY", lambda request: "pidf" in (request.first("Content-Type") or ""))
    assert alone.first("Event") == "presence"


async def test_what_does_not_fit_into_one_notify_follows_in_the_next(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_feed, "MAX_DOCUMENTS", 100)
    await exchange.friends(ALICE, CAROL)
    await exchange.friends(ALICE, DAVE)
    await exchange.phone(DAVE)
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, **naming(BOBS, CAROLS, DAVES))
    await until(lambda: len(alice.heard("NOTIFY")) == 3)
    seen = [of(request) for request in alice.heard("NOTIFY")]
    assert [(s.version, s.full) for s in seen] == [(0, True), (1, False), (2, False)]
    assert list(seen[0].states) == [BOBS, CAROLS, DAVES], "the first names everybody"
    assert [list(s.documents) for s in seen] == [[DAVES], [BOBS], [CAROLS]], "whoever is here comes first"


async def test_changes_while_a_notify_is_under_way_come_together_in_the_next(exchange: Exchange) -> None:
    await exchange.friends(ALICE, CAROL)
    bob, carol, alice = [await exchange.phone(who) for who in (BOB, CAROL, ALICE)]
    alice.answers["NOTIFY"] = None
    await alice.subscribe(RLS, **naming(BOBS, CAROLS))
    first = await alice.hears("NOTIFY")
    await bob.publish(published(activities=BUSY))
    await carol.publish(published(activities="<rpid:away/>").replace(b"bob@", b"carol@"))
    alice.answers["NOTIFY"] = 200
    alice.send(first.reply(200))
    second = of(await alice.hears("NOTIFY", since=alice.received.index(first) + 1))
    assert (second.version, set(second.documents)) == (1, {BOBS, CAROLS})


# ---- the list changes


async def test_a_refresh_with_a_list_replaces_the_list(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.subscribe(RLS, **naming(BOBS))
    await alice.hears("NOTIFY")
    assert (await again(alice, response, 600, **naming(CAROLS, BOBS))).status == 200
    seen = await sees(alice, lambda seen: CAROLS in seen.states)
    assert seen.full and set(seen.states) == {BOBS, CAROLS}
    since = len(alice.received)
    assert (await again(alice, response, 600)).status == 200
    kept = of(await alice.hears("NOTIFY", since=since))
    assert kept.full and set(kept.states) == {BOBS, CAROLS} and kept.version > seen.version


async def test_the_end_of_a_list_ends_every_watch(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.subscribe(RLS, **naming(BOBS, CAROLS))
    await alice.hears("NOTIFY")
    assert exchange.front_end.presence.watchers(CAROL) == {ALICE}
    await again(alice, response, 0, headers=[("Content-Encoding", "deflate")])
    await alice.hears("NOTIFY", lambda r: (r.first("Subscription-State") or "").startswith("terminated"))
    assert not exchange.front_end.presence.watchers(BOB) | exchange.front_end.presence.watchers(CAROL)


@pytest.mark.parametrize("address", [RLS, ALICES_LIST])
async def test_ones_own_contact_list_has_an_address(exchange: Exchange, address: str) -> None:
    await exchange.phone(BOB)
    alice = await exchange.phone(ALICE)
    assert (await alice.subscribe(address, **OWN)).status == 200
    seen = of(await alice.hears("NOTIFY"))
    assert (seen.uri, list(seen.states)) == (address, [BOBS]) and OPEN in seen.documents[BOBS]


async def test_the_contact_list_is_followed(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(ALICES_LIST, **OWN)
    await alice.hears("NOTIFY")
    await exchange.front_end.contacts.put(ALICE, CAROL, name="Carol C.", groups=())
    seen = await sees(alice, lambda seen: CAROLS in seen.states)
    assert (seen.full, seen.version, seen.names[CAROLS], seen.states[CAROLS]) == (True, 1, "Carol C.", "pending")
    entry = await exchange.front_end.contacts.get(ALICE, CAROL)
    assert entry is not None and entry.subscription is Subscription.NONE and not entry.asked, "watching asks nobody"
    await exchange.front_end.contacts.remove(ALICE, BOB)
    assert (await sees(alice, lambda seen: BOBS not in seen.states)).full


async def test_somebody_elses_list_looks_like_somebody_who_does_not_exist(exchange: Exchange) -> None:
    carol = await exchange.phone(CAROL)
    answers = []
    for name in ("alice-contacts", "nobody-contacts"):
        response = await carol.subscribe(f"sip:{name}@example.test", **OWN)
        told = await carol.hears("NOTIFY", lambda r, name=name: name.encode() in r.body)  # type: ignore[misc]
        answers.append((response.status, told.first("Subscription-State"), told.body.replace(name.encode(), b"X")))
    assert answers[0] == answers[1]


async def test_a_person_called_like_a_list_is_a_person(exchange: Exchange) -> None:
    from ....stage import enrol

    await enrol(exchange.front_end, Identity("rls", "example.test"), "R. L. Stine")
    alice = await exchange.phone(ALICE)
    await alice.subscribe(RLS, **OWN)
    assert (await alice.hears("NOTIFY")).first("Content-Type") == "application/pidf+xml"


# ---- what is refused


async def test_whoever_does_not_know_lists_is_told_what_to_support(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    response = await alice.subscribe(ALICES_LIST)
    assert (response.status, response.first("Require")) == (421, "eventlist")


def spoilt(**changed: object) -> dict[str, object]:
    said = naming(BOBS)
    headers = {**dict(said["headers"]), **{k.replace("_", "-"): v for k, v in changed.items() if k != "body"}}  # type: ignore
    return {"body": changed.get("body", said["body"]), "headers": list(headers.items())}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (spoilt(body=b"<resource-lists"), 400),
        (spoilt(body=b"<other/>"), 400),
        (spoilt(body=people("")), 400),
        (spoilt(body=people(*(f"sip:p{n}@example.test" for n in range(401)))), 400),
        (spoilt(Content_Type="text/plain"), 415),
        (spoilt(Content_Encoding="gzip"), 415),
        (spoilt(Content_Encoding="deflate"), 400),
    ],
)
async def test_bad_lists_are_refused_in_words(exchange: Exchange, said: dict[str, object], status: int) -> None:
    alice = await exchange.phone(ALICE)
    assert (await alice.subscribe(RLS, **said)).status == status
    assert not alice.heard("NOTIFY")


async def test_lists_of_one_person_have_a_limit(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_LISTS", 2)
    alice = await exchange.phone(ALICE)
    for count in (1, 2):
        assert (await alice.subscribe(RLS, **naming(BOBS))).status == 200
        await until(lambda count=count: len(alice.heard("NOTIFY")) == count)  # type: ignore[misc]
    assert (await alice.subscribe(RLS, **naming(BOBS))).status == 403


async def test_over_udp_a_list_is_split_into_datagrams_or_refused(exchange: Exchange) -> None:
    """The phone's own transport is TCP; its Via says UDP, which is what the list goes by."""
    for who in (CAROL, DAVE):
        await exchange.friends(ALICE, who)
        await exchange.phone(who)
    alice = await exchange.phone(ALICE)

    def by_udp(request: Request) -> Request:
        request.set("Via", (request.first("Via") or "").replace("/TCP", "/UDP"))
        return request

    async def subscribe(*uris: str) -> Response:
        said = naming(*uris)
        headers = [("Contact", alice.contact), ("Expires", 600), ("Event", "presence"), *said["headers"]]  # type: ignore
        request = alice.request("SUBSCRIBE", RLS, headers=headers, body=said["body"])  # type: ignore[arg-type]
        challenged = await alice.exchange(by_udp(request))
        return await alice.exchange(by_udp(alice.signing(request, challenged)))

    assert (await subscribe(BOBS, CAROLS, DAVES)).status == 200
    await until(lambda: {BOBS, CAROLS, DAVES} == {uri for r in alice.heard("NOTIFY") for uri in of(r).documents})
    assert len(alice.heard("NOTIFY")) > 1
    assert max(len(bytes(request)) for request in alice.heard("NOTIFY")) <= 1300
    assert (await subscribe(*(f"sip:p{n}@example.test" for n in range(20)))).status == 403


async def test_many_changes_of_the_contact_list_are_read_once(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(ALICES_LIST, **OWN)
    await alice.hears("NOTIFY")
    contacts, read = exchange.front_end.contacts, []

    async def of(owner: Identity) -> list[Contact]:
        read.append(owner)
        return [Contact(ALICE, CAROL)]

    monkeypatch.setattr(contacts, "of", of)
    for _ in range(20):
        for told in contacts.changed:
            told(ALICE)
            told(BOB)
    assert list((await sees(alice, lambda seen: CAROLS in seen.states)).states) == [CAROLS]
    assert read == [ALICE], "and whose list nobody watches is not read at all"
