"""Commands about contact lists; for people whose clients know no such thing, too."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .commands import Commands
from .place import Place, placed


@click.group(cls=Commands)
def contacts() -> None:
    """Manage contact lists: who is on them, and who may see whom.

    Many SIP phones have no contact list of their own on the server.  What is granted here holds for them.
    """


@contacts.command("list")
@click.argument("who")
@placed
def list_(place: Place, who: str) -> None:
    """Show somebody's contact list, and who waits for their yes.

    \b
    Example:
      hereabouts contacts list alice
    """
    heads = ("ADDRESS", "NAME", "GROUPS", "SEES THEM", "IS SEEN", "WAITING FOR")

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                one["address"],
                one["name"],
                ", ".join(one["groups"]),
                _yes(one["sees"]),
                _yes(one["seen"]) or ("when they ask" if one["approved"] else ""),
                "our yes" if one["asking"] else "their yes" if one["asked"] else "",
            )
            for one in found
        ]
        show.print_table(heads, rows, f"Nobody is on the list of {who}.")

    place.show(place.do("contacts", who=who), table)


@contacts.command()
@click.argument("who")
@click.argument("address")
@click.option("--name", help="What the owner calls them.  [as the directory says]")
@click.option("--group", "groups", multiple=True, help="A group they are in; may be repeated.")
@click.option("--mutual", is_flag=True, help="Put each on the other's list, and let both see each other at once.")
@placed
def add(place: Place, who: str, address: str, name: str | None, groups: tuple[str, ...], mutual: bool) -> None:
    """Put ADDRESS on the list of WHO, and ask to see it.

    \b
    Examples:
      hereabouts contacts add alice bob --group Sales
      hereabouts contacts add alice bob --mutual
    """
    given = {"name": name, "groups": list(groups) or None, "mutual": mutual}
    entry = place.do("put_contact", who=who, address=address, **given)

    def told(entry: dict[str, Any]) -> None:
        sees = "sees them" if entry["sees"] else "will see them when they say yes"
        click.echo(f"{entry['address']} is on the list of {who}, who {sees}.")

    place.show(entry, told)


@contacts.command()
@click.argument("who")
@click.argument("address")
@placed
def remove(place: Place, who: str, address: str) -> None:
    """Take ADDRESS off the list of WHO; neither sees the other then.

    \b
    Example:
      hereabouts contacts remove alice bob
    """
    place.do("remove_contact", who=who, address=address)
    place.show({"removed": address}, lambda _: click.echo(f"{address} is off the list of {who}."))


@contacts.command()
@click.argument("who")
@click.argument("address")
@placed
def grant(place: Place, who: str, address: str) -> None:
    """Let ADDRESS see WHO: says yes to a question that waits, or says it before the question comes.

    \b
    Example:
      hereabouts contacts grant alice bob      # bob may see alice
    """
    place.do("grant", who=who, address=address)
    place.show({"who": who, "seen_by": address}, lambda _: click.echo(f"{address} may see {who}."))


@contacts.command()
@click.argument("who")
@click.argument("address")
@placed
def revoke(place: Place, who: str, address: str) -> None:
    """Let ADDRESS see WHO no more.

    \b
    Example:
      hereabouts contacts revoke alice bob
    """
    place.do("revoke", who=who, address=address)
    place.show({"who": who, "not_seen_by": address}, lambda _: click.echo(f"{address} may not see {who}."))


def _yes(truth: bool) -> str:
    return "yes" if truth else ""
