"""A connection on a transport that a test holds in its hands: turns of the loop, shares, budgets, the end."""

from __future__ import annotations

import asyncio
import base64

import pytest

from ....bridges.xmpp.stream import farewell, limits, pipe
from ....bridges.xmpp.stream.budget import Pace
from ....bridges.xmpp.stream.connection import Connection
from ...people import ALICE
from ...stage import PASSWORD
from .echo import EchoRouter, house_of
from .socket_client import PATIENCE, header

BIND = b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>"


class HeldTransport(asyncio.Transport):
    """Remembers what was done to it.  ``taken`` says how much of what is written the other end takes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.taken: float = float("inf")
        self.reading = True
        self.end = ""

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return max(0, int(sum(map(len, self.writes)) - min(self.taken, 1e15)))

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    @property
    def said(self) -> bytes:
        said = b"".join(self.writes)
        self.writes.clear()
        return said


class Held:
    """One connection, signed in."""

    def __init__(self, front_end, **more) -> None:
        self.router = EchoRouter()
        self.house = house_of(front_end, self.router, **more)
        self.transport = HeldTransport()
        assert self.house.door.admit("192.0.2.1", 0) == ""
        self.connection = Connection(self.house, "192.0.2.1", secure=True)
        self.connection.connection_made(self.transport)

    async def sign_in(self) -> Held:
        secret = base64.b64encode(f"\0{ALICE.user}\0{PASSWORD}".encode())
        self.connection.data_received(header())
        self.connection.data_received(
            b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + secret + b"</auth>"
        )
        await self.until(lambda: b"<success" in b"".join(self.transport.writes))
        self.connection.data_received(header())
        self.connection.data_received(BIND)
        await self.turn()
        assert b"<jid>alice@example.test/desk</jid>" in self.transport.said
        return self

    async def until(self, condition) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0)

    async def turn(self, times: int = 2) -> None:
        for _ in range(times):
            await asyncio.sleep(0)

    @property
    def reason(self) -> str:
        return self.router.ended.get("alice@example.test/desk", "")


@pytest.fixture
async def held(front_end) -> Held:
    return await Held(front_end).sign_in()


async def test_what_a_turn_produces_is_written_once(held):
    held.connection.data_received(b"".join(b"<iq type='get' id='%d'/>" % i for i in range(20)))
    for i in range(20):
        held.router.sessions[0].send(b"<message id='p%d'/>" % i)
    assert held.transport.writes == []
    await held.turn()
    (written,) = held.transport.writes
    assert written.count(b"<iq ") == written.count(b"<message ") == 20


async def test_a_turn_takes_a_fair_share_and_reads_no_more_until_the_rest_is_done(held):
    held.connection.data_received(b"<iq type='get' id='1'/>" * (2 * limits.FAIR_SHARE + 10))
    assert len(held.router.heard) == limits.FAIR_SHARE and not held.transport.reading
    await held.turn(1)
    assert len(held.router.heard) == 2 * limits.FAIR_SHARE and not held.transport.reading
    await held.turn(1)
    assert len(held.router.heard) == 2 * limits.FAIR_SHARE + 10 and held.transport.reading


async def test_work_that_is_not_done_stops_the_reading(held):
    held.connection.data_received(b"<message to='slow'/>" * (limits.MAX_IN_FLIGHT + 5))
    await held.turn(4)
    assert len(held.router.heard) == limits.MAX_IN_FLIGHT and not held.transport.reading
    held.router.gate.set()
    await held.until(lambda: held.transport.reading)
    assert len(held.router.heard) == limits.MAX_IN_FLIGHT + 5


async def test_stanzas_beyond_the_budget_wait(front_end):
    held = await Held(front_end, pace=Pace(1000, 5, 1e9, 1e9)).sign_in()
    held.connection.data_received(b"<iq type='get' id='1'/>" * 30)
    assert len(held.router.heard) < 30 and not held.transport.reading
    await held.until(lambda: len(held.router.heard) == 30 and held.transport.reading)


async def test_the_end_is_said_even_to_those_who_have_to_wait(front_end):
    held = await Held(front_end, pace=Pace(0.001, 1, 1e9, 1e9)).sign_in()
    held.connection.data_received(b"<iq type='get' id='1'/>" * 5)
    held.connection.close("system-shutdown", "")
    await held.turn(3)
    assert b"<system-shutdown " in held.transport.said and held.reason == "server stopping"


async def test_a_router_may_end_the_stream_it_is_asked_about(held):
    held.connection.data_received(b"<message to='leave'/><message id='after'/>")
    await held.turn(3)
    said = held.transport.said
    assert b"<reset " in said and said.endswith(b"</stream:stream>") and b"never" not in said and b"after" not in said
    assert held.reason == "reset" and len(held.router.heard) == 1


async def test_bytes_after_the_end_are_dropped(held):
    held.connection.data_received(b"<message/></stream:stream>")
    await held.turn()
    assert held.transport.said.endswith(b"</stream:stream>") and held.reason == "signed out"
    assert held.transport.end != "closed", "whoever said goodbye first has time to read ours, and closes"
    held.connection.data_received(b"<message/>")
    assert len(held.router.heard) == 1


async def test_a_client_that_talks_on_is_given_time_to_read_our_last_words(held, monkeypatch):
    monkeypatch.setattr(farewell, "LINGER_TIME", 0.01)
    held.connection.data_received(b"<!-- -->")
    await held.turn()
    assert held.transport.end == ""
    held.connection.data_received(b"and on, and on")
    await held.until(lambda: held.transport.end == "closed")
    held.connection.connection_lost(None)
    assert held.house.connections == set() and held.reason == "restricted-xml"


async def test_but_not_for_ever(held, monkeypatch):
    monkeypatch.setattr(farewell, "LINGER_TIME", 0.01)
    monkeypatch.setattr(farewell, "CLOSE_TIME", 0.05)
    held.connection.data_received(b"<!-- -->")

    async def talk() -> None:
        while held.transport.end != "aborted":
            held.connection.data_received(b"x")
            await asyncio.sleep(0)

    await asyncio.wait_for(talk(), PATIENCE)
    assert b"<restricted-xml " in held.transport.said


async def test_who_leaves_much_unread_for_long_is_let_go(held, monkeypatch):
    monkeypatch.setattr(pipe, "MAX_UNREAD", 0.02)
    held.transport.taken = 0
    held.router.sessions[0].send(b"x" * (limits.MAX_UNSENT + 1))
    await held.turn()
    assert held.transport.end == ""
    await held.until(lambda: held.transport.end == "aborted")
    assert held.reason == "does not read"


async def test_who_reads_in_time_stays(held, monkeypatch):
    monkeypatch.setattr(pipe, "MAX_UNREAD", 0.02)
    held.transport.taken = 0
    held.router.sessions[0].send(b"x" * (limits.MAX_UNSENT + 1))
    await held.turn()
    held.transport.taken = float("inf")
    await asyncio.sleep(0.05)
    assert held.transport.end == "" and held.reason == ""


async def test_who_leaves_very_much_unread_is_let_go_at_once(held):
    held.transport.taken = 0
    held.router.sessions[0].send(b"x" * (limits.MAX_UNSENT_BURST + 1))
    await held.turn()
    assert held.transport.end == "aborted" and held.reason == "does not read"


async def test_a_session_that_is_over_takes_nothing(held):
    session = held.router.sessions[0]
    held.connection.connection_lost(None)
    session.send(b"<message/>")
    session.close("reset")
    await held.turn()
    assert session.closed and held.transport.writes == [] and held.reason == "connection lost"
    held.connection.connection_lost(None)
    assert held.house.door.inside == 0


async def test_work_goes_on_when_the_client_is_gone(held):
    held.connection.data_received(b"<message to='slow' id='1'/>")
    await held.turn()
    held.connection.connection_lost(None)
    assert held.router.under_way == 1
    held.router.gate.set()
    await held.until(lambda: held.router.under_way == 0)
    assert held.transport.writes == []


async def test_what_was_read_before_the_connection_was_lost_is_heard_although_it_had_to_wait(front_end):
    held = await Held(front_end, pace=Pace(0.001, 1, 1e9, 1e9)).sign_in()
    held.connection.data_received(b"".join(b"<message id='%d'/>" % i for i in range(7)) + b"</stream:stream>")
    assert len(held.router.heard) < 7
    held.connection.connection_lost(None)
    assert len(held.router.heard) == 7 and held.reason == "signed out"
    assert held.house.sessions._open == {} and held.connection._house.connections == set()
