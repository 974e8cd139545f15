"""Whatever is asked about nodes, there is one answer to it, and the nodes are still sound afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import Element, SubElement

from hypothesis import given, settings
from hypothesis import strategies as st

from .....bridges.xmpp.pep.form import LABELS
from .....bridges.xmpp.pep.requests import PubSub
from .....bridges.xmpp.syntax import xml
from ....people import ALICE, BOB
from ..house import condition, house_in
from .asking import curious

NODES = ("urn:x", "urn:y", "urn:xmpp:bookmarks:1", "storage:bookmarks", "urn:xmpp:avatar:metadata",
         "urn:xmpp:avatar:data", "", "a/b c", "x" * 300)  # fmt: skip
TEXTS = ("", "1", "0", "true", "max", "7", "-1", "open", "presence", "roster", "whitelist", "authorize", "never",
         "alice@example.test", "bob@example.test", "room@conference.example.test", "@",
         "99999999999", "\U0001f600")  # fmt: skip
DEEDS = ("publish", "retract", "items", "create", "configure", "subscribe", "unsubscribe", "subscriptions",
         "affiliations", "default", "delete", "purge", "options", "other")  # fmt: skip
PAYLOADS = ("{urn:xmpp:bookmarks:1}conference", "{storage:bookmarks}storage", "{urn:xmpp:avatar:metadata}metadata",
            "{urn:xmpp:avatar:data}data", "{urn:a}a", "a")  # fmt: skip


@st.composite
def forms(draw):
    form = Element(f"{{{xml.DATA_FORM}}}x", {"type": draw(st.sampled_from(["submit", "cancel", "form", ""]))})
    for name in draw(st.lists(st.sampled_from([*LABELS, "other"]), max_size=3)):
        field = SubElement(form, f"{{{xml.DATA_FORM}}}field", {"var": f"pubsub#{name}"})
        for text in draw(st.lists(st.sampled_from(TEXTS), max_size=2)):
            SubElement(field, f"{{{xml.DATA_FORM}}}value").text = text
    return form


@st.composite
def items(draw, ns):
    item = Element(f"{{{ns}}}item")
    if draw(st.booleans()):
        item.set("id", draw(st.sampled_from(TEXTS)))
    for tag in draw(st.lists(st.sampled_from(PAYLOADS), max_size=2)):
        payload = SubElement(item, tag, {"id": "1", "jid": draw(st.sampled_from(TEXTS)), "url": "x"})
        payload.text = draw(st.sampled_from(TEXTS))
        SubElement(payload, draw(st.sampled_from([*PAYLOADS, "{urn:xmpp:avatar:metadata}info"])), {"id": "1"})
    return item


@st.composite
def requests(draw):
    ns = draw(st.sampled_from([xml.PUBSUB, xml.PUBSUB_OWNER]))
    pubsub = Element(f"{{{ns}}}pubsub")
    for name in draw(st.lists(st.sampled_from(DEEDS), min_size=0, max_size=2)):
        deed = SubElement(pubsub, f"{{{ns}}}{name}", {"node": draw(st.sampled_from(NODES))})
        for key in draw(st.sets(st.sampled_from(["jid", "notify", "max_items", "subid"]), max_size=2)):
            deed.set(key, draw(st.sampled_from(TEXTS)))
        deed.extend(draw(st.lists(items(ns), max_size=2)))
        if draw(st.booleans()):
            deed.append(draw(forms()))
        for kid in draw(st.lists(st.sampled_from(["affiliation", "subscription"]), max_size=2)):
            attrs = {"jid": draw(st.sampled_from(TEXTS)), kid: draw(st.sampled_from(["none", "member", "x"]))}
            SubElement(deed, f"{{{ns}}}{kid}", attrs)
    for name in draw(st.lists(st.sampled_from(["publish-options", "configure"]), max_size=1)):
        SubElement(pubsub, f"{{{ns}}}{name}").append(draw(forms()))
    if draw(st.booleans()):
        page = SubElement(pubsub, f"{{{xml.RSM}}}set")
        for name in draw(st.sets(st.sampled_from(["max", "before", "after", "index"]), max_size=2)):
            SubElement(page, f"{{{xml.RSM}}}{name}").text = draw(st.sampled_from(TEXTS))
    return xml.serialise(pubsub).decode()


ASKED = st.tuples(
    st.sampled_from(["get", "set"]), st.sampled_from([None, "alice@example.test", "none@example.test"]), requests()
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), ASKED), min_size=1, max_size=12))
def test_any_request_has_an_answer(asked):
    asyncio.run(_ask_all(asked))


async def _ask_all(asked):
    with TemporaryDirectory() as state:
        async with house_in(Path(state)) as house:
            await house.friends(ALICE, BOB)
            alice, bob = await curious(house, ALICE, *NODES[:4]), await curious(house, BOB, *NODES)
            for owner, (type, to, inner) in asked:
                answer = await (alice if owner else bob).ask(inner, to=to, type=type)
                assert answer.get("type") in ("result", "error")
                if answer.get("type") == "error":
                    assert condition(answer)[1] not in ("internal-server-error", "undefined-condition"), inner
            shelves = house.router._parts.personal.eventing.shelves
            held = await shelves.of(ALICE)
            shelves._held.clear()
            read = await shelves.of(ALICE)
            assert read.nodes.keys() == held.nodes.keys()
            for name, node in read.nodes.items():
                assert (node.config, node.items) == (held.nodes[name].config, held.nodes[name].items)
                assert len(node.items) <= node.config.room


def test_the_table_has_no_deed_that_is_not_tried():
    assert {name for (_, _, name) in _table()} <= set(DEEDS)


def _table():
    class Nothing:
        def announce(self, *args):
            pass

    return PubSub(None, {}, Nothing())._deeds
