"""One demo server for the journeys of a module, and the clients that visit it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ..ports import free_offset, free_port
from .baresip import Baresip
from .program import Program, needs
from .server import Server
from .twinkle import Twinkle
from .xmpp import Slix

DOMAIN = "example.test"


class Visitors:
    """Clients of one server, signed out when the journey is over."""

    def __init__(self, server: Server, homes: Path, stack: AsyncExitStack) -> None:
        self.server, self.homes, self._stack = server, homes, stack

    @property
    def ca(self) -> str:
        return str(self.server.ready["ca"])

    def password(self, name: str) -> str:
        return str(self.server.ready["accounts"][f"{name}@{DOMAIN}"])

    async def slix(self, name: str, resource: str = "slix", password: str = "") -> Slix:
        client = Slix(f"{name}@{DOMAIN}/{resource}", password or self.password(name), self.ca)
        self._stack.push_async_callback(client.leave)
        return await client.sign_in(self.server.ports["xmpp"])

    async def linphone(self, name: str, transport: str = "tls", password: str = "") -> Program:
        needs(files=("liblinphone.so.10",))
        port = self.server.ports[f"sip_{transport}"]
        client = Program(f"linphone {name}")
        await client.start(
            sys.executable, str(Path(__file__).with_name("linphone_driver.py")),
            "--home", str(self.homes / f"linphone-{name}-{transport}"), "--user", name, "--domain", DOMAIN,
            "--password", password or self.password(name), "--transport", transport, "--ca", self.ca,
            "--server", f"sip:127.0.0.1:{port};transport={transport}",
            "--rooms", f"sip:conference-factory@{DOMAIN}",
        )  # fmt: skip
        self._stack.push_async_callback(client.close)
        return client

    async def pidgin(self, name: str, transport: str = "xmpp") -> Program:
        """Pidgin's library with XMPP, or with SIMPLE over SIP: ``tcp`` or ``udp``."""
        needs(files=("libpurple.so.0",))
        client = Program(f"pidgin {name}")
        sip = () if transport == "xmpp" else ("--simple", transport)
        port = self.server.ports["xmpp" if transport == "xmpp" else f"sip_{transport}"]
        await client.start(
            sys.executable, str(Path(__file__).with_name("purple_driver.py")),
            "--home", str(self.homes / f"pidgin-{name}"), "--user", f"{name}@{DOMAIN}",
            "--password", self.password(name), "--port", str(port),
            "--certificate", str(self.server.state / "server.crt"), *sip,
        )  # fmt: skip
        self._stack.push_async_callback(client.close)
        return client

    async def twinkle(self, name: str, transport: str = "tcp") -> Twinkle:
        needs("twinkle-console")
        server = f"127.0.0.1:{self.server.ports[f'sip_{transport}']}"
        home = self.homes / f"twinkle-{name}"
        client = Twinkle(home, f"{name}@{DOMAIN}", self.password(name), server, transport)
        await client.start()
        self._stack.push_async_callback(client.close)
        return client

    async def baresip(
        self, name: str, *friends: str, transport: str = "tcp", device: str = "", more: str = ""
    ) -> Baresip:
        needs("baresip")
        port = self.server.ports[f"sip_{transport}"]
        home = self.homes / f"baresip-{name}{device}"
        client = Baresip(
            home,
            f"{name}@{DOMAIN}",
            self.password(name),
            f"127.0.0.1:{port}",
            transport,
            self.ca,
            free_port(),
            more,
        )
        client.befriend(*(f"{friend}@{DOMAIN}" for friend in friends))
        await client.start()
        self._stack.push_async_callback(client.close)
        return client


@pytest.fixture
async def visitors(tmp_path: Path) -> AsyncIterator[Visitors]:
    """A fresh demo server and nobody signed in."""
    server = Server(tmp_path / "state", free_offset())
    await server.start("--sip-plain")
    try:
        async with AsyncExitStack() as stack:
            yield Visitors(server, tmp_path, stack)
    finally:
        await server.stop()
