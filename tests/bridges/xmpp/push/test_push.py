"""Push notifications: when a phone is woken, what its service is told, and when it is told no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import msgspec
import pytest

from .....bridges.xmpp.forms import FORM, read
from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from .....bridges.xmpp.push import push as push_module
from .....bridges.xmpp.push import registrations
from .....bridges.xmpp.push.notification import MAX_BODY, MAX_NODE, MAX_OPTIONS
from .....bridges.xmpp.push.options import PushOptions
from .....bridges.xmpp.push.push import Push
from .....bridges.xmpp.push.registrations import KIND, MAX_FAILURES, MAX_SERVICES, Registrations
from .....bridges.xmpp.stream.management import Ledger
from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.identity import Identity
from ....people import ALICE, BOB, CAROL, Clock
from ....stage import front_end_in, say
from ..abroad.domains import Domain, Road, domain_at
from ..house import Client, condition
from ..socket_client import SocketClient

SERVICE = "push-5.client.test"
DEFAULT = PushOptions()
PUSH = "urn:xmpp:push:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
SECRET = (
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#"
    "publish-options</value></field><field var='secret'><value>eruio</value></field></x>"
)


class Phones:
    """A domain with push, and a push service somewhere else whose words the test says."""

    def __init__(self, domain: Domain, road: Road, push: Push) -> None:
        self.domain, self.road, self.push, self.front_end = domain, road, push, domain.front_end

    async def enable(self, client: Client, node: str = "n1", inner: str = SECRET, jid: str = SERVICE) -> Element:
        node = f" node='{node}'" if node else ""
        return await client.ask(f"<enable xmlns='{PUSH}' jid='{jid}'{node}>{inner}</enable>", type="set")

    async def disable(self, client: Client, node: str = "", jid: str = SERVICE) -> Element:
        node = f" node='{node}'" if node else ""
        return await client.ask(f"<disable xmlns='{PUSH}' jid='{jid}'{node}/>", type="set")

    async def told(self, count: int = 1) -> list[Stanza]:
        """What the service was told, as soon as it is so much."""
        async with asyncio.timeout(20):
            while len(self.road.sent) < count:
                await asyncio.sleep(0.005)
        await self.rest()
        return self.road.took("iq", type="set")

    async def nothing(self) -> bool:
        """Whether nothing was told though all there was to look at was looked at."""
        await self.rest()
        return self.road.took() == []

    async def rest(self) -> None:
        async with asyncio.timeout(20):
            while self.push._timers or self.push._work:
                await asyncio.sleep(0.005)

    async def answer(self, iq: Stanza, error: str = "") -> None:
        type_, _, name = error.partition(" ")
        inner = f"<error type='{type_}'><{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" if error else ""
        to, kind = iq.attrs["from"], "error" if error else "result"
        await self.domain.heard(f"<iq from='{SERVICE}' to='{to}' id='{iq.id}' type='{kind}'>{inner}</iq>")
        await self.rest()


@pytest.fixture
async def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phones]:
    for name, seconds in (("SETTLING", 0.01), ("PATIENCE", 0.02), ("PAUSE", 0.0)):
        monkeypatch.setattr(push_module, name, seconds)
    async with phones_in(tmp_path) as found:
        yield found


@asynccontextmanager
async def phones_in(state: Path, options: PushOptions = DEFAULT) -> AsyncIterator[Phones]:
    async with domain_at(state, "example.test", "alice", "bob", "carol") as domain:
        road = Road(frozenset({SERVICE}))
        domain.abroad.carriers.append(road)
        push = Push(domain.front_end, domain.router.resources, options)
        domain.router.queries.add(push.queries())
        await push.open()
        try:
            yield Phones(domain, road, push)
        finally:
            await push.close()


async def registered(phones: Phones, who: Identity = BOB, **more: str) -> None:
    """Somebody's phone is registered, and signed out."""
    client = await phones.domain.client(who, "phone")
    assert (await phones.enable(client, **more)).get("type") == "result"
    await client.goes()


def summary(iq: Stanza) -> dict[str, str]:
    form = iq.tree.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish/{{{PUBSUB}}}item/{{{PUSH}}}notification/{FORM}")
    assert form is not None
    return {var: values[0] for var, values in read(form).items()}


# ---- when


async def test_a_phone_is_woken_when_a_message_waits(phones):
    await registered(phones)
    await say(phones.front_end, ALICE, BOB, "are you there?")
    (iq,) = await phones.told()
    assert iq.attrs["from"] == "example.test" and iq.attrs["to"] == SERVICE
    publish = iq.tree.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish")
    assert publish.get("node") == "n1"
    assert summary(iq) == {"FORM_TYPE": "urn:xmpp:push:summary", "message-count": "1"}
    options = iq.tree.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish-options/{FORM}")
    assert dict(read(options)) == {"FORM_TYPE": (f"{PUBSUB}#publish-options",), "secret": ("eruio",)}
    assert b"are you there" not in iq.raw and b"alice" not in iq.raw, "no more is told than that something waits"


async def test_messages_that_come_together_are_told_together(phones, monkeypatch):
    monkeypatch.setattr(push_module, "SETTLING", 0.3)
    await registered(phones)
    for number in range(5):
        await say(phones.front_end, ALICE, BOB, f"{number}")
    (iq,) = await phones.told()
    assert summary(iq)["message-count"] == "5"


async def test_a_phone_is_not_woken_again_and_again(phones, monkeypatch):
    monkeypatch.setattr(push_module, "PAUSE", 0.3)
    await registered(phones)
    await say(phones.front_end, ALICE, BOB, "one")
    await phones.told()
    began = asyncio.get_running_loop().time()
    for number in range(3):
        await say(phones.front_end, ALICE, BOB, f"more {number}")
    (iq,) = await phones.told()
    assert asyncio.get_running_loop().time() - began >= 0.2 and summary(iq)["message-count"] == "4"


async def test_nobody_is_woken_who_is_not_registered_or_looks(phones):
    await registered(phones)
    desk = await phones.domain.client(BOB)
    await say(phones.front_end, ALICE, BOB, "hello")
    await say(phones.front_end, ALICE, CAROL, "hello")
    assert await phones.nothing() and len(desk.got("message")) == 1


async def test_a_client_that_nobody_looks_at_and_that_has_the_message_wakes_no_phone(phones):
    await registered(phones)
    desk = await phones.domain.client(BOB)
    await desk.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await say(phones.front_end, ALICE, BOB, "hello")
    assert await phones.nothing()


async def test_a_client_that_does_not_say_that_it_has_the_message_is_waited_for_a_little(phones):
    await registered(phones)
    desk = await phones.domain.client(BOB)
    desk.session.ledger = Ledger("id", 60)
    await say(phones.front_end, ALICE, BOB, "hello")
    (iq,) = await phones.told()
    assert summary(iq)["message-count"] == "1"
    desk.session.ledger.acknowledged(str(desk.session.ledger.sent))
    await say(phones.front_end, ALICE, BOB, "again")
    desk.session.ledger.acknowledged(str(desk.session.ledger.sent))
    assert await phones.nothing()


async def test_a_phone_whose_connection_broke_is_woken_though_another_client_has_the_message(phones):
    phone = await phones.domain.client(BOB, "phone")
    await phones.enable(phone)
    phone.session.ledger, phone.session.away = Ledger("id", 60), True
    desk = await phones.domain.client(BOB)
    await say(phones.front_end, ALICE, BOB, "somebody looks at the desk")
    assert await phones.nothing()
    await desk.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await say(phones.front_end, ALICE, BOB, "nobody looks")
    (iq,) = await phones.told()
    assert summary(iq)["message-count"] == "2"
    phone.session.ledger.acknowledged(str(phone.session.ledger.sent))
    assert await phones.nothing()


async def test_the_same_message_wakes_once(phones):
    await registered(phones)
    await say(phones.front_end, ALICE, BOB, "one")
    await phones.told()
    phones.push._changed(BOB)
    assert await phones.nothing()


async def test_every_phone_of_a_person_is_woken(phones):
    await registered(phones, node="n1")
    await registered(phones, node="n2", inner="")
    await say(phones.front_end, ALICE, BOB, "hello")
    nodes = {iq.tree.find(f".//{{{PUBSUB}}}publish").get("node") for iq in await phones.told(2)}
    assert nodes == {"n1", "n2"}


async def test_a_service_without_nodes(phones):
    await registered(phones, node="", inner="")
    await say(phones.front_end, ALICE, BOB, "hello")
    (iq,) = await phones.told()
    assert iq.tree.find(f".//{{{PUBSUB}}}publish").get("node") is None
    assert iq.tree.find(f".//{{{PUBSUB}}}publish-options") is None


async def test_more_is_told_where_the_administrator_wants_that(tmp_path, monkeypatch):
    monkeypatch.setattr(push_module, "SETTLING", 0.01)
    async with phones_in(tmp_path, PushOptions(sender=True, body=True)) as phones:
        await registered(phones)
        await say(phones.front_end, ALICE, BOB, "x" * (MAX_BODY + 1))
        told = summary((await phones.told())[0])
        assert told["last-message-sender"] == str(ALICE) and told["last-message-body"] == "x" * MAX_BODY


# ---- when no more


async def test_a_service_that_refuses_is_not_told_again(phones, caplog):
    caplog.set_level("INFO", logger=registrations.__name__)
    await registered(phones)
    await say(phones.front_end, ALICE, BOB, "one")
    (iq,) = await phones.told()
    await phones.answer(iq, "cancel item-not-found")
    await say(phones.front_end, ALICE, BOB, "two")
    assert await phones.nothing() and await phones.front_end.store.documents(KIND) == {}
    assert f"{SERVICE} is not told about {BOB}" in caplog.text and "eruio" not in caplog.text


async def test_trouble_that_may_pass_is_borne_for_a_while(phones):
    await registered(phones)
    for number in range(MAX_FAILURES):
        await say(phones.front_end, ALICE, BOB, f"{number}")
        (iq,) = await phones.told()
        await phones.answer(iq, "wait resource-constraint" if number else "")
    await say(phones.front_end, ALICE, BOB, "one more")
    (iq,) = await phones.told()
    await phones.answer(iq, "wait resource-constraint")
    await say(phones.front_end, ALICE, BOB, "and another")
    assert await phones.nothing()


async def test_a_service_that_cannot_be_reached_now_is_kept(phones):
    await registered(phones)
    phones.domain.abroad.carriers.clear()
    await say(phones.front_end, ALICE, BOB, "one")
    assert await phones.nothing()
    phones.domain.abroad.carriers.append(phones.road)
    await say(phones.front_end, ALICE, BOB, "two")
    assert summary((await phones.told())[0])["message-count"] == "2"


@pytest.mark.parametrize(("node", "left"), [("n1", {"n2", "n3"}), ("", {"n3"}), ("n9", {"n1", "n2", "n3"})])
async def test_a_client_disables_one_node_or_all_of_a_service(phones, node, left):
    phones.road.domains = frozenset({SERVICE, "other.test"})
    client = await phones.domain.client(BOB, "phone")
    for name, jid in (("n1", SERVICE), ("n2", SERVICE), ("n3", "other.test")):
        await phones.enable(client, name, jid=jid)
    assert (await phones.disable(client, node)).get("type") == "result"
    assert {service.node for service in phones.push._registrations.of(BOB)} == left
    kept = (await phones.front_end.store.documents(KIND)).values()
    assert {msgspec.json.decode(body)["node"] for body in kept} == left


async def test_the_last_word_about_a_node_counts(phones):
    client = await phones.domain.client(BOB, "phone")
    await phones.enable(client)
    await phones.enable(client, inner="")
    (service,) = phones.push._registrations.of(BOB)
    assert service.options == {}


async def test_a_person_has_so_many(phones):
    client = await phones.domain.client(BOB, "phone")
    for number in range(MAX_SERVICES + 2):
        await phones.enable(client, f"n{number}")
        phones.front_end.clock.turn(seconds=1)
    nodes = {service.node for service in phones.push._registrations.of(BOB)}
    assert nodes == {f"n{number}" for number in range(2, MAX_SERVICES + 2)}
    await phones.enable(client, "n5")
    assert len(phones.push._registrations.of(BOB)) == MAX_SERVICES


async def test_a_removed_person_is_forgotten(phones):
    await registered(phones)
    await phones.front_end.accounts.remove(BOB)
    assert BOB not in phones.push._registrations and await phones.front_end.store.documents(KIND) == {}


async def test_it_outlasts_a_restart(phones):
    await registered(phones)
    again = Registrations(phones.front_end.store, Clock())
    await again.load()
    (service,) = again.of(BOB)
    assert (service.jid, service.node, service.options) == (SERVICE, "n1", {"secret": ["eruio"]})


# ---- what cannot be enabled


@pytest.mark.parametrize(
    ("jid", "node", "inner", "expected"),
    [
        ("@", "n", "", ("modify", "bad-request")),
        ("", "n", "", ("modify", "bad-request")),
        ("example.test", "n", "", ("modify", "bad-request")),
        ("conference.example.test", "n", "", ("modify", "bad-request")),
        ("nowhere.test", "n", "", ("cancel", "remote-server-not-found")),
        (SERVICE, "n" * (MAX_NODE + 1), "", ("modify", "policy-violation")),
        (SERVICE, "n", SECRET.replace("eruio", "x" * MAX_OPTIONS), ("modify", "policy-violation")),
        (SERVICE, "n", SECRET.replace("publish-options", "other"), ("modify", "bad-request")),
        (SERVICE, "n", SECRET.replace("</x>", "<field var='secret'/></x>"), ("modify", "bad-request")),
    ],
)
async def test_what_cannot_be_enabled(phones, jid, node, inner, expected):
    client = await phones.domain.client(BOB, "phone")
    assert condition(await phones.enable(client, node, inner, jid)) == expected
    assert phones.push._registrations.of(BOB) == []


async def test_disabling_needs_an_address_and_a_node_of_a_size(phones):
    client = await phones.domain.client(BOB, "phone")
    assert condition(await phones.disable(client, jid="@")) == ("modify", "bad-request")
    assert condition(await phones.disable(client, "n" * (MAX_NODE + 1))) == ("modify", "policy-violation")
    assert (await phones.disable(client)).get("type") == "result", "there was none"


async def test_a_mistake_of_ours_harms_no_message(phones, monkeypatch, caplog):
    await registered(phones)

    async def broken(who):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(phones.front_end.fan_out, "missed", broken)
    assert (await say(phones.front_end, ALICE, BOB, "hello")).seq == 1
    await phones.rest()
    assert "a mistake" in caplog.text


# ---- the whole server


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ({}, False),
        ({"federation": {"port": 0}}, True),
        ({"federation": {"port": 0}, "push": {"enabled": False}}, False),
    ],
)
async def test_it_is_announced_where_a_service_could_be_reached(tmp_path, options, there):
    chosen = msgspec.convert({"listen": "127.0.0.1", "port": 0, "tls_port": 0, **options}, XmppOptions)
    bridge = XmppBridge(chosen)
    async with front_end_in(tmp_path, bridge):
        client = await SocketClient.signed_in(bridge.ports, ALICE, "correct horse", direct=True)
        client.say("<iq type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
        assert (f"<feature var='{PUSH}'/>" in await client.until("</iq>")) is there
        client.close()
