"""A SIP phone made of a socket: it signs what it sends, answers what it gets, and remembers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Self

from ....core.identity import Identity
from ....plugins.sip.sign_in.digest import Algorithm, Credentials
from ....plugins.sip.syntax.framing import SipStream
from ....plugins.sip.syntax.grammar import Params
from ....plugins.sip.syntax.message import Request, Response
from ...stage import PASSWORD

PATIENCE = 10.0
_numbers = count(1)


class Phone:
    """One person's phone.  ``answers`` says what it answers to a method; 200 otherwise, None for no answer at all."""

    def __init__(
        self, who: Identity, port: int, *, instance: str = "", agent: str = "phone", password: str = ""
    ) -> None:
        self.who, self.port, self.instance, self.agent = who, port, instance, agent
        self.password = password or PASSWORD
        self.uri = f"sip:{who}"
        self.received: list[Request] = []
        self.order: list[str] = []
        self.answers: dict[str, int | Callable[[Request], int | None] | None] = {}
        self.algorithm: Algorithm | None = None
        """The only algorithm it knows; None for whatever comes first."""
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, asyncio.Future[Response]] = {}
        self._news = asyncio.Condition()
        self._cseq = count(1)

    # ---- the wire

    async def connect(self, **tls: Any) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, **tls)
        self._reading = asyncio.create_task(self._read())
        host, port = self._writer.get_extra_info("sockname")
        self.local = f"{host}:{port}"
        return self

    async def close(self) -> None:
        """Hang up without a word: a crash, to the server."""
        self._reading.cancel()
        self._writer.close()

    def send(self, message: Request | Response | bytes) -> None:
        self._writer.write(bytes(message))

    async def _read(self) -> None:
        stream = SipStream()
        stream.signed_in = True
        while data := await self._reader.read(65536):
            stream.receive_data(data)
            while (message := stream.next()) is not None:
                await self._take(message)

    async def _take(self, message: object) -> None:
        self.order.append(repr(message))
        if isinstance(message, Response):
            waiting = self._waiting.pop(message.via[0].branch, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif isinstance(message, Request):
            self._answer(message)
            async with self._news:
                self.received.append(message)
                self._news.notify_all()

    def _answer(self, request: Request) -> None:
        answer = self.answers.get(request.method, 200)
        status = answer(request) if callable(answer) else answer
        if status is not None:
            self.send(request.reply(status))

    # ---- asking

    def request(
        self,
        method: str,
        uri: str,
        *,
        to: str = "",
        headers: Iterable[tuple[str, object]] = (),
        body: bytes = b"",
        call: str = "",
        tag: str = "t",
        sender: str = "",
    ) -> Request:
        """A request as a phone makes them.  A later header replaces one of these."""
        head: list[tuple[str, object]] = [
            ("Via", f"SIP/2.0/TCP {self.local};branch=z9hG4bK{next(_numbers)};rport"),
            ("From", f"<{sender or self.uri}>;tag={tag}"),
            ("To", to if to.startswith("<") else f"<{to or uri}>"),
            ("Call-ID", call or f"call-{next(_numbers)}"),
            ("CSeq", f"{next(self._cseq)} {method}"),
            ("Max-Forwards", 70),
            ("User-Agent", self.agent),
        ]
        request = Request(method, uri, head, body)
        for name, value in headers:
            request.set(name, value)
        return request

    async def exchange(self, request: Request) -> Response:
        """Send, and wait for the answer."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request.via[0].branch] = answer
        self.send(request)
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def ask(self, method: str, uri: str, **more: object) -> Response:
        """Send, sign when asked to, and give the last answer."""
        request = self.request(method, uri, **more)  # type: ignore[arg-type]
        response = await self.exchange(request)
        return await self.exchange(self.signing(request, response)) if response.status == 401 else response

    def signing(self, request: Request, challenge: Response, **other: str) -> Request:
        """The same request again with credentials."""
        values = [Params.parse(v.partition(" ")[2], ",") for v in challenge.all("WWW-Authenticate")]
        asked = next(v for v in values if self.algorithm is None or v["algorithm"] == self.algorithm)
        nonce = asked["nonce"]
        nc = self._counts[nonce] = self._counts.get(nonce, 0) + 1
        credentials = Credentials(
            self.who.user,
            asked["realm"],
            nonce,
            request.uri,
            "",
            asked["algorithm"],
            "auth",
            "c0ffee",
            f"{nc:08x}",
        )._replace(**other)
        algorithm = credentials.known_algorithm or Algorithm.MD5
        ha1 = algorithm.of(f"{self.who.user}:{asked['realm']}:{self.password}")
        response = credentials.expected(algorithm, ha1, request.method)
        request.set("Authorization", written(credentials._replace(response=response)))
        request.set("Via", f"SIP/2.0/TCP {self.local};branch=z9hG4bK{next(_numbers)};rport")
        request.set("CSeq", f"{next(self._cseq)} {request.method}")
        return request

    # ---- what phones do

    @property
    def contact(self) -> str:
        instance = f';+sip.instance="<{self.instance}>"' if self.instance else ""
        return f"<sip:{self.who.user}@{self.local};transport=tcp>{instance}"

    async def register(self, expires: int = 600, **more: object) -> Response:
        headers = [("Contact", self.contact), ("Expires", expires)]
        return await self.ask("REGISTER", f"sip:{self.who.domain}", to=self.uri, headers=headers, **more)

    async def subscribe(self, to: str, expires: int = 600, **more: object) -> Response:
        headers = [("Contact", self.contact), ("Expires", expires), ("Event", "presence")]
        return await self.ask("SUBSCRIBE", to, headers=[*headers, *more.pop("headers", [])], **more)  # type: ignore

    async def publish(self, body: bytes, expires: int = 600, *, etag: str = "", **more: object) -> Response:
        headers: list[tuple[str, object]] = [("Event", "presence"), ("Expires", expires)]
        headers += [("Content-Type", "application/pidf+xml")] if body else []
        headers += [("SIP-If-Match", etag)] if etag else []
        return await self.ask("PUBLISH", self.uri, headers=[*headers, *more.pop("headers", [])], body=body, **more)  # type: ignore

    async def say(self, to: str, text: str, **more: object) -> Response:
        return await self.ask("MESSAGE", to, headers=[("Content-Type", "text/plain")], body=text.encode(), **more)

    # ---- waiting

    async def hears(self, method: str, wanted: Callable[[Request], bool] = lambda _: True, since: int = 0) -> Request:
        """The first request of this kind that came behind the first ``since``; waits for it."""

        def found() -> Request | None:
            return next((r for r in self.received[since:] if r.method == method and wanted(r)), None)

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: found() is not None)
        request = found()
        assert request is not None
        return request

    async def text(self, text: str) -> Request:
        """The MESSAGE with this text."""
        return await self.hears("MESSAGE", lambda r: r.body.decode() == text)

    async def sees(self, *parts: str, since: int = 0) -> Request:
        """The NOTIFY whose document has all of these parts."""
        return await self.hears("NOTIFY", lambda r: all(part in r.body.decode() for part in parts), since)

    def heard(self, method: str) -> list[Request]:
        return [request for request in self.received if request.method == method]


def written(credentials: Credentials) -> str:
    """Credentials as a header's value."""
    quoted = ("username", "realm", "nonce", "uri", "response", "cnonce")
    parts = [
        f'{name}="{value}"' if name in quoted else f"{name}={value}"
        for name, value in credentials._asdict().items()
        if value
    ]
    return "Digest " + ", ".join(parts)
