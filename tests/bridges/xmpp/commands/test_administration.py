"""Service administration: what an administrator's client does is what the command line does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .....bridges.xmpp.commands import figures, people, running, service
from .....core.identity import Identity
from .....core.message import Notice
from .....core.operator import Reloaded
from .....core.registrar import Binding
from ....people import ALICE, BOB, CAROL, Desk, at
from ...xmpp.house import Client, House, Options, body, house_in
from .commanding import ADMIN, COMMANDS, SERVER, Reply, command, done, refused

ERNA = Identity("erna", "example.test")
ITEMS = "http://jabber.org/protocol/disco#items"
GIVEN = {"password": "open sesame", "password__verify": "open sesame"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Alice administers it; so does somebody of another domain, who may not."""
    async with house_in(tmp_path, options=Options(admins=("Alice@Example.test", "mallory@elsewhere.test"))) as running_:
        yield running_


@pytest.fixture
async def alice(house: House) -> Client:
    return await house.client(ALICE)


async def nodes(client: Client) -> set[str]:
    listed = await client.ask(f"<query xmlns='{ITEMS}' node='{COMMANDS}'/>", SERVER)
    return {item.get("node", "") for item in listed[0]}


async def test_administrators_and_nobody_else(house, alice):
    bob = await house.client(BOB)
    everybodys = {"my-devices", "forget-my-tokens"}
    assert await nodes(bob) == everybodys
    theirs = await nodes(alice) - everybodys
    assert theirs == {"change-person"} | {
        f"{ADMIN}#{name}"
        for name in (
            "add-user",
            "delete-user",
            "change-user-password",
            "get-user-roster",
            "user-stats",
            "end-user-session",
            "announce",
            *(f"get-{word}-users-num" for word in ("registered", "online", "active", "idle")),
            "get-registered-users-list",
            "get-online-users-list",
            "get-active-users",
            "get-idle-users",
        )
    }
    for node in theirs:
        assert await command(bob, node) == ("cancel", "forbidden", "")
    assert await command(alice, f"{ADMIN}#shutdown") == ("cancel", "forbidden", "")


async def test_a_new_person_signs_in(house, alice, caplog):
    caplog.set_level("INFO")
    begun = await command(alice, f"{ADMIN}#add-user")
    assert begun.default == "complete" and begun.form is not None
    kinds = {field.get("var"): field.get("type") for field in begun.form.iter("{jabber:x:data}field")}
    assert kinds == {
        "FORM_TYPE": "hidden",
        "accountjid": "jid-single",
        "password": "text-private",
        "password-verify": "text-private",
        "email": "text-single",
        "given_name": "text-single",
        "surname": "text-single",
    }
    await done(alice, "add-user", accountjid=str(ERNA), email="e@x.test", given_name="Erna", surname="Weiß", **GIVEN)
    assert await house.front_end.accounts.check_password(ERNA, "open sesame")
    person = await house.front_end.accounts.person(ERNA)
    assert person is not None and (person.name, person.mail) == ("Erna Weiß", "e@x.test")
    assert "erna@example.test" in caplog.text and "sesame" not in caplog.text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"accountjid": "bob@example.test", **GIVEN}, ("cancel", "conflict", "")),
        ({"accountjid": "erna@elsewhere.test", **GIVEN}, ("modify", "policy-violation", "")),
        ({"accountjid": "erna@example.test/desk", **GIVEN}, ("modify", "bad-request", "bad-payload")),
        ({"accountjid": "example.test", **GIVEN}, ("modify", "bad-request", "bad-payload")),
        ({"accountjid": "@", **GIVEN}, ("modify", "bad-request", "bad-payload")),
        ({**GIVEN}, ("modify", "bad-request", "bad-payload")),
        ({"accountjid": "erna@example.test", "password": "x"}, ("modify", "bad-request", "bad-payload")),
        (
            {"accountjid": "erna@example.test", "password": "x", "password__verify": "y"},
            ("modify", "bad-request", "bad-payload"),
        ),
        (
            {"accountjid": "erna@example.test", "password": "\u0007", "password__verify": "\u0007"},
            ("modify", "policy-violation", ""),
        ),
    ],
)
async def test_a_person_who_cannot_be_added(house, alice, given, expected):
    given = {key: value.replace("\u0007", "a\u200d") for key, value in given.items()}
    assert await refused(alice, "add-user", **given) == expected
    assert not await house.front_end.accounts.exists(ERNA)


async def test_people_are_removed_all_or_none(house, alice):
    bob = await house.client(BOB)
    wanted = [str(BOB), str(CAROL), "nobody@example.test"]
    assert await refused(alice, "delete-user", accountjids=wanted) == ("cancel", "item-not-found", "")
    assert await house.front_end.accounts.exists(BOB)
    reply = await done(alice, "delete-user", accountjids=wanted[:2])
    assert reply.note == "2 removed."
    assert not await house.front_end.accounts.exists(BOB) and not await house.front_end.accounts.exists(CAROL)
    assert bob.wire.ended is not None


async def test_nobody_removes_themselves_or_too_many(house, alice, monkeypatch):
    assert await refused(alice, "delete-user", accountjids=[str(ALICE)]) == ("modify", "policy-violation", "")
    monkeypatch.setattr(people, "MAX_AT_ONCE", 1)
    for node in ("delete-user", "get-user-roster"):
        wrong = await refused(alice, node, accountjids=[str(BOB), str(CAROL)])
        assert wrong == ("modify", "bad-request", "bad-payload")
    assert await house.front_end.accounts.exists(BOB)


async def test_a_password_is_changed(house, alice, caplog):
    await done(alice, "change-user-password", accountjid=str(BOB), password="new secret")
    assert await house.front_end.accounts.check_password(BOB, "new secret")
    assert "new secret" not in caplog.text
    unknown = await refused(alice, "change-user-password", accountjid="nobody@example.test", password="x")
    assert unknown == ("cancel", "item-not-found", "")


async def test_a_contact_list_is_looked_at(house, alice):
    await house.front_end.contacts.put(BOB, CAROL, name="Carol", groups=("Friends",))
    reply = await done(alice, "get-user-roster", accountjids=str(BOB))
    assert reply.values.one("accountjids") == str(BOB) and reply.form is not None
    (entry,) = reply.form.findall("{jabber:iq:roster}query/{jabber:iq:roster}item")
    assert (entry.get("jid"), entry.get("name")) == (str(CAROL), "Carol")
    assert entry.findtext("{jabber:iq:roster}group") == "Friends"
    two = await refused(alice, "get-user-roster", accountjids=[str(BOB), str(CAROL)])
    assert two == ("modify", "bad-request", "bad-payload")


async def test_the_directory_is_changed_in_two_steps(house, alice):
    first = await command(alice, "change-person")
    second = await command(alice, "change-person", "next", first.session, accountjid=str(BOB))
    assert isinstance(second, Reply) and second.values.one("name") == "Bob"
    given = {"name": "Robert", "email": "bob@x.test", "phones": ["+49 30 1", "", " 17 "], "time_zone": "Europe/Berlin"}
    assert (await command(alice, "change-person", "complete", first.session, **given)).status == "completed"
    person = await house.front_end.accounts.person(BOB)
    assert person is not None
    assert (person.name, person.mail, person.phones, person.time_zone) == (
        "Robert",
        "bob@x.test",
        ["+49 30 1", "17"],
        "Europe/Berlin",
    )
    again = await command(alice, "change-person")
    wrong = await command(alice, "change-person", "next", again.session, accountjid="nobody@example.test")
    assert wrong == ("cancel", "item-not-found", "")


async def test_how_many_there_are_and_who(house, alice):
    await house.client(BOB, presence="<presence><show>away</show></presence>")
    await house.client(CAROL, presence="")
    await house.client(CAROL, "sofa", presence="")
    for word, var, expected in (
        ("registered", "registereduser", ["alice", "bob", "carol", "dave"]),
        ("online", "onlineuser", ["alice", "bob", "carol"]),
        ("active", "activeuser", ["alice"]),
        ("idle", "idleuser", ["bob", "carol"]),
    ):
        number = (await done(alice, f"get-{word}-users-num")).values
        assert number.one(f"{var}snum") == str(len(expected)), word
        node = f"get-{word}-users" + ("-list" if word in ("registered", "online") else "")
        listed = (await done(alice, node, max_items="none")).values
        field = "activeuserjids" if word == "idle" else f"{var}jids"
        assert list(listed[field]) == [f"{name}@example.test" for name in expected], word


async def test_long_lists_are_cut_and_say_so(house, alice, monkeypatch):
    monkeypatch.setattr(figures, "MAX_LISTED", 3)
    for most in ("25", "none"):
        reply = await done(alice, "get-registered-users-list", max_items=most)
        assert len(reply.values["registereduserjids"]) == 3 and reply.note == "3 of 4"
    wrong = await refused(alice, "get-registered-users-list", max_items="1000000")
    assert wrong == ("modify", "bad-request", "bad-payload")


async def test_figures_about_a_person(house, alice):
    await house.front_end.contacts.put(BOB, CAROL, name="", groups=())
    binding = Binding(at(BOB, "phone"), Desk(), remote="192.0.2.7")
    house.front_end.registrar.bind(binding)
    await house.client(BOB)
    told = (await done(alice, "user-stats", accountjid=str(BOB))).values
    assert told.one("rostersize") == "1"
    assert sorted(told["onlineresources"]) == ["desk", "phone"] and told["ipaddresses"] == ("192.0.2.7",)
    unknown = await refused(alice, "user-stats", accountjid="nobody@example.test")
    assert unknown == ("cancel", "item-not-found", "")


async def test_sessions_are_ended_one_or_all(house, alice):
    desk, sofa = await house.client(BOB), await house.client(BOB, "sofa")
    carol = await house.client(CAROL)
    assert (await done(alice, "end-user-session", accountjids=[sofa.jid])).note == "1 signed out."
    assert sofa.wire.ended and not desk.wire.ended
    assert (await done(alice, "end-user-session", accountjids=[str(BOB), carol.jid])).note == "2 signed out."
    assert desk.wire.ended and carol.wire.ended and not alice.wire.ended
    assert house.front_end.registrar.of(BOB) == []
    gone = await refused(alice, "end-user-session", accountjids=[str(BOB)])
    assert gone == ("cancel", "item-not-found", "")


@pytest.mark.parametrize("address", ["example.test", "bob@elsewhere.test", "lounge@conference.example.test"])
async def test_only_people_of_ours_are_signed_out(house, alice, address):
    wrong = await refused(alice, "end-user-session", accountjids=[address])
    assert wrong == ("modify", "bad-request", "bad-payload")


async def test_too_many_are_not_signed_out_at_once(house, alice, monkeypatch):
    monkeypatch.setattr(running, "MAX_AT_ONCE", 1)
    wrong = await refused(alice, "end-user-session", accountjids=[str(BOB), str(CAROL)])
    assert wrong == ("modify", "bad-request", "bad-payload")


async def test_everybody_who_is_signed_in_is_told_whatever_they_use(house, alice):
    bob, phone = await house.client(BOB), Desk()
    house.front_end.registrar.bind(Binding(at(CAROL, "phone"), phone))
    bob.got()
    reply = await done(alice, "announce", announcement=["Cake in the kitchen!", "Come & eat."])
    assert reply.note == "3 people were told."
    (told,) = bob.got("message")
    assert told.get("from") == SERVER and body(told) == "Cake in the kitchen!\nCome & eat."
    assert phone.news == [Notice("Cake in the kitchen!\nCome & eat.")]


@pytest.mark.parametrize("words", ["", " ", "x" * 70_000])
async def test_nothing_and_too_much_are_not_told(house, alice, words):
    bob = await house.client(BOB)
    bob.got()
    assert await refused(alice, "announce", announcement=words) == ("modify", "bad-request", "bad-payload")
    assert bob.got("message") == []


class Process:
    """Whoever runs the server."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    async def reload(self) -> Reloaded:
        return Reloaded()

    def stop(self) -> None:
        self.stopped.set()


async def test_the_server_is_stopped_later_and_the_newer_word_counts(house, alice, monkeypatch):
    process = house.front_end.operator = Process()
    assert f"{ADMIN}#shutdown" in await nodes(alice)
    bob = await house.client(BOB)
    bob.got()
    await done(alice, "shutdown", delay="300", announcement="In 5 minutes")
    assert [body(told) for told in bob.got("message")] == ["In 5 minutes"]
    loop, calls = asyncio.get_running_loop(), []
    call_later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda s, *rest: calls.append(s) or call_later(min(s, 0.01), *rest))
    reply = await done(alice, "shutdown", delay="30")
    assert "30 seconds" in reply.note and 30 in calls and bob.got("message") == []
    async with asyncio.timeout(20):
        await process.stopped.wait()


async def test_a_process_that_cannot_be_stopped_any_more(house, alice):
    house.front_end.operator = Process()
    begun = await command(alice, f"{ADMIN}#shutdown")
    house.front_end.operator = None
    gone = await command(alice, f"{ADMIN}#shutdown", session=begun.session, delay="30")
    assert gone == ("cancel", "forbidden", "")


async def test_each_deed_is_one_line_in_the_log(house, alice, caplog):
    caplog.set_level("INFO", logger=service.__name__)
    await done(alice, "change-user-password", accountjid=str(BOB), password="hush hush")
    await done(alice, "get-online-users-num")
    lines = [record.getMessage() for record in caplog.records if record.name == service.__name__]
    assert len(lines) == 2
    assert "alice@example.test" in lines[0] and "bob@example.test" in lines[0] and "hush" not in "".join(lines)
