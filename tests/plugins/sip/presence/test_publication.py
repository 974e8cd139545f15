"""PUBLISH: the table of RFC 3903, and what becomes of what endpoints say."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from .....core.presence import Activity, Availability, PresenceDocument
from .....plugins.sip.presence import pidf, publication
from .....plugins.sip.sign_in.contact import Leases
from ....people import ALICE, BOB
from ..conftest import Exchange
from ..phone import PATIENCE, Phone
from .test_pidf import published

BUSY = published(activities="<rpid:busy/>").replace(b"bob", b"alice")
AWAY = published(activities="<rpid:away/>", note="out").replace(b"bob", b"alice")
CLOSED = published(basic="closed").replace(b"bob", b"alice")


async def shown(exchange: Exchange, availability: Availability) -> PresenceDocument:
    """Alice's presence, once it is this."""
    async with asyncio.timeout(PATIENCE):
        while exchange.front_end.presence.of(ALICE).availability is not availability:
            await asyncio.sleep(0.01)
    return exchange.front_end.presence.of(ALICE)


async def test_initial_modify_refresh_and_remove(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "UNPUBLISH_GRACE", 0.05)
    phone = await exchange.phone(ALICE)
    await shown(exchange, Availability.AVAILABLE)
    tags = []
    for body, expires, availability in (
        (BUSY, 300, Availability.BUSY),
        (AWAY, 300, Availability.AWAY),
        (b"", 300, Availability.AWAY),
        (b"", 0, Availability.AVAILABLE),
    ):
        response = await phone.publish(body, expires, etag=tags[-1] if tags else "")
        assert (response.status, response.expires) == (200, expires)
        tags.append(response.first("SIP-ETag"))
        await shown(exchange, availability)
    assert len(set(tags)) == 4
    assert [(await phone.publish(BUSY, etag=tag)).status for tag in tags] == [412] * 4


async def test_what_was_published_is_told_in_the_words_of_the_core(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance="urn:uuid:1")
    await phone.publish(published(activities="<rpid:meeting/>", note="room 4").replace(b"bob", b"alice"))
    document = await shown(exchange, Availability.BUSY)
    assert (document.activity, document.note) == (Activity.IN_A_MEETING, "room 4")
    assert [device.instance for device in document.devices] == ["urn:uuid:1"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "tells"),
    [
        ([("Event", "presence.winfo")], BUSY, 489, ("Allow-Events", "presence")),
        ([("Event", "dialog")], BUSY, 489, ("Allow-Events", "presence")),
        ([("SIP-If-Match", "unknown")], BUSY, 412, None),
        ([], b"", 400, None),
        ([("Content-Type", "text/plain")], BUSY, 415, ("Accept", "application/pidf+xml")),
        ([("Content-Encoding", "gzip")], BUSY, 415, ("Accept-Encoding", "identity")),
        ([], b"<presence", 400, None),
        ([], b"<!DOCTYPE x>" + BUSY, 400, None),
        ([], published(activities="<rpid:busy/>"), 403, None),
        ([], BUSY.replace(b"sip:alice@example.test", b"nobody", 1), 400, None),
        ([("Expires", 5)], BUSY, 423, ("Min-Expires", "60")),
        ([("Require", "x")], BUSY, 420, ("Unsupported", "x")),
    ],
)
async def test_what_is_refused_and_how(
    exchange: Exchange, headers: list[tuple[str, object]], body: bytes, status: int, tells: tuple[str, str] | None
) -> None:
    phone = await exchange.phone(ALICE)
    response = await phone.publish(body, headers=headers)
    assert response.status == status
    assert tells is None or tells[1] in response.all(tells[0])
    assert exchange.front_end.presence.of(ALICE).availability is not Availability.BUSY


async def test_no_event_and_two_conditions(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    assert (await phone.ask("PUBLISH", phone.uri, body=BUSY)).status == 489
    request = phone.request("PUBLISH", phone.uri, headers=[("Event", "presence")], body=BUSY)
    request.add("SIP-If-Match", "a")
    request.add("SIP-If-Match", "b")
    assert (await phone.exchange(request)).status == 400


async def test_nobody_publishes_for_somebody_else(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    headers = [("Event", "presence"), ("Content-Type", "application/pidf+xml")]
    assert (await phone.ask("PUBLISH", f"sip:{BOB}", to=f"sip:{BOB}", headers=headers, body=BUSY)).status == 403
    bob = await exchange.phone(BOB)
    tag = (await phone.publish(BUSY)).first("SIP-ETag") or ""
    assert (await bob.publish(b"", 0, etag=tag)).status == 412, "a tag is good for its owner only"
    assert exchange.front_end.presence.of(ALICE).availability is Availability.BUSY


async def test_a_document_that_is_too_large(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    large = zlib.compress(published(note="x" * 70_000).replace(b"bob", b"alice"))
    assert (await phone.publish(large, headers=[("Content-Encoding", "deflate")])).status == 413
    assert (await phone.publish(zlib.compress(BUSY), headers=[("Content-Encoding", "deflate")])).status == 200


async def test_baresip_publishes_twice_and_changes_one(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    await phone.publish(published(basic="unknown").replace(b"bob", b"alice"))
    second = await phone.publish(BUSY)
    await phone.publish(CLOSED, etag=second.first("SIP-ETag") or "")
    await shown(exchange, Availability.OFFLINE)


async def test_a_refresh_of_something_older_does_not_bring_it_back(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    first = await phone.publish(AWAY)
    await phone.publish(BUSY)
    assert (await phone.publish(b"", etag=first.first("SIP-ETag") or "")).status == 200
    assert exchange.front_end.presence.of(ALICE).availability is Availability.BUSY


async def test_a_publication_that_runs_out_leaves_that_the_phone_is_registered(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await exchange.phone(ALICE)
    monkeypatch.setattr(Leases, "granted", lambda leases, asked: asked)
    tag = (await phone.publish(BUSY, 1)).first("SIP-ETag") or ""
    await shown(exchange, Availability.BUSY)
    await shown(exchange, Availability.AVAILABLE)
    assert (await phone.publish(b"", etag=tag)).status == 412


async def test_signing_out_takes_along_what_was_said(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE)
    tag = (await phone.publish(BUSY)).first("SIP-ETag") or ""
    await phone.register(0)
    await shown(exchange, Availability.OFFLINE)
    await phone.register()
    await shown(exchange, Availability.AVAILABLE)
    assert (await phone.publish(b"", etag=tag)).status == 412


async def test_a_phone_that_was_cut_off_comes_back_to_what_it_said(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, instance="urn:uuid:1")
    tag = (await phone.publish(BUSY)).first("SIP-ETag") or ""
    await phone.close()
    async with asyncio.timeout(PATIENCE):
        while exchange.front_end.registrar.of(ALICE):
            await asyncio.sleep(0.01)
    exchange.clock.turn(minutes=1)
    await shown(exchange, Availability.UNKNOWN)
    again = await exchange.phone(ALICE, instance="urn:uuid:1")
    await shown(exchange, Availability.BUSY)
    assert (await again.publish(b"", etag=tag)).status == 200


async def test_each_place_speaks_for_itself(exchange: Exchange) -> None:
    desk, mobile = await exchange.phone(ALICE, instance="urn:1"), await exchange.phone(ALICE, instance="urn:2")
    await desk.publish(AWAY)
    await mobile.publish(BUSY)
    document = await shown(exchange, Availability.BUSY)
    assert {d.instance: d.availability for d in document.devices} == {
        "urn:1": Availability.AWAY,
        "urn:2": Availability.BUSY,
    }


async def test_a_publisher_that_is_not_registered_speaks_until_its_lease_ends(exchange: Exchange) -> None:
    phone = await exchange.phone(ALICE, registered=False)
    response = await phone.publish(BUSY, 60)
    await shown(exchange, Availability.BUSY)
    claim = exchange.front_end.presence.publications(ALICE)[0]
    assert claim.instance == "" and claim.expires is not None
    await phone.publish(b"", 0, etag=response.first("SIP-ETag") or "")
    await shown(exchange, Availability.OFFLINE)


async def test_publications_of_one_person_have_a_limit(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "MAX_TAGS", 3)
    phone: Phone = await exchange.phone(ALICE)
    tags = [(await phone.publish(BUSY)).first("SIP-ETag") or "" for _ in range(4)]
    assert (await phone.publish(b"", etag=tags[0])).status == 412
    assert (await phone.publish(b"", etag=tags[3])).status == 200
    assert pidf.CONTENT_TYPE in (await phone.publish(b"x", headers=[("Content-Type", "a/b")])).all("Accept")
