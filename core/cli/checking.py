"""The command that looks over the configuration: loads everything, opens nothing, lists every mistake."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ..errors import SettingsError
from ..options import Option, Tables, options_of, plain
from ..plugin_host import Enabled, calling_order, examined
from ..settings import FrontEndSettings, Settings, read
from . import show
from .place import Place, placed

HIDDEN = "(secret)"


@click.command()
@placed
def check(place: Place) -> None:
    """Look over plugins.toml: print plugins, options and hooks in calling order, and every mistake.

    Nothing is opened and nothing is started.  The exit code is 2 when there are mistakes.

    \b
    Examples:
      hereabouts check
      hereabouts check --config /etc/hereabouts/plugins.toml --json
    """
    settings = read(place.configuration)
    enabled = examined(settings)
    refused = settings.refused(mistake for one in enabled for mistake in one.mistakes)
    if place.as_json:
        show.print_json(_report(settings, enabled, refused))
    else:
        _tell(settings, enabled, refused)
    if refused.mistakes:
        click.get_current_context().exit(2)


def _report(settings: Settings, enabled: list[Enabled], refused: SettingsError) -> dict[str, Any]:
    return {
        "file": str(settings.source),
        "state": str(settings.state),
        "front_end": _values(FrontEndSettings, settings.front_end),
        "plugins": [
            {"name": one.name, "from": one.origin, "options": _values(one.struct, one.options)} for one in enabled
        ],
        "hooks": {hook: plugins for hook, plugins in calling_order(enabled).items() if plugins},
        "doubts": [doubt for one in enabled for doubt in _doubts(one)],
        "mistakes": refused.mistakes,
    }


def _tell(settings: Settings, enabled: list[Enabled], refused: SettingsError) -> None:
    click.echo(f"{settings.source}\n")
    _tell_options("front_end", "", _values(FrontEndSettings, settings.front_end), FrontEndSettings)
    for one in enabled:
        _tell_options(one.name, one.origin, _values(one.struct, one.options), one.struct)
    click.echo(click.style("Hooks, in calling order", bold=True))
    order = [(hook, " → ".join(plugins)) for hook, plugins in calling_order(enabled).items()]
    show.print_facts(order)
    if doubts := [doubt for one in enabled for doubt in _doubts(one)]:
        click.echo(f"\n{click.style('To be considered', fg='yellow', bold=True)}")
        for doubt in doubts:
            click.echo(f"  {doubt}")
    if refused.mistakes:
        count = len(refused.mistakes)
        words = "One mistake" if count == 1 else f"{count} mistakes"
        click.echo(f"\n{click.style(words, fg='red', bold=True)}")
        for mistake in refused.mistakes:
            click.echo(f"  {mistake}")
    else:
        click.echo(f"\n{click.style('No mistakes.', fg='green', bold=True)}")


def _doubts(one: Enabled) -> list[str]:
    """What a plugin's options make it wonder, if they know how to: no mistakes, but better known before it matters."""
    told = getattr(one.options, "doubts", None)
    return told() if told is not None else []


def _tell_options(name: str, origin: str, values: dict[str, Any], struct: type[msgspec.Struct] | None) -> None:
    click.echo(click.style(f"[{name}]", bold=True) + (f"  {origin}" if origin else ""))
    inside: list[tuple[str, dict[str, Any], type[msgspec.Struct]]] = []
    for option in options_of(struct) if struct else []:
        if option.name not in values:
            continue
        value, default = values[option.name], _is_default(option, values[option.name])
        if option.inside is not None:
            inside += [] if default else _tables(f"{name}.{option.name}", value, option.inside)
        else:
            said = "" if default else click.style("  set", fg="cyan")
            click.echo(f"  {option.name} = {msgspec.json.encode(value).decode()}{said}")
    click.echo()
    for table in inside:
        _tell_options(table[0], "", *table[1:])


def _tables(name: str, value: Any, inside: Tables) -> list[tuple[str, dict[str, Any], type[msgspec.Struct]]]:
    """The tables in a table: the name of each, what holds in it, and its struct."""
    if inside.many is list:
        return [(f"[{name}]", one, inside.struct) for one in value]
    named = value.items() if inside.many is dict else [("", value)]
    return [(f"{name}.{one}".rstrip("."), held, inside.struct) for one, held in named if held is not None]


def _is_default(option: Option, value: Any) -> bool:
    return not option.required and bool(value == plain(option.default, HIDDEN))


def _values(struct: type[msgspec.Struct] | None, options: msgspec.Struct | None) -> Any:
    """The options as they hold, secrets hidden; nothing for a table with mistakes."""
    return {} if struct is None or options is None else plain(options, HIDDEN)
