"""hereabouts itself under test, as the demo runs it: with records, commands, and everything durable."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..core.certificates import Certificate
from ..core.front_end import product_version
from ..core.settings import FrontEndSettings
from .people import DOMAIN, Pair, fill_store
from .server import HOST, Server, free_port

ROOT = Path(__file__).parents[1]

CONFIGURATION = """\
[front_end]
domains = ["{domain}"]
state = "state"
certificate = "{certificate}"
key = "{key}"
log_level = "warning"

[admin]

[sip]
listen = "{host}"
tls_port = {sip_tls}
tcp_port = {sip_tcp}
udp_port = {sip_udp}
notify_pause = 0

[xmpp]
listen = "{host}"
port = {xmpp}
tls_port = {xmpp_tls}
stanzas_per_second = 1000000
bytes_per_minute = 1000000000

[web]
listen = "{host}"
port = {web}
shared_addresses = ["{host}"]

[presence_icons]
public = "availability"

[commands]

[cdr_jsonl]
"""
PORTS = ("sip_tls", "sip_tcp", "sip_udp", "xmpp", "xmpp_tls", "web")


class Hereabouts(Server):
    """With the limits it ships with, but for how fast one XMPP client may talk and how soon one phone is notified."""

    name = "hereabouts"
    program = sys.executable
    keeps = "every message on the disk before it is answered; a record of every conversation"

    def prepare(self, people: int, pairs: Iterable[Pair]) -> None:
        self.state = self.folder / "state"
        self.state.mkdir()
        self.certificate, self.key = certificate(self.folder.parent)
        self.ports = {name: free_port() for name in PORTS}
        text = CONFIGURATION.format(host=HOST, domain=DOMAIN, certificate=self.certificate, key=self.key, **self.ports)
        (self.folder / "plugins.toml").write_text(text)
        fill_store(self.state / "hereabouts.db", people, pairs)

    def command(self) -> list[str]:
        return [sys.executable, "-m", ROOT.name, "run", "--config", str(self.folder / "plugins.toml")]

    def surroundings(self) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT.parent), os.environ.get("PYTHONPATH"))))}

    def ready(self) -> bool:
        try:
            return bool(json.loads((self.state / "ready.json").read_text()))
        except (OSError, ValueError):
            return False

    @classmethod
    def version(cls) -> str:
        return f"{product_version()} on Python {sys.version.split()[0]}"


def certificate(folder: Path) -> tuple[Path, Path]:
    """The certificate and key that every server of a run shows, so that their handshakes cost the same."""
    place = folder / "certificate"
    place.mkdir(exist_ok=True)
    made = Certificate(FrontEndSettings(domains=[DOMAIN]), place, [DOMAIN])
    return made.path, place / "server.key"
