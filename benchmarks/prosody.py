"""Prosody under test: what it needs for the same work, and no archive."""

from __future__ import annotations

from collections.abc import Iterable

from .hereabouts import certificate
from .people import DOMAIN, Pair, fill_prosody
from .server import HOST, Server, answers, free_port

CONFIGURATION = """\
daemonize = false
run_as_root = true
pidfile = "{folder}/pid"
data_path = "{folder}/people"
certificates = "{folder}"
network_backend = "epoll"
interfaces = {{ "{host}" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
modules_disabled = {{ "s2s" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "carbons", "private", "blocklist", "vcard4", "vcard_legacy",
  "version", "ping", "posix", "offline" }}
c2s_require_encryption = true
authentication = "internal_hashed"
storage = "internal"
limits = {{ }}
ssl = {{ certificate = "{certificate}"; key = "{key}" }}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "{domain}"
Component "conference.{domain}" "muc"
"""


class Prosody(Server):
    """From Debian, in a folder of its own."""

    name = "Prosody"
    program = "prosody"
    keeps = "nothing but messages to people who are away; no records"

    def prepare(self, people: int, pairs: Iterable[Pair]) -> None:
        shown, key = certificate(self.folder.parent)
        self.ports = {"xmpp": free_port()}
        text = CONFIGURATION.format(
            folder=self.folder, host=HOST, domain=DOMAIN, port=self.ports["xmpp"], certificate=shown, key=key
        )
        (self.folder / "prosody.cfg.lua").write_text(text)
        fill_prosody(self.folder / "people", people, pairs)

    def command(self) -> list[str]:
        return [self.program, "-F", "--config", str(self.folder / "prosody.cfg.lua")]

    def ready(self) -> bool:
        return answers(self.ports["xmpp"])
