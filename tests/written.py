"""The parts of docs/ that are made from the code: options, hooks, commands, deeds, limits, standards.

`python -m <folder>.tests.written`, from the folder above the checkout, writes them anew; a test keeps them equal.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from ..core.administration import DEEDS, Deed
from ..core.cli import main
from ..core.hooks import PROJECT, Hook
from ..core.hookspecs import Hooks
from ..core.options import Section, sections
from ..core.plugin_host import available
from ..core.settings import FRONT_END, FrontEndSettings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("core", "plugins", "bridges", "web")
MARK = re.compile(r"(<!-- made from the code: (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
"""Where a part begins and ends in a page."""

CITATION = re.compile(r"\b(RFC|XEP)[ -](\d{3,5})(?:,? (?:section|sections|figure|appendix) ([\w.]+))?")
LIMIT = re.compile(r"^(MAX|PER|MIN)_|_(WITHIN|LIMIT)$")


def options(name: str) -> str:
    """The options of the front end, or of a plugin, as a table; one more for each table that may stand in it."""
    structs = {one.name: getattr(one.factory, "Options", None) for one in available()} | {FRONT_END: FrontEndSettings}
    own, *inner = sections(structs[name], name)
    return "\n\n".join(
        [_options(own), *(f"#### `{table.header}`\n\n{cell(table.doc)}\n\n{_options(table)}" for table in inner)]
    )


def _options(section: Section) -> str:
    lines = ["| option | default | takes | meaning |", "|---|---|---|---|"]
    for option in section.options:
        default = "required" if option.required else f"`{msgspec.json.encode(option.default).decode()}`"
        default = "off" if default == "`null`" else default
        lines.append(f"| `{option.name}` | {default} | {option.expected} | {cell(option.doc)} |")
    return "\n".join(lines)


def hooks(_: str) -> str:
    """Every hook with its signature, its discipline and what it is for."""
    parts = []
    for name, hook in vars(Hooks).items():
        if isinstance(hook, Hook):
            arguments = [str(p) for p in inspect.signature(hook.specification).parameters.values()][1:]
            returns = inspect.signature(hook.specification).return_annotation
            signature = f"{name}({', '.join(arguments)}) -> {returns}".replace("'", "")
            doc = " ".join((inspect.getdoc(hook.specification) or "").split())
            parts.append(f"### {name}\n\n```python\n{signature}\n```\n\n*{type(hook).__name__}.* {doc}")
    return "\n\n".join(parts)


def commands(_: str) -> str:
    """Every command as its --help has it."""
    root = click.Context(main, info_name=PROJECT, terminal_width=100, **main.context_settings)
    return "\n\n".join(f"### {path}\n\n```\n{text}\n```" for path, text in _commands(main, root))


def _commands(group: click.Group, parent: click.Context) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        context = click.Context(command, parent, info_name=name, terminal_width=100)
        if isinstance(command, click.Group):
            yield from _commands(command, context)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            help_text = command.get_help(context)
            yield context.command_path, "\n".join(line.rstrip() for line in help_text.splitlines())


def deeds(_: str) -> str:
    """Every deed of the admin socket."""
    lines = ["| request | arguments | does |", "|---|---|---|"]
    for deed in DEEDS.values():
        doc = cell(" ".join(inspect.getdoc(deed.function).split("\n\n")[0].split()))
        live = "" if deed.live else " *"
        lines.append(f"| `{deed.method} {deed.path}`{live} | {_arguments(deed)} | {doc} |")
    return "\n".join(lines)


def _arguments(deed: Deed) -> str:
    found = []
    for field in msgspec.structs.fields(deed.arguments):
        if field.name not in deed.in_path:
            found.append(f"`{field.name}`" if field.required else f"`{field.name}`?")
    return ", ".join(found)


def limits(folder: str) -> str:
    """Every named limit of a folder's modules."""
    lines = ["| limit | value | of | in |", "|---|---|---|---|"]
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name, value, doc in _constants(path):
            where = path.relative_to(ROOT).as_posix()
            lines.append(f"| `{name}` | {value} | {cell(doc)} | [{where}](../{where}) |")
    return "\n".join(lines)


def _constants(path: Path) -> Iterator[tuple[str, str, str]]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(target, ast.Name) or not LIMIT.search(target.id) or not isinstance(node, ast.Assign):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield target.id, f"`{ast.unparse(node.value)}`", " ".join(str(after.value.value).split())


def standards(_: str) -> str:
    """Which document is cited where."""
    cited: dict[tuple[str, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for kind, number, section in CITATION.findall(path.read_text(encoding="utf-8")):
                cited[kind, int(number)][section.rstrip(".")].add(path.relative_to(ROOT).as_posix())
    lines = ["| document | cited in |", "|---|---|"]
    for kind, number in sorted(cited):
        title = f"XEP-{number:04}" if kind == "XEP" else f"RFC {number}"
        link = (
            f"https://xmpp.org/extensions/xep-{number:04}.html"
            if kind == "XEP"
            else f"https://www.rfc-editor.org/rfc/rfc{number}"
        )
        places: dict[str, set[str]] = defaultdict(set)
        for section, paths in cited[kind, number].items():
            for path_name in paths:
                places[path_name].add(section)
        where = "; ".join(_place(path_name, sections) for path_name, sections in sorted(places.items()))
        lines.append(f"| [{title}]({link}) | {where} |")
    return "\n".join(lines)


def _place(path: str, sections: set[str]) -> str:
    named = ", ".join(sorted(filter(None, sections), key=_natural))
    return f"[{path}](../{path}){f' ({named})' if named else ''}"


def _natural(section: str) -> list[Any]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in section.split(".")]


def cell(text: str) -> str:
    """A text that stays in its cell."""
    return text.replace("|", "\\|").replace("``", "`")


PARTS: dict[str, Callable[[str], str]] = {
    "options": options,
    "hooks": hooks,
    "commands": commands,
    "deeds": deeds,
    "limits": limits,
    "standards": standards,
}


def rewritten(page: str) -> str:
    """A page with each of its parts made anew."""
    return MARK.sub(lambda found: f"{found[1]}\n{PARTS[found[2]](found[3] or '')}\n\n{found[4]}", page)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        if (after := rewritten(before)) != before:
            page.write_text(after, encoding="utf-8")
            print(page.relative_to(ROOT))
