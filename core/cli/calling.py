"""Commands about calls: where people's calls go, why a call would ring where, and the lines to the outside."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .commands import Commands
from .place import Place, placed

NOBODY = ("nobody", "none", "off")
"""Words that end a forwarding."""


@click.group(cls=Commands)
def forwarding() -> None:
    """Say where people's calls go when they do not take them.

    A target is a person or a number, as it is dialled here.  It holds from the next call on.
    """


@forwarding.command("show")
@click.argument("who")
@placed
def show_(place: Place, who: str) -> None:
    """Show where somebody's calls go.

    \b
    Example:
      hereabouts forwarding show alice
    """
    place.show(place.do("forwarding", who=who), _told)


@forwarding.command("set")
@click.argument("who")
@click.option("--always", metavar="TARGET", help="Every call goes there, and nothing rings here.")
@click.option("--busy", metavar="TARGET", help="Where calls go while they are busy.")
@click.option("--unanswered", metavar="TARGET", help="Where calls go when nobody has answered.")
@click.option("--after", "ring_for", type=click.IntRange(5, 120), help="Seconds of ringing before that.  [20]")
@click.option("--offline", metavar="TARGET", help="Where calls go while they are signed in nowhere.")
@click.option("--also", multiple=True, metavar="TARGET", help="What rings at the same time; may be repeated.")
@placed
def set_(place: Place, who: str, ring_for: int | None, also: tuple[str, ...], **targets: str | None) -> None:
    """Say where somebody's calls go; what is not named stays as it is.  "nobody" ends a forwarding.

    \b
    Examples:
      hereabouts forwarding set alice --unanswered bob --after 15
      hereabouts forwarding set alice --also +491701234567 --offline +491701234567
      hereabouts forwarding set alice --always nobody
    """
    given = {name: "" if target in NOBODY else target for name, target in targets.items()}
    along = None if not also else [target for target in also if target not in NOBODY]
    place.show(place.do("set_forwarding", who=who, ring_for=ring_for, also=along, **given), _told)


@forwarding.command()
@click.argument("who")
@placed
def clear(place: Place, who: str) -> None:
    """Let somebody's calls ring at their own endpoints alone.

    \b
    Example:
      hereabouts forwarding clear alice
    """
    place.show(place.do("clear_forwarding", who=who), _told)


@click.command("why-call")
@click.argument("caller")
@click.argument("callee")
@placed
def why_call(place: Place, caller: str, callee: str) -> None:
    """Explain where a call would ring, stage by stage, and which rule says so.  Nothing rings.

    \b
    Examples:
      hereabouts why-call alice bob@example.test
      hereabouts why-call alice 0301234567
    """

    def table(steps: list[dict[str, Any]]) -> None:
        rows = [
            (
                str(step["stage"]) if step["stage"] else "",
                step["rings"],
                f"{step['seconds']:g} s" if step["seconds"] else "",
                " or ".join(step["after"]) if step["stage"] > 1 else "",
                step["why"],
            )
            for step in steps
        ]
        show.print_table(("STAGE", "RINGS", "FOR", "IF BEFORE", "WHY"), rows, "Nothing would ring.")

    place.show(place.do("why_call", caller=caller, callee=callee), table)


@click.command()
@placed
def trunks(place: Place) -> None:
    """Show the lines to the world of telephones: how each is, how many calls it carries, and how many of the desk
    phones behind it are watched.

    \b
    Example:
      hereabouts trunks
    """

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                one["name"],
                one["state"],
                one["registered"],
                f"{one['calls']}/{one['max_calls']}",
                f"{one['lines'] - one['lines_failing']}/{one['lines']}" if one["lines"] else "",
                " ".join(one["hops"]),
                one["why"],
            )
            for one in found
        ]
        heads = ("TRUNK", "STATE", "REGISTERED", "CALLS", "LINES", "NEXT HOPS", "WHY")
        show.print_table(heads, rows, "There is no trunk; [sip.trunks.NAME] in plugins.toml makes one.")

    place.show(place.do("trunks"), table)


def _told(one: dict[str, Any]) -> None:
    facts = [
        ("always", one["always"]),
        ("busy", one["busy"]),
        ("unanswered", one["unanswered"] and f"{one['unanswered']}, after {one['ring_for']} seconds"),
        ("offline", one["offline"]),
        ("rings along", ", ".join(one["also"])),
    ]
    if any(value for _, value in facts):
        show.print_facts(facts)
    else:
        click.echo("Calls ring at their own endpoints, and go nowhere else.")
