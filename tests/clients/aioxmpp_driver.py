"""A client of aioxmpp, driven by lines on standard input: ``say ADDRESS TEXT``, ``join ROOM NICK``, ``room TEXT``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

import aioxmpp
import aioxmpp.dispatcher
import aioxmpp.muc


def tell(event: str, **facts: Any) -> None:
    """One line of JSON for the test."""
    print(json.dumps({"ev": event, **facts}), flush=True)


def hear(message: aioxmpp.Message) -> None:
    """A chat message, or what only tells of one."""
    if message.body:
        tell("message", who=str(message.from_.bare()), text=message.body.any())


async def main(given: argparse.Namespace) -> None:
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(given.user),
        aioxmpp.make_security_layer(given.password, no_verify=True),
        override_peer=[(given.host, 5222, aioxmpp.connector.STARTTLSConnector())],
    )
    heard = client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
    presence = client.summon(aioxmpp.PresenceClient)
    roster = client.summon(aioxmpp.RosterClient)
    rooms = client.summon(aioxmpp.muc.MUCClient)
    heard.register_callback(
        aioxmpp.MessageType.CHAT,
        None,
        lambda message: (
            tell("message", who=str(message.from_.bare()), text=message.body.any()) if message.body else None
        ),
    )
    presence.on_available.connect(lambda who, _: tell("available", who=str(who.bare())))
    presence.on_unavailable.connect(lambda who, _: tell("unavailable", who=str(who.bare())))
    client.on_stream_suspended.connect(lambda why: tell("suspended"))
    client.on_stream_resumed.connect(lambda: tell("resumed"))
    async with client.connected():
        tell("ready", contacts=sorted(str(jid) for jid in roster.items))
        room = None
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).decode().rstrip("\n"):
            word, _, rest = line.partition(" ")
            if word == "quit":
                break
            first, _, text = rest.partition(" ")
            if word == "say":
                message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=aioxmpp.JID.fromstr(first))
                message.body[None] = text
                await client.send(message)
            elif word == "join":
                room, entered = rooms.join(aioxmpp.JID.fromstr(first), text)
                room.on_message.connect(
                    lambda message, member, source, **_: tell("room", nick=member.nick, text=message.body.any())
                )
                await entered
                tell("joined", nicks=sorted(member.nick for member in room.members))
            elif word == "room" and room is not None:
                message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
                message.body[None] = rest
                await room.send_message(message)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--user", "--password", "--host"):
        parser.add_argument(option, required=True)
    asyncio.run(main(parser.parse_args()))
