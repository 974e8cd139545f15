"""The reverse proxy of docs/xmpp-web.md, word for word but for names and ports: WebSocket and files behind it."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession, TCPConnector

from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...bridges.xmpp.web.options import WebOptions
from ...core.front_end import FrontEnd
from ...core.identity import Endpoint
from ...web.server import WebServer
from ..bridges.xmpp.web.browser import Browser
from ..people import ALICE
from ..ports import free_port
from ..stage import PASSWORD, front_end_in
from . import node
from .program import needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]

DOCS = Path(__file__).parents[2] / "docs" / "xmpp-web.md"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def written(folder: Path, port: int, behind: int, front_end: FrontEnd) -> Path:
    """The configuration of the page, for here."""
    (server,) = re.findall(r"^```nginx\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for before, now in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name chat.example.org", "server_name localhost"),
        ("/etc/ssl/chat.example.org.crt", str(front_end.state / "server.crt")),
        ("/etc/ssl/chat.example.org.key", str(front_end.state / "server.key")),
        ("127.0.0.1:8080", f"127.0.0.1:{behind}"),
    ):
        assert before in server
        server = server.replace(before, now)
    path = folder / "nginx.conf"
    path.write_text(AROUND.format(folder=folder, server=server))
    return path


@asynccontextmanager
async def nginx(configuration: Path, url: str) -> AsyncIterator[None]:
    """nginx, until it answers."""
    folder = configuration.parent
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)
    )

    async def answers() -> bool:
        async with ClientSession(connector=TCPConnector(ssl=False)) as session:
            try:
                async with session.get(f"{url}/healthz") as answer:
                    return answer.status == 200
            except ClientConnectionError:
                return False

    try:
        async with asyncio.timeout(20):
            while not await answers():
                assert process.returncode is None, (folder / "error.log").read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_the_page_is_right(tmp_path: Path) -> None:
    needs("nginx", "node", "npm")
    port = free_port()
    url = f"https://localhost:{port}"
    web = WebOptions(proxies=["127.0.0.1"], origins=["https://www.example.org"])
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=web))
    server = WebServer(WebServer.Options(port=0, public_url=url, shared_addresses=["127.0.0.1"]))
    running = front_end_in(tmp_path, server, bridge, clock=lambda: datetime.now(UTC))  # type: ignore[arg-type]
    (tmp_path / "nginx").mkdir()
    async with running as front_end:
        authority = str(front_end.tls.authority)
        configuration = written(tmp_path / "nginx", port, server.ports["http"], front_end)
        async with nginx(configuration, url):
            await _files_and_addresses(url, authority)
            page = await node.phone(
                "stanzajs", f"wss://localhost:{port}/xmpp-websocket", "alice", "example.test", PASSWORD, ca=authority
            )
            await page.wait("online")
            mark = page.mark
            page.do("cut")
            await page.wait("online", mark, resumed=True)
            await page.close()
            await _who_is_behind(front_end, port)


async def _files_and_addresses(url: str, authority: str) -> None:
    trusting = ssl.create_default_context(cafile=authority)
    async with ClientSession(connector=TCPConnector(ssl=trusting)) as session:
        async with session.get(f"{url}/.well-known/host-meta.json") as answer:
            (link,) = (await answer.json())["links"]
        assert link["href"] == url.replace("https", "wss", 1) + "/xmpp-websocket"
        page = await Browser.signed_in(link["href"], ALICE, PASSWORD)
        content = bytes(range(256)) * 4096 * 5
        request = f"<request xmlns='urn:xmpp:http:upload:0' filename='très cool.bin' size='{len(content)}'/>"
        await page.say(f"<iq xmlns='jabber:client' type='get' id='u' to='upload.example.test'>{request}</iq>")
        put, get = (await page.until("{jabber:client}iq", id="u"))[0]
        async with session.put(put.get("url", ""), data=content) as answer:
            assert answer.status == 201
        async with session.get(get.get("url", ""), headers={"Range": "bytes=1000-1999"}) as answer:
            assert answer.status == 206 and await answer.read() == content[1000:2000]
        await page.close()


async def _who_is_behind(front_end: FrontEnd, port: int) -> None:
    """Several pages at once, of an address of their own."""
    address = "127.0.0.2"
    pages = [
        await Browser.connect(
            f"wss://127.0.0.1:{port}/xmpp-websocket", headers={"Origin": "https://www.example.org"}, source=address
        )
        for _ in range(15)
    ]
    await pages[0].open()
    await pages[0].plain(ALICE, PASSWORD)
    await pages[0].open()
    await pages[0].bind("behind")
    binding = await until(lambda: front_end.registrar.at(Endpoint(ALICE, "behind")), "alice to be signed in")
    assert binding.remote == address
    for page in pages:
        await page.close()
