"""Commands about plugins: which there are, what they take, and their tables in plugins.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from ..durable_file import write_whole
from ..errors import NotFound
from ..options import Option, Section, nearest, options_of, sections
from ..plugin_host import Available, available, examined
from ..plugin_tables import switched_off, switched_on
from ..settings import FRONT_END, FrontEndSettings, parse, read
from ..toml_tables import Mistake
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
    own, *tables = [
        {"header": section.header, "doc": section.doc, "options": [_told(option) for option in section.options]}
        for section in (sections(struct, name) if struct else [Section("", "", [])])
    ]

    def tell(told: dict[str, Any]) -> None:
        click.echo(f"{click.style(f'[{name}]', bold=True)}  {told['summary']}")
        _tell(told["options"])
        for table in told["tables"]:
            click.echo(f"\n{click.style(table['header'], bold=True)}  {table['doc']}")
            _tell(table["options"])

    place.show({"name": name, "summary": summary, "options": own["options"], "tables": tables}, tell)


def _told(option: Option) -> dict[str, Any]:
    takes, default = option.expected, option.default
    return {"name": option.name, "takes": takes, "required": option.required, "default": default, "doc": option.doc}


def _tell(options: list[dict[str, Any]]) -> None:
    for option in options:
        default = "required" if option["required"] else msgspec.json.encode(option["default"]).decode()
        click.echo(f"\n{click.style(option['name'], bold=True)} = {default}    ({option['takes']})")
        click.echo(f"    {option['doc']}")


@plugins.command()
@click.argument("name")
@placed
def enable(place: Place, name: str) -> None:
    """Switch a plugin on: its table is where it was before, or at the end of plugins.toml.

    Comments and everything else in the file stay as they are.

    \b
    Example:
      hereabouts plugins enable cdr_jsonl
    """
    summary, struct = _described(name)
    required = [option for option in (options_of(struct) if struct else []) if option.required]
    _write(place.configuration, switched_on(_text_of(place.configuration), name, summary, required))

    def told(done: dict[str, Any]) -> None:
        click.echo(f"[{name}] is on, from the next start of the server.")
        for mistake in done["mistakes"]:
            click.echo(f"  {mistake}")

    mistakes = [f"{place.configuration}:{m.line}: {m.text}" for m in _mistakes(place.configuration, name)]
    place.show({"enabled": name, "mistakes": mistakes}, told)


@plugins.command()
@click.argument("name")
@placed
def disable(place: Place, name: str) -> None:
    """Switch a plugin off: the lines of its table become comments, so that it can be switched on as it was.

    \b
    Example:
      hereabouts plugins disable cdr_csv
    """
    _write(place.configuration, switched_off(_text_of(place.configuration), name))
    place.show({"disabled": name}, lambda _: click.echo(f"[{name}] is off, from the next start of the server."))


def _mistakes(configuration: Path, name: str) -> list[Mistake]:
    """What the plugin's table still lacks."""
    return [mistake for one in examined(read(configuration)) if one.name == name for mistake in one.mistakes]


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
