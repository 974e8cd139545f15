"""Where a command acts: on the running server through its admin socket, or on the database while none runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ..hooks import PROJECT
from ..settings import Settings, parse, read
from . import show, socket_client

if TYPE_CHECKING:
    from ..front_end import FrontEnd

CONFIGURATION = "plugins.toml"
ADMIN = "admin"
NAME = PROJECT.upper()
"""What our environment variables begin with."""


class Place:
    """One configuration and its state folder, as the command line names them."""

    def __init__(self, configuration: str | None, state: str | None, as_json: bool) -> None:
        self.configuration = Path(configuration or CONFIGURATION)
        self._named = configuration is not None
        self._state = state
        self.as_json = as_json

    @cached_property
    def settings(self) -> Settings:
        """The configuration; without a file of the usual name, what holds when nothing is said.

        Raises SettingsError with every mistake that does not concern plugins alone.
        """
        if not self._named and not self.configuration.exists():
            return parse("", self.configuration)
        settings = read(self.configuration)
        if settings.mistakes:
            raise settings.refused()
        return settings

    @property
    def state(self) -> Path:
        """The state folder; ``--state`` wins over the configuration."""
        return Path(self._state).absolute() if self._state else self.settings.state

    @property
    def socket(self) -> Path:
        """Where the running server's admin socket is."""
        for table in self.settings.tables:
            if table.values.get("use", table.name) == ADMIN:
                return self.state / str(table.values.get("socket", "admin.sock"))
        return self.state / "admin.sock"

    def do(self, deed: str, /, **given: Any) -> Any:
        """Do a deed where it belongs, and return its result as plain JSON.  Raises HereaboutsError."""
        from ..administration import DEEDS

        asked = DEEDS[deed]
        given = {name: value for name, value in given.items() if value is not None}
        if not asked.live and not socket_client.answers(self.socket):
            return msgspec.to_builtins(asyncio.run(self._here(deed, given)))
        target = asked.path.format(**{name: socket_client.quoted(str(given.pop(name))) for name in asked.in_path})
        in_query = asked.method in ("GET", "DELETE")
        return socket_client.request(
            self.socket, asked.method, target, given if in_query else {}, None if in_query else given
        )

    async def _here(self, deed: str, given: dict[str, Any]) -> Any:
        """Without a server: open the database for one deed."""
        from ..administration import perform

        async with self.front_end() as front_end:
            return await perform(front_end, deed, **given)

    @asynccontextmanager
    async def front_end(self) -> AsyncIterator[FrontEnd]:
        """A front end of which only the database is open: no plugin, no listener.  Raises HereaboutsError."""
        import pluggy

        from ..front_end import FrontEnd
        from ..hookspecs import Hooks

        silent = pluggy.PluginManager(PROJECT)
        silent.add_hookspecs(Hooks.specifications())
        front_end = FrontEnd(self.settings.front_end, Hooks(silent), {}, self.state)
        async with front_end.store:
            yield front_end

    def show(self, result: Any, people: Callable[[Any], None]) -> None:
        """Print a result: as JSON when that was asked for, else as ``people`` would read it."""
        if self.as_json:
            show.print_json(result)
        else:
            people(result)


def placed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that every command has; it gets them as its first argument, a Place."""

    @click.option(
        "-c", "--config", metavar="FILE", envvar="HEREABOUTS_CONFIG", help="The configuration. [plugins.toml]"
    )
    @click.option("--state", metavar="DIR", envvar="HEREABOUTS_STATE", help="The state folder, if not as configured.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @wraps(command)
    def with_place(config: str | None, state: str | None, as_json: bool, **given: Any) -> None:
        click.get_current_context().meta["json"] = as_json
        command(Place(config, state, as_json), **given)

    return with_place
