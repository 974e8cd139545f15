"""Converse.js in Chromium: a page on a host of its own, as a web author would put it there."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from . import node
from .program import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1280, "height": 860}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Chat</title>
<link rel="stylesheet" href="/converse/converse.min.css">
<body class="converse-fullscreen">
<div id="conversejs-bg"></div>
<script type="module">
await import("/converse/converse.min.js");
const wishes = new URLSearchParams(location.search);
converse.plugins.add("watched", { initialize() { window.watched = this._converse; } });
converse.initialize({
  websocket_url: wishes.get("websocket") || undefined,
  discover_connection_methods: !wishes.get("websocket"),
  jid: wishes.get("jid"),
  password: wishes.get("password"),
  auto_login: true,
  authentication: "login",
  view_mode: "fullscreen",
  keepalive: false,
  message_archiving: "always",
  assets_path: "/converse/",
  i18n: "en",
  omemo_default: false,
  allow_non_roster_messaging: true,
  auto_reconnect: true,
  whitelisted_plugins: ["watched"],
});
</script>
</body>
</html>
"""


@asynccontextmanager
async def site(port: int = 0) -> AsyncIterator[str]:
    """A web server of somebody's that has the page; its address."""
    node.install()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/converse/", node.JS / "node_modules" / "converse.js" / "dist")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", port)
    await listening.start()
    assert listening._server is not None
    try:
        yield f"http://127.0.0.1:{listening._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


class Converse:
    """Somebody at Converse, who clicks and types."""

    def __init__(self, window: Any) -> None:
        self.window = window
        window.set_default_timeout(PATIENCE * 1000)
        self.complaints: list[str] = []
        window.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    async def open(self, url: str, jid: str, password: str, websocket: str = "") -> Converse:
        """Load the page, and wait until it has signed in."""
        from urllib.parse import urlencode

        wishes = {"jid": jid, "password": password, "websocket": websocket}
        await self.window.goto(f"{url}/?{urlencode(wishes)}")
        await self.window.wait_for_function("window.watched && watched.api.connection.connected()")
        await self.window.wait_for_selector("converse-user-profile:visible")
        return self

    async def contact(self, name: str) -> Any:
        """A line of the roster."""
        return await self.window.wait_for_selector(f".roster-contacts >> text={name}")

    async def chat(self, name: str) -> None:
        """Open the chat with somebody in the roster."""
        await (await self.contact(name)).click()
        await self.window.wait_for_selector("textarea.chat-textarea:visible")

    async def write(self, text: str) -> None:
        """Into the chat or the room that is open."""
        await self.window.fill("textarea.chat-textarea:visible", text)
        await self.window.press("textarea.chat-textarea:visible", "Enter")

    async def shows(self, text: str) -> None:
        """A message with this text is on the screen."""
        await self.window.wait_for_selector(f".chat-msg__text >> text={text}")

    async def enter(self, room: str, nick: str) -> None:
        """Open a room by its address, as by a link."""
        await self.window.evaluate(
            "([room, nick]) => watched.api.rooms.open(room, { nick }, true).then(() => 0)", [room, nick]
        )
        await self.window.wait_for_selector(f"converse-muc[jid='{room}'] textarea.chat-textarea:visible")

    async def picture(self, path: str) -> None:
        """What is on the screen."""
        await self.window.screenshot(path=path)
