"""Commands that move data: everything out to a file and in again."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO

import click

from ..errors import HereaboutsError
from . import show, socket_client
from .place import Place, placed


@click.command("export")
@click.argument("file", default="-")
@placed
def export_(place: Place, file: str) -> None:
    """Write everything to FILE (or standard output) as lines of JSON: people, keys, lists, conversations, messages.

    The file holds what signs people in and what they wrote: keep it as safe as the database.  Works while the server
    runs and while it does not; while it stands still, the file is the picture of one moment.

    \b
    Examples:
      hereabouts export backup.jsonl
      hereabouts export | zstd > backup.jsonl.zst
    """
    if file == "-":
        _write_lines(place, sys.stdout.buffer)
        return
    target = Path(file)
    beside = target.with_name(f".{target.name}.part")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            count = _write_lines(place, output)
            output.flush()
            os.fsync(output.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    place.show({"file": str(target), "lines": count}, lambda _: click.echo(f"{count} lines are in {target}."))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@placed
def import_(place: Place, file: str) -> None:
    """Take an export from FILE into an empty database.  The server must not be running.

    The whole file is checked first; nothing is taken in when a line is bad.

    \b
    Example:
      hereabouts import backup.jsonl --state /srv/new
    """
    from .. import transfer

    if socket_client.answers(place.socket):
        raise HereaboutsError("the server is running: an import goes into an empty database, so stop it first")

    def lines() -> list[bytes]:
        return Path(file).read_bytes().splitlines()

    async def take_in() -> dict[str, int]:
        async with place.front_end() as front_end:
            return (await transfer.take_in(lines, front_end.store))._asdict()

    taken = asyncio.run(take_in())
    place.show(taken, lambda taken: show.print_facts([(what, str(count)) for what, count in taken.items()]))


def _write_lines(place: Place, output: BinaryIO) -> int:
    """Write the export; returns the number of lines."""
    from ..administration import DEEDS

    if socket_client.answers(place.socket):
        return socket_client.copy(place.socket, DEEDS["export"].path, output)

    async def copy() -> int:
        count = 0
        async with place.front_end() as front_end:
            async for line in await DEEDS["export"].function(front_end):
                output.write(line)
                count += 1
        return count

    return asyncio.run(copy())
