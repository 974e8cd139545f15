"""The rules for processing stanzas of RFC 6121 section 8, as its table in section 8.5.4 sums them up."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB
from .house import Client, House, condition, house_in

TYPES = ("normal", "chat", "groupchat", "headline", "error")

NOBODY = "nobody@example.test"
BARE = "bob@example.test"
DESK, PHONE, LOW, GONE = (f"{BARE}/{name}" for name in ("desk", "phone", "low", "gone"))

HEARD, KEPT, BOUNCED, IGNORED = "heard", "kept", "bounced", "ignored"
"""Reaches the addressed resources, waits in the journal, comes back as an error, or nothing happens at all."""

MESSAGES = {
    # to whom, which resources Bob has: what becomes of normal, chat, groupchat, headline, error; who hears it
    (NOBODY, ""): (BOUNCED, BOUNCED, BOUNCED, IGNORED, IGNORED),
    (f"{NOBODY}/x", ""): (BOUNCED, BOUNCED, BOUNCED, BOUNCED, IGNORED),
    (BARE, ""): (KEPT, KEPT, BOUNCED, IGNORED, IGNORED),
    (BARE, "low"): (KEPT, KEPT, BOUNCED, IGNORED, IGNORED),
    (BARE, "silent"): (KEPT, KEPT, BOUNCED, IGNORED, IGNORED),
    (BARE, "desk"): (HEARD, HEARD, BOUNCED, HEARD, IGNORED),
    (BARE, "desk phone low"): (HEARD, HEARD, BOUNCED, HEARD, IGNORED),
    (DESK, "desk phone"): (HEARD, HEARD, HEARD, HEARD, HEARD),
    (GONE, "desk"): (BOUNCED, HEARD, BOUNCED, BOUNCED, IGNORED),
    (GONE, ""): (BOUNCED, KEPT, BOUNCED, BOUNCED, IGNORED),
    (GONE, "low"): (BOUNCED, KEPT, BOUNCED, BOUNCED, IGNORED),
}
"""Where the RFC leaves a choice, ours: bare JIDs reach every resource of no negative priority, and chat for a resource
that is gone goes to the others."""

PRESENCES = {"desk": "<presence/>", "phone": "<presence><priority>5</priority></presence>", "silent": ""}
PRESENCES["low"] = "<presence><priority>-1</priority></presence>"


async def bobs(house: House, names: str) -> dict[str, Client]:
    """Bob's clients."""
    return {name: await house.client(BOB, name, presence=PRESENCES[name]) for name in names.split()}


async def waiting(house: House) -> int:
    """Messages in the journal that Bob has not been shown."""
    return len(await house.front_end.store.unseen(BOB))


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("to, there", MESSAGES, ids=lambda value: str(value) or "none")
async def test_messages(house, to, there, type):
    alice, clients = await house.client(ALICE), await bobs(house, there)
    for client in (alice, *clients.values()):
        client.got()
    inside = (
        "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" if type == "error" else ""
    )
    await alice.send(f"<message to='{to}' type='{type}' id='m1'><body>hello</body>{inside}</message>")

    heard = {name for name, client in clients.items() if client.got("message")}
    bounced = alice.got("message", type="error")
    outcome = MESSAGES[to, there][TYPES.index(type)]
    expected: set[str] = set()
    if outcome is HEARD:
        expected = {"desk"} if to == DESK else {name for name in clients if name in ("desk", "phone")}
    assert heard == expected
    assert [condition(e) for e in bounced] == ([("cancel", "service-unavailable")] if outcome is BOUNCED else [])
    assert await waiting(house) == (1 if outcome is KEPT else 0)


@pytest.mark.parametrize("type", TYPES)
async def test_an_error_never_answers_an_error(house, type):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(f"<message to='@' type='{type}' id='m1'><body>x</body></message>")
    assert len(alice.got("message")) == (0 if type == "error" else 1)


@pytest.mark.parametrize("to", [DESK, f"{BARE}/silent"])
async def test_iq_reaches_connected_resources_available_or_not(house, to):
    alice = await house.client(ALICE)
    clients = await bobs(house, "desk silent")
    name = to.rpartition("/")[2]
    clients[name].got()
    await alice.send(f"<iq type='get' id='q1' to='{to}'><query xmlns='jabber:iq:version'/></iq>")
    assert [q.get("id") for q in clients[name].got("iq")] == ["q1"]


@pytest.mark.parametrize("to", [f"{NOBODY}/x", GONE, NOBODY, BARE])
async def test_iq_that_nobody_answers_comes_back(house, to):
    alice = await house.client(ALICE)
    await bobs(house, "desk")
    answer = await alice.ask("<query xmlns='urn:unknown'/>", to=to)
    assert condition(answer) == ("cancel", "service-unavailable") and answer.get("from") == to


@pytest.mark.parametrize("type", ["subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "", "unavailable"])
@pytest.mark.parametrize("to", [NOBODY, f"{NOBODY}/x", GONE])
async def test_presence_for_nobody_is_ignored(house, type, to):
    """So that nobody learns who has an account (section 8.5.1)."""
    alice = await house.client(ALICE)
    alice.got()
    kind = f" type='{type}'" if type else ""
    await alice.send(f"<presence to='{to}'{kind}/>")
    assert [e for e in alice.got() if e.get("type") == "error"] == []


async def test_the_sender_learns_the_same_of_nobody_and_of_who_blocks(tmp_path):
    """The same stanza, byte for byte but for the address (SECURITY.md rule 5)."""
    async with house_in(tmp_path) as house:
        alice, _ = await house.client(ALICE), await house.client(BOB)
        await house.front_end.contacts.block(BOB, ALICE)
        answers = []
        for to in (NOBODY, BARE):
            for payload in ("<body>x</body>", "<active xmlns='http://jabber.org/protocol/chatstates'/>"):
                alice.wire.written.clear()
                await alice.send(f"<message to='{to}' type='chat' id='m1'>{payload}</message>")
                answers.append(b"".join(alice.wire.written).replace(to.encode(), b"them"))
        assert answers[:2] == answers[2:]


async def test_stanzas_without_an_address_are_for_the_account(house):
    """Section 10.3 of RFC 6120: the server handles them on behalf of the account."""
    alice, phone = await house.client(ALICE), await house.client(ALICE, "phone")
    alice.got(), phone.got()
    await alice.send("<message type='chat'><body>to myself</body></message>")
    assert len(alice.got("message")) == len(phone.got("message")) == 1
    await alice.send("<presence><show>away</show></presence>")
    assert len(phone.got("presence")) == 1
    answer = await alice.ask("<ping xmlns='urn:xmpp:ping'/>")
    assert answer.get("type") == "result"


@pytest.mark.parametrize(
    "spelling", ["bob@example.test", "BOB@EXAMPLE.TEST", "bob@example.test.", "ｂｏｂ@example.test"]
)
async def test_addresses_are_prepared(house, spelling):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(f"<message type='chat' to='{spelling}'><body>hello</body></message>")
    (message,) = bob.got("message")
    assert message.get("to") == "bob@example.test"
