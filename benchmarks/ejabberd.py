"""ejabberd under test: what it needs for the same work, and no archive."""

from __future__ import annotations

from collections.abc import Iterable

from .hereabouts import certificate
from .people import DOMAIN, Pair, fill_ejabberd
from .server import HOST, Server, answers, free_port

CONFIGURATION = """\
loglevel: error
hosts: ["{domain}"]
certfiles: ["{pem}"]
acme: {{auto: false}}
listen:
  - {{port: {port}, ip: "{host}", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, starttls_required: true}}
auth_method: internal
auth_password_format: scram
acl: {{local: {{user_regexp: ""}}}}
access_rules: {{muc_create: {{allow: all}}}}
shaper_rules: {{max_user_sessions: 100}}
modules:
  mod_blocking: {{}}
  mod_privacy: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_muc: {{host: "conference.@HOST@", access_create: muc_create}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_private: {{}}
  mod_roster: {{versioning: true}}
  mod_vcard: {{search: false}}
  mod_version: {{}}
"""
FILL = '{{ok,Rows}}=file:consult("{rows}"),lists:foreach(fun mnesia:dirty_write/1,Rows),file:write_file("{done}","").'
"""What the Erlang machine does as soon as ejabberd has started."""


class Ejabberd(Server):
    """From Debian, in a folder of its own, as an Erlang node that no other can find."""

    name = "ejabberd"
    program = "ejabberdctl"
    package = "ejabberd"
    keeps = "nothing but messages to people who are away; no records"

    def prepare(self, people: int, pairs: Iterable[Pair]) -> None:
        shown, key = certificate(self.folder.parent)
        both = self.folder / "server.pem"
        both.write_bytes(shown.read_bytes() + key.read_bytes())
        self.ports = {"xmpp": free_port()}
        text = CONFIGURATION.format(domain=DOMAIN, pem=both, host=HOST, port=self.ports["xmpp"])
        (self.folder / "ejabberd.yml").write_text(text)
        fill_ejabberd(self.folder / "rows", people, pairs)
        self._filled = self.folder / "filled"

    def command(self) -> list[str]:
        fill = FILL.format(rows=self.folder / "rows", done=self._filled)
        spool = f'"{self.folder / "spool"}"'
        return ["erl", "-noinput", "+K", "true", "-mnesia", "dir", spool, "-s", "ejabberd", "-eval", fill]

    def surroundings(self) -> dict[str, str]:
        return {
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "logs" / "ejabberd.log"),
            "ERL_LIBS": "/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu",
            "ERL_CRASH_DUMP_SECONDS": "0",
        }

    def ready(self) -> bool:
        return self._filled.exists() and answers(self.ports["xmpp"])
