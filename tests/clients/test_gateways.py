"""Other people's gateways attached to us: one made with slixmpp, and biboumi, which leads to IRC."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ...bridges.xmpp.components.options import GatewayOptions, GatewaysOptions
from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...core.front_end import FrontEnd
from ..bridges.irc_server import IrcServer
from ..bridges.xmpp.components.raw import IRC, SECRET, EchoGateway
from ..people import Clock
from ..stage import PASSWORD, front_end_in
from .program import needs, until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]

OURS = "example.test"
BIBOUMI = """\
hostname={domain}
password={secret}
xmpp_server_ip=127.0.0.1
port={port}
db_name={folder}/biboumi.sqlite
fixed_irc_server={irc}
identd_port=0
log_level=1
"""


@dataclass
class House:
    """Our server, with a port for gateways."""

    front_end: FrontEnd
    plugin: XmppBridge
    stack: AsyncExitStack

    async def client(self, who: str) -> Slix:
        client = Slix(f"{who}@{OURS}/slix", PASSWORD, str(self.front_end.state / "ca.crt"))
        self.stack.push_async_callback(client.leave)
        return await client.sign_in(self.plugin.ports["starttls"])

    async def gateway(self) -> EchoGateway:
        gateway = EchoGateway(self.plugin.ports["gateways"])
        return await gateway.open()

    def state(self) -> str:
        (partner,) = self.front_end.federation.partners()
        return str(partner.state)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    domains = {IRC: GatewayOptions(SECRET, "Internet Relay Chat")}
    plugin = XmppBridge(
        XmppOptions(listen="127.0.0.1", port=0, tls_port=0, gateways=GatewaysOptions(port=0, domains=domains))
    )
    async with front_end_in(tmp_path / "ours", plugin, clock=Clock()) as front_end, AsyncExitStack() as stack:
        yield House(front_end, plugin, stack)


async def services(client: Slix) -> dict[str, str]:
    """What the server says it consists of."""
    found = await client.plugin["xep_0030"].get_items(jid=OURS)
    return {str(jid): name for jid, _, name in found["disco_items"]["items"]}


async def test_a_gateway_is_a_service_while_it_is_there(house: House) -> None:
    alice = await house.client("alice")
    assert IRC not in await services(alice)
    gateway = await house.gateway()
    assert (await services(alice))[IRC] == "Internet Relay Chat"
    found = await alice.plugin["xep_0030"].get_info(jid=IRC)
    assert ("gateway", "irc", None, "Echoes") in found["disco_info"]["identities"]
    await alice.plugin["xep_0199"].ping(IRC)
    await gateway.leave()
    await until(lambda: house.state() == "failing", "the loss")
    assert IRC not in await services(alice)


async def test_people_talk_with_those_behind_it_and_see_them(house: House) -> None:
    alice, gateway = await house.client("alice"), await house.gateway()
    bot = f"bot@{IRC}"
    alice.send_message(bot, "hello", mtype="chat")
    await alice.hears(bot, "echo: hello")
    assert gateway.heard == [(f"alice@{OURS}/slix", "hello")]
    alice.send_presence_subscription(pto=bot, ptype="subscribe")
    await until(lambda: alice.shows.get(bot, {}).get("irc") == "away", f"alice to see the bot; {alice.shows}")
    alice.send_presence(pto=IRC)
    here = f"alice@{OURS}/slix"
    await until(lambda: ("available", here, IRC) in gateway.presences, f"the gateway to see alice; {gateway.presences}")
    await alice.leave()
    await until(lambda: ("unavailable", here, IRC) in gateway.presences, f"her to go; {gateway.presences}")
    await gateway.leave()


async def test_a_gateway_itself_may_be_a_contact(house: House) -> None:
    """Gateways ask people to see them, to know when they sign in (XEP-0100 section 4)."""
    alice, gateway = await house.client("alice"), await house.gateway()
    asked: list[str] = []
    alice.add_event_handler("presence_subscribe", lambda p: asked.append(str(p["from"])))
    gateway.send_presence_subscription(pto=f"alice@{OURS}", pfrom=IRC, ptype="subscribe")
    await until(lambda: asked == [IRC], "the question")
    alice.send_presence_subscription(pto=IRC, ptype="subscribed")
    await until(
        lambda: ("available", f"alice@{OURS}/slix", IRC) in gateway.presences, f"her presence; {gateway.presences}"
    )
    await gateway.leave()


async def test_what_is_said_while_a_gateway_restarts_arrives(house: House) -> None:
    alice, gateway = await house.client("alice"), await house.gateway()
    alice.send_message(f"bot@{IRC}", "one", mtype="chat")
    await alice.hears(f"bot@{IRC}", "echo: one")
    gateway.abort()
    await until(lambda: house.state() == "failing", "the loss")
    alice.send_message(f"bot@{IRC}", "two", mtype="chat")
    again = await house.gateway()
    await alice.hears(f"bot@{IRC}", "echo: two")
    assert alice.errors == []
    await again.leave()


@asynccontextmanager
async def biboumi(house: House, folder: Path, irc: str) -> AsyncIterator[Callable[[], str]]:
    """Debian's biboumi, attached."""
    needs("biboumi")
    port = house.plugin.ports["gateways"]
    (folder / "biboumi.cfg").write_text(BIBOUMI.format(domain=IRC, secret=SECRET, port=port, folder=folder, irc=irc))
    log = folder / "biboumi.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            "biboumi", str(folder / "biboumi.cfg"), cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        await until(lambda: house.state() == "up", f"biboumi to attach; see {log}")
        yield lambda: log.read_text(errors="replace")
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def test_biboumi_leads_to_irc(house: House, tmp_path: Path) -> None:
    irc = IrcServer()
    # An address of this machine that nobody else uses: biboumi knows no other ports without being told by each person.
    irc.host, irc.port = f"127.{random.randrange(64, 250)}.{random.randrange(250)}.{random.randrange(2, 250)}", 6667
    async with irc.running(), biboumi(house, tmp_path, irc.host):
        alice = await house.client("alice")
        found = await alice.plugin["xep_0030"].get_info(jid=IRC)
        assert any(category == "conference" for category, *_ in found["disco_info"]["identities"])
        channel = f"#lounge@{IRC}"
        await alice.join(channel, "alice")
        assert [guest.nick for guest in irc.members["#lounge"]] == ["alice"]
        irc.says("bob", "#lounge", "hello from IRC")
        await alice.room_hears("bob", "hello from IRC")
        alice.send_message(channel, "hello from XMPP", mtype="groupchat")
        await until(lambda: irc.heard("#lounge") == ["hello from XMPP"], "IRC to hear alice")
        await alice.room_hears("alice", "hello from XMPP")
        await alice.leave()
        await until(lambda: not irc.members["#lounge"], "alice to leave IRC")
