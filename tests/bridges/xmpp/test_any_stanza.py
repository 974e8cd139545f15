"""Whatever a signed-in client sends: it is answered as the protocol wants, and nobody else comes to harm."""

from __future__ import annotations

import logging
from xml.etree.ElementTree import Element

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.stanza import Stanza
from ...people import ALICE, BOB
from .house import ROOM, Client, house_in

ADDRESSES = st.sampled_from(
    [
        None,
        "alice@example.test",
        "alice@example.test/desk",
        "bob@example.test",
        "bob@example.test/desk",
        "bob@example.test/gone",
        "nobody@example.test",
        "example.test",
        "example.test/x",
        "conference.example.test",
        ROOM,
        f"{ROOM}/alice",
        f"{ROOM}/nobody",
        "none@conference.example.test",
        "eve@elsewhere.example",
        "elsewhere.example",
        "@",
        "",
        "a b@example.test",
        "x" * 3100,
        "bob@example.test/",
        "\U0001f600@example.test",
    ]
)
NAMESPACES = st.sampled_from(
    [
        value
        for name, value in sorted(vars(xml).items())
        if name[0].isupper() and name.isupper() and name != "XML" and isinstance(value, str)
    ]
    + ["urn:unknown", "storage:bookmarks", "urn:xmpp:bookmarks:1", "jabber:x:delay"]
)
NAMES = st.sampled_from(
    [
        "query",
        "item",
        "x",
        "iq",
        "message",
        "presence",
        "body",
        "subject",
        "thread",
        "show",
        "status",
        "priority",
        "ping",
        "time",
        "vCard",
        "block",
        "unblock",
        "blocklist",
        "enable",
        "disable",
        "pubsub",
        "items",
        "publish",
        "retract",
        "conference",
        "storage",
        "invite",
        "decline",
        "continue",
        "destroy",
        "history",
        "received",
        "displayed",
        "composing",
        "active",
        "delay",
        "stanza-id",
        "event",
        "error",
        "idle",
        "session",
        "bind",
        "group",
        "nick",
    ]
)
VALUES = st.sampled_from(
    ["", "0", "-1", "99999999999999", "get", "both", "remove", "none", "owner", "alice", ROOM, "bob@example.test", "@",
     "urn:xmpp:bookmarks:1", "submit", "cancel", "2026-11-24T12:00:00Z", "yesterday", "\u00fc\U0001f600<&>'\""]
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["jid", "node", "id", "type", "to", "from", "role", "affiliation", "nick", "subscription", "ver",
                     "since", "stamp", "maxstanzas", "maxchars", "seconds", "name", "autojoin", "var", "thread"]),
    VALUES,
    max_size=4,
)  # fmt: skip


def _element(namespace: str, name: str, attributes: dict[str, str], text: str, kids: list[Element]) -> Element:
    element = Element(f"{{{namespace}}}{name}", attributes)
    element.text = text
    element.extend(kids)
    return element


ELEMENTS = st.recursive(
    st.builds(_element, NAMESPACES, NAMES, ATTRIBUTES, VALUES, st.just([])),
    lambda kids: st.builds(_element, NAMESPACES, NAMES, ATTRIBUTES, VALUES, st.lists(kids, max_size=3)),
    max_leaves=6,
)
TYPES = {
    "iq": ["get", "set", "result", "error", "", "strange"],
    "message": ["chat", "normal", "groupchat", "headline", "error", "", "strange"],
    "presence": [
        "",
        "unavailable",
        "subscribe",
        "subscribed",
        "unsubscribe",
        "unsubscribed",
        "probe",
        "error",
        "strange",
    ],
}


@st.composite
def stanzas(draw: st.DrawFn) -> bytes:
    """A stanza that a framer would let through."""
    kind = draw(st.sampled_from(sorted(TYPES)))
    kids = draw(st.lists(ELEMENTS, max_size=3))
    stanza = _element(xml.CLIENT, kind, {}, "", kids)
    for key, value in (
        ("type", draw(st.sampled_from(TYPES[kind]))),
        ("id", draw(st.sampled_from(["", "i1", "\u00fc'<"]))),
        ("to", draw(ADDRESSES)),
    ):
        if value or (key == "to" and value is not None):
            stanza.set(key, value)
    return xml.serialise(stanza)


async def settle(client: Client, raw: bytes) -> list[Element]:
    """Send it, and what comes back."""
    stanza = Stanza.read(raw)
    stanza.attrs["from"] = client.jid
    client.got()
    work = client.house.router.receive(client.session, stanza)
    if work is not None:
        await work
    await client.house.quiet()
    return client.got()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(many=st.lists(stanzas(), min_size=10, max_size=25))
async def test_any_stanza_is_answered_and_harms_nobody(tmp_path_factory, caplog, many):
    async with house_in(tmp_path_factory.mktemp("any")) as house:
        alice, bob = await house.client(ALICE), await house.client(BOB)
        caplog.clear()
        for raw in many:
            stanza = Stanza.read(raw)
            got = await settle(alice, raw)
            asks = stanza.name == "iq" and stanza.type not in ("result", "error")
            own = [e for e in got if e.get("id") == stanza.id and e.get("type") in ("result", "error")]
            goes_on = stanza.attrs.get("to", "").startswith(
                "bob@example.test/desk"
            )  # who answers it is the client there
            to_itself = stanza.attrs.get("to", "") == alice.jid
            if asks and not goes_on and not to_itself and stanza.id:
                assert [e.tag for e in own] == [f"{{{xml.CLIENT}}}iq"], raw
            errors = [e for e in got if e.get("type") == "error" and e.get("id", "") == stanza.id]
            if stanza.type in ("error", "result") and not to_itself:
                assert errors == [], raw
            assert b"internal-server-error" not in b"".join(xml.serialise(e) for e in errors), raw
            if not alice.session.endpoint:
                break
        assert alice.wire.ended is None and bob.wire.ended is None
        troubles = [r for r in caplog.records if r.levelno >= logging.ERROR]
        assert troubles == []
        assert [
            e.get("type") for e in await settle(bob, b"<iq type='get' id='i1'><ping xmlns='urn:xmpp:ping'/></iq>")
        ] == ["result"]


@settings(max_examples=60, deadline=None)
@given(element=ELEMENTS)
def test_what_is_written_is_read_again(element):
    """The writer of elements loses nothing that matters: names, attributes, text, order."""
    from xml.etree import ElementTree

    def facts(tree: Element) -> tuple[object, ...]:
        return (tree.tag, dict(tree.items()), tree.text or "", [facts(kid) for kid in tree])

    again = ElementTree.fromstring(xml.serialise(element, default=""))
    assert facts(again) == facts(element)


@pytest.mark.parametrize("hostile", ["<!--", "]]>", "<![CDATA[", "&#0;", "<?pi?>", "\ud800", "\x00", "\ufffe"])
def test_no_text_of_another_world_breaks_a_stanza(hostile):
    written = f"<message><body>{xml.text(hostile)}</body><x jid='{xml.attr(hostile)}'/></message>".encode()
    stanza = Stanza.read(written)
    assert stanza.kids == [f"{{{xml.CLIENT}}}body", f"{{{xml.CLIENT}}}x"]
