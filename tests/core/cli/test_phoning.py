"""Commands about calls: who is on the phone, the end of a call, and what its record says."""

import pytest

from ....core.call import HUNG_UP, NOT_ANSWERED, Party
from ...people import ALICE, BOB, CAROL

NUMBER = "+4930123456"


async def call(server, caller=ALICE, callee=BOB, answered=True, **more):
    begun = await server.calls.begin(Party(caller), Party(callee), **more)
    await server.calls.ringing(begun, Party(callee, instance="phone"))
    if answered:
        await server.calls.answered(begun, Party(callee))
    return begun


@pytest.fixture
def carried(server):
    """Somebody carries calls: what they were asked to end."""
    asked = []

    async def hang_up(call, reason):
        asked.append((call.id, reason))
        return True

    server.calls.hang_up.append(hang_up)
    return asked


async def test_who_is_on_the_phone(server, terminal):
    assert await terminal("calls") == "Nobody is on the phone at the moment.\n"
    first = await call(server, media={"audio", "video"})
    await server.calls.changed(first, held=True)
    second = await call(server, CAROL, "112", answered=False, emergency=True, route="berlin")
    found = await terminal.json("calls")
    assert [(one["id"], one["caller"], one["callee"], one["answered_by"]) for one in found] == [
        (first.id, str(ALICE), str(BOB), str(BOB)),
        (second.id, str(CAROL), "112", ""),
    ]
    assert (found[0]["media"], found[0]["held"], found[1]["ringing"]) == (["audio", "video"], True, ["112"])
    heads, one, other = (await terminal("calls")).splitlines()
    assert heads.split() == ["ID", "CALLER", "WITH", "STATE", "SINCE", "MEDIA", "BY"]
    assert one.startswith(first.id[:12]) and "talks on hold" in one and "audio video" in one
    assert "emergency rings" in other and other.endswith("berlin")
    assert [one["id"] for one in await terminal.json("calls", "--who", "carol")] == [second.id]
    assert await terminal("calls", "--who", "dave") == "Nobody is on the phone at the moment.\n"


async def test_an_administrator_ends_a_call(server, terminal, carried):
    begun = await call(server)
    assert f"{begun.id} has ended; its record is number 1." in await terminal("calls", "end", begun.id[:6])
    assert carried == [(begun.id, "ended by an administrator")]
    assert server.calls.of(ALICE) == []


async def test_a_call_that_nobody_can_end_goes_on(server, terminal):
    begun = await call(server)
    assert "nothing that is running here can end this call" in await terminal("calls", "end", begun.id, exit=1)
    assert server.calls.of(ALICE) == [begun]


async def test_what_names_no_call(server, terminal):
    begun = await call(server)
    for name in ("ffffffff", begun.id[:3]):
        assert f"there is no call {name} now" in await terminal("calls", "end", name, exit=4)
    server.calls.open[begun.id[:6] + "x"] = begun
    assert "2 calls begin with" in await terminal("calls", "end", begun.id[:6], exit=4)
    del server.calls.open[begun.id[:6] + "x"]


async def test_without_a_server(terminal):
    assert "no server answers at" in await terminal("calls", exit=3)


async def test_the_records_of_calls(server, terminal):
    begun = await call(server, route="berlin")
    server.clock.turn(seconds=125)
    assert "still running" in await terminal("records", begun.id)
    await server.calls.ended(begun, HUNG_UP, Party(BOB))
    missed = await call(server, NUMBER, ALICE, answered=False)
    await server.calls.ended(missed, NOT_ANSWERED)
    taken = await call(server, ALICE, BOB, answered=False)
    await server.calls.answered(taken, Party(CAROL))
    await server.calls.ended(taken, HUNG_UP, Party(ALICE))
    _, one, other, third = (await terminal("records")).splitlines()
    assert f"{ALICE} -> {BOB}" in one and "2:05" in one and f"{BOB} hung up" in one
    assert f"{NUMBER}@example.test -> {ALICE}" in other and "missed" in other and "not answered" in other
    assert f"{ALICE} -> {BOB} ({CAROL})" in third
    whole = await terminal("records", begun.id)
    for fact in ("outcome", "answered", "direction", "internal", "berlin", "2:05", "WHO"):
        assert fact in whole
    assert "MESSAGES" not in whole and "emergency" not in whole
