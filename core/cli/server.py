"""Commands about the running server itself: its version, reload, stop."""

from __future__ import annotations

from typing import Any

import click

from . import show
from .place import Place, placed
from .socket_client import NoServer


@click.command()
@placed
def version(place: Place) -> None:
    """Print the version of this program, and of the running server if there is one.

    \b
    Example:
      hereabouts version --json
    """
    from ..front_end import product_version

    try:
        running = place.do("version")
    except NoServer:
        running = None
    found = {"version": product_version(), "server": running}

    def facts(found: dict[str, Any]) -> None:
        show.print_facts([("this program", found["version"])])
        if running is None:
            click.echo("No server is running here.")
            return
        show.print_facts(
            [
                ("server", running["version"]),
                ("domains", " ".join(running["domains"])),
                ("process", str(running["process"])),
                ("since", show.when(running["started_at"])),
            ]
        )

    place.show(found, facts)


@click.command()
@placed
def reload(place: Place) -> None:
    """Let the server read plugins.toml and its certificate again.  Nobody is dropped.

    If the file has mistakes, they are listed and everything stays as it is.

    \b
    Example:
      hereabouts reload
    """

    def told(done: dict[str, Any]) -> None:
        click.echo(f"Reloaded: {', '.join(done['changed'])}.")
        if done["restart_needed"]:
            click.echo(f"A restart is needed for: {', '.join(done['restart_needed'])}.")

    place.show(place.do("reload"), told)


@click.command()
@placed
def stop(place: Place) -> None:
    """Stop the server: everybody is said goodbye to, and what was promised is written.

    \b
    Example:
      hereabouts stop
    """
    place.do("stop")
    place.show({"stopping": True}, lambda _: click.echo("The server is stopping."))
