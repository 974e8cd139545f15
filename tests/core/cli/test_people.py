"""Commands about people and contact lists: the same with a running server and without one."""

import csv
import io

import pytest

from ....core.identity import Identity
from ...people import ALICE, BOB
from ...stage import PASSWORD

ERIN = "erin@example.test"


async def signs_in(front_end, who, password):
    return await front_end.accounts.check_password(Identity.parse(who), password)


# ---- adding


async def test_a_person_is_added_and_found(either, terminal):
    said = await terminal(
        "user", "add", "erin", "--name", "Erin Éclair", "--phone", "+49 30 1", "--phone", "2", "--generate"
    )
    assert said.startswith(f"{ERIN} can sign in now.\nThe password is: ")
    (found,) = await terminal.json("user", "list", "éclair")
    assert found["address"] == ERIN and found["phones"] == ["+49 30 1", "2"]
    assert "Erin Éclair" in await terminal("user", "list")
    if either:
        assert await signs_in(either, ERIN, said.split()[-1])


async def test_a_password_from_standard_input(server, terminal):
    await terminal("user", "add", ERIN, "--password-stdin", answer="open sesame \n")
    assert await signs_in(server, ERIN, "open sesame ")
    await terminal("user", "passwd", ERIN, "--password-stdin", answer="another one\n")
    assert not await signs_in(server, ERIN, "open sesame ") and await signs_in(server, ERIN, "another one")


async def test_a_password_is_not_asked_for_where_nobody_could_answer(terminal, server):
    said = await terminal("user", "add", "erin", exit=1)
    assert "there is no terminal to ask for a password: give --password-stdin or --generate" in said
    assert not await server.accounts.exists(Identity.parse(ERIN))


async def test_somebody_without_a_password(server, terminal):
    assert await terminal("user", "add", "erin", "--no-password") == f"{ERIN} is in the directory.\n"
    assert await server.store.credentials(Identity.parse(ERIN)) == {}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["user", "add", "alice", "--generate"], "alice@example.test exists already"),
        (["user", "add", "x@other.test", "--generate"], "other.test is not served here; this server has example.test"),
        (["user", "add", "a b", "--generate"], "'a b@example.test' is not an address"),
        (["contacts", "add", "alice", "alice"], "alice@example.test is no contact of their own"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(either, terminal, argv, said):
    printed = await terminal(*argv, exit=1)
    assert printed.startswith("error: ") and said in printed and printed.count("\n") == 1
    answer = await terminal.json(*argv, exit=1)
    assert said in answer["errors"][0] and answer["exit"] == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["user", "passwd", "nobody", "--generate"],
        ["user", "change", "nobody", "--name", "x"],
        ["user", "remove", "nobody", "--yes"],
        ["contacts", "list", "nobody"],
        ["contacts", "add", "nobody", "alice"],
        ["contacts", "add", "alice", "nobody", "--mutual"],
        ["contacts", "remove", "alice", "dave"],
    ],
)
async def test_nobody_of_that_name(either, terminal, argv):
    assert (await terminal(*argv, exit=4)).startswith("error: ")


# ---- changing and removing


async def test_what_is_not_given_stays(either, terminal):
    await terminal("user", "change", "alice", "--title", "Head of Sales", "--phone", "1")
    changed = await terminal.json("user", "change", "alice", "--mail", "a@example.test")
    assert changed["title"] == "Head of Sales" and changed["phones"] == ["1"] and changed["name"] == "Alice"
    assert "Head of Sales" in await terminal("user", "change", "alice")


async def test_removing_asks_first(either, terminal):
    assert "Aborted" in await terminal("user", "remove", "alice", answer="n\n", exit=1)
    assert len(await terminal.json("user", "list")) == 4
    await terminal("user", "remove", "alice", answer="y\n")
    assert await terminal.json("user", "list", "alice") == []
    assert await terminal("user", "list", "alice") == "Nobody fits.\n"


# ---- tables


async def test_a_table_of_people(either, terminal, tmp_path):
    table = io.StringIO()
    rows = [("address", "name", "password", "contacts"), (ERIN, "Erin", "a long password", "alice@example.test")]
    csv.writer(table).writerows(rows)
    (tmp_path / "people.csv").write_text(table.getvalue())
    assert (await terminal.json("user", "import", "people.csv"))["added"] == 1
    (contact,) = await terminal.json("contacts", "list", "erin")
    assert contact["address"] == str(ALICE) and contact["sees"]


async def test_a_table_with_mistakes_adds_nobody_and_names_them_all(either, terminal, tmp_path):
    (tmp_path / "people.csv").write_text("address,nmae\nerin@other.test,x\n")
    said = await terminal("user", "import", "people.csv", exit=1)
    assert 'there is no column "nmae"' in said
    (tmp_path / "people.csv").write_text(f"address,language\n{ERIN},en\nx@other.test,en\ny@example.test,e n\n")
    said = await terminal("user", "import", "people.csv", exit=1)
    assert "line 3" in said and "line 4" in said and said.count("error: ") == 2
    assert len(await terminal.json("user", "list")) == 4


async def test_a_table_in_another_encoding(terminal, server, tmp_path):
    (tmp_path / "people.csv").write_bytes("address,name\nerin@example.test,Éclair\n".encode("latin-1"))
    assert "people.csv is not UTF-8: save it in that encoding" in await terminal("user", "import", "people.csv", exit=1)


# ---- contact lists


async def test_two_people_know_each_other(either, terminal):
    await terminal("contacts", "add", "alice", "bob", "--group", "Work", "--group", "Chess", "--mutual")
    (hers,) = await terminal.json("contacts", "list", "alice")
    (his,) = await terminal.json("contacts", "list", "bob")
    assert hers["groups"] == ["Work", "Chess"] and hers["name"] == "Bob" and hers["sees"] and hers["seen"]
    assert his["groups"] == [] and his["name"] == "Alice" and his["sees"] and his["seen"]
    assert "Work, Chess" in await terminal("contacts", "list", "alice")


async def test_adding_again_keeps_what_is_not_given(either, terminal):
    await terminal("contacts", "add", "alice", "bob", "--group", "Work", "--name", "Bobby")
    again = await terminal.json("contacts", "add", "alice", "bob")
    assert again["groups"] == ["Work"] and again["name"] == "Bobby" and again["asked"]
    assert "will see them when they say yes" in await terminal("contacts", "add", "alice", "bob")


async def test_a_yes_before_the_question(either, terminal):
    await terminal("contacts", "grant", "bob", "alice")
    assert "alice may see bob" in await terminal("contacts", "grant", "bob", "alice")
    assert (await terminal.json("contacts", "add", "alice", "bob"))["sees"]
    await terminal("contacts", "revoke", "bob", "alice")
    (entry,) = await terminal.json("contacts", "list", "alice")
    assert not entry["sees"]


async def test_a_yes_to_a_question_that_waits(either, terminal):
    await terminal("contacts", "add", "alice", "bob")
    (waiting,) = await terminal.json("contacts", "list", "bob")
    assert waiting["asking"] and not waiting["listed"]
    assert "our yes" in await terminal("contacts", "list", "bob")
    await terminal("contacts", "grant", "bob", "alice")
    assert (await terminal.json("contacts", "list", "alice"))[0]["sees"]


async def test_off_the_list(either, terminal):
    await terminal("contacts", "add", "alice", "bob", "--mutual")
    await terminal("contacts", "remove", "alice", "bob")
    assert await terminal("contacts", "list", "alice") == "Nobody is on the list of alice.\n"


async def test_the_running_server_knows_at_once(server, terminal):
    await terminal("user", "passwd", "bob", "--password-stdin", answer="brand new\n")
    assert await signs_in(server, str(BOB), "brand new") and not await signs_in(server, str(BOB), PASSWORD)
