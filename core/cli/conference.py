"""Commands that change an open conversation: bring somebody in, take somebody out, end it."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .place import Place, placed


@click.command()
@click.argument("conversation")
@click.argument("person")
@click.option(
    "--history",
    type=click.Choice(["none", "now", "all"]),
    default="none",
    help="What they see of what was said before: nothing, the last message, or everything.  [none]",
)
@click.option("--by", metavar="PARTICIPANT", help="Who brings them in; without it, an administrator does.")
@placed
def add(place: Place, conversation: str, person: str, history: str, by: str | None) -> None:
    """Bring PERSON into CONVERSATION: its id, the beginning of the id, or its address.

    The third person makes a conversation of two a conference.  It keeps its id and gets an address.

    \b
    Examples:
      hereabouts add 5f3c1a carol
      hereabouts add 5f3c1a carol --history all --by bob
    """
    place.show(place.do("add_participant", conversation=conversation, who=person, history=history, by=by), _told)


@click.command()
@click.argument("conversation")
@click.argument("person")
@placed
def drop(place: Place, conversation: str, person: str) -> None:
    """Take PERSON out of CONVERSATION.

    \b
    Example:
      hereabouts drop 5f3c1a carol
    """
    place.show(place.do("remove_participant", conversation=conversation, who=person), _told)


@click.command()
@click.argument("conversation")
@placed
def end(place: Place, conversation: str) -> None:
    """End CONVERSATION for everybody; its record is complete then.

    \b
    Example:
      hereabouts end 5f3c1a
    """
    record = place.do("end_conversation", conversation=conversation)
    place.show(record, lambda r: click.echo(f"{r['conversation']} has ended; its record is number {r['number']}."))


def _told(one: dict[str, Any]) -> None:
    show.print_facts(
        [
            ("conversation", one["id"]),
            ("shape", one["shape"]),
            ("address", one["address"]),
            ("participants", " ".join(one["participants"])),
        ]
    )
