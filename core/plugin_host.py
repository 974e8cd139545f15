"""The plugin host: the tables of plugins.toml become plugins, joined to the hooks in the order of the file."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, NamedTuple

import msgspec
import pluggy

from .errors import HereaboutsError, SettingsError
from .hooks import PROJECT
from .hookspecs import Hooks
from .options import checked, nearest
from .settings import FRONT_END, Settings
from .toml_tables import Mistake, Table

ROOT = __name__.rpartition(".core.")[0]
"""Our own package, whatever the checkout is called."""
FOLDERS = ("plugins", "bridges")
"""Where our own plugins live, besides `web`."""
WEB = "web"
USE = "use"
"""The key that names another plugin than the table does: `use = "irc"`, `use = "module:Class"`."""


class Loaded(NamedTuple):
    """Running plugins and the hooks that reach them."""

    hooks: Hooks
    plugins: dict[str, object]


@dataclass(slots=True)
class Enabled:
    """One table of plugins.toml: what it names, and what came of it."""

    name: str
    line: int
    origin: str = ""
    """Where the class comes from, as in ``plugins/sip`` or ``their_module:Class``."""
    factory: Any = None
    options: msgspec.Struct | None = None
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def struct(self) -> type[msgspec.Struct] | None:
        """The options its class declares, if it declares any."""
        return getattr(self.factory, "Options", None)


class Available(NamedTuple):
    """A plugin that could be enabled.  ``trouble`` says why it could not."""

    name: str
    origin: str
    summary: str
    trouble: str = ""
    factory: Any = None


def load(settings: Settings) -> Loaded:
    """Make every plugin that has a table.  Raises SettingsError with every mistake of the whole file."""
    enabled = examined(settings)
    mistakes = [mistake for one in enabled for mistake in one.mistakes]
    if settings.mistakes or mistakes:
        raise settings.refused(mistakes)
    plugins: dict[str, object] = {}
    for one in enabled:
        try:
            plugins[one.name] = one.factory() if one.options is None else one.factory(one.options)
        except SettingsError as wrong:
            mistakes += [Mistake(one.line, f"[{one.name}] {text}") for text in wrong.mistakes]
        except (HereaboutsError, ValueError, OSError) as wrong:
            mistakes.append(Mistake(one.line, f"[{one.name}] {wrong}"))
    if mistakes:
        raise settings.refused(mistakes)
    return Loaded(Hooks(_joined(plugins)), plugins)


def examined(settings: Settings) -> list[Enabled]:
    """Every table with its class, its options and its mistakes; nothing is made and nothing is opened."""
    return [_examine(table, settings) for table in settings.tables]


def available() -> Iterator[Available]:
    """Our own plugins, by folder and name, then those that installed packages offer; the latter are not imported."""
    for folder in FOLDERS:
        for module in pkgutil.iter_modules(import_module(f"{ROOT}.{folder}").__path__):
            yield from _offer(module.name, f"{folder}/{module.name}", f"{ROOT}.{folder}.{module.name}")
    yield from _offer(WEB, WEB, f"{ROOT}.{WEB}")
    for point in sorted(_entry_points()):
        yield Available(point.name, point.value, f"from {point.dist.name if point.dist else 'an unnamed package'}")


def calling_order(enabled: list[Enabled]) -> dict[str, list[str]]:
    """For each hook, the plugins that implement it, in the order they will be called."""
    names = {one.name: _hooks_of(one.factory) for one in enabled if one.factory is not None}
    return {hook: [name for name, hooks in names.items() if hook in hooks] for hook in hook_names()}


def hook_names() -> list[str]:
    """Every hook there is, in the order of hookspecs.py."""
    return [name for name in vars(Hooks.specifications()) if not name.startswith("_")]


def _examine(table: Table, settings: Settings) -> Enabled:
    one = Enabled(table.name, table.line)
    use = table.values.get(USE, table.name)
    try:
        if not isinstance(use, str):
            raise _Unfit("use must be text in quotes: the name of a plugin, or module:Class")
        one.factory, one.origin = _third_party(use) if ":" in use else _found(use)
        _fit(one.factory)
    except _Unfit as unfit:
        one.mistakes.append(Mistake(table.line_of(USE), f"[{table.name}] {unfit}"))
        return one
    values = {key: value for key, value in table.values.items() if key != USE}
    one.options, one.mistakes = checked(one.struct, replace(table, values=values), settings.folder)
    return one


class _Unfit(Exception):
    """Why a table has no plugin, as a sentence."""


def _found(name: str) -> tuple[Any, str]:
    """The class that a name stands for: one of ours, or one that an installed package offers under it."""
    if name.isidentifier():
        own = {f"{folder}/{name}": f"{ROOT}.{folder}.{name}" for folder in FOLDERS}
        if name == WEB:
            own[WEB] = f"{ROOT}.{WEB}"
        for origin, module in own.items():
            if find_spec(module) is not None:
                return _class_in(module, name), origin
    for point in _entry_points():
        if point.name == name:
            try:
                return point.load(), point.value
            except Exception as wrong:
                raise _Unfit(f"{point.value} cannot be loaded: {_reason(wrong)}") from wrong
    names = [one.name for one in available() if not one.trouble]
    raise _Unfit(f"there is no plugin of this name{nearest(name, [*names, FRONT_END])}")


def _class_in(module: str, name: str) -> Any:
    try:
        factory = getattr(import_module(module), "plugin", None)
    except Exception as wrong:
        raise _Unfit(f"cannot be loaded: {_reason(wrong)}") from wrong
    if factory is None:
        raise _Unfit(f"{name} is a part of the server, no plugin")
    return factory


def _third_party(use: str) -> tuple[Any, str]:
    module, _, attribute = use.partition(":")
    try:
        return getattr(import_module(module), attribute), use
    except Exception as wrong:
        raise _Unfit(f'use = "{use}" cannot be loaded: {_reason(wrong)}') from wrong


def _reason(wrong: Exception) -> str:
    if isinstance(wrong, ModuleNotFoundError):
        return f"the Python module {wrong.name} is not installed"
    return f"{type(wrong).__name__}: {wrong}"


def _fit(factory: Any) -> None:
    """Whether this is a plugin's class: its options are a struct, and its hooks are ones that exist."""
    if not isinstance(factory, type):
        raise _Unfit(f"{factory!r} is no class")
    struct = getattr(factory, "Options", None)
    if struct is not None and not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
        raise _Unfit(f"{factory.__name__}.Options is no msgspec.Struct")
    known = hook_names()
    for name in _hooks_of(factory):
        if name not in known:
            raise _Unfit(f"{factory.__name__} implements a hook {name}, which is none{nearest(name, known)}")
        _fit_hook(factory, name)


def _fit_hook(factory: type, name: str) -> None:
    function = getattr(factory, name)
    options = getattr(function, f"{PROJECT}_impl")
    if options["wrapper"] or options["hookwrapper"]:
        raise _Unfit(f"{factory.__name__}.{name} is a wrapper; hooks here take none, use a filter_ hook")
    given = list(inspect.signature(getattr(Hooks.specifications(), name)).parameters)[1:]
    for argument in list(inspect.signature(function).parameters)[1:]:
        if argument not in given:
            advice = nearest(argument, given)
            raise _Unfit(f"{factory.__name__}.{name} wants {argument}, which this hook is not given{advice}")


def _hooks_of(factory: Any) -> list[str]:
    return [name for name in dir(factory) if hasattr(getattr(factory, name, None), f"{PROJECT}_impl")]


def _joined(plugins: dict[str, object]) -> pluggy.PluginManager:
    """pluggy calls the last registered first, so the file is registered from its end."""
    host = pluggy.PluginManager(PROJECT)
    host.add_hookspecs(Hooks.specifications())
    for name, plugin in reversed(plugins.items()):
        host.register(plugin, name=name)
    host.check_pending()
    return host


def _offer(name: str, origin: str, module: str) -> Iterator[Available]:
    try:
        factory = getattr(import_module(module), "plugin", None)
    except Exception as wrong:
        yield Available(name, origin, "", _reason(wrong))
        return
    if factory is not None:
        summary = (factory.__doc__ or import_module(module).__doc__ or "").strip().partition("\n")[0]
        yield Available(name, origin, summary, "", factory)


def _entry_points() -> list[EntryPoint]:
    return [point for point in entry_points(group=PROJECT) if point.name]
