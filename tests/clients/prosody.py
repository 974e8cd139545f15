"""Prosody as the server of another domain, or as the host of our component."""

from __future__ import annotations

import os

from .xmpp_server import XmppServer


class Prosody(XmppServer):
    """Debian's prosody with lua-event, lua-sec and lua-unbound."""

    program = "prosody"

    def configure(self) -> dict[str, str]:
        """One file; accounts are files in its data folder."""
        components = [
            f'Component "{domain}"\n  component_secret = "{secret}"' for domain, secret in self.components.items()
        ]
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "prosody.cfg.lua").write_text(
            self.template(
                "prosody.cfg.lua",
                certificate=self.shown.certificate,
                key=self.shown.key,
                demands="true" if self.demands else "false",
                components="\n".join(components),
            )
        )
        return dict(os.environ)

    def command(self) -> list[str]:
        """In the foreground."""
        return ["prosody", "-F", "--config", str(self.folder / "prosody.cfg.lua")]

    async def register(self, user: str, password: str) -> None:
        """Its data folder names hosts and users with %xx for what is no letter or digit."""
        host = "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in self.domain)
        accounts = self.folder / "data" / host / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')
