"""A phone for calls: it rings, answers, holds and hangs up as the test says, over TCP, TLS or UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Self

from .....core.identity import Identity
from .....plugins.sip.syntax.framing import SipStream
from .....plugins.sip.syntax.message import Request, Response, parse
from ..phone import PATIENCE, Phone

_numbers = count(1)
ALLOW = ", ".join(("INVITE ACK BYE CANCEL OPTIONS INFO MESSAGE SUBSCRIBE NOTIFY PRACK UPDATE REFER " * 3).split())
"""As long as real phones are: to an address that has not signed in, no more is sent than came from there."""


def sdp(*media: str, direction: str = "", address: str = "127.0.0.1") -> bytes:
    """A session description with these media; a 0 behind a name turns it off."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    for medium in media or ("audio",):
        name, _, off = medium.partition(" ")
        lines.append(f"m={name} {off or 4000} RTP/AVP 0")
        lines += [f"a={direction}"] if direction else []
    return "\r\n".join([*lines, ""]).encode()


class Line:
    """One dialog as one side sees it."""

    def __init__(self, phone: Handset, invite: Request, response: Response, *, calling: bool) -> None:
        """From the INVITE and the response that made it."""
        self.phone, self.call_id = phone, invite.call_id
        mine, theirs = (invite.from_, response.to) if calling else (response.to, invite.from_)
        self.mine, self.theirs = mine, theirs
        other = response if calling else invite
        contacts = other.contacts
        self.target = str(contacts[0].uri) if isinstance(contacts, list) and contacts else str(theirs.uri)
        recorded = other.all("Record-Route") if calling else invite.all("Record-Route")
        self.routes = list(reversed(recorded)) if calling else recorded
        self.number = invite.cseq.number if calling else 0
        self.invited = invite.cseq.number

    def request(self, method: str, headers: Iterable[tuple[str, object]] = (), body: bytes = b"") -> Request:
        """The next request in it."""
        if method != "ACK":
            self.number += 1
        number = self.invited if method == "ACK" else self.number
        if method == "INVITE":
            self.invited = self.number
        head: list[tuple[str, object]] = [
            ("Via", self.phone.via()),
            *(("Route", route) for route in self.routes),
            ("From", self.mine),
            ("To", self.theirs),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Max-Forwards", 70),
            ("Contact", self.phone.contact),
        ]
        if body:
            head.append(("Content-Type", "application/sdp"))
        return Request(method, self.target, [*head, *headers], body)

    def send(self, method: str, headers: Iterable[tuple[str, object]] = (), body: bytes = b"") -> Request:
        request = self.request(method, headers, body)
        self.phone.send(request)
        return request

    async def ask(self, method: str, headers: Iterable[tuple[str, object]] = (), body: bytes = b"") -> Response:
        """Send, and wait for the final response."""
        request = self.send(method, headers, body)
        return await self.phone.final(request)


class Handset(Phone):
    """``said`` is every response that came, in order.  It answers 200 to everything but INVITE, to which nothing."""

    def __init__(self, who: Identity, port: int, *, transport: str = "TCP", **more: str) -> None:
        super().__init__(who, port, **more)
        self.transport = transport
        self.said: list[Response] = []
        self.answers["INVITE"] = None
        self.answers["ACK"] = None

    # ---- the wire

    async def connect(self, **tls: Any) -> Self:
        """With ``ssl``, a context, over TLS."""
        if self.transport == "UDP":
            await self._bind()
            return self
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, **tls)
        self._reading = asyncio.create_task(self._read())
        host, port = self._writer.get_extra_info("sockname")[:2]
        self.local = f"{host}:{port}"
        return self

    async def _bind(self) -> None:
        phone = self

        class Datagrams(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                tasks.add(task := asyncio.ensure_future(phone._take(parse(data))))
                task.add_done_callback(tasks.discard)

        tasks: set[asyncio.Future[None]] = set()
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(Datagrams, remote_addr=("127.0.0.1", self.port))
        host, port = self._datagrams.get_extra_info("sockname")
        self.local = f"{host}:{port}"

    async def close(self) -> None:
        if self.transport == "UDP":
            self._datagrams.close()
        else:
            await super().close()

    def send(self, message: Request | Response | bytes) -> None:
        if self.transport == "UDP":
            self._datagrams.sendto(bytes(message))
        else:
            super().send(message)

    def via(self) -> str:
        return f"SIP/2.0/{self.transport} {self.local};branch=z9hG4bKh{next(_numbers)};rport"

    @property
    def contact(self) -> str:
        return super().contact.replace("transport=tcp", f"transport={self.transport.lower()}")

    async def _read(self) -> None:
        stream = SipStream()
        stream.signed_in = True
        try:
            while data := await self._reader.read(65536):
                stream.receive_data(data)
                while (message := stream.next()) is not None:
                    await self._take(message)
        except ConnectionError:
            return

    async def _take(self, message: object) -> None:
        if isinstance(message, Response):
            self.said.append(message)
        await super()._take(message)
        async with self._news:
            self._news.notify_all()

    def request(self, method: str, uri: str, **more: object) -> Request:
        request = super().request(method, uri, **more)  # type: ignore[arg-type]
        request.set_top("Via", self.via())
        request.add("Allow", ALLOW)
        return request

    def signing(self, request: Request, challenge: Response, **other: str) -> Request:
        signed = super().signing(request, challenge, **other)
        signed.set_top("Via", self.via())
        return signed

    # ---- calling

    async def call(
        self, to: str, body: bytes | None = None, *, headers: Iterable[tuple[str, object]] = (), **more: str
    ) -> Request:
        """Send an INVITE that is signed; its responses are to be heard."""
        more.setdefault("tag", f"from-{next(_numbers)}")
        described = [("Content-Type", "application/sdp")] if body != b"" else []
        head = [("Contact", self.contact), *described, *headers]
        content = sdp() if body is None else body
        invite = self.request("INVITE", to, headers=head, body=content, **more)
        self.send(invite)
        if self.transport == "TLS":
            return invite  # the connection has proven who is at its other end
        challenge = await self.final(invite)
        assert challenge.status == 401, challenge
        self.acknowledge(invite, challenge)
        signed = self.signing(invite, challenge)
        self.send(signed)
        return signed

    def acknowledge(self, invite: Request, response: Response) -> None:
        """The ACK for a failure."""
        ack = Request("ACK", invite.uri, [("Via", invite.all("Via")[0])])
        for name in ("From", "Call-ID", "Max-Forwards"):
            ack.add(name, invite.first(name) or "")
        ack.add("To", response.first("To") or "")
        ack.add("CSeq", f"{invite.cseq.number} ACK")
        self.send(ack)

    def cancel(self, invite: Request, *reasons: str) -> None:
        """The CANCEL of it."""
        head: list[tuple[str, object]] = [("Via", invite.all("Via")[0])]
        head += [("From", invite.from_), ("To", invite.to), ("Call-ID", invite.call_id)]
        head += [("CSeq", f"{invite.cseq.number} CANCEL"), ("Max-Forwards", 70)]
        self.send(Request("CANCEL", invite.uri, [*head, *(("Reason", reason) for reason in reasons)]))

    async def hear(self, wanted: Callable[[Response], bool], what: str, since: int = 0) -> Response:
        """The first response of this kind."""

        def found() -> Response | None:
            return next((r for r in self.said[since:] if wanted(r)), None)

        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: found() is not None)
        except TimeoutError:
            raise AssertionError(f"{self.who} waited for {what}, and heard {self.said}") from None
        response = found()
        assert response is not None
        return response

    async def hears_status(self, request: Request, status: int, tag: str = "") -> Response:
        """This response to that request."""
        return await self.hear(
            lambda r: r.status == status and r.cseq == request.cseq and r.call_id == request.call_id
            and (not tag or r.to.tag == tag),
            f"{status} to {request!r}",
        )  # fmt: skip

    async def final(self, request: Request) -> Response:
        """The final response to it."""
        return await self.hear(
            lambda r: r.status >= 200 and r.cseq == request.cseq and r.call_id == request.call_id,
            f"a final response to {request!r}",
        )

    def statuses(self, request: Request) -> list[int]:
        """All that came to it."""
        return [r.status for r in self.said if r.cseq == request.cseq and r.call_id == request.call_id]

    # ---- being called

    async def rung(self, since: int = 0) -> Request:
        """The INVITE that makes it ring."""
        return await self.hears("INVITE", since=since)

    def answer(
        self,
        invite: Request,
        status: int,
        body: bytes = b"",
        *,
        tag: str = "",
        headers: Iterable[tuple[str, object]] = (),
    ) -> Response:
        """Answer it, with what a dialog needs."""
        response = Response(status)
        for via in invite.all("Via"):
            response.add("Via", via)
        for route in invite.all("Record-Route"):
            response.add("Record-Route", route)
        mine = invite.to if invite.to.tag else invite.to._replace(
            params=invite.to.params.with_("tag", tag or f"to-{self.who.user}-{self.local}")
        )  # fmt: skip
        for name in ("From", "Call-ID", "CSeq"):
            response.add(name, invite.first(name) or "")
        response.add("To", mine)
        if status < 300:
            response.add("Contact", self.contact)
        if body:
            response.add("Content-Type", "application/sdp")
            response.body = body
        for name, value in headers:
            response.add(name, value)
        self.send(response)
        return response


async def connected(
    caller: Handset, callee: Handset, body: bytes | None = None, *, headers: Iterable[tuple[str, object]] = ()
) -> tuple[Line, Line]:
    """A call that is answered and acknowledged: its lines on both sides."""
    since = len(callee.received)
    invite = await caller.call(callee.uri, body, headers=headers)
    rung = await callee.rung(since)
    callee.answer(rung, 180)
    await caller.hears_status(invite, 180)
    ok = callee.answer(rung, 200, sdp())
    heard = await caller.hears_status(invite, 200)
    line = Line(caller, invite, heard, calling=True)
    line.send("ACK")
    await callee.hears("ACK", lambda r: r.call_id == invite.call_id)
    return line, Line(callee, rung, ok, calling=False)
