"""Commands about plugins: which there are, what they take, and their tables in plugins.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from ..durable_file import write_whole
from ..errors import HereaboutsError, NotFound
from ..options import nearest, options_of
from ..plugin_host import Available, available, examined
from ..settings import FRONT_END, FrontEndSettings, parse, read
from . import show
from .commands import Commands
from .place import Place, placed


@click.group(cls=Commands)
def plugins() -> None:
    """Show plugins, and switch them on and off in plugins.toml."""


@plugins.command("list")
@placed
def list_(place: Place) -> None:
    """Show every plugin there is, and which are enabled.

    \b
    Example:
      hereabouts plugins list
    """
    enabled = [table.name for table in place.settings.tables]
    uses = {str(table.values.get("use", table.name)) for table in place.settings.tables}
    found = [
        {
            "name": one.name,
            "from": one.origin,
            "enabled": one.name in uses,
            "summary": one.summary,
            "trouble": one.trouble,
        }
        for one in available()
    ]

    def table(found: list[dict[str, Any]]) -> None:
        rows = [
            (
                one["name"],
                f"no. {enabled.index(one['name']) + 1}" if one["name"] in enabled else "yes" if one["enabled"] else "",
                one["from"],
                one["trouble"] or one["summary"],
            )
            for one in found
        ]
        show.print_table(("PLUGIN", "ENABLED", "FROM", "WHAT IT DOES"), rows, "There is none.")

    place.show(found, table)


@plugins.command("show")
@click.argument("name")
@placed
def show_(place: Place, name: str) -> None:
    """Show what a plugin does and the options it takes; "front_end" shows the server's own.

    \b
    Examples:
      hereabouts plugins show cdr_csv
      hereabouts plugins show front_end
    """
    summary, struct = _described(name)
    options = [
        {"name": o.name, "takes": o.expected, "required": o.required, "default": o.default, "doc": o.doc}
        for o in (options_of(struct) if struct else [])
    ]

    def tell(told: dict[str, Any]) -> None:
        click.echo(f"{click.style(f'[{name}]', bold=True)}  {told['summary']}")
        for option in told["options"]:
            default = "required" if option["required"] else msgspec.json.encode(option["default"]).decode()
            click.echo(f"\n{click.style(option['name'], bold=True)} = {default}    ({option['takes']})")
            click.echo(f"    {option['doc']}")

    place.show({"name": name, "summary": summary, "options": options}, tell)


@plugins.command()
@click.argument("name")
@placed
def enable(place: Place, name: str) -> None:
    """Add a plugin's table to the end of plugins.toml; comments and everything else stay as they are.

    \b
    Example:
      hereabouts plugins enable cdr_csv
    """
    import tomlkit

    summary, struct = _described(name)
    text = _text_of(place.configuration)
    if any(table.name == name for table in parse(text, place.configuration).tables):
        raise HereaboutsError(f"[{name}] is in {place.configuration} already")
    document = tomlkit.parse(text)
    table = tomlkit.table()
    if summary:
        table.comment(summary)
    missing = [option for option in (options_of(struct) if struct else []) if option.required]
    for option in missing:
        table.add(tomlkit.comment(f"{option.name} = ...   {option.expected}. {option.doc}"))
    if text and not text.endswith("\n\n"):
        document.add(tomlkit.nl())
    document.add(name, table)
    _write(place.configuration, tomlkit.dumps(document))

    def told(_: Any) -> None:
        click.echo(f"[{name}] is in {place.configuration} now; it works from the next start on.")
        if missing:
            click.echo(f"It needs: {', '.join(option.name for option in missing)}.")

    place.show({"enabled": name, "missing": [option.name for option in missing]}, told)


@plugins.command()
@click.argument("name")
@placed
def disable(place: Place, name: str) -> None:
    """Take a plugin's table, with its options, out of plugins.toml; comments elsewhere stay as they are.

    \b
    Example:
      hereabouts plugins disable cdr_csv
    """
    import tomlkit

    document = tomlkit.parse(_text_of(place.configuration))
    if name == FRONT_END or name not in document:
        names = [table for table in document if table != FRONT_END]
        raise NotFound(f"no plugin {name} is enabled in {place.configuration}{nearest(name, names)}")
    document.remove(name)
    _write(place.configuration, tomlkit.dumps(document))
    place.show(
        {"disabled": name}, lambda _: click.echo(f"[{name}] is out of {place.configuration} from the next start on.")
    )


def _described(name: str) -> tuple[str, type[msgspec.Struct] | None]:
    """What a plugin does, and the options it takes.  Raises NotFound."""
    if name == FRONT_END:
        return "The server as a whole.", FrontEndSettings
    found: list[Available] = list(available())
    for one in found:
        if one.name == name and not one.trouble:
            (enabled,) = examined(parse(f"[{name}]\n", Path(name)))
            return one.summary, enabled.struct
    raise NotFound(f"there is no plugin {name}{nearest(name, [one.name for one in found])}")


def _text_of(configuration: Path) -> str:
    """The file's text, if it is TOML.  Raises SettingsError."""
    settings = read(configuration)
    if settings.mistakes:
        raise settings.refused()
    return configuration.read_text(encoding="utf-8-sig")


def _write(configuration: Path, text: str) -> None:
    write_whole(configuration.resolve(), text.encode(), configuration.stat().st_mode & 0o777)
