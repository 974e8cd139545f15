"""The command about other domains: how each of them is doing."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .place import Place, placed


@click.command()
@placed
def federation(place: Place) -> None:
    """Show the other domains: whether each can be reached, what waits for it, and what went wrong last.

    \b
    Examples:
      hereabouts federation
      hereabouts federation --json | jq '.[] | select(.state == "failing")'
    """

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                one["domain"],
                one["protocol"],
                one["state"],
                show.when(one["since"]),
                *(str(one[count]) for count in ("queued", "sent", "received", "refused", "watched")),
                one["error"],
            )
            for one in found
        ]
        heads = ("DOMAIN", "BY", "STATE", "SINCE", "WAITING", "SENT", "RECEIVED", "REFUSED", "WATCHED", "LAST ERROR")
        nobody = "There are no other domains; [sip.federation] and [xmpp.federation] in plugins.toml name them."
        show.print_table(heads, rows, nobody)

    place.show(place.do("federation"), table)
