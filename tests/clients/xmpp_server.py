"""An XMPP server that is not ours, for one domain: what Prosody and ejabberd have in common in tests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from string import Template

from ..authority import Authority, Kind
from ..name_server import NameServer
from ..ports import free_port
from .program import until
from .xmpp import Slix

SECRET = "a secret between the two of us"
"""What components say unless a test wants another."""


class XmppServer:
    """Accounts, rooms at ``conference.``, doors for clients, servers and components; its data survive ``kill``.

    ``kind`` is the certificate it shows to other servers; ``trusts`` is whose certificates it believes, and
    ``demands`` whether it speaks with servers that have no such certificate.  ``components`` are the domains that
    others may serve, with the secret of each.
    """

    program = ""

    def __init__(
        self,
        folder: Path,
        domain: str,
        names: NameServer,
        authority: Authority,
        *,
        kind: Kind = "good",
        demands: bool = True,
        components: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder, self.domain, self.names, self.authority = folder, domain, names, authority
        self.rooms = f"conference.{domain}"
        self.components, self.demands = dict(components or {}), demands
        self.c2s, self.s2s, self.component, self.http = (free_port() for _ in range(4))
        self.shown = authority.certificate(domain, self.rooms, *self.components, kind=kind)
        self.log = folder / "server.log"
        names.serves_xmpp(self.s2s, domain, self.rooms, *self.components)

    def template(self, name: str, **more: object) -> str:
        """A configuration of this folder with what is known filled in."""
        return Template(Path(__file__).with_name(name).read_text()).substitute(
            folder=self.folder, domain=self.domain, c2s=self.c2s, s2s=self.s2s, component=self.component,
            http=self.http, dns=self.names.port, ca=self.authority.file, **more,
        )  # fmt: skip

    # ---- life

    async def start(self) -> None:
        """Start, for the first time or again, and wait until all doors are open."""
        environment = self.configure()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command(), env=environment, cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await until(self._listens, f"{self.program} to listen; see {self.log}")

    def configure(self) -> dict[str, str]:
        """Write its configuration; returns its environment."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """How it is started."""
        raise NotImplementedError

    def _listens(self) -> bool:
        if self.process.returncode is not None:
            raise AssertionError(f"{self.program} ended with {self.process.returncode}:\n{self.said[-3000:]}")
        table = Path("/proc/net/tcp").read_text()
        ports = (self.c2s, self.s2s, *((self.component,) if self.components else ()))
        return all(f"0100007F:{port:04X} 00000000:0000 0A" in table for port in ports)

    async def kill(self) -> None:
        """As if its machine lost its power."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """As an administrator stops it."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 15)
            except TimeoutError:
                self.process.kill()
        await self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    # ---- people

    async def register(self, user: str, password: str) -> None:
        """Make an account."""
        raise NotImplementedError

    async def client(self, user: str, resource: str = "slix") -> Slix:
        """A client signed in there; its account is made if need be.  It believes every certificate."""
        password = f"pw of {user}"
        await self.register(user, password)
        client = Slix(f"{user}@{self.domain}/{resource}", password, str(self.authority.file))
        client.ssl_context.check_hostname = False
        client.ssl_context.verify_mode = ssl.CERT_NONE
        return await client.sign_in(self.c2s)
