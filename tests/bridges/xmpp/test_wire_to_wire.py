"""From socket to socket, through framer, stream, router and core: what one client writes is what the other reads.

Every receiver here is an XML parser of its own, so that bytes which two parsers read differently would show
(SECURITY.md X7 and X10).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from ....bridges.xmpp.options import XmppOptions
from ....bridges.xmpp.plugin import XmppBridge
from ....core.front_end import FrontEnd
from ....core.identity import Identity
from ...people import ALICE, BOB, CAROL, at
from ...stage import PASSWORD, front_end_in, say, sit
from .house import MUC, ROOM, condition
from .socket_client import SocketClient

STREAM = b"<s xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"


@dataclass
class Post:
    """A server with a port, and what is needed to sign in."""

    front_end: FrontEnd
    ports: dict[str, int]

    async def sign_in(self, who: Identity, resource: str = "desk") -> SocketClient:
        """A client with presence."""
        client = await SocketClient.signed_in(self.ports, who, PASSWORD, resource, direct=True)
        client.say("<presence/>")
        await until(client, "presence")
        return client


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """Alice, Bob, Carol and Dave exist."""
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0))
    async with front_end_in(tmp_path, bridge) as front_end:
        yield Post(front_end, bridge.ports)


async def until(client: SocketClient, name: str, id: str | None = None) -> Element:
    """The next whole stanza of this name, and id if one is given; what came before it is dropped."""
    async with asyncio.timeout(20):
        while True:
            for element in _whole(client):
                if element.tag == f"{{jabber:client}}{name}" and id in (None, element.get("id")):
                    return element
            data = await client.reader.read(65536)
            assert data, "the stream ended"
            client.said += data


def _whole(client: SocketClient) -> list[Element]:
    """Stanzas that are complete; what they were cut from is used up when all of it is."""
    parser = ElementTree.XMLPullParser(events=("start", "end"))
    parser.feed(STREAM + client.said)
    depth, found = 0, []
    for event, element in parser.read_events():
        depth += 1 if event == "start" else -1
        if event == "end" and depth == 1:
            found.append(element)
    if found and client.said.endswith(b">") and depth == 1:
        client.said = b""
        return found
    return []


async def answered(client: SocketClient, number: int = 0) -> None:
    """Everything the client sent before has been looked at."""
    client.say(f"<iq type='get' id='done-{number}' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>")
    await until(client, "iq", f"done-{number}")


SAME = [
    "<body>plain</body>",
    "<body>&lt;b&gt;&amp;&quot;&apos; &#252; \U0001f600</body>",
    "<body><![CDATA[<body>not this</body> & that]]></body>",
    "<body  >spaces in the tag</body  >",
    "<body>one</body><x xmlns='urn:x'><y>1</y>tail<z a='&lt;&apos;&#10;'/></x>",
    "<x:y xmlns:x='urn:x' x:a='1'/><body>a prefix</body>",
    "<body>two\nlines\tand a tab</body>",
    "<body xml:lang='de'>hallo</body>",
    "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>x</p></body></html>"
    "<body>x</body>",
]


def facts(tree: Element) -> tuple[object, ...]:
    return tree.tag, dict(tree.items()), tree.text or "", tree.tail or "", [facts(kid) for kid in tree]


async def test_what_one_writes_the_other_reads(post):
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    phone = sit(post.front_end, BOB, "phone")
    for inner in SAME:
        alice.say(f"<message type='chat' id='m1' to='bob@example.test'>{inner}</message>")
        heard = await until(bob, "message")
        sent = ElementTree.fromstring(f"<message xmlns='jabber:client'>{inner}</message>")
        kids = [kid for kid in heard if kid.tag != "{urn:xmpp:sid:0}stanza-id"]
        assert [facts(kid) for kid in kids] == [facts(kid) for kid in sent]
        assert phone.texts[-1] == sent.findtext("{jabber:client}body")
    alice.close(), bob.close()


async def test_prefixes_and_sections_do_not_travel(post):
    """Receivers get elements with default namespaces and no CDATA, whatever the sender wrote."""
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    await answered(bob)
    alice.say(
        "<c:message xmlns:c='jabber:client' type='chat' to='bob@example.test'><c:body><![CDATA[a<b]]></c:body>"
        "<p:q xmlns:p='urn:p'><p:r/></p:q></c:message>"
    )
    raw = await bob.until("</message>")
    assert not any(trace in raw for trace in ("CDATA", "<c:", "xmlns:", "<p:"))
    assert "<body>a&lt;b</body>" in raw
    alice.close(), bob.close()


PING = ("iq", "get", "<ping xmlns='urn:xmpp:ping'/>")
OTHERS = ("bob@example.test", "bob@example.test/desk", "example.test", "alice@example.test/other", "@")


@pytest.mark.parametrize("kind, type, inner", [("message", "chat", ""), ("presence", "subscribe", ""), PING])
async def test_nobody_speaks_for_somebody_else(post, kind, type, inner):
    for claimed in OTHERS:
        alice = await post.sign_in(ALICE)
        alice.say(f"<{kind} type='{type}' id='x' from='{claimed}' to='bob@example.test'>{inner}</{kind}>")
        assert "invalid-from" in await alice.rest()
        assert post.front_end.registrar.of(ALICE) == []
        alice.close()


async def test_ones_own_name_may_be_said_and_is_made_whole(post):
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    for claimed in ("alice@example.test", "ALICE@example.test/desk"):
        alice.say(f"<message type='chat' from='{claimed}' to='bob@example.test'><body>me</body></message>")
        assert (await until(bob, "message")).get("from") == "alice@example.test/desk"
    alice.close(), bob.close()


async def test_many_at_once_keep_their_order(post):
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    many = 150
    alice.say("".join(f"<message type='chat' to='bob@example.test'><body>{n}</body></message>" for n in range(many)))
    heard: list[str] = []
    async with asyncio.timeout(30):
        while len(heard) < many:
            data = await bob.reader.read(65536)
            assert data
            bob.said += data
            heard += [m.findtext("{jabber:client}body") or "" for m in _whole(bob)]
    assert heard == [str(n) for n in range(many)]
    alice.close(), bob.close()


async def test_a_room_from_socket_to_socket(post):
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    for client, nick in ((alice, "al"), (bob, "bo")):
        client.say(f"<presence to='{ROOM}/{nick}'><x xmlns='{MUC}'/></presence>")
        await until(client, "message")
        if client is alice:
            take = f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
            alice.say(f"<iq type='set' id='take' to='{ROOM}'>{take}</iq>")
            await until(alice, "iq", "take")
    bob.say(f"<message type='groupchat' id='g1' to='{ROOM}'><body>hello &amp; goodbye</body></message>")
    for client in (alice, bob):
        message = await until(client, "message", "g1")
        assert message.findtext("{jabber:client}body") == "hello & goodbye" and message.get("from") == f"{ROOM}/bo"
    bob.close()
    gone = await until(alice, "presence")
    while gone.get("type") != "unavailable":
        gone = await until(alice, "presence")
    assert gone.get("from") == f"{ROOM}/bo"
    alice.close()


async def test_an_answer_comes_even_for_what_cannot_be_read_as_an_address(post):
    alice = await post.sign_in(ALICE)
    alice.say("<message type='chat' id='m1' to='a@b@c'><body>x</body></message>")
    assert condition(await until(alice, "message", "m1")) == ("modify", "jid-malformed")
    alice.close()


async def test_a_stanza_of_the_largest_size_arrives(post):
    alice, bob = await post.sign_in(ALICE), await post.sign_in(BOB)
    text = "x" * 60_000
    alice.say(f"<message type='chat' to='bob@example.test'><body>{text}</body></message>")
    assert (await until(bob, "message")).findtext("{jabber:client}body") == text
    alice.close(), bob.close()


async def test_a_room_hears_from_the_core_who_comes_back(post):
    alice = await post.sign_in(ALICE)
    phone = sit(post.front_end, BOB, "phone")
    sit(post.front_end, CAROL, "phone")
    await say(post.front_end, ALICE, BOB, "hello")
    (conversation,) = post.front_end.immcu.of(BOB)
    await post.front_end.immcu.add(conversation, CAROL, by=BOB)
    alice.say(f"<presence to='{conversation.address}/al'><x xmlns='{MUC}'/></presence>")
    while (await until(alice, "message")).get("type") != "groupchat":
        pass  # the invitation, then the subject, with which entering ends
    post.front_end.registrar.unbind(at(BOB, "phone"), phone, "its registration expired")
    assert (await until(alice, "presence")).get("type") == "unavailable"
    sit(post.front_end, BOB, "phone")
    back = await until(alice, "presence")
    assert (back.get("from"), back.get("type")) == (f"{conversation.address}/Bob", None)
    alice.close()
