"""A router that gives stanzas back, and what a listener needs around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from ....bridges.xmpp.stream.budget import Door, Pace, Share
from ....bridges.xmpp.stream.gatekeeper import Gatekeeper
from ....bridges.xmpp.stream.house import House
from ....bridges.xmpp.stream.negotiation import Offer
from ....bridges.xmpp.stream.session import Session
from ....bridges.xmpp.stream.sessions import Sessions
from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.front_end import FrontEnd
from ...people import Desk

PLENTY = Pace(1e9, 1e9, 1e9, 1e9)
ANYBODY = Share(10_000, 1e6, 1e6)


class EchoRouter:
    """Gives stanzas back; what is said to ``slow`` waits until a test opens the gate."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.heard: list[Stanza] = []
        self.ended: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.under_way = self.most_under_way = 0

    def channel(self, session: Session) -> Desk:
        return Desk()

    def opened(self, session: Session) -> None:
        self.sessions.append(session)

    def receive(self, session: Session, stanza: Stanza) -> Awaitable[None] | None:
        self.heard.append(stanza)
        match stanza.attrs.get("to"):
            case "slow":
                return self._later(session, stanza)
            case "broken":
                raise RuntimeError("this is a bug")
            case "broken-later":
                return self._broken()
            case "much":
                session.send(xml.element("message", None, b"x" * 65536) * int(stanza.id))
            case "leave":
                session.close("reset", "you wanted to")
                session.send(b"<never/>")
            case _:
                session.send(xml.element(stanza.name, {"id": stanza.id, "type": "result"}, stanza.inner))
        return None

    def closed(self, session: Session, reason: str) -> None:
        self.ended[session.jid] = reason

    async def _later(self, session: Session, stanza: Stanza) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        session.send(xml.element("message", {"id": stanza.id}))

    async def _broken(self) -> None:
        raise RuntimeError("this is a bug too")


def house_of(
    front_end: FrontEnd,
    router: EchoRouter,
    *,
    offer: Offer | None = None,
    door: Door | None = None,
    pace: Pace = PLENTY,
) -> House:
    """A house without limits, except those a test gives it."""
    return House(
        offer=offer or Offer(ours=front_end.ours, domain=front_end.domains[0]),
        door=door or Door(ANYBODY, ANYBODY, (), 10_000),
        pace=pace,
        gatekeeper=Gatekeeper(front_end.accounts),
        sessions=Sessions(front_end.registrar, router),
        router=router,
        tls=front_end.certificate(),
    )
