"""The other servers that tests speak with really are there, and really are good or bad."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ..authority import Kind
from .program import until
from .street import Street, street_in
from .xmpp_server import SECRET

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]

BOTH = pytest.mark.parametrize("program", ["prosody", "ejabberd"])


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as street:
        yield street


async def test_prosody_and_ejabberd_speak_with_each_other(street: Street) -> None:
    prosody, ejabberd = await street.prosody(), await street.ejabberd()
    alice, bob = await street.client(prosody, "alice"), await street.client(ejabberd, "bob")
    alice.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
    await bob.hears("alice@prosody.example", "hello bob")
    bob.send_message(alice.boundjid.bare, "hello alice", mtype="chat")
    await alice.hears("bob@ejabberd.example", "hello alice")
    await alice.join(f"lounge@{ejabberd.rooms}", "alice")
    await bob.join(f"lounge@{ejabberd.rooms}", "bob")
    alice.send_message(f"lounge@{ejabberd.rooms}", "hello all", mtype="groupchat")
    await bob.room_hears("alice", "hello all")


@pytest.mark.parametrize("kind", ["unknown authority", "expired", "wrong name"])
async def test_a_server_that_demands_good_certificates_speaks_with_no_bad_one(street: Street, kind: Kind) -> None:
    prosody, ejabberd = await street.prosody(), await street.ejabberd(kind=kind)
    alice, bob = await street.client(prosody, "alice"), await street.client(ejabberd, "bob")
    alice.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
    bob.send_message(alice.boundjid.bare, "hello alice", mtype="chat")
    await until(lambda: alice.errors and bob.errors, "both to be told")
    assert not alice.said and not bob.said


async def test_servers_that_demand_none_believe_dialback(street: Street) -> None:
    prosody = await street.prosody(kind="unknown authority", demands=False)
    ejabberd = await street.ejabberd(demands=False)
    alice, bob = await street.client(prosody, "alice"), await street.client(ejabberd, "bob")
    alice.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
    await bob.hears("alice@prosody.example", "hello bob")
    bob.send_message(alice.boundjid.bare, "hello alice", mtype="chat")
    await alice.hears("bob@ejabberd.example", "hello alice")


@BOTH
async def test_accounts_survive_and_components_are_let_in(street: Street, program: str) -> None:
    server = await street.server(program, components={"im.example": SECRET})
    await street.client(server, "alice")
    await server.kill()
    await server.start()
    await street.client(server, "alice", "again")
    for secret, welcome in ((SECRET, True), ("a guess", False)):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.component)
        writer.write(
            b"<stream:stream to='im.example' xmlns='jabber:component:accept' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        header = (await asyncio.wait_for(reader.readuntil(b"jabber:component:accept"), 20)).decode()
        if " id=" not in header:
            header = (await asyncio.wait_for(reader.readuntil(b">"), 20)).decode()
        stream = header.replace('"', "'").partition(" id='")[2].partition("'")[0]
        writer.write(f"<handshake>{hashlib.sha1((stream + secret).encode()).hexdigest()}</handshake>".encode())
        answer = await asyncio.wait_for(reader.read(4000), 20)
        while b"handshake" not in answer and b"not-authorized" not in answer:
            answer += await asyncio.wait_for(reader.read(4000), 20)
        assert (b"not-authorized" not in answer) is welcome, answer
        writer.close()
