"""XMPP servers that are not ours, side by side on this machine: one DNS, one authority, and their people's clients."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..authority import Authority
from ..name_server import NameServer
from .ejabberd import LIBRARIES, Ejabberd
from .program import lacks
from .prosody import Prosody
from .xmpp import Slix
from .xmpp_server import XmppServer

S = TypeVar("S", bound=XmppServer)


class Street:
    """``names.serves_xmpp`` puts us into its DNS, ``authority`` makes our certificate."""

    def __init__(self, folder: Path, names: NameServer, stack: AsyncExitStack) -> None:
        self.folder, self.names, self._stack = folder, names, stack
        self.authority = Authority(folder / "authority")

    async def prosody(self, domain: str = "prosody.example", **options: Any) -> Prosody:
        """A running Prosody; the options are those of XmppServer."""
        libraries = [*Path("/usr/lib").glob("**/lua/5.*/lunbound.so"), *Path("/usr/lib").glob("**/lua/5.*/ssl.so")]
        lacks([] if shutil.which("prosody") and len(libraries) >= 2 else ["prosody, lua-sec, lua-unbound"])
        return await self._started(Prosody(self.folder / domain, domain, self.names, self.authority, **options))

    async def ejabberd(self, domain: str = "ejabberd.example", **options: Any) -> Ejabberd:
        """A running ejabberd."""
        lacks([] if shutil.which("erl") and list(LIBRARIES.glob("ejabberd-*")) else ["ejabberd"])
        return await self._started(Ejabberd(self.folder / domain, domain, self.names, self.authority, **options))

    async def server(self, program: str, **options: Any) -> XmppServer:
        """One of the two, by name: for scenes that are the same with both."""
        return await (self.prosody if program == "prosody" else self.ejabberd)(**options)

    async def client(self, server: XmppServer, user: str, resource: str = "slix") -> Slix:
        """Somebody signed in there until the end."""
        client = await server.client(user, resource)
        self.leaves(client)
        return client

    def leaves(self, client: Slix) -> None:
        """Whatever happens, this client signs out at the end."""
        self._stack.push_async_callback(_leave, client)

    async def _started(self, server: S) -> S:
        await server.start()
        self._stack.push_async_callback(server.stop)
        return server


async def _leave(client: Slix) -> None:
    if client.is_connected():
        await client.leave()


@asynccontextmanager
async def street_in(folder: Path) -> AsyncIterator[Street]:
    """Nobody lives there yet; all that is started ends with it."""
    names = NameServer({})
    await names.open()
    try:
        async with AsyncExitStack() as stack:
            yield Street(folder, names, stack)
    finally:
        names.close()
