"""The command that runs the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from ..logs import begin_logging
from ..plugin_host import examined
from ..settings import read
from . import show
from .place import Place, placed

if TYPE_CHECKING:
    from ..front_end import FrontEnd


@click.command()
@placed
def run(place: Place) -> None:
    """Run the server as plugins.toml says, until SIGTERM or Ctrl-C.

    While it is ready, the file ready.json lies in the state folder.  SIGHUP reads plugins.toml and the certificate
    again.  The log goes to standard error.

    \b
    Examples:
      hereabouts run
      hereabouts run --config /etc/hereabouts/plugins.toml
      hereabouts run --json        # prints one line of JSON when it is ready
    """
    from .process import Process, addresses_of, readiness, run_to_the_end

    settings = read(place.configuration)
    refused = settings.refused(mistake for one in examined(settings) for mistake in one.mistakes)
    if refused.mistakes:
        raise refused
    begin_logging(settings.front_end.log, settings.front_end.log_level)

    async def ready(front_end: FrontEnd) -> dict[str, Any]:
        if place.as_json:
            click.echo(msgspec.json.encode(readiness(front_end)).decode())
        else:
            click.echo(f"hereabouts {front_end.version} is ready for {', '.join(front_end.domains)}.")
            show.print_facts(addresses_of(front_end))
        return {}

    async def serve() -> None:
        await Process(lambda: read(place.configuration), place.state).serve(ready)

    run_to_the_end(serve)
