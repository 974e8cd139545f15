"""Stanzas of servers, as clients would have sent them; and the way back."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.stream.limits import AFTER_SIGN_IN
from .....bridges.xmpp.syntax import namespaces, xml
from .....bridges.xmpp.syntax.framer import Framer
from .....bridges.xmpp.syntax.stanza import Stanza

HEADER = (
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:db='jabber:server:dialback' id='1' version='1.0'>"
)


def read(text: str) -> Stanza:
    """One first-level element of a server's stream."""
    framer = Framer(AFTER_SIGN_IN, xml.SERVER)
    found = framer.receive((HEADER + text).encode(), 0.0)
    assert framer.failure is None
    return found[0]


def shape(element: bytes, home: str) -> list[tuple[str, str, str]]:
    """What an element is to a reader of a stream of that namespace, clients' and servers' being the same."""
    tree = fromstring(b"<w xmlns='" + home.encode() + b"'>" + element + b"</w>")[0]
    return [(e.tag.replace("jabber:server", "jabber:client"), e.text or "", e.tail or "") for e in tree.iter()]


def test_a_stanza_is_the_same_bytes_in_the_namespace_of_clients() -> None:
    text = "<message from='a@b' to='c@d' type='chat'><body>hi</body><x xmlns='urn:x'/></message>"
    stanza = read(text)
    assert stanza.raw == text.encode()
    assert (stanza.ns, stanza.name) == (xml.CLIENT, "message")
    assert stanza.kids == ["{jabber:client}body", "{urn:x}x"]
    assert stanza.tree[0].tag == "{jabber:client}body"


@pytest.mark.parametrize(
    "text",
    [
        "<message xmlns='jabber:server' from='a@b'><body>hi</body></message>",
        "<message from='a@b'><body xmlns='jabber:server'>hi</body></message>",
        "<message from='a@b'><body xmlns='jabber&#58;server'>hi</body></message>",
        "<s:message xmlns:s='jabber:server' from='a@b'><s:body>hi</s:body></s:message>",
    ],
)
def test_however_the_namespace_is_written(text: str) -> None:
    stanza = read(text)
    assert (stanza.ns, stanza.kids) == (xml.CLIENT, ["{jabber:client}body"])
    assert stanza.raw == b"<message from='a@b'><body>hi</body></message>"


def test_an_error_and_what_it_says_are_moved_too() -> None:
    stanza = read("<iq type='error' id='1'><error xmlns='jabber:server' type='cancel'/></iq>")
    assert stanza.kids == ["{jabber:client}error"]
    assert b"jabber:server" not in stanza.raw


def test_dialback_is_read_by_its_namespace_not_by_its_prefix() -> None:
    stanza = read("<db:result from='a' to='b'>key</db:result>")
    assert (stanza.ns, stanza.name, stanza.tree.text) == (xml.DIALBACK, "result", "key")
    assert read("<result xmlns='jabber:server:dialback'>key</result>").ns == xml.DIALBACK


def test_a_prefix_of_the_root_does_not_leave_with_a_stanza() -> None:
    stanza = read("<message><db:x/><body>db: is no prefix here</body></message>")
    assert b"<db:" not in stanza.raw
    assert stanza.kids == ["{jabber:server:dialback}x", "{jabber:client}body"]


def test_what_leaves_is_the_same_bytes_too() -> None:
    raw = b"<message to='c@d'><body>a &amp; b</body></message>"
    assert namespaces.settled(raw, xml.SERVER) is raw


@pytest.mark.parametrize(
    "raw",
    [
        b"<message xmlns='jabber:client'><body>hi</body></message>",
        b"<message><body xmlns='jabber:client'>hi</body></message>",
        b"<message xmlns='jabber&#x3a;client'><body>hi</body></message>",
    ],
)
def test_clients_that_name_their_namespace_do_not_break_a_server_s_stream(raw: bytes) -> None:
    assert namespaces.settled(raw, xml.SERVER) == b"<message><body>hi</body></message>"


def test_a_stanza_inside_a_stanza_stays_a_client_s() -> None:
    inner = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>hi</body></message></forwarded>"
    settled = namespaces.settled(f"<message>{inner}</message>".encode(), xml.SERVER)
    assert settled == f"<message>{inner}</message>".encode()


NAMES = st.sampled_from(["message", "body", "error", "x"])
SPACES = st.sampled_from(["", " xmlns='jabber:server'", " xmlns='jabber:client'", " xmlns='urn:x'"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8).map(xml.text)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES)
    inner = draw(TEXTS) + "".join(draw(st.lists(elements(depth - 1), max_size=2)) if depth else [])
    return f"<{name}{draw(SPACES)}>{inner}</{name}>"


@given(elements())
def test_whatever_comes_reads_the_same_but_for_the_namespace(text: str) -> None:
    stanza = read(text)
    assert shape(stanza.raw, xml.CLIENT) == shape(text.encode(), xml.SERVER)
    assert b"jabber:server" not in stanza.raw
    assert stanza.kids == [kid.tag for kid in stanza.tree]


@given(elements())
def test_whatever_leaves_is_a_server_s_stanza_and_nothing_inside_it_changes(text: str) -> None:
    settled = namespaces.settled(text.encode(), xml.SERVER)
    stanza, before = read(settled.decode()), Stanza.read(text.encode())
    assert (stanza.ns, stanza.name) == (before.ns if before.ns != xml.SERVER else xml.CLIENT, before.name)
    assert shape(settled, xml.SERVER) == shape(text.encode(), xml.CLIENT)
