"""What reaches a client just as it was sent, and in which order: rules that the interoperability suite asks for."""

from __future__ import annotations

from ...people import ALICE, BOB
from .house import body, condition


def chat(to, text="hello", id="m1", type="chat"):
    return f"<message type='{type}' id='{id}' to='{to}'><body>{text}</body></message>"


async def test_a_full_jid_gets_its_messages_whatever_its_priority(house):
    """RFC 6121 section 8.5.3.1."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    shy = await house.client(BOB, "shy", presence="<presence><priority>-1</priority></presence>")
    silent = await house.client(BOB, "silent", presence="")
    for client in (bob, shy, silent):
        client.got()
    for type in ("chat", "normal"):
        await alice.send(chat(shy.jid, type=type) + chat(silent.jid, type=type))
        assert [body(m) for m in shy.got("message")] == ["hello"]
        assert [body(m) for m in silent.got("message")] == ["hello"]
    assert bob.got("message") == []


async def test_what_waits_before_it_still_waits(house):
    alice = await house.client(ALICE)
    shy = await house.client(BOB, "shy", presence="<presence><priority>-1</priority></presence>")
    await alice.send(chat("bob@example.test", "for anybody") + chat(shy.jid, "for this one", id="m2"))
    assert [body(m) for m in shy.got("message")] == ["for this one"]
    bob = await house.client(BOB)
    assert "for anybody" in [body(m) for m in bob.got("message")]


async def test_nothing_is_shown_twice_where_nothing_waited(house):
    alice = await house.client(ALICE)
    shy = await house.client(BOB, "shy", presence="<presence><priority>-1</priority></presence>")
    await alice.send(chat(shy.jid))
    assert len(shy.got("message")) == 1
    assert (await house.client(BOB)).got("message") == []


async def test_presence_said_again_comes_back_to_who_said_it(house):
    """RFC 6121 section 4.4.2."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.friends(ALICE, BOB)
    alice.got(), bob.got()
    for _ in range(2):
        await alice.send("<presence id='p1'/>")
        (own,) = alice.got("presence")
        assert own.get("from") == own.get("to") == alice.jid
    assert bob.got("presence") == []


async def test_directed_presence_keeps_its_id_and_language(house):
    """RFC 6120 sections 8.1.3 and 8.1.5."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(f"<presence id='p&amp;1' xml:lang='de' to='{bob.jid}'/>")
    (shown,) = bob.got("presence")
    assert shown.get("id") == "p&1" and shown.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"


async def test_an_error_says_what_did_not_arrive(house):
    """RFC 6120 section 8.3.1."""
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(chat("nobody@example.test"))
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "service-unavailable") and body(error) == "hello"


async def test_a_roster_push_comes_before_the_answer(house):
    alice = await house.client(ALICE)
    await alice.ask("<query xmlns='jabber:iq:roster'/>")
    for change in ("name='Bob'", "subscription='remove'"):
        item = f"<item jid='bob@example.test' {change}/>"
        await alice.send(f"<iq type='set' id='s1'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
        assert [iq.get("type") for iq in alice.got("iq")] == ["set", "result"]
