"""Two organisations on one server (SECURITY: X14): people of one get nothing of the other's by asking for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ....core.identity import Identity
from ....core.message import Utterance
from ....core.people import Person
from ...people import ALICE, BOB, CAROL, at
from .house import House, condition, house_in

EVE = Identity("eve", "second.test")
QUESTIONS = {
    "contact list": "<query xmlns='jabber:iq:roster'/>",
    "private storage": "<query xmlns='jabber:iq:private'><x xmlns='u:notes'/></query>",
    "bookmarks": "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'/></pubsub>",
    "blocks": "<blocklist xmlns='urn:xmpp:blocking'/>",
    "archive's form": "<query xmlns='urn:xmpp:mam:2'/>",
    "archive's extent": "<metadata xmlns='urn:xmpp:mam:2'/>",
    "last activity": "<query xmlns='jabber:iq:last'/>",
    "card": "<vCard xmlns='vcard-temp'/>",
    "discovery": "<query xmlns='http://jabber.org/protocol/disco#info'/>",
}
CHANGES = {
    "contact list": "<query xmlns='jabber:iq:roster'><item jid='eve@second.test'/></query>",
    "private storage": "<query xmlns='jabber:iq:private'><x xmlns='u:notes'/></query>",
    "card": "<vCard xmlns='vcard-temp'><FN>Mallory</FN></vCard>",
    "archive": "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>5</max></set></query>",
    "bookmarks": "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'>"
    "<item id='r@conference.example.test'><conference xmlns='urn:xmpp:bookmarks:1'/></item></publish></pubsub>",
    "blocks": "<block xmlns='urn:xmpp:blocking'><item jid='bob@example.test'/></block>",
}


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path, domains=["example.test", "second.test"]) as house:
        await house.front_end.accounts.add(EVE, None, Person(str(EVE), "Eve"))
        yield house


@pytest.mark.parametrize("to", ["alice@example.test", "nobody@example.test"])
@pytest.mark.parametrize(
    ("type", "payload"),
    [*(("get", q) for q in QUESTIONS.values()), *(("set", c) for c in CHANGES.values())],
    ids=[*(f"read {q}" for q in QUESTIONS), *(f"write {c}" for c in CHANGES)],
)
async def test_what_is_somebody_elses_is_neither_read_nor_written(
    both: House, to: str, type: str, payload: str
) -> None:
    """And whether there is such a person cannot be told from the answer."""
    await both.client(ALICE)
    eve = await both.client(EVE)
    answer = await eve.ask(payload, to, type)
    assert answer.get("type") == "error"
    twin = await eve.ask(payload, "somebody@example.test", type)
    assert condition(answer) == condition(twin)


async def conference(house: House) -> Any:
    """Alice, Bob and Carol in a conference that grew out of a talk."""
    immcu = house.front_end.immcu
    talk = await immcu.talk(ALICE, BOB)
    await immcu.say(talk, Utterance(sender=at(ALICE, "desk"), text="between us"))
    await immcu.add(talk, CAROL, by=ALICE)
    await house.quiet()
    return talk.address


async def test_a_conference_of_others_is_not_there(both: House) -> None:
    room = await conference(both)
    eve = await both.client(EVE)
    eve.got()
    await eve.send(f"<presence to='{room}/Eve'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    (refusal,) = eve.got("presence", type="error")
    await eve.send("<presence to='no-such@conference.example.test/Eve' type='unavailable'/>")
    assert condition(refusal)[1] in {"item-not-found", "registration-required", "not-allowed", "forbidden"}
    for payload in ("<query xmlns='urn:xmpp:mam:2'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>"):
        answer = await eve.ask(payload, str(room), "set" if "mam" in payload else "get")
        assert answer.get("type") == "error" or not list(answer[0])
    await eve.send(f"<message type='groupchat' to='{room}'><body>let me in</body></message>")
    assert all(m.get("type") == "error" for m in eve.got("message"))
    listed = await eve.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>", "conference.example.test")
    assert str(room) not in str([item.attrib for item in listed.iter()])


async def test_a_stranger_of_the_other_domain_sees_nobody(both: House) -> None:
    alice, eve = await both.client(ALICE), await both.client(EVE)
    eve.got()
    await eve.send("<presence type='probe' to='alice@example.test'/>")
    await alice.send("<presence><show>dnd</show><status>secret</status></presence>")
    assert not [p for p in eve.got("presence") if p.get("from", "").startswith("alice")]
