"""Commands inside a conversation: the sender alone gets the answer, and nobody else sees the command."""

import pytest

from ...core.errors import Answered
from ...core.message import Notice
from ...core.people import Person
from ...plugins.commands import MAX_ADDED, MAX_LISTED, Commands
from ..people import ALICE, BOB, CAROL, DAVE, who
from ..stage import front_end_in, say, sit


@pytest.fixture
def options():
    return {}


@pytest.fixture
async def commands(options):
    return Commands(Commands.Options(**options))


@pytest.fixture
async def stage(tmp_path, commands):
    async with front_end_in(tmp_path, commands) as front_end:
        yield front_end


async def answer(stage, person, to, text, **more):
    with pytest.raises(Answered) as caught:
        await say(stage, person, to, text, **more)
    return str(caught.value)


async def talk(stage):
    await say(stage, ALICE, BOB, "one")
    await say(stage, BOB, ALICE, "two")
    (conversation,) = stage.immcu.of(ALICE)
    return conversation


# ---- /add


@pytest.mark.parametrize(
    ("text", "sees"),
    [
        ("/add carol", []),
        ("/add carol@example.test history none", []),
        ("!add carol history now", ["two"]),
        ("/add carol history now", ["two"]),
        ("  /add   carol history all ", ["one", "two"]),
    ],
)
async def test_a_third_person_comes_in_with_the_history_the_adder_chose(stage, text, sees):
    conversation = await talk(stage)
    assert await answer(stage, BOB, ALICE, text) == "Carol (carol@example.test) can read along now."
    assert conversation.participants == [ALICE, BOB, CAROL] and conversation.address is not None
    assert [m.text for m in await stage.immcu.history(conversation, CAROL)] == sees


async def test_the_command_is_seen_by_nobody_and_its_sender_gets_the_answer(stage):
    alice, bob = sit(stage, ALICE), sit(stage, BOB)
    conversation = await talk(stage)
    await stage.fan_out.settled() if hasattr(stage.fan_out, "settled") else None
    await answer(stage, BOB, ALICE, "/add carol")
    assert "/add carol" not in alice.texts + bob.texts
    assert [n.text for n in bob.news if isinstance(n, Notice)] == ["Carol (carol@example.test) can read along now."]
    assert not [n for n in alice.news if isinstance(n, Notice)]
    record = await stage.store.record(conversation.id)
    assert record.said == 2


async def test_it_works_as_the_first_thing_said(stage):
    await answer(stage, ALICE, BOB, "/add carol")
    (conversation,) = stage.immcu.of(CAROL)
    assert conversation.participants == [ALICE, BOB, CAROL]


async def test_several_at_once_and_each_failure_is_named(stage):
    await talk(stage)
    said = await answer(stage, ALICE, BOB, "/add carol nobody dave a@@b")
    assert said.splitlines() == [
        "Carol (carol@example.test), Dave (dave@example.test) can read along now.",
        "nobody was not added: nobody is nobody@example.test.",
        "a@@b was not added: 'a@@b' is not an address of the form user@domain.",
    ]


async def test_what_cannot_be_understood_is_explained(stage):
    await talk(stage)
    assert (await answer(stage, ALICE, BOB, "/add")).startswith("Whom? Like this: /add carol")
    assert await answer(stage, ALICE, BOB, "/add carol history some") == 'history takes none, now or all, not "some".'
    crowd = " ".join(f"p{n}" for n in range(MAX_ADDED + 1))
    assert await answer(stage, ALICE, BOB, f"/add {crowd}") == f"At most {MAX_ADDED} people at once."
    assert stage.immcu.of(ALICE)[0].participants == [ALICE, BOB]


# ---- the others


async def test_who_lists_the_participants_as_the_asker_may_see_them(stage):
    conversation = await talk(stage)
    assert await answer(stage, ALICE, BOB, "/who") == (
        "Alice (alice@example.test): offline\nBob (bob@example.test): offline"
    )
    await answer(stage, ALICE, BOB, "/add carol")
    assert (await answer(stage, CAROL, conversation.address, "/who")).splitlines()[0] == (
        f"This conference is {conversation.address}"
    )


async def test_a_crowd_is_cut_short(stage):
    conversation = await talk(stage)
    conversation.participants += [who(f"p{n}") for n in range(MAX_LISTED)]
    assert (await answer(stage, ALICE, BOB, "/who")).endswith("\nand 2 more")


async def test_leaving(stage):
    conversation = await talk(stage)
    await answer(stage, ALICE, BOB, "/add carol")
    assert await answer(stage, CAROL, conversation.address, "/leave") == "You have left."
    assert conversation.participants == [ALICE, BOB]


async def test_help_lists_what_there_is(stage):
    assert [line.split()[0] for line in (await answer(stage, ALICE, BOB, "/help")).splitlines()] == [
        "/add",
        "/who",
        "/leave",
        "/moderator",
        "/remove",
        "/door",
        "/help",
    ]


async def test_germans_are_answered_in_german(stage):
    await stage.store.put_person(DAVE, Person(str(DAVE), "Dave", language="de-AT"))
    assert (await answer(stage, DAVE, BOB, "/help")).startswith(
        "/add carol [history none|now|all]   jemanden dazuholen"
    )


# ---- what is no command


@pytest.mark.parametrize(
    "text",
    ["/me waves", "/usr/bin/who", "/addcarol", "add carol", "/", "/who\n/leave", "///who", "/ who else?", "hm /who"],
)
async def test_everything_else_is_said(stage, text):
    bob = sit(stage, BOB)
    assert (await say(stage, ALICE, BOB, text)).text == text
    assert bob.texts == [text]


async def test_a_second_slash_says_it_as_it_is(stage):
    bob = sit(stage, BOB)
    assert (await say(stage, ALICE, BOB, "//add carol")).text == "/add carol"
    assert bob.texts == ["/add carol"] and len(stage.immcu.of(ALICE)[0].participants) == 2


async def test_only_plain_text_is_a_command(stage):
    assert (await say(stage, ALICE, BOB, "/who", content_type="text/html")).text == "/who"


# ---- policy


@pytest.mark.parametrize("options", [{"add": False}])
async def test_policy_switches_one_off(stage, commands):
    conversation = await talk(stage)
    assert await answer(stage, ALICE, BOB, "/add carol") == "/add is switched off on this server."
    assert conversation.participants == [ALICE, BOB]
    assert "/add" not in await answer(stage, ALICE, BOB, "/help")
    commands.reload(Commands.Options())
    await answer(stage, ALICE, BOB, "/add carol")
    assert len(conversation.participants) == 3


@pytest.mark.parametrize("options", [{"add": False, "who": False, "leave": False, "help": False}])
@pytest.mark.parametrize("text", ["/who", "/leave", "/help"])
async def test_policy_switches_each_off(stage, text):
    await talk(stage)
    assert await answer(stage, ALICE, BOB, text) == f"{text} is switched off on this server."


# ---- what moderators do


async def conference(stage):
    conversation = await talk(stage)
    await stage.immcu.add(conversation, CAROL, by=ALICE)
    return conversation


async def test_a_moderator_makes_another(stage):
    conversation = await conference(stage)
    assert await answer(stage, ALICE, conversation.address, "/moderator carol") == (
        "Carol (carol@example.test) is a moderator now."
    )
    assert conversation.moderators == {ALICE, BOB, CAROL}
    assert "not in this conversation" in await answer(stage, ALICE, conversation.address, "/moderator dave")
    assert await answer(stage, ALICE, conversation.address, "/moderator") == "Whom? Like this: /moderator carol"


async def test_a_moderator_puts_somebody_out(stage):
    conversation = await conference(stage)
    assert await answer(stage, CAROL, conversation.address, "/remove alice") == (
        "That was not done: only a moderator does this."
    )
    assert await answer(stage, BOB, conversation.address, "/remove carol") == "Carol (carol@example.test) was put out."
    assert conversation.participants == [ALICE, BOB]
    assert await answer(stage, BOB, conversation.address, "/remove two people") == "Whom? Like this: /remove carol"


@pytest.mark.parametrize(
    ("how", "is_now"), [("open", (True, False)), ("closed", (False, False)), ("locked", (False, True))]
)
async def test_a_moderator_minds_the_door(stage, how, is_now):
    conversation = await conference(stage)
    assert await answer(stage, ALICE, conversation.address, f"/door {how}") == f"The door is {how} now."
    assert (conversation.open_door, conversation.locked) == is_now
    assert await answer(stage, ALICE, conversation.address, "/door ajar") == "A door is open, closed or locked."
    assert "only a moderator" in await answer(stage, CAROL, conversation.address, "/door open")


async def test_a_talk_of_two_has_no_moderators(stage):
    await talk(stage)
    assert "only a moderator" in await answer(stage, ALICE, BOB, "/door locked")
