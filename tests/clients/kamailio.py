"""Kamailio as the server of another domain: registrar, messages, presence, and mutual TLS with its neighbour."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from ...core.certificates import Certificate
from ...core.settings import FrontEndSettings
from ..ports import free_port
from .program import until

TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
"""The empty tables that come with it; its presence module does not start without some."""
MODULES = (
    "tls", "kex", "tm", "tmx", "sl", "pv", "maxfwd", "textops", "siputils", "rr", "usrloc", "registrar", "db_text",
    "presence", "presence_xml",
)  # fmt: skip

CONFIGURATION = """\
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="{domain}"
dns_try_naptr=no
enable_tls=yes
listen=tcp:127.0.0.1:{tcp}
listen=tls:127.0.0.1:{tls}
{modules}
modparam("tls", "config", "{folder}/tls.cfg")
modparam("usrloc", "db_mode", 0)
modparam("presence|presence_xml", "db_url", "text://{folder}/tables")
modparam("presence", "subs_db_mode", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "server_address", "sip:127.0.0.1:{tls};transport=tls")
modparam("presence", "send_fast_notify", 1)
modparam("presence_xml", "force_active", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (t_precheck_trans()) {{ t_check_trans(); exit; }}
    t_check_trans();
    force_rport();
    # the neighbour proved itself by its certificate, and speaks for its own people alone
    if (proto == TLS && $fd != "{neighbour}" && $fd != "conference.{neighbour}") {{
        sl_send_reply("403", "Not yours"); exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("SUBSCRIBE") && uri == myself) {{ route(PRESENCE); exit; }}
        if (is_method("SUBSCRIBE") && $rp == {tls}) {{ route(PRESENCE); exit; }}
        sl_send_reply("481", "No such dialog"); exit;
    }}
    remove_hf("Route");
    if (is_method("SUBSCRIBE")) record_route();
    if (uri != myself) {{
        if (proto == TLS) {{ sl_send_reply("403", "Relaying denied"); exit; }}
        if ($rd != "{neighbour}" && $rd != "conference.{neighbour}") {{ sl_send_reply("404", "Nobody"); exit; }}
        $du = "sip:127.0.0.1:{hop};transport=tls";
        t_relay();
        exit;
    }}
    if (is_method("REGISTER")) {{ if (!save("location")) sl_reply_error(); exit; }}
    if (is_method("PUBLISH|SUBSCRIBE")) {{ route(PRESENCE); exit; }}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}

route[PRESENCE] {{
    if (!t_newtran()) {{ sl_reply_error(); exit; }}
    if (is_method("PUBLISH")) handle_publish(); else handle_subscribe();
    t_release();
}}
"""

TLS = """\
[{side}:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {folder}/server.key
certificate = {folder}/server.crt
ca_list = {trusted}
"""


class Kamailio:
    """One Kamailio for one domain.  ``trusted`` are the authorities of its neighbour, whose door is at ``hop``."""

    def __init__(self, folder: Path, domain: str) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder, self.domain = folder, domain
        self.ca = str(Certificate(FrontEndSettings(domains=(domain,)), folder, (domain,)).authority)
        self.tcp, self.tls = free_port(), free_port()
        self.log = folder / "kamailio.log"

    async def start(self, neighbour: str, hop: int, trusted: str) -> None:
        """Start, and wait until it listens."""
        shutil.copytree(TABLES, self.folder / "tables")
        sides = [TLS.format(side=side, folder=self.folder, trusted=trusted) for side in ("server", "client")]
        (self.folder / "tls.cfg").write_text("\n".join(sides))
        configuration = self.folder / "kamailio.cfg"
        configuration.write_text(
            CONFIGURATION.format(
                domain=self.domain, neighbour=neighbour, hop=hop, tcp=self.tcp, tls=self.tls, folder=self.folder,
                modules="\n".join(f'loadmodule "{module}.so"' for module in MODULES),
            )
        )  # fmt: skip
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                "kamailio", "-DD", "-E", "-f", str(configuration), "-Y", str(self.folder), "-m", "64", "-M", "8",
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await until(self._listens, f"Kamailio to listen; see {self.log}")

    def _listens(self) -> bool:
        if self.process.returncode is not None:
            raise AssertionError(f"Kamailio ended with {self.process.returncode}:\n{self.said[-3000:]}")
        table = Path("/proc/net/tcp").read_text()
        return all(f"0100007F:{port:04X} 00000000:0000 0A" in table for port in (self.tcp, self.tls))

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
        await self.process.wait()
