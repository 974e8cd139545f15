"""The command that prepares a folder for a server: configuration, state, certificate, database."""

from __future__ import annotations

import asyncio
import os
from importlib.resources import files
from pathlib import Path

import click

from ..durable_file import write_whole
from ..errors import HereaboutsError, SettingsError
from ..plugin_host import ROOT
from ..settings import read
from . import show
from .place import CONFIGURATION

DOMAINS = 'domains = ["example.test"]'
"""The line of the shipped plugins.toml that `init` fills in."""


@click.command()
@click.argument("folder", default=".")
@click.option(
    "--domain", "domains", multiple=True, default=["example.test"], help="Whose people sign in; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def init(folder: str, domains: tuple[str, ...], as_json: bool) -> None:
    """Prepare FOLDER for a server: plugins.toml, a state folder, a certificate and a database.

    What is there already stays as it is.

    \b
    Examples:
      hereabouts init --domain example.org
      hereabouts init /srv/hereabouts --domain example.org --domain example.com
    """
    from ..certificates import Certificate

    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    configuration = place / CONFIGURATION
    written = not configuration.exists()
    if written:
        write_whole(configuration, shipped(domains).encode())
    settings = read(configuration)
    if settings.mistakes:
        if written:
            configuration.unlink()
        raise SettingsError([mistake.text for mistake in settings.mistakes])
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(settings.state, 0o700)
    certificate = Certificate(settings.front_end, settings.state, settings.front_end.domains)
    asyncio.run(_open_once(settings.front_end.store or str(settings.state / "hereabouts.db")))
    if as_json:
        show.print_json({"configuration": str(configuration), "written": written, "state": str(settings.state)})
        return
    show.print_facts(
        [
            ("configuration", f"{configuration}{'' if written else ' (as it was)'}"),
            ("state", str(settings.state)),
            ("certificate", str(certificate.path)),
        ]
    )
    click.echo(f"\nNext:\n  cd {place}\n  hereabouts user add alice\n  hereabouts check\n  hereabouts run")


def shipped(domains: tuple[str, ...]) -> str:
    """The plugins.toml that comes with the program, for these domains."""
    text = files(ROOT).joinpath(CONFIGURATION).read_text(encoding="utf-8")
    if DOMAINS not in text:
        raise HereaboutsError("the plugins.toml of this installation is not the one that came with it: install again")
    return text.replace(DOMAINS, f"domains = [{', '.join(_quoted(domain) for domain in domains)}]", 1)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _open_once(path: str) -> None:
    from ..front_end import utc_now
    from ..sqlite import SqliteStore

    async with SqliteStore(Path(path), clock=utc_now):
        pass
