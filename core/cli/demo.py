"""The demo: a whole server with four people in it, ready within seconds, that says how to sign in."""

from __future__ import annotations

import ipaddress
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingsError
from ..logs import begin_logging
from ..settings import Settings, parse
from .place import NAME
from .words import Language, say, spoken

if TYPE_CHECKING:
    from ..front_end import FrontEnd

OFFSETS = click.IntRange(0, 65535 - 8080)

DEMO = """\
[front_end]
domains = [{domain}]
state = {state}

[admin]

[sip]
listen = "{listen}"
tls_port = {sip_tls}
{sip_plain}

[xmpp]
listen = "{listen}"
port = {xmpp}
tls_port = {xmpp_tls}

[web]
listen = "{listen}"
port = {web}

[presence_icons]
public = "{badges}"

[presence_page]
viewer = {viewer}
public = "{page}"

[commands]

[cdr_csv]

[cdr_jsonl]
"""


@click.command()
@click.option("--domain", default="example.test", show_default=True, help="Whose people sign in.")
@click.option(
    "--state", "folder", default="var", metavar="DIR", envvar=f"{NAME}_STATE", help="Keeps everything.  [var]"
)
@click.option(
    "--listen", default="127.0.0.1", metavar="ADDRESS", help="Where to listen; 0.0.0.0: anywhere.  [127.0.0.1]"
)
@click.option("--port-offset", "offset", default=0, type=OFFSETS, metavar="N", help="Shift every port by N.")
@click.option(
    "--sip-plain/--no-sip-plain", default=None, help="SIP without TLS on 5060.  [if only this machine listens]"
)
@click.option("--lang", type=click.Choice(["en", "de"]), help="The banner's language.  [as LANG says]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready, instead of the banner.")
def demo(folder: str, lang: str | None, as_json: bool, **wishes: Any) -> None:
    """Run a demo: SIP, XMPP and web, with Alice, Bob, Carol and Dave, who know each other.

    Accounts, certificate and database are made on the first start and kept in ./var.  Needs no configuration.

    \b
    Examples:
      hereabouts demo
      hereabouts demo --domain example.org --listen 0.0.0.0
      hereabouts demo --port-offset 20000 --state play
    """
    began = time.monotonic()
    from .banner import print_banner, reachable
    from .cast import cast_of
    from .process import Process, readiness, run_to_the_end

    language = Language(lang) if lang else spoken()
    state = Path(folder).absolute()
    settings = demo_settings(state, **wishes)
    begin_logging("text", "warning")

    async def ready(front_end: FrontEnd) -> dict[str, Any]:
        accounts = await cast_of(front_end)
        if as_json:
            click.echo(json.dumps(readiness(front_end) | {"accounts": accounts}))
        else:
            print_banner(front_end, reachable(wishes["listen"]), accounts, language, time.monotonic() - began)
        return {"accounts": accounts}

    async def serve() -> None:
        await Process(lambda: settings, state).serve(ready)

    run_to_the_end(serve)
    if not as_json:
        click.echo(say("stopped", language))


def demo_settings(state: Path, domain: str, listen: str, offset: int, sip_plain: bool | None) -> Settings:
    """The demo's configuration.  Raises SettingsError."""
    try:
        local = ipaddress.ip_address(listen).is_loopback
    except ValueError:
        raise SettingsError([f'--listen must be an address such as 127.0.0.1, not "{listen}"']) from None
    plain = sip_plain if sip_plain is not None else local
    text = DEMO.format(
        domain=json.dumps(domain),
        state=json.dumps(str(state)),
        listen=listen,
        sip_tls=5061 + offset,
        sip_plain=f"tcp_port = {5060 + offset}\nudp_port = {5060 + offset}" if plain else "",
        xmpp=5222 + offset,
        xmpp_tls=5223 + offset,
        web=8080 + offset,
        badges="availability" if local else "nobody",
        page="directory" if local else "nobody",
        viewer=json.dumps(f"alice@{domain}"),
    )
    settings = parse(text, Path.cwd() / "demo")
    if settings.mistakes:
        raise SettingsError([mistake.text for mistake in settings.mistakes])
    return settings
