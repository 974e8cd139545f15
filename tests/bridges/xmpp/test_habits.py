"""What real clients do when they have signed in, in their own order: each question is answered.

The sequences are those that XMPP clients were seen to send; the words are the protocol's.
"""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB
from .house import Client

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
PUBSUB = "http://jabber.org/protocol/pubsub"
ME, SERVER, ROOMS = "alice@example.test", "example.test", "conference.example.test"
RESULT, ERROR = "result", "error"

CAPS = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:client' ver='x'/>"
MUC = "<x xmlns='http://jabber.org/protocol/muc'/>"


def get(inner: str, to: str = "", expected: str = RESULT) -> tuple[str, str, str, str]:
    return ("get", inner, to, expected)


def put(inner: str, to: str = "", expected: str = RESULT) -> tuple[str, str, str, str]:
    return ("set", inner, to, expected)


def query(namespace: str, inside: str = "", **attrs: str) -> str:
    more = "".join(f" {key}='{value}'" for key, value in attrs.items())
    return f"<query xmlns='{namespace}'{more}>{inside}</query>"


ROSTER = get(query("jabber:iq:roster"))
BOOKMARKS = get(query("jabber:iq:private", "<storage xmlns='storage:bookmarks'/>"))
BLOCKLIST = get("<blocklist xmlns='urn:xmpp:blocking'/>")
CARBONS = put("<enable xmlns='urn:xmpp:carbons:2'/>")
SESSION = put("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")
VCARD = get("<vCard xmlns='vcard-temp'/>")
PRESENCE = f"<presence>{CAPS}</presence>"
MANAGE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"

HABITS: dict[str, list[object]] = {
    "converse": [
        SESSION,
        MANAGE,
        get(f"<pubsub xmlns='{PUBSUB}'><items node='urn:xmpp:reactions:popular:0'/></pubsub>", ME, ERROR),
        get(query(INFO), SERVER),
        VCARD,
        ROSTER,
        get(query(INFO), ME),
        get(query(ITEMS), SERVER),
        f"<presence><priority>0</priority><x xmlns='vcard-temp:x:update'/>{CAPS}</presence>",
        get("<prefs xmlns='urn:xmpp:mam:2'/>"),
        get(f"<pubsub xmlns='{PUBSUB}'><items node='storage:bookmarks'/></pubsub>"),
        get(query(INFO), ROOMS),
        CARBONS,
        BLOCKLIST,
        get(f"<pubsub xmlns='{PUBSUB}'><items node='eu.siacs.conversations.axolotl.devicelist'/></pubsub>", ME, ERROR),
    ],
    "dino": [
        MANAGE,
        get(query(ITEMS), SERVER),
        get(query(INFO), ME),
        get("<services xmlns='urn:xmpp:extdisco:2'/>", SERVER, ERROR),
        PRESENCE,
        ROSTER,
        CARBONS,
        get(query(INFO), SERVER),
        get(query(INFO), ROOMS),
        put(query("urn:xmpp:mam:2", "<x xmlns='jabber:x:data' type='submit'/>"), ME),
        BOOKMARKS,
        put(
            f"<pubsub xmlns='{PUBSUB}'><publish node='eu.siacs.conversations.axolotl.devicelist'><item>"
            "<list xmlns='eu.siacs.conversations.axolotl'><device id='1'/></list></item></publish></pubsub>",
        ),
        get(f"<pubsub xmlns='{PUBSUB}#owner'><configure node='eu.siacs.conversations.axolotl.devicelist'/></pubsub>"),
        BLOCKLIST,
        get(f"<pubsub xmlns='{PUBSUB}#owner'><configure node='x'/></pubsub>", "", ERROR),
    ],
    "gajim": [
        MANAGE,
        get(query(INFO), SERVER),
        get(query(INFO), ME),
        get(query(ITEMS), SERVER),
        CARBONS,
        BOOKMARKS,
        get(query(INFO), ROOMS),
        put(query("jabber:iq:private", "<roster xmlns='roster:delimiter'>::</roster>")),
        ROSTER,
        PRESENCE,
        get(query("jabber:iq:private", "<storage xmlns='storage:rosternotes'/>")),
        BLOCKLIST,
        put(query("urn:xmpp:mam:2"), ME),
    ],
    "go-sendxmpp": [
        "<presence><show>chat</show><status>sending</status></presence>",
        "<message type='chat' to='bob@example.test' id='x'><body>hello</body></message>",
    ],
    "libpurple": [
        MANAGE,
        SESSION,
        get(query(ITEMS), SERVER),
        get(query(INFO), SERVER),
        get(query(INFO), ROOMS),
        VCARD,
        ROSTER,
        BLOCKLIST,
        f"<presence><priority>1</priority>{CAPS}<x xmlns='vcard-temp:x:update'><photo/></x></presence>",
    ],
    "mcabber": [
        SESSION,
        ROSTER,
        get(query(INFO), SERVER),
        get(query("jabber:iq:private", "<storage xmlns='storage:bookmarks'/>")),
        get(query("jabber:iq:private", "<storage xmlns='storage:rosternotes'/>")),
        f"<presence><status>here</status>{CAPS}</presence>",
        f"<presence to='room@{ROOMS}/alice'>{CAPS}{MUC}</presence>",
        put(
            "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
            f"room@{ROOMS}",
        ),
        f"<presence type='unavailable' to='room@{ROOMS}/alice'><status>bye</status></presence>",
    ],
    "poezio": [
        get("<vCard xmlns='vcard-temp'/>", ME),
        get(query("jabber:iq:roster", ver="")),
        f"<presence>{CAPS}<x xmlns='vcard-temp:x:update'/></presence>",
        put(
            f"<pubsub xmlns='{PUBSUB}'><publish node='http://jabber.org/protocol/nick'><item id='current'>"
            "<nick xmlns='http://jabber.org/protocol/nick'>carol</nick></item></publish></pubsub>",
        ),
        get(query(INFO), SERVER),
        CARBONS,
        BOOKMARKS,
    ],
    "profanity": [
        MANAGE,
        PRESENCE,
        ROSTER,
        BOOKMARKS,
        BLOCKLIST,
        get(query(INFO), SERVER),
        get(query(ITEMS), SERVER),
        CARBONS,
        PRESENCE,
        get(query(INFO), ROOMS),
        f"<presence to='room@{ROOMS}/alice'>{MUC}{CAPS}</presence>",
        get(query("http://jabber.org/protocol/muc#admin", "<item affiliation='member'/>"), f"room@{ROOMS}"),
        get(query("http://jabber.org/protocol/muc#admin", "<item affiliation='admin'/>"), f"room@{ROOMS}"),
        get(query("http://jabber.org/protocol/muc#admin", "<item affiliation='owner'/>"), f"room@{ROOMS}"),
        get(query(INFO), f"room@{ROOMS}"),
        f"<message type='groupchat' to='room@{ROOMS}' id='g'><body>hi</body></message>",
        "<message type='chat' to='bob@example.test'><gone xmlns='http://jabber.org/protocol/chatstates'/></message>",
    ],
    "slixmpp": [
        MANAGE,
        PRESENCE,
        ROSTER,
        CARBONS,
        f"<presence to='room@{ROOMS}/alice'>{MUC}{CAPS}</presence>",
    ],
    "smack": [
        MANAGE,
        ROSTER,
        get(query(INFO), SERVER),
        get(query(ITEMS), SERVER),
        get(query(INFO), ROOMS),
        get(query(INFO), SERVER),
        f"<presence><priority>0</priority>{CAPS}</presence>",
        get("<ping xmlns='urn:xmpp:ping'/>", ME),
        get("<ping xmlns='urn:xmpp:ping'/>", SERVER),
        get("<ping xmlns='urn:xmpp:ping'/>"),
        "<presence type='unavailable'/>",
    ],
    "strophe": [
        SESSION,
        "<presence/>",
        "<message type='chat' to='bob@example.test'><body>hello</body></message>",
        "<presence type='unavailable'/>",
    ],
}


async def does(client: Client, habit: list[object], *, at_once: bool) -> dict[str, str]:
    """Send all of it, one by one or in one piece; which answers are expected under which ids."""
    expected, whole = {}, ""
    for number, step in enumerate(habit):
        if isinstance(step, tuple):
            type, inner, to, outcome = step
            address = f" to='{to}'" if to else ""
            expected[f"q{number}"] = outcome
            step = f"<iq type='{type}' id='q{number}'{address}>{inner}</iq>"
        assert isinstance(step, str)
        if at_once:
            whole += step
        else:
            await client.send(step)
    if whole:
        await client.send(whole)
    return expected


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one piece"])
@pytest.mark.parametrize("name", HABITS)
async def test_a_client_gets_all_it_asks_for(house, name, at_once):
    await house.friends(ALICE, BOB)
    bob = await house.client(BOB)
    alice = await house.client(ALICE, presence="")
    expected = await does(alice, HABITS[name], at_once=at_once)
    got = alice.got()
    answers = {e.get("id"): e.get("type") for e in got if e.tag.endswith("}iq") and e.get("type") in (RESULT, ERROR)}
    assert answers == expected
    assert alice.jid in {e.get("from") for e in got if e.tag.endswith("}presence")}
    assert alice.jid in {e.get("from") for e in bob.got("presence")}
    refusals = [e for e in got if e.tag.endswith("}message") and e.get("type") == "error"]
    assert refusals == [] and alice.wire.ended is None


@pytest.mark.parametrize("name", HABITS)
async def test_what_was_done_is_undone_at_the_end(house, name):
    """Nothing is left of a client: no watchers, no seats, no presence."""
    alice = await house.client(ALICE, presence="")
    await does(alice, HABITS[name], at_once=False)
    await alice.goes()
    assert not any(p.watchers or p.publications for p in house.front_end.presence._people.values())
    assert house.front_end.registrar.of(ALICE) == []
    assert [c for c in house.front_end.immcu.of(ALICE) if c.address] == []
    assert house.router._parts.resources.of(ALICE) == []
