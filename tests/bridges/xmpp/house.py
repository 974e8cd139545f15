"""Clients without sockets: what they send goes straight to the router, what they get is kept as elements."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from ....bridges.xmpp.router import ClientRouter
from ....bridges.xmpp.stream.session import Session
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.front_end import FrontEnd
from ....core.identity import Identity
from ....core.people import Person
from ....core.registrar import Binding
from ....core.settings import FrontEndSettings
from ...people import ALICE, BOB, CAROL, DAVE, Clock, at
from ...plugged import hooks_of

ROOM = "lounge@conference.example.test"
MUC = "http://jabber.org/protocol/muc"
USER = "http://jabber.org/protocol/muc#user"


@dataclass(frozen=True)
class Options:
    dnd_means: str = "busy"
    presence_abroad: str = "everything"
    relay_until_joined: bool = True
    registration: bool = False
    admins: tuple[str, ...] = ()


class Wire:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.ended: str | None = None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self, condition: str | None, text: str) -> None:
        self.ended = condition or "closed"


class Client:
    """One signed-in client."""

    def __init__(self, house: House, person: Identity, instance: str, lang: str = "") -> None:
        self.house, self.wire = house, Wire()
        self.session = Session(at(person, instance), self.wire, lang=lang, client="a test's client")
        self.bare, self.jid = self.session.bare, self.session.jid
        channel = house.router.channel(self.session)
        house.front_end.registrar.bind(Binding(self.session.endpoint, channel, client="a test's client", ready=False))
        house.router.opened(self.session)

    async def send(self, text: str) -> None:
        """Send stanzas, and let everything happen that comes of them."""
        whole = Stanza.read(f"<w>{text}</w>".encode())
        for tree in whole.tree:
            stanza = _stanza(tree)
            stanza.attrs["from"] = self.jid
            work = self.house.router.receive(self.session, stanza)
            if work is not None:
                await work
        await self.house.quiet()

    def got(self, name: str = "", **attrs: str) -> list[Element]:
        """What came since the last call, whose name and attributes are these; the rest is dropped."""
        written, self.wire.written = self.wire.written, []
        elements = list(Stanza.read(b"<w>" + b"".join(written) + b"</w>").tree)
        return [
            e
            for e in elements
            if e.tag.endswith("}" + name if name else "") and all(e.get(k.rstrip("_")) == v for k, v in attrs.items())
        ]

    async def ask(self, payload: str, to: str | None = None, type: str = "get") -> Element:
        """Ask by IQ; what comes back."""
        address = f" to='{to}'" if to else ""
        self.got()
        await self.send(f"<iq type='{type}' id='q1'{address}>{payload}</iq>")
        answers = self.got("iq", id="q1")
        assert len(answers) == 1
        return answers[0]

    async def goes(self, reason: str = "signed out") -> None:
        """The stream ends."""
        self.session.closed = True
        self.house.front_end.registrar.unbind(self.session.endpoint, reason=reason)
        self.house.router.closed(self.session, reason)
        await self.house.quiet()


class House:
    """A front end and its router."""

    def __init__(self, front_end: FrontEnd, options: Options) -> None:
        self.front_end = front_end
        self.router = ClientRouter(front_end, options)

    async def client(self, person: Identity, instance: str = "desk", *, presence: str = "<presence/>") -> Client:
        """Sign in, and send presence."""
        client = Client(self, person, instance)
        await self.quiet()
        if presence:
            await client.send(presence)
        return client

    async def friends(self, one: Identity, other: Identity) -> None:
        """Both see each other."""
        contacts = self.front_end.contacts
        await contacts.ask(one, other)
        await contacts.ask(other, one)
        await contacts.grant(one, other)
        await contacts.grant(other, one)
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing is under way that a stanza began."""
        async with asyncio.timeout(10):
            for _ in range(3):
                while self.router._background or self.front_end._background:
                    await asyncio.wait([*self.router._background, *self.front_end._background], timeout=5)
                await asyncio.sleep(0)


@asynccontextmanager
async def house_in(
    state: Path, *plugins: object, options: Options = Options(), **settings: object
) -> AsyncIterator[House]:
    """A house with the cast's accounts; they have no passwords, because nobody signs in here by one."""
    running = FrontEnd(
        FrontEndSettings(**settings),  # type: ignore[arg-type]
        hooks_of(*plugins),
        {},
        state,
        clock=Clock(),
    )
    async with running:
        for person, name in ((ALICE, "Alice"), (BOB, "Bob"), (CAROL, "Carol"), (DAVE, "Dave")):
            if not await running.accounts.exists(person):
                await running.accounts.add(person, None, Person(str(person), name))
        house = House(running, options)
        await house.router.prepare()
        yield house


def condition(stanza: Element) -> tuple[str, str]:
    """The type and the condition of an error stanza."""
    error = stanza.find("{jabber:client}error")
    assert error is not None, stanza.attrib
    return error.get("type", ""), error[0].tag.rpartition("}")[2]


def body(message: Element) -> str | None:
    """A message's text."""
    return message.findtext("{jabber:client}body")


def codes(presence: Element) -> set[int]:
    """The status codes of a room's presence."""
    return {int(s.get("code", "0")) for s in presence.iter(f"{{{USER}}}status")}


def nick(stanza: Element) -> str:
    """The resource of who sent it."""
    return stanza.get("from", "").partition("/")[2]


def _stanza(tree: Element) -> Stanza:
    from ....bridges.xmpp.syntax import xml

    return Stanza.read(xml.serialise(tree))
