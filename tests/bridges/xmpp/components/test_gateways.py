"""The port for gateways: whose they are, what they may say, what becomes of them (XEP-0114)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from .....bridges.xmpp.components import attachment, gateways, handshake, limits, line, outbox
from .....bridges.xmpp.components.gateways import Gateways
from .....bridges.xmpp.components.options import GatewayOptions, GatewaysOptions
from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.errors import SettingsError
from .....core.federation import LinkState
from .....core.front_end import FrontEnd
from .raw import COMPONENT, IRC, SECRET, EchoGateway, RawComponent, header

TO = "alice@example.test"


class Heard:
    """Arrivals that keep what arrives."""

    def __init__(self) -> None:
        self.stanzas: list[Stanza] = []
        self.ways: list[str] = []
        self.work: Callable[[], Awaitable[None]] | None = None

    def received(self, stanza: Stanza) -> Awaitable[None] | None:
        self.stanzas.append(stanza)
        return self.work() if self.work is not None else None

    def lost(self, domain: str) -> None:
        self.ways.append(f"lost {domain}")

    def found(self, domain: str) -> None:
        self.ways.append(f"found {domain}")


class Port:
    """The port for gateways of one front end."""

    def __init__(self, served: Gateways, heard: Heard, number: int) -> None:
        self.served, self.heard, self.number = served, heard, number

    def state(self, domain: str = IRC) -> tuple[LinkState, str]:
        (partner,) = [p for p in self.served.partners() if p.domain == domain]
        return partner.state, partner.error

    async def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not condition():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never came: {what}") from None

    def send(self, text: str, told: list[str] | None = None, domain: str = IRC) -> None:
        undelivered = None if told is None else lambda condition, text: told.append(condition)
        self.served.send("example.test", domain, text.encode(), undelivered)


@asynccontextmanager
async def port_of(front_end: FrontEnd, **domains: str) -> AsyncIterator[Port]:
    heard = Heard()
    tables = {IRC: GatewayOptions(SECRET, "Echoes"), "sms.example.test": GatewayOptions("other")}
    served = Gateways(front_end, GatewaysOptions(port=0, domains=tables), heard)
    try:
        yield Port(served, heard, await served.open())
    finally:
        await served.close()


@pytest.fixture
async def port(front_end: FrontEnd) -> AsyncIterator[Port]:
    async with port_of(front_end) as port:
        yield port


# ---- the handshake


def test_the_proof_of_the_specification() -> None:
    """XEP-0114 section 3 gives the stream id; the hash is over it and the secret, in small letters."""
    proof = handshake.proof("3BF96D32", "test")
    assert len(proof) == 40 and proof == proof.lower()
    assert handshake.proves(proof, "3BF96D32", "test") and handshake.proves(f"\n{proof} ", "3BF96D32", "test")
    for said in ("", proof.upper(), proof[:-1], "ü" * 20, proof + "0"):
        assert not handshake.proves(said, "3BF96D32", "test")


async def test_a_gateway_is_attached_and_speaks(port: Port) -> None:
    component = await RawComponent.connect(port.number)
    assert isinstance(component, RawComponent)
    component.say(header())
    said = await component.until(">")
    said += await component.until(">")
    assert f"from='{IRC}'" in said and f"xmlns='{COMPONENT}'" in said and "version" not in said.partition("?>")[2]
    await component.shake(said.partition(" id='")[2].partition("'")[0])
    await component.until("<handshake/>")
    await port.until(lambda: port.state()[0] is LinkState.UP, "the state")
    assert port.heard.ways == [f"found {IRC}"] and port.served.there() == [(IRC, "Echoes")]
    component.say(f"<message from='#chat@{IRC}/bob' to='{TO}'><body>hello</body><x xmlns='{COMPONENT}'/></message>")
    await port.until(lambda: port.heard.stanzas, "a message")
    (stanza,) = port.heard.stanzas
    assert (stanza.ns, stanza.kids) == ("jabber:client", ["{jabber:client}body", "{jabber:client}x"])
    assert COMPONENT.encode() not in stanza.raw
    (partner,) = [p for p in port.served.partners() if p.domain == IRC]
    assert (partner.received, partner.protocol) == (1, "xmpp")


async def test_stream_ids_are_never_the_same(port: Port) -> None:
    ids = set()
    for _ in range(5):
        component = await RawComponent.connect(port.number)
        assert isinstance(component, RawComponent)
        ids.add(await component.open())
        component.close()
    assert len(ids) == 5 and all(len(i) == 32 for i in ids)


@pytest.mark.parametrize("said", ["", "0" * 40, "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", "&lt;", "x" * 5000])
async def test_a_wrong_secret_is_told_and_logged_once_without_it(
    port: Port, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        component = await RawComponent.connect(port.number)
        assert isinstance(component, RawComponent)
        await component.open()
        component.say(f"<handshake>{said}</handshake>")
        answer = await component.rest()
        assert "<not-authorized " in answer and answer.endswith("</stream:stream>")
    assert port.state() == (LinkState.FAILING, "a component at 127.0.0.1 does not have the secret of this domain")
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1 and IRC in warnings[0] and SECRET not in caplog.text
    assert port.heard.ways == []
    await RawComponent.attached(port.number)
    await port.until(lambda: port.state()[0] is LinkState.UP, "the state")


@pytest.mark.parametrize(
    ("opening", "condition"),
    [
        (header("other.example.test"), "host-unknown"),
        (header(""), "host-unknown"),
        (header("@@"), "host-unknown"),
        (header(ns="jabber:client"), "invalid-namespace"),
        (header(ns="jabber:component:connect"), "invalid-namespace"),
        (f"<stream to='{IRC}' xmlns='{COMPONENT}'>", "invalid-namespace"),
        ("<!DOCTYPE x>", "restricted-xml"),
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        ("<" + "x" * 10_000, "policy-violation"),
    ],
)
async def test_a_stream_that_begins_wrong_gets_a_header_an_error_and_the_end(
    port: Port, opening: str, condition: str
) -> None:
    component = await RawComponent.connect(port.number)
    component.say(opening)
    answer = await component.rest()
    assert answer.startswith("<?xml version='1.0'?><stream:stream ") and answer.endswith("</stream:stream>")
    assert f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" in answer


@pytest.mark.parametrize("early", [f"<message from='a@{IRC}' to='{TO}'/>", "<iq type='get'/>", "<auth/>"])
async def test_nothing_is_heard_before_the_handshake(port: Port, early: str) -> None:
    component = await RawComponent.connect(port.number)
    assert isinstance(component, RawComponent)
    await component.open()
    component.say(early)
    assert "<not-authorized " in await component.rest()
    assert port.heard.stanzas == []


async def test_who_says_nothing_is_shown_the_door(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachment, "HANDSHAKE_TIME", 0.2)
    silent = await RawComponent.connect(port.number)
    slow = await RawComponent.connect(port.number)
    slow.say(header())
    for component in (silent, slow):
        assert "<connection-timeout " in await component.rest()


async def test_an_address_has_only_so_many_connections_that_prove_nothing(front_end: FrontEnd) -> None:
    async with port_of(front_end) as port:
        crowd = [await RawComponent.connect(port.number) for _ in range(limits.NEW_GATEWAYS_PER_SECOND + 3)]
        refused = [c for c in crowd[limits.NEW_GATEWAYS_PER_SECOND :] if await c.rest() == ""]
        assert len(refused) >= 2


async def test_a_second_component_waits_until_the_first_is_known_to_be_dead(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lives keeps its place: two that take it from each other would both be of no use."""
    monkeypatch.setattr(line, "CONFIRM_TIME", 0.3)
    first = await RawComponent.attached(port.number)
    second = await RawComponent.connect(port.number)
    assert isinstance(second, RawComponent)
    await second.shake(await second.open())
    assert "<conflict " in await second.rest()
    asked = await first.until("</iq>")
    question = asked.partition(" id='")[2].partition("'")[0]
    first.say(f"<iq type='result' id='{question}' from='{IRC}' to='example.test'/>")
    await asyncio.sleep(0.5)
    assert port.state()[0] is LinkState.UP and port.heard.ways == [f"found {IRC}"]
    third = await RawComponent.connect(port.number)
    assert isinstance(third, RawComponent)
    await third.shake(await third.open())
    assert "<conflict " in await third.rest()
    assert "<connection-timeout " in await first.rest(), "now it does not answer"
    await port.until(lambda: port.heard.ways[-1] == f"lost {IRC}", "the loss")
    await RawComponent.attached(port.number)
    await port.until(lambda: port.heard.ways[-1] == f"found {IRC}", "the way")


# ---- stanzas


@pytest.mark.parametrize("sender", [TO, "x@sms.example.test", f"x@sub.{IRC}", "example.test", f"x@{IRC}.example"])
async def test_a_gateway_that_speaks_for_others_is_disconnected(port: Port, sender: str) -> None:
    component = await RawComponent.attached(port.number)
    component.say(f"<message from='{sender}' to='{TO}'><body>I am alice</body></message>")
    assert "<invalid-from " in await component.rest()
    assert port.heard.stanzas == []
    await port.until(lambda: port.state()[0] is LinkState.FAILING, "the state")
    assert "invalid-from" in port.state()[1]


async def test_a_stanza_without_a_sender_ends_the_stream(port: Port) -> None:
    component = await RawComponent.attached(port.number)
    component.say(f"<message to='{TO}'/>")
    assert "<improper-addressing " in await component.rest()


@pytest.mark.parametrize(
    ("to", "condition"),
    [("", "bad-request"), (" to='@'", "jid-malformed"), (" to='x@other.example'", "remote-server-not-found")],
)
async def test_a_stanza_for_nobody_of_ours_is_answered_and_the_stream_goes_on(
    port: Port, to: str, condition: str
) -> None:
    component = await RawComponent.attached(port.number)
    component.say(f"<message from='x@{IRC}' id='1'{to}/>")
    answer = await component.until("</message>")
    assert condition in answer and "type='error'" in answer and "id='1'" in answer and f"to='x@{IRC}'" in answer
    component.say(f"<message type='error' from='x@{IRC}'{to}/><message from='x@{IRC}' to='{TO}' id='2'/>")
    await port.until(lambda: port.heard.stanzas, "the next one")
    assert [s.id for s in port.heard.stanzas] == ["2"]
    assert "message" not in component.said.decode(), "no error for an error"


async def test_what_is_too_much_is_refused_and_the_others_go_on(port: Port) -> None:
    component = await RawComponent.attached(port.number)
    deep = "<x>" * 100 + "</x>" * 100
    component.say(f"<message from='eve@{IRC}' to='{TO}' id='deep'>{deep}</message>")
    component.say(f"<message from='bob@{IRC}' to='{TO}' id='good'/>")
    answer = await component.until("</message>")
    assert "policy-violation" in answer and "id='deep'" in answer and f"to='eve@{IRC}'" in answer
    await port.until(lambda: port.heard.stanzas, "the other one")
    assert [s.id for s in port.heard.stanzas] == ["good"]


async def test_a_broken_stream_is_ended_in_the_words_of_streams(port: Port) -> None:
    component = await RawComponent.attached(port.number)
    component.say(f"<message from='a@{IRC}' to='{TO}'/><!-- a comment -->")
    assert "<restricted-xml " in await component.rest()
    assert len(port.heard.stanzas) == 1, "what came before counts"


async def test_more_work_than_we_can_do_stops_the_reading(port: Port) -> None:
    done = asyncio.Event()

    async def work() -> None:
        await done.wait()

    port.heard.work = work
    component = await RawComponent.attached(port.number)
    stanza = f"<message from='a@{IRC}' to='{TO}'><body>{'x' * 10_000}</body></message>".encode()
    for _ in range(400):
        component.say(stanza)
    attached = next(iter(port.served._inside))
    assert attached.line is not None
    transport = attached.line._transport
    await port.until(lambda: not transport.is_reading(), "back-pressure")
    before = len(port.heard.stanzas)
    await asyncio.sleep(0.2)
    assert len(port.heard.stanzas) == before < 400
    done.set()
    await port.until(lambda: len(port.heard.stanzas) == 400, "all of them")


# ---- what we send


async def test_stanzas_leave_in_the_namespace_of_components(port: Port) -> None:
    component = await RawComponent.attached(port.number)
    port.send(f"<message from='{TO}' to='x@{IRC}'><body xmlns='jabber:client'>one</body></message>")
    port.send(f"<message from='{TO}' to='x@{IRC}'><body>two</body></message>")
    said = await component.until("two</body></message>")
    assert "jabber:client" not in said and "<body>one</body>" in said
    question = await component.until("</iq>")
    assert "urn:xmpp:ping" in question and "from='example.test'" in question and f"to='{IRC}'" in question


async def test_what_was_said_while_it_was_away_waits_for_it_and_nothing_is_lost_with_a_connection(port: Port) -> None:
    told: list[str] = []
    port.send(f"<message from='{TO}' to='x@{IRC}' id='0'/>", told)
    first = await RawComponent.attached(port.number)
    await first.until("id='0'")
    port.send(f"<message from='{TO}' to='x@{IRC}' id='1'/>", told)
    await first.until("id='1'")
    first.writer.transport.abort()
    await port.until(lambda: port.state()[0] is LinkState.FAILING, "the loss")
    assert port.state()[1] == "the connection was lost"
    port.send(f"<message from='{TO}' to='x@{IRC}' id='2'/>", told)
    again = await RawComponent.attached(port.number)
    said = await again.until("id='2'")
    assert said.index("id='1'") < said.index("id='2'"), "what was not confirmed comes again, in order"
    assert told == [] and port.heard.ways == [f"found {IRC}", f"lost {IRC}", f"found {IRC}"]


async def test_what_was_confirmed_does_not_come_again(port: Port) -> None:
    first = await RawComponent.attached(port.number)
    port.send(f"<message from='{TO}' to='x@{IRC}' id='1'/>")
    asked = await first.until("</iq>")
    question = asked.rpartition(" id='")[2].partition("'")[0]
    first.say(f"<iq type='error' id='{question}' from='{IRC}' to='example.test'/>")
    gateway = port.served.gateway(IRC)
    assert gateway is not None
    await port.until(lambda: gateway.outbox.unconfirmed == 0, "the confirmation")
    assert port.heard.stanzas == [], "the answer is ours"
    first.close()
    await port.until(lambda: port.state()[0] is LinkState.FAILING, "the loss")
    assert port.state()[1] == "the connection was lost" and len(gateway.outbox) == 0


async def test_a_gateway_that_never_comes_is_told_to_who_writes_there(
    front_end: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "WAIT_TIME", 0.4)
    monkeypatch.setattr(outbox, "WAIT_TIME", 0.4)
    async with port_of(front_end) as port:
        told: list[str] = []
        port.send(f"<message from='{TO}' to='x@{IRC}'/>", told)
        await port.until(lambda: told == ["remote-server-timeout"], "the news")
        port.send(f"<message from='{TO}' to='x@{IRC}'/>", told)
        assert told == ["remote-server-timeout"] * 2


async def test_a_gateway_that_does_not_read_costs_others_nothing(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 200)
    told: list[str] = []
    lazy = await RawComponent.attached(port.number)
    gateway = port.served.gateway(IRC)
    assert gateway is not None
    lazy.writer.transport.pause_reading()
    big = f"<message from='{TO}' to='x@{IRC}'><body>{'x' * 50_000}</body></message>"
    for _ in range(400):
        port.send(big, told)
        await asyncio.sleep(0)
    await port.until(lambda: "resource-constraint" in told, "the end of the queue")
    assert len(gateway.outbox) <= 200
    other = await RawComponent.attached(port.number, "sms.example.test", "other")
    port.send(f"<message from='{TO}' to='x@sms.example.test' id='9'/>", domain="sms.example.test")
    await other.until("id='9'")


async def test_a_silent_gateway_is_asked_and_closed_if_it_does_not_answer(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "QUIET_TIME", 0.2)
    monkeypatch.setattr(line, "CONFIRM_TIME", 0.3)
    component = await RawComponent.attached(port.number)
    assert "urn:xmpp:ping" in await component.until("</iq>")
    assert "<connection-timeout " in await component.rest()


async def test_one_that_speaks_but_never_answers_is_believed_to_read(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "CONFIRM_TIME", 0.3)
    component = await RawComponent.attached(port.number)
    port.send(f"<message from='{TO}' to='x@{IRC}' id='1'/>")
    await component.until("</iq>")
    component.say(f"<presence from='x@{IRC}' to='{TO}'/>")
    gateway = port.served.gateway(IRC)
    assert gateway is not None
    await port.until(lambda: gateway.outbox.unconfirmed == 0, "the belief")
    assert port.state()[0] is LinkState.UP


async def test_when_the_server_stops_gateways_are_told_and_what_is_queued_leaves(front_end: FrontEnd) -> None:
    async with port_of(front_end) as port:
        component = await RawComponent.attached(port.number)
        told: list[str] = []
        for number in range(50):
            port.send(f"<message from='{TO}' to='x@{IRC}' id='{number}'/>", told)
    said = await component.rest()
    assert "id='49'" in said and "<system-shutdown " in said and said.endswith("</stream:stream>")
    assert told == ["remote-server-timeout"] * 50, "it never said that it had read them"
    assert front_end.federation.partners() == []


async def test_a_domain_of_ours_is_no_gateways(front_end: FrontEnd) -> None:
    for domain in ("example.test", "conference.example.test"):
        with pytest.raises(SettingsError, match="is ours"):
            Gateways(front_end, GatewaysOptions(domains={domain: GatewayOptions("x")}), Heard())


async def test_slixmpp_attaches_and_comes_back(port: Port) -> None:
    gateway = await EchoGateway(port.number).open()
    port.send(f"<message from='{TO}' to='bot@{IRC}' type='chat'><body>hello</body></message>")
    await port.until(lambda: port.heard.stanzas, "the echo")
    (echo,) = [s for s in port.heard.stanzas if s.name == "message"]
    assert b"echo: hello" in echo.raw and echo.attrs["from"] == f"bot@{IRC}"
    await gateway.leave()
    await port.until(lambda: port.state()[0] is LinkState.FAILING, "the loss")
    assert port.state()[1] == "it closed its stream"
    await (await EchoGateway(port.number).open()).leave()
