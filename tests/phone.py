"""A bare SIP phone on asyncio for tests and benchmarks.  It shares no code with the server, so it checks it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
from collections.abc import Callable, Sequence

HEAD_END = b"\r\n\r\n"


class Phone:
    """One person at one TCP (or TLS) connection: registers, writes, answers everything it gets with 200.

    ``heard`` is called with (from, call-id and cseq, text) of every MESSAGE with text that comes.
    """

    def __init__(self, user: str, password: str, domain: str = "example.test") -> None:
        self.user, self.password, self.domain = user, password, domain
        self.address = f"sip:{user}@{domain}"
        self.instance = secrets.token_hex(8)
        self.heard: Callable[[str, str, str], None] = lambda *_: None
        self._waiting: dict[str, asyncio.Future[tuple[int, dict[str, str]]]] = {}
        self._cseq = itertools.count(1)
        self._challenge: dict[str, str] = {}
        self._nc = 0

    async def connect(self, host: str, port: int, ssl: object = None) -> None:
        self.reader, self.writer = await asyncio.open_connection(host, port, ssl=ssl)  # type: ignore[arg-type]
        address, local_port = self.writer.get_extra_info("sockname")[:2]
        self.local = f"{address}:{local_port}"
        self.scheme = "TLS" if ssl else "TCP"
        self._reading = asyncio.create_task(self._read())

    async def register(self, expires: int = 600) -> int:
        contact = (
            f"<sip:{self.user}@{self.local};transport={self.scheme.lower()}>"
            f';+sip.instance="<urn:uuid:{self.instance}>";expires={expires}'
        )
        status, _ = await self.request("REGISTER", f"sip:{self.domain}", self.address, [f"Contact: {contact}"])
        return status

    async def say(self, to: str, text: str, call_id: str = "") -> int:
        """The final status of a MESSAGE.  The same call id is the same message, sent again."""
        uri, kind = f"sip:{to}", ["Content-Type: text/plain"]
        status, _ = await self.request("MESSAGE", uri, uri, kind, text.encode(), call_id, fixed=bool(call_id))
        return status

    async def request(
        self,
        method: str,
        uri: str,
        to: str,
        headers: Sequence[str] = (),
        body: bytes = b"",
        call_id: str = "",
        *,
        fixed: bool = False,
    ) -> tuple[int, dict[str, str]]:
        """Send a request, answering one challenge.  Raises ConnectionError when the connection ends first."""
        call_id = call_id or secrets.token_hex(8)
        for attempt in range(3):
            cseq = attempt + 1 if fixed else next(self._cseq)
            branch = "z9hG4bK" + secrets.token_hex(8)
            tag = call_id[:8] if fixed else secrets.token_hex(4)
            lines = [
                f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/{self.scheme} {self.local};branch={branch};rport",
                "Max-Forwards: 70", f"From: <{self.address}>;tag={tag}", f"To: <{to}>", f"Call-ID: {call_id}",
                f"CSeq: {cseq} {method}", "User-Agent: test phone", *headers, *self._authorization(method, uri),
                f"Content-Length: {len(body)}", "", "",
            ]  # fmt: skip
            answer = self._waiting[branch] = asyncio.get_running_loop().create_future()
            self.writer.write("\r\n".join(lines).encode() + body)
            status, found = await answer
            if status not in (401, 407) or attempt == 2:
                return status, found
            self._challenge = _challenge(found.get("www-authenticate") or found.get("proxy-authenticate", ""))
            self._nc = 0
        raise AssertionError("unreachable")

    def _authorization(self, method: str, uri: str) -> list[str]:
        given = self._challenge
        if not given:
            return []
        self._nc += 1
        algorithm = given.get("algorithm", "MD5")
        digest = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

        def h(text: str) -> str:
            return digest(text.encode()).hexdigest()

        realm, nonce, nc, cnonce = given["realm"], given["nonce"], f"{self._nc:08x}", secrets.token_hex(4)
        ha1, ha2 = h(f"{self.user}:{realm}:{self.password}"), h(f"{method}:{uri}")
        response = h(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
        return [
            f'Authorization: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm={algorithm}, qop=auth, nc={nc}, cnonce="{cnonce}"'
        ]

    async def _read(self) -> None:
        try:
            while True:
                head = (await self.reader.readuntil(HEAD_END)).decode().lstrip("\r\n")
                if not head:
                    continue
                start, *lines = head.rstrip("\r\n").split("\r\n")
                found = {}
                for line in lines:
                    name, _, value = line.partition(":")
                    found.setdefault(name.strip().lower(), value.strip())
                body = await self.reader.readexactly(int(found.get("content-length", "0")))
                if start.startswith("SIP/2.0"):
                    self._answered(int(start.split()[1]), found)
                else:
                    self._asked(start.split()[0], lines, found, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the connection ended"))

    def _answered(self, status: int, found: dict[str, str]) -> None:
        branch = re.search(r"branch=([^;,\s]+)", found.get("via", ""))
        if branch and status >= 200 and (waiting := self._waiting.pop(branch[1], None)) and not waiting.done():
            waiting.set_result((status, found))

    def _asked(self, method: str, lines: list[str], found: dict[str, str], body: bytes) -> None:
        if method == "MESSAGE" and found.get("content-type", "").startswith("text/plain"):
            self.heard(found["from"], f"{found['call-id']} {found['cseq']}", body.decode())
        vias = [line for line in lines if line.lower().startswith("via:")]
        to = found["to"] if "tag=" in found["to"] else f"{found['to']};tag={self.instance[:6]}"
        answer = [
            "SIP/2.0 200 OK", *vias, f"From: {found['from']}", f"To: {to}", f"Call-ID: {found['call-id']}",
            f"CSeq: {found['cseq']}", "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.writer.write("\r\n".join(answer).encode())

    def cut(self) -> None:
        """Close the connection without a word."""
        self._reading.cancel()
        self.writer.transport.abort()


def _challenge(header: str) -> dict[str, str]:
    return {k.lower(): q or v for k, q, v in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
