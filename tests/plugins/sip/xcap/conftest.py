"""A front end that serves XCAP, and somebody who asks it with a password."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import DigestAuthMiddleware

from .....core.front_end import FrontEnd
from .....core.identity import Identity
from .....plugins.sip.plugin import SipOptions, SipTransport
from .....web import WebServer
from ....people import ALICE, Clock
from ....stage import PASSWORD, front_end_in


@dataclass
class Answer:
    """What came back."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


@dataclass
class Office:
    """The front end, and its XCAP root."""

    front_end: FrontEnd
    sip: SipTransport
    clock: Clock
    root: str

    async def ask(
        self,
        method: str,
        usage: str,
        node: str = "",
        body: str | bytes = b"",
        *,
        who: Identity = ALICE,
        owner: Identity = ALICE,
        document: str = "index",
        password: str = PASSWORD,
        kind: str = "",
        query: str = "",
        **conditions: str,
    ) -> Answer:
        """One request, signed by aiohttp's own digest client."""
        path = f"{usage}/users/sip:{owner}/{document}"
        if node:
            path += "/~~/" + quote(node, safe="/@=:*'") + query
        headers = {name.replace("_", "-").title(): value for name, value in conditions.items()}
        if method == "PUT":
            last = node.rpartition("/")[2]
            headers["Content-Type"] = kind or (KINDS[usage] if not node else f"application/xcap-{PARTS[last[:1]]}+xml")
        digest = DigestAuthMiddleware(who.user, password)
        async with aiohttp.ClientSession(middlewares=(digest,)) as session:
            url = aiohttp.client.URL(f"{self.root}/{path}", encoded=True)
            async with session.request(method, url, data=body or None, headers=headers) as response:
                return Answer(response.status, await response.text(), response.headers.copy())


class Parts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "el"


PARTS = Parts({"@": "att", "n": "el"})
KINDS = {
    "resource-lists": "application/resource-lists+xml",
    "rls-services": "application/rls-services+xml",
    "pres-rules": "application/auth-policy+xml",
    "org.openmobilealliance.pres-rules": "application/auth-policy+xml",
    "pidf-manipulation": "application/pidf+xml",
    "nonsense": "application/xml",
}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Nobody knows anybody."""
    async with office_in(tmp_path) as served:
        yield served


@asynccontextmanager
async def office_in(state: Path, **options: object) -> AsyncIterator[Office]:
    """An office whose files are in a folder."""
    clock = Clock()
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, notify_pause=0.0, **options))  # type: ignore[arg-type]
    web = WebServer(WebServer.Options(port=0))
    async with front_end_in(state, sip, web, clock=clock) as front_end:
        yield Office(front_end, sip, clock, f"http://127.0.0.1:{web.ports['http']}/xcap")
