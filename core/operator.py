"""Who runs the server: what only the process itself can do, asked for by an administrator."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload changed at once, and what waits for a restart."""

    changed: list[str] = []
    restart_needed: list[str] = []


class Operator(Protocol):
    """The process that runs a front end; it puts itself into ``front_end.operator``."""

    async def reload(self) -> Reloaded:
        """Read plugins.toml and the certificate again.  Raises SettingsError, and then nothing has changed."""

    def stop(self) -> None:
        """Begin to stop, as a signal would."""
