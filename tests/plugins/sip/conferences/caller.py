"""A phone that calls conferences: dialogs it began and dialogs it was invited to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from .....core.identity import Identity
from .....plugins.sip.syntax.message import Request, Response
from ..conftest import Exchange
from ..phone import Phone

URN = "urn:uuid:00000000-0000-4000-8000-00000000000"
GROUPS = '+org.linphone.specs="groupchat/1.1"'
_calls = count(1)


@dataclass
class Line:
    """One dialog as the phone has it.  ``theirs`` is the conference's end of it."""

    phone: Phone
    call: str
    target: str
    theirs: str
    tag: str
    routes: list[str] = field(default_factory=list)

    async def ask(self, method: str, headers: Iterable[tuple[str, object]] = (), body: bytes = b"") -> Response:
        """A request inside the dialog, and its last answer."""
        given = [("Route", route) for route in self.routes[:1]]
        given += [("Contact", contact_of(self.phone))] if method in ("INVITE", "UPDATE", "REFER") else []
        return await self.phone.ask(
            method, self.target, to=self.theirs, call=self.call, tag=self.tag, headers=[*given, *headers], body=body
        )

    def acknowledge(self, number: int) -> None:
        ack = self.phone.request("ACK", self.target, to=self.theirs, call=self.call, tag=self.tag)
        ack.set("CSeq", f"{number} ACK")
        for route in self.routes:
            ack.add("Route", route)
        self.phone.send(ack)


def contact_of(phone: Phone, features: str = "") -> str:
    return f"<sip:{phone.who.user}@{phone.local};transport=tcp>{features}"


async def call(
    phone: Phone, uri: str, *, headers: Iterable[tuple[str, object]] = (), body: bytes = b"", features: str = ""
) -> tuple[Response, Line]:
    """INVITE, ACK, and the dialog that this makes."""
    number = f"conference-call-{next(_calls)}"
    given = [("Contact", contact_of(phone, features)), *headers]
    response = await phone.ask("INVITE", uri, call=number, headers=given, body=body)
    contacts: Any = response.contacts
    target = str(contacts[0].uri) if isinstance(contacts, list) and contacts else uri
    line = Line(phone, number, target, str(response.to), "t", list(reversed(response.all("Record-Route"))))
    if 200 <= response.status < 300:
        line.acknowledge(response.cseq.number)
    return response, line


def answering(phone: Phone, status: int = 200) -> None:
    """From now on it accepts invitations, with a Contact."""

    def answer(request: Request) -> int | None:
        response = request.reply(status, headers=[("Contact", contact_of(phone))])
        for route in request.all("Record-Route"):
            response.add("Record-Route", route)
        phone.send(response)
        return None

    phone.answers["INVITE"] = answer


async def rooms_phone(exchange: Exchange, who: Identity, number: int = 1) -> Phone:
    """A phone that says it knows rooms, and accepts invitations to them."""
    phone = await exchange.phone(who, registered=False, instance=f"{URN}{number}")
    answering(phone)
    headers = [("Contact", f"{phone.contact};{GROUPS}"), ("Expires", 600)]
    response = await phone.ask("REGISTER", f"sip:{who.domain}", to=phone.uri, headers=headers)
    assert response.status == 200
    return phone


def invited(request: Request, phone: Phone) -> Line:
    """The dialog that accepting this INVITE made."""
    contacts: Any = request.contacts
    theirs = str(request.from_)
    to_tag = request.reply(200).to.tag
    return Line(phone, request.call_id, str(contacts[0].uri), theirs, to_tag, request.all("Record-Route"))


def people(*addresses: Identity) -> bytes:
    """A list of people as liblinphone writes it."""
    entries = "".join(f'<p1:entry uri="sip:{address}"/>' for address in addresses)
    space = "urn:ietf:params:xml:ns:resource-lists"
    lists = f'<p1:resource-lists xmlns:p1="{space}"><p1:list>{entries}</p1:list></p1:resource-lists>'
    return f'<?xml version="1.0"?>{lists}'.encode()
