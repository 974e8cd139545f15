"""ejabberd as the server of another domain, or as the host of our component."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp

from .xmpp_server import XmppServer

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
INETRC = """\
{{resolv_conf, ""}}.
{{hosts_file, ""}}.
{{lookup, [dns]}}.
{{nameserver, {{127,0,0,1}}, {port}}}.
{{usevc, false}}.
"""


class Ejabberd(XmppServer):
    """Debian's ejabberd, without its control script: a node that no other can reach."""

    program = "erl"
    shared = False
    """Whether its components are one pool."""

    def configure(self) -> dict[str, str]:
        """Its configuration, and Erlang's resolver; the port's domain "localhost" every resolver knows."""
        # With "hosts" ejabberd shares out what is for any of them among all that are connected.
        hosts = ", ".join(f'{domain}: {{password: "{secret}"}}' for domain, secret in self.components.items())
        secrets = set(self.components.values())
        who = f'password: "{secrets.pop()}"' if len(secrets) == 1 and not self.shared else f"hosts: {{{hosts}}}"
        door = f'  - {{port: {self.component}, ip: "127.0.0.1", module: ejabberd_service, {who}}}'
        (self.folder / "ejabberd.yml").write_text(
            self.template(
                "ejabberd.yml",
                certificate=self.shown.both,
                dialback="" if self.demands else "  mod_s2s_dialback: {}",
                components=door if hosts else "",
            )
        )
        (self.folder / "inetrc").write_text(INETRC.format(port=self.names.port))
        return {
            **os.environ,
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
            "ERL_INETRC": str(self.folder / "inetrc"),
            "ERL_LIBS": str(LIBRARIES),
            "ERL_CRASH_DUMP": str(self.folder / "crash.dump"),
        }

    def command(self) -> list[str]:
        """A node with no name, in the foreground."""
        spool = f'"{self.folder}/spool"'
        return ["erl", "-noinput", "+K", "true", "+S", "2:2", "-mnesia", "dir", spool, "-s", "ejabberd"]

    async def register(self, user: str, password: str) -> None:
        """By its HTTP interface for administrators."""
        account = {"user": user, "host": self.domain, "password": password}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self.http}/api/register", json=account) as answer,
        ):
            assert answer.status in (200, 409), await answer.text()
