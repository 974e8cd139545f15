"""Where clients in browsers find our WebSocket, who cannot ask the DNS for it (XEP-0156, RFC 6415)."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from ....web.answers import OPEN_DATA
from ....web.problems import Problem
from ..syntax import xml

WEBSOCKET = "urn:xmpp:alt-connections:websocket"
XRD = "http://docs.oasis-open.org/ns/xri/xrd-1.0"
HEADERS = OPEN_DATA | {"Cache-Control": "public, max-age=300"}
"""Any page may read it (XEP-0156 section 4)."""


class HostMeta:
    """``/.well-known/host-meta``, as XML and as JSON: the same for each of our domains."""

    def __init__(self, address: Callable[[], str]) -> None:
        """``address``: of the WebSocket, or nothing."""
        self._address = address

    async def xrd(self, request: web.Request) -> web.Response:
        """The Extensible Resource Descriptor.  Raises Problem."""
        link = xml.element("Link", {"rel": WEBSOCKET, "href": self._secure()})
        body = b"<?xml version='1.0' encoding='utf-8'?>\n" + xml.element("XRD", {"xmlns": XRD}, link) + b"\n"
        return web.Response(body=body, content_type="application/xrd+xml", charset="utf-8", headers=HEADERS)

    async def jrd(self, request: web.Request) -> web.Response:
        """The same in JSON.  Raises Problem."""
        return web.json_response({"links": [{"rel": WEBSOCKET, "href": self._secure()}]}, headers=HEADERS)

    def _secure(self) -> str:
        """Only addresses with TLS may be named here (section 3.2)."""
        address = self._address()
        if not address.startswith("wss://"):
            raise Problem("not-found")
        return address
