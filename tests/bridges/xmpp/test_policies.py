"""What the site decides, as XMPP clients meet it: who sees whom, what is kept, commands, filters, and bad days."""

from __future__ import annotations

import pytest

from ....core.access import AccessLevel
from ....core.errors import Busy, TooLarge
from ....core.hooks import hookimpl
from ....core.identity import Identity
from ....core.message import Notice
from ....plugins.commands import Commands
from ...people import ALICE, BOB, CAROL, DAVE
from ...stage import sit
from .house import MUC, ROOM, USER, Options, body, condition, house_in, nick

ADDRESS = Identity.parse(ROOM)
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


async def into_the_room(*clients):
    for client in clients:
        await client.send(f"<presence to='{ROOM}/{client.session.identity.user}'><x xmlns='{MUC}'/></presence>")
        if client is clients[0]:
            take = f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
            await client.ask(take, ROOM, "set")
    for client in clients:
        client.got()


# ---- who sees whom


async def test_where_colleagues_see_each_other_a_list_is_enough(tmp_path):
    """Nobody has to ask; whoever is on one's list is shown."""
    async with house_in(tmp_path, same_domain="everyone") as house:
        await house.front_end.contacts.put(ALICE, BOB, name="Bob", groups=())
        bob = await house.client(BOB)
        alice = await house.client(ALICE)
        assert bob.jid in [p.get("from") for p in alice.got("presence")]
        assert (await alice.ask(INFO, to="bob@example.test")).get("type") == "result"
        assert condition(await alice.ask(INFO, to="nobody@example.test"))[1] == "service-unavailable"
        await alice.ask(
            "<query xmlns='jabber:iq:roster'><item jid='bob@example.test' subscription='remove'/></query>", type="set"
        )
        assert [(p.get("from"), p.get("type")) for p in alice.got("presence")] == []
        await bob.send("<presence><show>away</show></presence>")
        assert alice.got("presence") == []


async def test_who_leaves_the_list_goes_out_of_sight(tmp_path):
    async with house_in(tmp_path, same_domain="everyone") as house:
        await house.front_end.contacts.put(ALICE, BOB, name="Bob", groups=())
        bob, alice = await house.client(BOB), await house.client(ALICE)
        alice.got()
        await house.front_end.contacts.remove(ALICE, BOB)
        await house.quiet()
        assert [(p.get("from"), p.get("type")) for p in alice.got("presence")] == [(bob.jid, "unavailable")]
        await house.front_end.contacts.put(ALICE, BOB, name="Bob", groups=())
        await house.quiet()
        assert [(p.get("from"), p.get("type")) for p in alice.got("presence")] == [(bob.jid, None)]


class Secrecy:
    """Dave is for nobody to see, whatever lists say."""

    @hookimpl
    def access(self, watcher, presentity):
        return AccessLevel.STRANGER if presentity == DAVE else None


async def test_a_plugins_word_on_access_holds_for_everything(tmp_path):
    async with house_in(tmp_path, Secrecy()) as house:
        await house.friends(ALICE, DAVE)
        dave, alice = await house.client(DAVE), await house.client(ALICE)
        assert dave.jid not in [p.get("from") for p in alice.got("presence")]
        assert condition(await alice.ask(INFO, to="dave@example.test"))[1] == "service-unavailable"
        assert condition(await alice.ask("<query xmlns='jabber:iq:last'/>", to="dave@example.test"))[1] == "forbidden"
        vcard = await alice.ask("<vCard xmlns='vcard-temp'/>", to="dave@example.test")
        assert condition(vcard)[1] == "service-unavailable"
        await alice.send("<presence type='probe' to='dave@example.test'/>")
        assert alice.got() == []


async def test_offline_messages_are_announced_only_where_they_are_kept(tmp_path):
    for offline, kept in (("inbox", True), ("refuse", False)):
        async with house_in(tmp_path / offline, offline=offline) as house:
            alice = await house.client(ALICE)
            features = {f.get("var") for f in (await alice.ask(INFO, to="example.test"))[0]}
            assert ("msgoffline" in features) is kept


# ---- commands and filters


async def test_a_third_person_by_a_command_in_a_chat(tmp_path):
    async with house_in(tmp_path, Commands(Commands.Options())) as house:
        alice, bob = await house.client(ALICE), await house.client(BOB)
        carol = sit(house.front_end, CAROL, "phone")
        await alice.send("<message type='chat' to='bob@example.test'><body>hello</body></message>")
        alice.got(), bob.got()
        await alice.send("<message type='chat' id='c1' to='bob@example.test'><body>/add carol</body></message>")
        got = alice.got("message")
        invitations = [m for m in got if m.find(f"{{{USER}}}x") is not None]
        answers = [m for m in got if body(m)]
        assert len(invitations) == 1 and len(answers) == 1 and answers[0].get("from") == "example.test"
        assert "Carol" in (body(answers[0]) or "")
        assert [m.find(f"{{{USER}}}x") is not None for m in bob.got("message")] == [True]
        assert [type(n).__name__ for n in carol.news][-1] == "Happened"


async def test_commands_in_a_room_are_answered_in_the_room(tmp_path):
    async with house_in(tmp_path, Commands(Commands.Options())) as house:
        alice, bob = await house.client(ALICE), await house.client(BOB)
        await into_the_room(alice, bob)
        await alice.send(f"<message type='groupchat' to='{ROOM}'><body>/who</body></message>")
        (answer,) = alice.got("message")
        assert answer.get("from") == ROOM and answer.get("type") == "groupchat" and "Bob" in (body(answer) or "")
        assert bob.got() == []
        await alice.send(f"<message type='groupchat' to='{ROOM}'><body>//who</body></message>")
        assert [body(m) for m in bob.got("message")] == ["/who"]
        await bob.send(f"<message type='groupchat' to='{ROOM}'><body>/leave</body></message>")
        assert BOB not in (await house.front_end.immcu.at(ADDRESS)).participants
        assert [nick(p) for p in alice.got("presence") if p.get("type") == "unavailable"] == ["bob"]


class Censor:
    """Changes what it does not like."""

    @hookimpl
    def filter_message(self, message, conversation):
        if "darn" in message.text:
            from dataclasses import replace

            return replace(message, text=message.text.replace("darn", "****"), native=None)
        return None


async def test_what_a_filter_changed_is_changed_for_everybody(tmp_path):
    """The words of the client itself must not carry the text past the filter."""
    async with house_in(tmp_path, Censor()) as house:
        alice, bob = await house.client(ALICE), await house.client(BOB)
        bob.got()
        await alice.send(
            "<message type='chat' id='m1' to='bob@example.test'><body>darn it</body><x xmlns='urn:x'/></message>"
        )
        (message,) = bob.got("message")
        assert body(message) == "**** it" and message.find("{urn:x}x") is None
        await into_the_room(alice, bob)
        await alice.send(f"<message type='groupchat' to='{ROOM}'><body>darn</body></message>")
        assert [body(m) for c in (alice, bob) for m in c.got("message")] == ["****", "****"]


async def test_the_server_may_have_a_word(house):
    alice = await house.client(ALICE)
    alice.got()
    house.front_end.registrar.tell(ALICE, Notice("the server restarts at <noon> & comes back"))
    (message,) = alice.got("message")
    assert body(message) == "the server restarts at <noon> & comes back" and message.get("from") == "example.test"


# ---- bad days


@pytest.mark.parametrize(
    "error, expected, words",
    [
        (Busy("the disk is full", retry_after=60), ("wait", "resource-constraint"), "60 seconds"),
        (TooLarge("too much text"), ("modify", "policy-violation"), "too much text"),
    ],
)
async def test_what_cannot_be_kept_is_not_accepted(house, monkeypatch, error, expected, words):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await into_the_room(alice, bob)
    alice.got(), bob.got()

    async def refuse(*args):
        raise error

    monkeypatch.setattr(house.front_end.store, "append", refuse)
    for to, type in (("bob@example.test", "chat"), (ROOM, "groupchat"), (f"{ROOM}/bob", "chat")):
        await alice.send(f"<message type='{type}' id='m1' to='{to}'><body>hello</body></message>")
        (answer,) = alice.got("message")
        assert condition(answer) == expected and answer.get("from") == to
        assert words in (answer.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text") or "")
    assert bob.got() == []


async def test_a_stopping_server_says_so(house):
    alice = await house.client(ALICE)
    alice.got()
    house.front_end.immcu.stopping = True
    await alice.send("<message type='chat' id='m1' to='bob@example.test'><body>hello</body></message>")
    assert condition(alice.got("message")[0]) == ("wait", "resource-constraint")
    await alice.send(f"<presence to='{ROOM}/alice'><x xmlns='{MUC}'/></presence>")
    assert condition(alice.got("presence")[0]) == ("wait", "resource-constraint")
    await alice.goes("server stopping")


async def test_too_many_sources_of_presence(house, monkeypatch):
    from ....core import presence_registry

    monkeypatch.setattr(presence_registry, "MAX_PUBLICATIONS", 1)
    await house.client(ALICE)
    phone = await house.client(ALICE, "phone", presence="")
    await phone.send("<presence id='p1'/>")
    assert condition(phone.got("presence", id="p1")[0]) == ("modify", "policy-violation")


async def test_options_can_be_read_from_any_object(tmp_path):
    async with house_in(tmp_path, options=Options(dnd_means="busy", relay_until_joined=False)) as house:
        alice = await house.client(ALICE)
        assert (await alice.ask("<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"
