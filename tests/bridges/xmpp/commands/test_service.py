"""Ad-hoc commands from form to form: who sees which, what may be done when, and how each mistake is called."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.commands import executions, service
from .....bridges.xmpp.commands.command import Command, Outcome, Stage, asks
from .....bridges.xmpp.forms import Answers, Field
from .....core.errors import Conflict
from .....core.identity import Identity
from ....people import ALICE, BOB
from ..house import Client, House, condition
from .commanding import COMMANDS, SERVER, command

NODES = ("bake", "close", "greet")
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"


class Bakery:
    """Commands of a plugin: for Alice alone, but for one."""

    def __init__(self) -> None:
        self.baked: list[tuple[Identity, Answers]] = []
        self.trouble: Exception | None = None

    def commands(self) -> list[Command]:
        what = asks("What", "What is it to be?", Field("kind", "list-single", options=(("rye", "Rye"),), required=True))
        only_alice = ALICE.__eq__
        return [
            Command("bake", "Bake", self.bake, only_alice, (what, self.how_many), "urn:bakery"),
            Command("greet", "Greet", self.greet, lambda who: True),
            Command("close", "Close", self.bake, only_alice, (asks("Sure?", "", Field("sure", "boolean")),)),
        ]

    async def how_many(self, answers: Answers) -> Stage:
        return Stage(answers.one("kind"), "How many?", (Field("number", required=True),))

    async def bake(self, who: Identity, answers: Answers) -> Outcome:
        if self.trouble is not None:
            raise self.trouble
        self.baked.append((who, answers))
        return Outcome("They are in the oven.")

    async def greet(self, who: Identity, answers: Answers) -> Outcome:
        return Outcome(f"Hello {who.user}!")


@pytest.fixture
async def bakery(house: House) -> Bakery:
    bakery = Bakery()
    for one in bakery.commands():
        house.router.commands.add(one)
    return bakery


async def test_each_sees_the_commands_they_may_have_done(house, bakery):
    ways = {}
    for person in (ALICE, BOB):
        client = await house.client(person)
        listed = await client.ask(f"<query xmlns='{ITEMS}' node='{COMMANDS}'/>", SERVER)
        ways[person] = [(item.get("node"), item.get("name")) for item in listed[0] if item.get("node") in NODES]
        assert all(item.get("jid") == SERVER for item in listed[0])
    assert ways == {ALICE: [("bake", "Bake"), ("close", "Close"), ("greet", "Greet")], BOB: [("greet", "Greet")]}


async def test_a_command_and_the_list_say_what_they_are(house, bakery):
    client = await house.client(ALICE)
    for node, expected in ((COMMANDS, "command-list"), ("bake", "command-node")):
        told = (await client.ask(f"<query xmlns='{INFO}' node='{node}'/>", SERVER))[0]
        assert told.get("node") == node
        assert told[0].get("category") == "automation" and told[0].get("type") == expected
    features = {feature.get("var") for feature in told.iter(f"{{{INFO}}}feature")}
    assert features == {COMMANDS, "jabber:x:data"}
    server = (await client.ask(f"<query xmlns='{INFO}'/>", SERVER))[0]
    assert COMMANDS in {feature.get("var") for feature in server.iter(f"{{{INFO}}}feature")}
    assert len((await client.ask(f"<query xmlns='{ITEMS}' node='bake'/>", SERVER))[0]) == 0


async def test_what_one_may_not_and_what_is_not_there_differ(house, bakery):
    bob = await house.client(BOB)
    assert await command(bob, "bake") == ("cancel", "forbidden", "")
    assert await command(bob, "juggle") == ("cancel", "item-not-found", "")
    assert condition(await bob.ask(f"<query xmlns='{INFO}' node='bake'/>", SERVER)) == ("cancel", "forbidden")
    for kind in (INFO, ITEMS):
        asked = await bob.ask(f"<query xmlns='{kind}' node='juggle'/>", SERVER)
        assert condition(asked) == ("cancel", "item-not-found")


async def test_a_command_without_a_form_is_done_at_once(house, bakery):
    bob = await house.client(BOB)
    reply = await command(bob, "greet")
    assert reply[:5] == ("completed", reply.session, "", (), "Hello bob!") and reply.session
    assert await command(bob, "greet", session=reply.session) == ("cancel", "not-allowed", "session-expired")


async def test_from_form_to_form_and_back(house, bakery):
    alice = await house.client(ALICE)
    first = await command(alice, "bake", "execute", lang="de-AT")
    assert (first.status, first.default, first.actions) == ("executing", "next", ("next",))
    second = await command(alice, "bake", "next", first.session, kind="rye")
    assert (second.status, second.default, second.actions) == ("executing", "complete", ("prev", "complete"))
    assert second.session == first.session and "number" in second.values
    again = await command(alice, "bake", "prev", first.session)
    assert again.actions == ("next",) and "kind" in again.values
    await command(alice, "bake", session=first.session, kind="rye")
    ended = await command(alice, "bake", "complete", first.session, number="12")
    assert (ended.status, ended.note) == ("completed", "They are in the oven.")
    ((who, answers),) = bakery.baked
    assert who == ALICE and dict(answers) == {"kind": ("rye",), "number": ("12",)}
    assert await command(alice, "bake", "cancel", first.session) == ("cancel", "not-allowed", "session-expired")


async def test_a_command_can_be_called_off(house, bakery):
    alice = await house.client(ALICE)
    first = await command(alice, "bake")
    assert (await command(alice, "bake", "cancel", first.session)).status == "canceled"
    assert not bakery.baked
    assert await command(alice, "bake", "next", first.session, kind="rye") == (
        "cancel",
        "not-allowed",
        "session-expired",
    )


@pytest.mark.parametrize("action", ["prev", "complete"])
async def test_what_cannot_be_done_now(house, bakery, action):
    alice = await house.client(ALICE)
    first = await command(alice, "bake")
    assert await command(alice, "bake", action, first.session, kind="rye") == ("modify", "bad-request", "bad-action")
    await command(alice, "bake", "next", first.session, kind="rye")
    assert await command(alice, "bake", "next", first.session, number="1") == ("modify", "bad-request", "bad-action")


@pytest.mark.parametrize("action", ["next", "prev", "complete", "cancel"])
async def test_a_command_begins_with_execute(house, bakery, action):
    assert await command(await house.client(ALICE), "bake", action) == ("modify", "bad-request", "bad-action")


async def test_what_is_no_action_and_no_language(house, bakery):
    alice = await house.client(ALICE)
    assert await command(alice, "bake", "knead") == ("modify", "bad-request", "malformed-action")
    for lang in ("no_language", "x" * 100, "de-"):
        assert await command(alice, "bake", lang=lang) == ("modify", "bad-request", "bad-locale")


@pytest.mark.parametrize("values", [{}, {"kind": "wheat"}, {"kind": ["rye", "rye"]}, {"FORM_TYPE": "urn:x"}])
async def test_a_form_that_was_filled_in_wrongly_can_be_mended(house, bakery, values):
    alice = await house.client(ALICE)
    first = await command(alice, "bake")
    wrong = await command(alice, "bake", "next", first.session, **values)
    assert wrong == ("modify", "bad-request", "bad-payload")
    assert (await command(alice, "bake", "next", first.session, kind="rye")).status == "executing"


async def test_what_cannot_be_done_is_said_in_the_words_of_the_trouble_and_may_be_tried_again(house, bakery):
    alice = await house.client(ALICE)
    first = await command(alice, "close")
    bakery.trouble = Conflict("somebody bakes already")
    assert await command(alice, "close", session=first.session, sure="1") == ("cancel", "conflict", "")
    bakery.trouble = None
    assert (await command(alice, "close", session=first.session, sure="1")).status == "completed"


async def test_a_session_is_one_clients_and_one_commands(house, bakery):
    alice, other = await house.client(ALICE), await house.client(ALICE, "sofa")
    first = await command(alice, "bake")
    bad = ("modify", "bad-request", "bad-sessionid")
    assert await command(other, "bake", "next", first.session, kind="rye") == bad
    assert await command(alice, "close", session=first.session) == bad
    assert await command(alice, "bake", session="made-up") == bad


async def test_nobody_waits_for_ever(house, bakery, monkeypatch):
    alice = await house.client(ALICE)
    first = await command(alice, "bake")
    monkeypatch.setattr(house.router._parts.command_service, "_clock", lambda: float("inf"))
    assert await command(alice, "bake", "next", first.session, kind="rye") == (
        "cancel",
        "not-allowed",
        "session-expired",
    )


async def test_a_mistake_of_ours_costs_one_command(house, bakery, caplog):
    alice = await house.client(ALICE)
    first = await command(alice, "close")
    bakery.trouble = RuntimeError("a mistake")
    assert await command(alice, "close", session=first.session) == ("wait", "internal-server-error", "")
    assert (await command(alice, "greet")).status == "completed"
    assert "a mistake" in caplog.text


async def test_what_was_done_is_in_the_log_and_what_was_filled_in_is_not(house, bakery, caplog):
    caplog.set_level("INFO", logger=service.__name__)
    alice = await house.client(ALICE)
    first = await command(alice, "bake")
    await command(alice, "bake", "next", first.session, kind="rye")
    await command(alice, "bake", session=first.session, number="4711")
    (line,) = [record.getMessage() for record in caplog.records if record.name == service.__name__]
    assert "alice@example.test" in line and "Bake" in line and "4711" not in line


async def test_a_plugin_takes_its_command_back(house, bakery):
    alice = await house.client(ALICE)
    house.router.commands.remove("greet")
    assert await command(alice, "greet") == ("cancel", "item-not-found", "")


class TestExecutions:
    """Those under way, without a house."""

    COMMAND = Command("x", "X", Bakery().greet, lambda who: True)

    def test_a_client_has_so_many_and_the_oldest_ends(self):
        found = executions.Executions()
        first = found.begin(self.COMMAND, "a", 0)
        for _ in range(executions.PER_CLIENT):
            found.begin(self.COMMAND, "a", 0)
        assert len(found) == executions.PER_CLIENT
        assert found.find(first.id, "a", 0) is None and found.has_ended(first.id, "a")
        assert not found.has_ended(first.id, "b")

    def test_there_are_so_many_in_all(self, monkeypatch):
        monkeypatch.setattr(executions, "MAX_EXECUTIONS", 5)
        monkeypatch.setattr(executions, "MAX_ENDED", 2)
        found = executions.Executions()
        begun = [found.begin(self.COMMAND, f"client {n}", 0) for n in range(9)]
        assert len(found) == 5
        assert [found.has_ended(one.id, one.client) for one in begun] == [False, False, True, True] + [False] * 5

    def test_each_step_gives_time_again(self):
        found = executions.Executions()
        begun, other = found.begin(self.COMMAND, "a", 0), found.begin(self.COMMAND, "b", 0)
        assert found.find(begun.id, "a", executions.EXECUTION_TIME - 1) is begun
        assert found.find(other.id, "b", executions.EXECUTION_TIME) is None
        assert found.find(begun.id, "a", executions.EXECUTION_TIME) is begun
        found.end(begun)
        found.end(begun)
        assert found.has_ended(begun.id, "a") and len(found) == 0


async def test_a_client_that_is_gone_leaves_nothing_open_for_long(house: House, bakery: Bakery):
    client: Client = await house.client(ALICE)
    await command(client, "bake")
    await client.goes()
    service_ = house.router._parts.command_service
    assert len(service_._executions) == 1
    service_._executions._expire(service_._clock() + executions.EXECUTION_TIME)
    assert len(service_._executions) == 0
