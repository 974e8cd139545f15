"""Where browsers find the WebSocket: host-meta in both its forms, for pages of any site."""

from __future__ import annotations

import json

import msgspec
import pytest
from aiohttp import ClientSession
from lxml import etree

from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from .....bridges.xmpp.web.host_meta import WEBSOCKET, XRD
from .....bridges.xmpp.web.options import WebOptions
from .....web.server import WebServer
from ....stage import front_end_in
from ..socket_client import trusting

PATHS = ("/.well-known/host-meta", "/.well-known/host-meta.json")


async def asked(url: str) -> list[tuple[int, str, str, bytes]]:
    """Status, type, CORS header and body of both documents."""
    found = []
    async with ClientSession() as session:
        for path in PATHS:
            async with session.get(url + path, ssl=trusting()) as answer:
                allowed = answer.headers.get("Access-Control-Allow-Origin", "")
                found.append((answer.status, answer.content_type, allowed, await answer.read()))
    return found


def bridge(**web: object) -> XmppBridge:
    return XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=WebOptions(**web)))  # type: ignore[arg-type]


async def test_both_documents_name_the_websocket(tmp_path):
    server = WebServer(WebServer.Options(port=0, public_url="https://chat.example.test/"))
    async with front_end_in(tmp_path, server, bridge()):
        xrd, jrd = await asked(f"http://127.0.0.1:{server.ports['http']}")
    address = "wss://chat.example.test/xmpp-websocket"
    assert xrd[:3] == (200, "application/xrd+xml", "*") and jrd[:3] == (200, "application/json", "*")
    (link,) = etree.fromstring(xrd[3])
    assert link.tag == f"{{{XRD}}}Link" and dict(link.attrib) == {"rel": WEBSOCKET, "href": address}
    assert json.loads(jrd[3]) == {"links": [{"rel": WEBSOCKET, "href": address}]}


async def test_an_address_of_xmpps_own_goes_before_the_web_servers(tmp_path):
    server = WebServer(WebServer.Options(port=0, public_url="https://www.example.test"))
    async with front_end_in(tmp_path, server, bridge(public_url="https://chat.example.test:8443/x/")):
        for status, _, _, body in await asked(f"http://127.0.0.1:{server.ports['http']}"):
            assert status == 200 and b"wss://chat.example.test:8443/x/xmpp-websocket" in body


async def test_a_port_of_its_own_says_so(tmp_path):
    plugin = bridge(port=0)
    async with front_end_in(tmp_path, plugin):
        port = plugin.ports["web"]
        for status, _, _, body in await asked(f"https://127.0.0.1:{port}"):
            assert status == 200 and f"wss://example.test:{port}/xmpp-websocket".encode() in body


@pytest.mark.parametrize("web", [{}, {"websocket": False, "public_url": "https://chat.example.test"}])
async def test_addresses_without_tls_are_not_given_and_no_websocket_has_none(tmp_path, web):
    server = WebServer(WebServer.Options(port=0))
    async with front_end_in(tmp_path, server, bridge(**web)):
        answers = await asked(f"http://127.0.0.1:{server.ports['http']}")
        assert [answer[0] for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    "web",
    [
        {"origins": ["www.example.org"]},
        {"origins": ["https://www.example.org/page"]},
        {"proxies": ["proxy.example.org"]},
        {"public_url": "chat.example.org"},
        {"port": 70000},
        {"pord": 1},
    ],
)
def test_options_that_are_wrong_are_refused(web):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"web": web}, XmppOptions)
