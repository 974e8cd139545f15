"""The bridge as a plugin: options, ports, and two people who talk through the real router."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ....bridges import xmpp
from ....bridges.xmpp.options import XmppOptions
from ....bridges.xmpp.plugin import XmppBridge
from ....core.errors import SettingsError
from ....core.identity import Endpoint
from ...people import ALICE, BOB
from ...stage import PASSWORD, front_end_in
from .socket_client import SocketClient


def bridge(**options) -> XmppBridge:
    return XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, **options))


def test_the_package_names_its_plugin():
    assert xmpp.plugin is XmppBridge and XmppBridge.Options is XmppOptions


def test_the_defaults_are_those_of_the_standard_ports():
    options = XmppOptions()
    assert (options.port, options.tls_port, options.plain, options.max_stanza) == (5222, 5223, True, 65536)


@pytest.mark.parametrize(
    "options",
    [
        {"port": 70000},
        {"max_stanza": 9999},
        {"max_stanza": 262145},
        {"idle_seconds": 1},
        {"shared_addresses": ["192.0.2.0/40"]},
        {"plain": False, "scram": False},
        {"dnd_means": "away"},
        {"chanel": 1},
    ],
)
def test_options_that_are_wrong_are_refused(options):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert(options, XmppOptions)


async def test_two_people_sign_in_and_talk(tmp_path):
    plugin = bridge()
    async with front_end_in(tmp_path, plugin) as front_end:
        assert set(plugin.ports) == {"starttls", "tls"} and all(plugin.ports.values())
        assert {what for what, _ in plugin.addresses(front_end)} == {"XMPP, STARTTLS", "XMPP, direct TLS"}
        alice = await SocketClient.signed_in(plugin.ports, ALICE, PASSWORD)
        bob = await SocketClient.signed_in(plugin.ports, BOB, PASSWORD, direct=True)
        for client in (alice, bob):
            client.say("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
            await client.until("id='r'")
        async with asyncio.timeout(20):
            while not all(front_end.registrar.ready(who) for who in (ALICE, BOB)):
                await asyncio.sleep(0.01)
        alice.say("<message to='bob@example.test' type='chat' id='m'><body>good morning &lt;3</body></message>")
        said = await bob.until("</message>")
        assert "<body>good morning &lt;3</body>" in said and "from='alice@example.test/desk'" in said
        bob.say("</stream:stream>")
        await bob.rest()
        async with asyncio.timeout(20):
            while front_end.registrar.at(Endpoint(BOB, "desk")) is not None:
                await asyncio.sleep(0.01)
    assert "<system-shutdown " in await alice.rest()
    assert plugin.ports == {}


@pytest.mark.parametrize("how", ["unbound", "removed"])
async def test_who_is_signed_out_by_somebody_else_is_told(tmp_path, how):
    plugin = bridge()
    async with front_end_in(tmp_path, plugin) as front_end:
        departed = len(front_end.registrar.departed)
        client = await SocketClient.signed_in(plugin.ports, BOB, PASSWORD)
        client.say("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        await client.until("id='r'")
        if how == "removed":
            await front_end.accounts.remove(BOB)
        else:
            front_end.registrar.unbind(Endpoint(BOB, "desk"), reason="the administrator said so")
        said = await client.rest()
        assert "<stream:error>" in said and ("the administrator said so" in said) == (how == "unbound")
        assert front_end.registrar.of(BOB) == []
    assert len(front_end.registrar.departed) == departed - 1


async def test_mechanisms_are_chosen_by_options(tmp_path):
    for options, offered in (({"plain": False}, {"SCRAM-SHA-256", "SCRAM-SHA-1"}), ({"scram": False}, {"PLAIN"})):
        plugin = bridge(**options)
        async with front_end_in(tmp_path / "-".join(options), plugin):
            client = await SocketClient.connect(plugin.ports["tls"], tls=True)
            features = await client.open()
            names = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")
            assert {name for name in names if f">{name}<" in features} == offered
            client.close()


async def test_the_largest_stanza_is_announced_and_taken(tmp_path):
    plugin = bridge(max_stanza=100_000)
    async with front_end_in(tmp_path, plugin):
        client = await SocketClient.connect(plugin.ports["tls"], tls=True)
        await client.open()
        await client.plain(ALICE, PASSWORD)
        assert "<max-bytes>100000</max-bytes>" in await client.open()
        await client.bind()
        for size in (90_000, 100_001):
            client.say("<iq type='get' id='x'><q xmlns='u:q'>" + "x" * size + "</q></iq>")
        assert "<service-unavailable " in await client.until("</iq>")
        assert "<policy-violation " in await client.rest()


async def test_a_port_in_use_is_said_in_a_sentence(tmp_path):
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    plugin = XmppBridge(XmppOptions(listen="127.0.0.1", port=port, tls_port=0))
    with pytest.raises(SettingsError, match=rf"\[xmpp\] cannot listen at 127.0.0.1, port {port}"):
        async with front_end_in(tmp_path, plugin):
            pytest.fail("it opened a port in use")
    server.close()
    await server.wait_closed()
