"""An IRC channel as a participant: whoever adds ``ops@irc.example.org`` to a conversation talks with everyone in #ops.

The whole idea: a foreign room is a person.  While the bridge is in its channel, that person is signed in; what is said
meanwhile waits in the journal, as it does for anybody who is away.  docs/write-a-plugin.md walks through this file.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import msgspec

from ..core.conversation import ParticipantJoined, ParticipantLeft
from ..core.errors import BadAddress, HereaboutsError, Undeliverable
from ..core.hooks import hookimpl
from ..core.identity import Endpoint, Identity
from ..core.message import Copy, Delivery, Happened, News, Utterance
from ..core.options import ReadableFile, Secret
from ..core.registrar import Binding, Channel
from .irc_lines import Line, parsed, portions, printable

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

log = logging.getLogger(__name__)

MAX_LINE = 8704
"""Bytes of a line that we read: 512, and 8191 of tags that some servers put before it."""
MAX_WAITING = 500
"""Lines that wait to be sent; a message beyond them is not delivered."""
BURST, EVERY = 5, 1.0
"""Lines sent at once, then one each so many seconds: servers throw out whoever is faster."""
SILENCE = 120.0
"""Seconds without a line until we ask whether the server is there; as long again until we give up."""
CONNECT_WITHIN = 30.0
BACK_OFF = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until the next try; the last is repeated."""

NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,29}")
CHANNEL = re.compile(r"[#&+!][^\x00-\x20,:\x7f]{1,49}")
NICK_IN_USE = ("432", "433", "436", "437")
CANNOT_JOIN = ("403", "405", "407", "471", "473", "474", "475", "476", "477", "489")
"""Replies of RFC 2812 section 5.2, and two that servers have added."""


class Lost(Exception):
    """The connection is of no more use; the text says why."""


class IrcBridge:
    """Joins one IRC channel to conversations, as a participant that anybody may add."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        server: str
        """The IRC server's name, as in irc.example.org."""
        channel: str
        """The channel, as in "#ops"."""
        port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 6697
        """The server's port."""
        tls: bool = True
        """Whether to speak TLS, which 6697 is for; 6667 is for those who don't."""
        ca: ReadableFile = ""
        """A PEM file with the authority to trust, for servers whose certificate is not publicly signed."""
        nick: str = "hereabouts"
        """What the bridge is called there; if somebody else is, it puts "_" behind it."""
        password: Secret = ""
        """The server's password, if it wants one."""
        domain: str = ""
        """The domain under which the channel is addressed here; the server's name if empty."""

        def __post_init__(self) -> None:
            for name, pattern in (("channel", CHANNEL), ("nick", NICK)):
                if not pattern.fullmatch(getattr(self, name)):
                    raise ValueError(f"{name} is none that IRC knows: #ops is a channel, hereabouts is a nick")
            room_of(self)

    def __init__(self, options: Options) -> None:
        self.options = options
        self.room = room_of(options)
        self._endpoint = Endpoint(self.room, "irc")
        self._nick = options.nick
        self._writer: asyncio.StreamWriter | None = None
        self._outgoing: asyncio.Queue[tuple[str, asyncio.Future[None] | None]] = asyncio.Queue()
        self._joined = False

    # ---- hooks

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """In the channel while the server runs."""
        staying = asyncio.create_task(self._stay(front_end))
        try:
            yield
        finally:
            self._write("QUIT :the server stops")
            staying.cancel()
            await asyncio.wait([staying])

    @hookimpl
    def route(self, identity: Identity) -> Channel | None:
        """We reach one person: the channel."""
        return self if identity == self.room else None

    # ---- core to IRC: we are a Channel

    def deliver(self, delivery: Delivery) -> asyncio.Future[None]:
        """Say a message in the channel, each line with its speaker; done when the last line is sent."""
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if delivery.message.wordless or delivery.copy is Copy.SENT:
            outcome.set_result(None)
            return outcome
        if not self._joined or self._outgoing.qsize() > MAX_WAITING:
            why = "too much waits for it already" if self._joined else "we are not in it"
            outcome.set_exception(Undeliverable(f"{self.options.channel}: {why}"))
            return outcome
        message = delivery.message
        time = f"[{message.sent_at:%Y-%m-%d %H:%M} UTC] " if delivery.delayed else ""
        lines = [f"PRIVMSG {self.options.channel} :{time}<{message.sender.user}> {p}" for p in portions(message.text)]
        for line in lines[:-1]:
            self._outgoing.put_nowait((line, None))
        self._outgoing.put_nowait((lines[-1], outcome))
        return outcome

    def tell(self, news: News) -> None:
        """Who comes and goes; IRC has no words for the rest."""
        if isinstance(news, Happened) and isinstance(news.event, ParticipantJoined | ParticipantLeft):
            deed = "joined" if isinstance(news.event, ParticipantJoined) else "left"
            if self._joined and news.event.who != self.room and self._outgoing.qsize() <= MAX_WAITING:
                self._outgoing.put_nowait((f"NOTICE {self.options.channel} :{news.event.who} {deed}", None))

    # ---- IRC to core

    async def _heard(self, line: Line, front_end: FrontEnd) -> None:
        """What somebody says in the channel, into every conversation that the channel is in."""
        text = line.parameters[-1]
        if text.startswith("\x01ACTION "):
            text = f"* {line.nick} {printable(text.removeprefix(chr(1) + 'ACTION '))}"
        elif text.startswith("\x01"):
            return  # a question of one client to another
        else:
            text = f"<{line.nick}> {printable(text)}"
        for conversation in front_end.immcu.of(self.room):
            try:
                await front_end.immcu.say(conversation, Utterance(self._endpoint, text, client="IRC"))
            except HereaboutsError as why:
                log.warning("what was said in %s did not pass: %s", self.options.channel, why)

    # ---- the connection

    async def _stay(self, front_end: FrontEnd) -> None:
        """Connect, serve, and connect again, for ever."""
        failures = 0
        while True:
            try:
                await self._serve(front_end)
            except (OSError, Lost, HereaboutsError, ValueError) as why:
                failures = 0 if self._joined else failures + 1
                log.warning("IRC server %s: %s", self.options.server, str(why) or "no answer")
            finally:
                self._gone(front_end)
            wait = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))

    async def _serve(self, front_end: FrontEnd) -> None:
        options = self.options
        context = ssl.create_default_context(cafile=options.ca or None) if options.tls else None
        async with asyncio.timeout(CONNECT_WITHIN):
            reader, self._writer = await asyncio.open_connection(
                options.server, options.port, ssl=context, limit=MAX_LINE
            )
        self._nick = options.nick
        if options.password:
            self._write(f"PASS :{printable(options.password)}")
        self._write(f"NICK {self._nick}", f"USER {options.nick} 0 * :{options.nick}")
        sending = asyncio.create_task(self._send())
        try:
            while True:
                await self._act(parsed(await self._next(reader)), front_end)
        finally:
            sending.cancel()

    async def _act(self, line: Line, front_end: FrontEnd) -> None:
        """What a line from the server asks of us."""
        options, ours = self.options, line.nick == self._nick
        match line.command, line.parameters:
            case "PING", [*_, token]:
                self._write(f"PONG :{token}")
            case "001", [nick, *_]:
                self._nick = nick
                self._write(f"JOIN {options.channel}")
            case command, _ if command in NICK_IN_USE and not self._joined:
                self._nick = (
                    f"{self._nick}_" if len(self._nick) < 30 else f"{options.nick[:20]}{random.randrange(10**6)}"
                )
                self._write(f"NICK {self._nick}")
            case command, [*_, reason] if command in CANNOT_JOIN:
                raise Lost(f"{options.channel} cannot be joined: {printable(reason)}")
            case "JOIN", [channel, *_] if ours and self._is_ours(channel):
                await self._arrived(front_end)
            case "KICK", [channel, nick, *_] if nick == self._nick and self._is_ours(channel):
                raise Lost(f"{line.nick} threw us out of {options.channel}")
            case "NICK", [nick] if ours:
                self._nick = nick
            case "ERROR", [*_, reason]:
                raise Lost(printable(reason))
            case "PRIVMSG", [channel, _] if self._is_ours(channel):
                await self._heard(line, front_end)

    def _is_ours(self, channel: str) -> bool:
        return channel.lower() == self.options.channel.lower()

    async def _arrived(self, front_end: FrontEnd) -> None:
        """We are in: the channel is signed in from now on, and gets what it missed."""
        self._joined = True
        log.info("in %s at %s as %s", self.options.channel, self.options.server, self._nick)
        front_end.registrar.bind(Binding(self._endpoint, self, client="IRC", remote=self.options.server))
        await front_end.fan_out.catch_up(self._endpoint)

    def _gone(self, front_end: FrontEnd) -> None:
        """Out of the channel, whatever the reason: what was not sent stays in the journal."""
        self._joined = False
        while not self._outgoing.empty():
            _, outcome = self._outgoing.get_nowait()
            if outcome is not None and not outcome.done():
                outcome.set_exception(Undeliverable(f"{self.options.channel}: the connection was lost"))
        front_end.registrar.unbind(self._endpoint, self, reason="the connection to IRC was lost")
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        """The next line.  Raises Lost when the server has gone or is silent."""
        for _ in range(2):
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE):
                    line = await reader.readline()
                    if not line.endswith(b"\n"):
                        raise Lost("the server closed the connection")
                    return line
            self._write("PING :are you there")
        raise Lost("the server is silent")

    async def _send(self) -> None:
        """What waits, no faster than servers like it."""
        allowed, at = float(BURST), asyncio.get_running_loop().time()
        while True:
            line, outcome = await self._outgoing.get()
            now = asyncio.get_running_loop().time()
            allowed, at = min(BURST, allowed + (now - at) / EVERY) - 1, now
            if allowed < 0:
                await asyncio.sleep(-allowed * EVERY)
            self._write(line)
            if outcome is not None and not outcome.done():
                outcome.set_result(None)

    def _write(self, *lines: str) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write("".join(f"{line}\r\n" for line in lines).encode())


def room_of(options: IrcBridge.Options) -> Identity:
    """The person that the channel is.  Raises ValueError."""
    try:
        return Identity.parse(f"{options.channel.lstrip('#&+!')}@{options.domain or options.server}")
    except BadAddress as wrong:
        raise ValueError(f"channel and server make no address: {wrong}") from None


plugin = IrcBridge
