"""The package reg: a person's devices see where the person is signed in (RFC 3680)."""

from __future__ import annotations

from lxml import etree

from .....plugins.sip.events.registrations import CONTENT_TYPE, GRUU_NAMESPACE, NAMESPACE
from .....plugins.sip.syntax.message import Request
from ....people import ALICE, BOB
from ..conftest import Exchange
from ..phone import Phone

ALICES = f"sip:{ALICE}"
REG = [("Event", "reg"), ("Accept", CONTENT_TYPE)]
R, G = f"{{{NAMESPACE}}}", f"{{{GRUU_NAMESPACE}}}"


def read(notify: Request) -> tuple[etree._Element, list[etree._Element]]:
    """The registration, and its contacts."""
    assert notify.first("Content-Type") == CONTENT_TYPE
    root = etree.fromstring(notify.body)
    assert root.tag == f"{R}reginfo" and root.get("state") == "full"
    registration = root.find(f"{R}registration")
    assert registration is not None and registration.get("aor") == ALICES
    return registration, registration.findall(f"{R}contact")


async def watching(exchange: Exchange) -> Phone:
    """A phone of Alice's that is not signed in, and watches."""
    phone = await exchange.phone(ALICE, registered=False)
    assert (await phone.subscribe(ALICES, headers=REG)).status == 200
    return phone


async def next_of(phone: Phone, state: str, contacts: int, since: int = 0) -> Request:
    """The NOTIFY that says so much."""

    def fits(request: Request) -> bool:
        registration, found = read(request)
        return (registration.get("state"), len(found)) == (state, contacts)

    return await phone.hears("NOTIFY", fits, since)


async def test_devices_come_and_go(exchange: Exchange) -> None:
    watcher = await watching(exchange)
    await next_of(watcher, "init", 0)
    desk = await exchange.phone(ALICE, instance="urn:uuid:1")
    registration, (contact,) = read(await next_of(watcher, "active", 1))
    assert (contact.get("state"), contact.get("event")) == ("active", "registered")
    assert 590 <= int(contact.get("expires") or 0) <= 600 and contact.get("callid", "").startswith("call-")
    assert contact.findtext(f"{R}uri") == f"sip:alice@{desk.local};transport=tcp"
    assert contact.findtext(f"{R}unknown-param") == '"<urn:uuid:1>"'
    gruu = contact.find(f"{G}pub-gruu")
    assert gruu is not None and gruu.get("uri") == f"{ALICES};gr=urn:uuid:1"
    mobile = await exchange.phone(ALICE)
    _, both = read(await next_of(watcher, "active", 2))
    assert both[0].get("id") == contact.get("id") != both[1].get("id")
    since = len(watcher.received)
    await mobile.register(0)
    _, contacts = read(await next_of(watcher, "active", 2, since))
    assert [(c.get("state"), c.get("event")) for c in contacts] == [
        ("active", "registered"),
        ("terminated", "unregistered"),
    ]
    await desk.close()
    registration, (gone,) = read(await next_of(watcher, "terminated", 1, since))
    assert (gone.get("event"), gone.get("expires")) == ("expired", "0") and registration.get("id")
    versions = [int(etree.fromstring(request.body).get("version") or -1) for request in watcher.heard("NOTIFY")]
    assert versions == list(range(len(versions)))


async def test_a_renewal_is_told_and_what_is_gone_only_once(exchange: Exchange) -> None:
    watcher = await watching(exchange)
    desk, mobile = await exchange.phone(ALICE, instance="urn:uuid:1"), await exchange.phone(ALICE)
    await mobile.register(0)
    await watcher.hears("NOTIFY", lambda r: b"unregistered" in r.body)
    since = len(watcher.received)
    await desk.register(120)
    _, (contact,) = read(await next_of(watcher, "active", 1, since))
    assert int(contact.get("expires") or 0) <= 120
    told = [request for request in watcher.heard("NOTIFY") if b"unregistered" in request.body]
    assert len(told) == 1 and read(told[0])[0].get("state") == "active"


async def test_flows_of_one_phone_are_contacts_each(exchange: Exchange) -> None:
    watcher = await watching(exchange)
    for number in (1, 2):
        phone = await exchange.phone(ALICE, instance="urn:uuid:1", registered=False)
        headers = [("Contact", f"{phone.contact};reg-id={number};q=0.5"), ("Supported", "outbound")]
        await phone.ask("REGISTER", "sip:example.test", to=phone.uri, headers=headers, call=f"c{number}")
    _, contacts = read(await next_of(watcher, "active", 2))
    assert [c.findall(f"{R}unknown-param")[1].text for c in contacts] == ["1", "2"]
    assert {c.get("q") for c in contacts} == {"0.5"}


async def test_nobody_sees_where_somebody_else_is(exchange: Exchange) -> None:
    bob = await exchange.phone(BOB)
    assert (await bob.subscribe(ALICES, headers=REG)).status == 403
    assert (await bob.subscribe(f"sip:{BOB}", headers=[("Event", "reg"), ("Accept", "text/plain")])).status == 406
