"""Commands that look: who is signed in, why somebody looks busy, which conversations there are, and their records."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .phoning import talked
from .place import Place, placed


@click.command()
@placed
def who(place: Place) -> None:
    """Show who is signed in, where and with which client.

    \b
    Examples:
      hereabouts who
      hereabouts who --json | jq '.[].who'
    """
    heads = ("WHO", "WHERE", "CLIENT", "PRESENCE", "FROM")

    def table(signed_in: list[dict[str, Any]]) -> None:
        rows = [(one["who"], one["instance"], one["client"], _presence(one), one["remote"]) for one in signed_in]
        show.print_table(heads, rows, "Nobody is signed in.")

    place.show(place.do("who"), table)


@click.command()
@click.argument("who")
@click.option("--for", "watcher", metavar="WATCHER", help="Also say what this person may see of them.")
@placed
def why(place: Place, who: str, watcher: str | None) -> None:
    """Explain somebody's presence: which claims there are, and which rule made what of them.

    A name without a domain means the server's first domain.

    \b
    Examples:
      hereabouts why alice
      hereabouts why alice@example.test --for bob
    """

    def facts(told: dict[str, Any]) -> None:
        show.print_facts(
            [
                (told["who"], _presence(told)),
                ("since", show.when(told["since"])),
                ("until", show.when(told["until"])),
                ("last seen", show.when(told["last_seen"])),
            ]
        )
        rows = [(reason["owner"], reason["claim"], reason["outcome"]) for reason in told["reasons"]]
        click.echo()
        show.print_table(("SOURCE", "CLAIMS", "WHAT BECAME OF IT"), rows, "No source says anything about them.")
        if told["watcher"]:
            click.echo(f"\n{told['watcher']} has the access level {told['level']} and sees: {told['sees']}")

    place.show(place.do("why", who=who, watcher=watcher), facts)


@click.command()
@click.option("--who", metavar="PERSON", help="Only those of this person.")
@placed
def conversations(place: Place, who: str | None) -> None:
    """Show the open conversations.

    \b
    Examples:
      hereabouts conversations
      hereabouts conversations --who bob
    """
    heads = ("ID", "SHAPE", "PARTICIPANTS", "MESSAGES", "BEGAN", "ADDRESS")

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                one["id"][:12],
                one["shape"],
                " ".join(one["participants"]),
                str(one["messages"]),
                show.when(one["started_at"]),
                one["address"],
            )
            for one in found
        ]
        show.print_table(heads, rows, "Nobody talks at the moment.")

    place.show(place.do("conversations", who=who), table)


@click.command()
@click.argument("conversation", required=False)
@click.option("-n", "--last", "limit", type=click.IntRange(1, 1000), default=20, help="How many of the newest.  [20]")
@click.option("--after", type=click.IntRange(0), help="Instead: those numbered above this one, oldest first.")
@placed
def records(place: Place, conversation: str | None, limit: int, after: int | None) -> None:
    """Show call detail records: who talked with or called whom, when, how much.  Never what was said.

    With the id of a CONVERSATION, show everything its record holds.

    \b
    Examples:
      hereabouts records
      hereabouts records --after 1200 --json
      hereabouts records 5f3c1a…
    """
    if conversation:
        place.show(place.do("record", conversation=conversation), _record)
        return
    newest = after is None
    found = place.do("records", after=after, limit=limit, last=newest)
    heads = ("NO", "BEGAN", "SHAPE", "PARTICIPANTS", "MESSAGES OR TIME", "ENDED BECAUSE", "CONVERSATION")

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                str(one["number"]),
                show.when(one["started_at"]),
                one["shape"],
                _who_took_part(one),
                _how_much(one),
                one["reason"],
                one["conversation"],
            )
            for one in found
        ]
        show.print_table(heads, rows, "No conversation has ended yet.")

    place.show(found, table)


def _record(one: dict[str, Any]) -> None:
    show.print_facts(
        [
            ("conversation", one["conversation"]),
            ("number", str(one["number"] or "")),
            ("shape", one["shape"]),
            ("address", one["address"]),
            ("subject", one["subject"]),
            ("began", show.when(one["started_at"])),
            ("ended", show.when(one["ended_at"]) or "still running"),
            ("because", one["reason"]),
            ("continues", one["continues"]),
            *_facts(one),
        ]
    )
    click.echo()
    seats = [(s["who"], show.when(s["joined_at"]), show.when(s["left_at"]), s["reason"]) for s in one["seats"]]
    show.print_table(("WHO", "JOINED", "LEFT", "BECAUSE"), seats, "Nobody took part.")
    click.echo()
    if one["call"]:
        return
    clients = [
        (w, e["instance"], e["client"], show.when(e["first_at"])) for w, ends in one["endpoints"].items() for e in ends
    ]
    show.print_table(("WHO", "WHERE", "CLIENT", "FIRST"), clients, "No endpoint is known.")
    click.echo()
    counts = [(w, str(count)) for w, count in one["messages"].items()]
    show.print_table(("WHO", "MESSAGES"), counts, "Nobody said anything.")


def _who_took_part(one: dict[str, Any]) -> str:
    """Of a call, who called whom; whoever answered instead comes after."""
    call = one["call"]
    if not call:
        return " ".join(dict.fromkeys(seat["who"] for seat in one["seats"]))
    sides = f"{call['caller']} -> {call['callee']}"
    return f"{sides} ({call['answered_by']})" if call["answered_by"] not in ("", call["callee"]) else sides


def _how_much(one: dict[str, Any]) -> str:
    call = one["call"]
    if not call:
        return str(sum(one["messages"].values()))
    return talked(call["answered_at"], one["ended_at"]) or call["outcome"]


def _facts(one: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to say of a call beyond what a conversation has."""
    call = one["call"]
    if not call:
        return []
    return [
        ("caller", call["caller"]),
        ("called", call["callee"]),
        ("answered by", call["answered_by"]),
        ("answered", show.when(call["answered_at"])),
        ("talked", talked(call["answered_at"], one["ended_at"])),
        ("outcome", call["outcome"]),
        ("direction", call["direction"]),
        ("media", " ".join(call["media"])),
        ("by", call["route"]),
        ("transferred to", " ".join(call["transferred_to"])),
        ("emergency", "yes" if call["emergency"] else ""),
    ]


def _presence(one: dict[str, Any]) -> str:
    return " ".join(filter(None, (one["availability"], one["activity"], one["note"])))
