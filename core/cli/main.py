"""The command line's front door: every command, in the order people meet them."""

from __future__ import annotations

import click

from . import (
    calling,
    checking,
    conference,
    contacts,
    demo,
    federating,
    init,
    looking,
    moving,
    phoning,
    plugins,
    server,
    starting,
    user,
)
from .commands import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """A presence and instant messaging server: SIP phones, XMPP clients and web pages share one truth.

    \b
    Begin with one of these:
      hereabouts demo                        everything at once, with four people in it
      hereabouts init --domain example.org   a server of your own in this folder
    \b
    Every command takes --json (for programs) and --help (with examples).  Commands find the server by plugins.toml in
    the current folder, by --config FILE or by --state DIR.
    \b
    Exit codes:  0 done · 1 it could not be done · 2 command line or configuration mistaken, nothing started
                 3 no server is running · 4 nobody and nothing of that name
    """


for command in (
    demo.demo,
    init.init,
    checking.check,
    starting.run,
    server.reload,
    server.stop,
    looking.who,
    looking.why,
    looking.conversations,
    looking.records,
    conference.add,
    conference.drop,
    conference.end,
    phoning.calls,
    user.user,
    contacts.contacts,
    calling.forwarding,
    calling.why_call,
    calling.trunks,
    federating.federation,
    plugins.plugins,
    moving.export_,
    moving.import_,
    server.version,
):
    main.add_command(command)
