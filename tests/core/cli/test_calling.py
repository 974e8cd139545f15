"""Commands about calls: forwarding with a running server and without one; explanations and trunks of a plugin."""

import pytest

from ....core.forwarding import CallStep, Forwarding, TrunkState, forwarding_of
from ....core.hooks import hookimpl
from ....plugins.admin import AdminSocket
from ...people import ALICE
from ...stage import front_end_in


class Telephones:
    """A plugin that carries calls."""

    @hookimpl
    def why_call(self, caller, callee):
        return [
            CallStep(1, f"{callee}", 20.0, [], f"{caller.user} may"),
            CallStep(2, "+4930123 by pbx", 60.0, ["busy", "not answered"], "forwarded when busy"),
        ]

    @hookimpl
    def trunks(self, front_end):
        return [TrunkState("pbx", "up", ["pbx.test:5061 TLS"], "until 12:00", 2, 30, "line 1: answered 403", 12, 1)]


@pytest.fixture
async def with_calls(terminal):
    async with front_end_in(terminal.state, AdminSocket(AdminSocket.Options()), Telephones()):
        yield


async def test_forwarding_is_set_shown_and_cleared(either, terminal):
    assert "go nowhere else" in await terminal("forwarding", "show", "alice")
    said = await terminal(
        "forwarding", "set", "alice", "--unanswered", "bob", "--after", "15", "--also", "+49 171 1", "--busy", "4711"
    )
    assert "bob@example.test, after 15 seconds" in said and "+491711" in said and "4711" in said
    assert await terminal.json("forwarding", "show", "alice") == {
        "always": "",
        "busy": "4711",
        "unanswered": "bob@example.test",
        "offline": "",
        "ring_for": 15,
        "also": ["+491711"],
    }
    assert "4711" not in await terminal("forwarding", "set", "alice", "--busy", "nobody")
    assert "+491711" not in await terminal("forwarding", "set", "alice", "--also", "nobody")
    assert "go nowhere else" in await terminal("forwarding", "clear", "alice")
    if either:
        assert await forwarding_of(either.store, ALICE) == Forwarding()


@pytest.mark.parametrize(
    ("argv", "exit", "said"),
    [
        (["set", "alice", "--always", "alice"], 1, "cannot be forwarded to alice@example.test"),
        (["set", "alice", "--always", "+"], 1, "neither an address nor a number"),
        (["set", "nobody", "--always", "1"], 4, "nobody is called nobody@example.test"),
        (["set", "alice", "--after", "3"], 2, "not in the range"),
        (["show", "nobody"], 4, "nobody is called"),
        (["clear", "nobody"], 4, "nobody is called"),
    ],
)
async def test_what_cannot_be_is_one_sentence(either, terminal, argv, exit, said):
    assert said in await terminal("forwarding", *argv, exit=exit)


async def test_a_call_is_explained(with_calls, terminal):
    said = await terminal("why-call", "alice", "bob@example.test")
    assert said.splitlines()[0].split() == ["STAGE", "RINGS", "FOR", "IF", "BEFORE", "WHY"]
    assert "20 s" in said and "busy or not answered" in said and "alice may" in said
    assert (await terminal.json("why-call", "alice", "0301"))[0]["rings"] == "0301"
    assert "nobody is called" in await terminal("why-call", "nobody", "bob", exit=4)


async def test_trunks_are_shown(with_calls, terminal):
    said = await terminal("trunks")
    assert "pbx.test:5061 TLS" in said and "2/30" in said and "until 12:00" in said
    assert "11/12" in said and "line 1: answered 403" in said


async def test_without_a_plugin_for_calls(server, terminal):
    assert "no plugin of this server carries calls" in await terminal("why-call", "alice", "bob", exit=4)
    assert "There is no trunk" in await terminal("trunks")
