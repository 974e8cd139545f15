"""Commands that look at the running server and change its conversations."""

import json

import pytest

from ....core.presence import Availability, Publication, Source
from ...people import ALICE, BOB, CAROL, NOON
from ...stage import say, sit


async def talk(server):
    await say(server, ALICE, BOB, "one")
    await say(server, BOB, ALICE, "two")
    (conversation,) = server.immcu.of(ALICE)
    return conversation


# ---- who, why


async def test_who_is_signed_in(server, terminal):
    assert await terminal("who") == "Nobody is signed in.\n"
    sit(server, ALICE)
    sit(server, BOB, "phone")
    claim = Publication("x/phone", Source.MACHINE, Availability.AWAY, NOON, instance="phone", note="lunch \x1b[31m")
    await server.presence.publish(BOB, claim)
    found = await terminal.json("who")
    assert [(one["who"], one["instance"], one["availability"]) for one in found] == [
        ("alice@example.test", "desk", ""),
        ("bob@example.test", "phone", "away"),
    ]
    table = await terminal("who")
    assert table.splitlines()[0].split() == ["WHO", "WHERE", "CLIENT", "PRESENCE", "FROM"]
    assert "away lunch \\x1b[31m" in table and "\x1b" not in table


async def test_why_somebody_looks_as_they_do(server, terminal):
    sit(server, ALICE)
    await server.presence.publish(
        ALICE, Publication("x/desk", Source.MACHINE, Availability.BUSY, NOON, instance="desk")
    )
    told = await terminal.json("why", "alice", "--for", "bob")
    assert told["availability"] == "busy" and told["level"] == "stranger" and told["sees"] == "offline"
    assert told["reasons"][0]["outcome"] == "decides: the most available endpoint"
    text = await terminal("why", "alice@example.test", "--for", "bob")
    assert "decides: the most available endpoint" in text and "has the access level stranger and sees: offline" in text
    assert "No source says anything" in await terminal("why", "bob")


async def test_why_nobody(server, terminal):
    assert "nobody is called nobody@example.test" in await terminal("why", "nobody", exit=4)
    assert "is not an address" in await terminal("why", "a b", exit=1)


# ---- conversations


async def test_a_third_person_from_a_script(server, terminal):
    conversation = await talk(server)
    added = await terminal.json("add", conversation.id[:8], "carol", "--history", "all", "--by", "bob")
    assert added["shape"] == "conference" and added["participants"][-1] == str(CAROL)
    assert [m.text for m in await server.immcu.history(conversation, CAROL)] == ["one", "two"]
    listed = await terminal("conversations")
    assert conversation.id[:12] in listed and "conference" in listed
    assert await terminal("conversations", "--who", "dave") == "Nobody talks at the moment.\n"


@pytest.mark.parametrize("history, seen", [("none", []), ("now", ["two"]), ("all", ["one", "two"])])
async def test_the_adder_chooses_the_history(server, terminal, history, seen):
    conversation = await talk(server)
    await terminal("add", conversation.id, "carol", "--history", history)
    assert [m.text for m in await server.immcu.history(conversation, CAROL)] == seen


async def test_by_the_conferences_address(server, terminal):
    conversation = await talk(server)
    address = (await terminal.json("add", conversation.id, "carol"))["address"]
    assert "dave@example.test" in await terminal("add", address, "dave")


async def test_out_again_and_the_end(server, terminal):
    conversation = await talk(server)
    await terminal("add", conversation.id, "carol")
    assert str(CAROL) not in (await terminal.json("drop", conversation.id, "carol"))["participants"]
    assert "carol@example.test is not in this conversation" in await terminal("drop", conversation.id, "carol", exit=4)
    assert f"{conversation.id} has ended; its record is number 1." in await terminal("end", conversation.id)
    record = await terminal.json("records", conversation.id)
    assert record["reason"] == "ended by an administrator"
    assert [s["reason"] for s in record["seats"] if s["who"] == str(CAROL)] == ["removed by an administrator"]


async def test_what_names_no_conversation(server, terminal):
    await talk(server)
    for name in ("abc", "ffffffff", "nowhere@conference.example.test"):
        assert f"no conversation {name} is open" in await terminal("add", name, "carol", exit=4)


async def test_a_beginning_that_fits_two_is_not_enough(server, terminal):
    conversation = await talk(server)
    server.immcu.conversations[conversation.id[:6] + "x"] = conversation
    assert "2 open conversations begin with" in await terminal("add", conversation.id[:6], "carol", exit=4)
    del server.immcu.conversations[conversation.id[:6] + "x"]


async def test_somebody_who_is_not_in_it_cannot_add(server, terminal):
    conversation = await talk(server)
    assert "dave@example.test is not in this" in await terminal("add", conversation.id, "carol", "--by", "dave", exit=1)
    assert "nobody is nobody@example.test" in await terminal("add", conversation.id, "nobody", exit=4)


# ---- records


async def test_records(either, terminal):
    assert await terminal("records") == "No conversation has ended yet.\n"
    assert "there is no record of a conversation x" in await terminal("records", "x", exit=4)


async def test_records_of_a_running_server(server, terminal):
    conversation = await talk(server)
    assert "still running" in await terminal("records", conversation.id)
    for reason in ("first", "second", "third"):
        await server.immcu.end((await talk(server)), reason)
    text = await terminal("records")
    assert [line.split()[0] for line in text.splitlines()] == ["NO", "1", "2", "3"]
    assert "alice@example.test bob@example.test" in text and "one" not in text.split()
    assert [r["number"] for r in await terminal.json("records", "--last", "2")] == [2, 3]
    assert [r["number"] for r in await terminal.json("records", "--after", "1", "-n", "1")] == [2]
    whole = await terminal("records", conversation.id)
    assert "because" in whole and "first" in whole and "a test's desk" not in whole


# ---- the server itself


async def test_versions(server, terminal):
    found = await terminal.json("version")
    assert found["server"]["domains"] == ["example.test"] and found["server"]["version"] == found["version"]
    assert "process" in await terminal("version")


async def test_without_a_server(terminal):
    assert "No server is running here." in await terminal("version")
    for argv in (["who"], ["why", "alice"], ["conversations"], ["add", "x", "y"], ["reload"], ["stop"]):
        said = await terminal(*argv, exit=3)
        assert "no server answers at" in said and "start one with `run` or `demo`" in said


async def test_reload_and_stop_need_whoever_started_it(server, terminal):
    assert "whoever started it can" in await terminal("reload", exit=4)
    assert "whoever started it can" in await terminal("stop", exit=4)


async def test_everything_out_and_in_again(either, terminal, tmp_path):
    if either:
        await say(either, ALICE, BOB, "a word")
        assert "the server is running" in await terminal("import", __file__, exit=1)
    told = await terminal.json("export", "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines()
    assert told["lines"] == len(lines) > 4 and all(json.loads(line) for line in lines)
    assert (tmp_path / "all.jsonl").stat().st_mode & 0o077 == 0
    assert (await terminal("export")).encode().splitlines()[1:] == lines[1:]
    terminal.state = tmp_path / "other"
    assert (await terminal.json("import", "all.jsonl"))["people"] == 4
    assert {p["address"] for p in await terminal.json("user", "list")} >= {str(ALICE), str(BOB)}
    assert "empty store" in await terminal("import", "all.jsonl", exit=1)


async def test_a_bad_line_is_named_and_nothing_is_taken_in(terminal, tmp_path):
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    assert "line 1" in await terminal("import", "bad.jsonl", exit=1)
    assert await terminal.json("user", "list") == []


async def test_a_folder_in_which_nothing_can_be_kept(terminal, tmp_path):
    (tmp_path / "var").write_text("a file")
    said = await terminal("user", "list", exit=1)
    assert said.startswith("error: ") and said.count("\n") == 1
