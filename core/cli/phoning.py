"""Commands about the calls there are now: who is on the phone, and the end of a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from . import show
from .commands import Commands
from .place import Place, placed


@click.group(cls=Commands, invoke_without_command=True)
@click.option("--who", metavar="PERSON", help="Only those of this person.")
@placed
def calls(place: Place, who: str | None) -> None:
    """Show who is on the phone now: with whom, since when, by which trunk.

    Ended calls are among the records: `hereabouts records`.

    \b
    Examples:
      hereabouts calls
      hereabouts calls --who bob --json
      hereabouts calls end 5f3c1a
    """
    if click.get_current_context().invoked_subcommand is None:
        place.show(place.do("calls", who=who), _table)


@calls.command("end")
@click.argument("call")
@placed
def end(place: Place, call: str) -> None:
    """End CALL, its id or the beginning of it, on both sides; its record is complete then.

    \b
    Example:
      hereabouts calls end 5f3c1a
    """
    record = place.do("end_call", call=call)
    place.show(record, lambda r: click.echo(f"{r['conversation']} has ended; its record is number {r['number']}."))


def _table(found: list[dict[str, Any]]) -> None:
    heads = ("ID", "CALLER", "WITH", "STATE", "SINCE", "MEDIA", "BY")
    rows = [
        (
            one["id"][:12],
            one["caller"],
            one["answered_by"] or one["callee"],
            _state(one),
            show.when(one["answered_at"] or one["started_at"]),
            " ".join(one["media"]),
            one["route"],
        )
        for one in found
    ]
    show.print_table(heads, rows, "Nobody is on the phone at the moment.")


STATES = {"trying": "is put through", "early": "rings", "confirmed": "talks"}
"""The states of a call in words."""


def _state(one: dict[str, Any]) -> str:
    words = ["emergency" if one["emergency"] else "", STATES[one["state"]], "on hold" if one["held"] else ""]
    return " ".join(filter(None, words))


def talked(answered_at: str | None, ended_at: str | None) -> str:
    """How long they talked, as minutes and seconds."""
    if not answered_at or not ended_at:
        return ""
    seconds = round((datetime.fromisoformat(ended_at) - datetime.fromisoformat(answered_at)).total_seconds())
    return f"{seconds // 60}:{seconds % 60:02d}"
