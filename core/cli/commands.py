"""The group all commands belong to: it turns errors into one sentence and an exit code, and names near misses."""

from __future__ import annotations

import difflib
import errno
import os
import sqlite3
from typing import Any, NoReturn

import click

from ..errors import HereaboutsError, NotFound, SettingsError
from . import show
from .socket_client import NoServer

FAILED = 1
"""It could not be done; the sentence says why and what helps."""
MISTAKEN = 2
"""The command line or the configuration is wrong; nothing was started or changed."""
NO_SERVER = 3
"""The command needs a running server, and none answers."""
NOT_FOUND = 4
"""There is nobody, no conversation and no record of that name."""


class Commands(click.Group):
    """A group of commands."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            _end(ctx, error.mistakes, MISTAKEN)
        except NoServer as error:
            _end(ctx, [str(error)], NO_SERVER)
        except NotFound as error:
            _end(ctx, [str(error)], NOT_FOUND)
        except (HereaboutsError, OSError, sqlite3.Error) as error:
            _end(ctx, getattr(error, "mistakes", [sentence_of(error)]), FAILED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order they were added, which is the order people meet them in."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), 1, 0.6)
            if close:
                sentence = f'there is no command "{args[0]}"; did you mean "{close[0]}"?'
                raise click.UsageError(sentence, ctx) from error
            raise


def sentence_of(error: BaseException) -> str:
    """An error of the system in words that name what to do."""
    if isinstance(error, OSError):
        number, text = error.errno, error.strerror or str(error)
        where = f" {error.filename}" if error.filename else ""
        for numbers, advice in SYSTEM:
            if number in numbers:
                return f"{text[:1].lower()}{text[1:]}{where}: {advice}"
        return f"{text[:1].lower()}{text[1:]}{where}"
    if isinstance(error, sqlite3.Error):
        return f"the database failed ({error}): see that its disk has room and that nothing else uses it"
    return str(error)


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(getattr(errno, name) for name in names)


SYSTEM = (
    (_numbers("EADDRINUSE"), "another program uses that port; stop it, or choose another port"),
    (_numbers("EADDRNOTAVAIL"), "this machine has no such address; listen on one it has"),
    (
        _numbers("EACCES", "EPERM"),
        "this user may not; change the owner or the mode, or use a port above 1023",
    ),
    (_numbers("ENOSPC", "EDQUOT"), "the disk is full; make room and try again"),
    (_numbers("EROFS"), "that file system only reads; name another folder"),
    (_numbers("EMFILE", "ENFILE"), "too many open files; raise the limit (ulimit -n)"),
)
"""System errors that have a remedy."""


def _end(ctx: click.Context, sentences: list[str], code: int) -> NoReturn:
    if ctx.meta.get("json"):
        show.print_json({"errors": sentences, "exit": code})
    else:
        for line in sentences:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {line}", err=True)
    ctx.exit(code)
