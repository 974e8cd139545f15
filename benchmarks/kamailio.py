"""Kamailio under test: registrar, digest, instant messages and presence, all in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from .hereabouts import certificate
from .people import DOMAIN, PASSWORD, Pair
from .server import HOST, Server, answers, free_port

TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
"""The empty tables that come with it; its presence module does not start without some."""
MODULES = ("tls", "kex", "tm", "tmx", "sl", "pv", "maxfwd", "textops", "siputils", "rr", "usrloc", "registrar", "auth")
PRESENCE_MODULES = ("db_text", "presence", "presence_xml")
SHARED_MEMORY = 1024
"""MiB."""

CONFIGURATION = """\
#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="{domain}"
dns_try_naptr=no
enable_tls=yes
tcp_max_connections=12000
tls_max_connections=12000
listen=udp:{host}:{sip_udp}
listen=tcp:{host}:{sip_tcp}
listen=tls:{host}:{sip_tls}
{modules}
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_expire", 3600)
modparam("auth", "qop", "auth")
modparam("presence|presence_xml", "db_url", "text://{folder}/tables")
modparam("presence", "subs_db_mode", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "server_address", "sip:{host}:{sip_udp}")
modparam("presence", "send_fast_notify", 1)
modparam("presence", "subs_htable_size", 12)
modparam("presence", "pres_htable_size", 12)
modparam("presence_xml", "force_active", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (t_precheck_trans()) {{ t_check_trans(); exit; }}
    if (is_method("REGISTER") || is_present_hf("Authorization")) {{
        if (!pv_www_authenticate("{domain}", "{password}", "0")) {{ www_challenge("{domain}", "1"); exit; }}
    }}
    if (is_method("REGISTER")) {{
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (has_totag() && is_method("ACK|BYE")) {{
        if (loose_route()) t_relay();
        exit;
    }}
    if (is_method("INVITE")) record_route();
    if (is_method("PUBLISH|SUBSCRIBE")) {{
        if (!t_newtran()) {{ sl_reply_error(); exit; }}
        if (is_method("PUBLISH")) handle_publish(); else handle_subscribe();
        t_release();
        exit;
    }}
    consume_credentials();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""


class Kamailio(Server):
    """From Debian, in a folder of its own: one worker for UDP and one for TCP, which is where it does best here."""

    name = "Kamailio"
    program = "kamailio"
    keeps = "nothing; no records; asks for a password only at sign-in"

    def prepare(self, people: int, pairs: Iterable[Pair]) -> None:
        shown, key = certificate(self.folder.parent)
        shutil.copytree(TABLES, self.folder / "tables")
        self.ports = {name: free_port() for name in ("sip_udp", "sip_tcp", "sip_tls")}
        text = CONFIGURATION.format(
            domain=DOMAIN,
            host=HOST,
            folder=self.folder,
            certificate=shown,
            key=key,
            password=PASSWORD,
            modules="\n".join(f'loadmodule "{module}.so"' for module in MODULES + PRESENCE_MODULES),
            **self.ports,
        )
        (self.folder / "kamailio.cfg").write_text(text)

    def command(self) -> list[str]:
        place = ["-f", str(self.folder / "kamailio.cfg"), "-Y", str(self.folder)]
        return [self.program, "-DD", "-E", *place, "-m", str(SHARED_MEMORY), "-M", "32"]

    def ready(self) -> bool:
        return answers(self.ports["sip_tls"])
