"""A small IRC server: one network with channels, as much of RFC 2812 as a bridge and a few people need."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Guest:
    """One connection: a program under test, or a person of the test."""

    def __init__(self, server: IrcServer, writer: asyncio.StreamWriter) -> None:
        self.server, self.writer = server, writer
        self.nick = ""
        self.said: list[str] = []

    def send(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    def take(self, line: str) -> None:
        """What the guest sends us."""
        self.said.append(line)
        words, _, text = line.partition(" :")
        command, *rest = words.split()
        arguments = [*rest, text] if text else rest
        deed = getattr(self, f"_{command.lower()}", None)
        if deed is not None:
            deed(*arguments)

    def _pass(self, password: str) -> None:
        self.server.passwords.append(password)

    def _nick(self, nick: str) -> None:
        if nick in self.server.taken or any(g is not self and g.nick == nick for g in self.server.guests):
            self.send(f":irc.test 433 * {nick} :Nickname is already in use")
            return
        self.nick = nick
        self._welcome()

    def _user(self, *_: str) -> None:
        self._welcome()

    def _welcome(self) -> None:
        began = [line.split()[0] for line in self.said]
        if self.nick and "USER" in began:
            self.send(f":irc.test 001 {self.nick} :Welcome")

    def _join(self, channel: str) -> None:
        if self.server.closed:
            self.send(f":irc.test 473 {self.nick} {channel} :Cannot join channel (+i)")
            return
        self.server.members.setdefault(channel, []).append(self)
        self.server.tell(channel, f":{self.nick}!u@h JOIN {channel}")
        nicks = " ".join(guest.nick for guest in self.server.members[channel])
        self.send(f":irc.test 353 {self.nick} = {channel} :{nicks}")
        self.send(f":irc.test 366 {self.nick} {channel} :End of NAMES list")

    def _part(self, channel: str, *_: str) -> None:
        self.server.tell(channel, f":{self.nick}!u@h PART {channel}")
        self.server.members[channel].remove(self)

    def _privmsg(self, channel: str, text: str = "") -> None:
        self.server.tell(channel, f":{self.nick}!u@h PRIVMSG {channel} :{text}", but=self)

    def _quit(self, *_: str) -> None:
        self.writer.close()


class IrcServer:
    """Counts who comes; ``taken`` are nicks that somebody has, ``closed`` keeps everybody out of channels."""

    def __init__(self) -> None:
        self.guests: list[Guest] = []
        self.members: dict[str, list[Guest]] = {}
        self.taken: set[str] = set()
        self.passwords: list[str] = []
        self.closed = False
        self.visits = 0
        self.host, self.port = "127.0.0.1", 0

    def tell(self, channel: str, line: str, but: Guest | None = None) -> None:
        """Everybody in a channel."""
        for guest in self.members.get(channel, []):
            if guest is not but:
                guest.send(line)

    def says(self, nick: str, channel: str, text: str) -> None:
        """Somebody who is not connected to us says something."""
        self.tell(channel, f":{nick}!u@h PRIVMSG {channel} :{text}")

    def heard(self, channel: str, command: str = "PRIVMSG") -> list[str]:
        """What was said in a channel by anybody connected, ever."""
        begin = f"{command} {channel} :"
        return [line[len(begin) :] for guest in self.guests for line in guest.said if line.startswith(begin)]

    def cut(self) -> None:
        """Drop every connection."""
        for guest in self.guests:
            guest.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = Guest(self, writer)
        self.guests.append(guest)
        self.visits += 1
        try:
            while line := await reader.readline():
                guest.take(line.decode().rstrip("\r\n"))
        except ConnectionError:
            pass
        finally:
            for members in self.members.values():
                if guest in members:
                    members.remove(guest)
            guest.nick = ""
            writer.close()

    @asynccontextmanager
    async def running(self, context: ssl.SSLContext | None = None) -> AsyncIterator[IrcServer]:
        """Listen; on the same port again when it has run before."""
        server = await asyncio.start_server(self._serve, self.host, self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
