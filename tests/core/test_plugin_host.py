"""The plugin host: tables become plugins in the order of the file, and whatever does not fit is named."""

import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from ...core import plugin_host
from ...core.errors import SettingsError
from ...core.hooks import hookimpl
from ...core.identity import Identity
from ...core.plugin_host import available, calling_order, examined, hook_names, load
from ...core.settings import parse

ALICE = Identity("alice", "example.test")


class Doorman:
    """Lets in whom it is told to."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        says: bool
        seen: list[str] = []

    def __init__(self, options):
        self.options = options
        if options.seen == ["trouble"]:
            raise ValueError("the door is stuck")
        if options.seen == ["more trouble"]:
            raise SettingsError(["the door is gone", "so is the house"])

    @hookimpl
    def authenticate(self, identity):
        self.options.seen.append(str(identity))
        return self.options.says or None


class Plain:
    """Wants nothing, does nothing, and says so."""

    @hookimpl
    def routes(self):
        return []


class Misspelt:
    @hookimpl
    def autenticate(self, identity):
        return None


class Greedy:
    @hookimpl
    def authenticate(self, identity, pasword):
        return None


class Wrapper:
    @hookimpl(wrapper=True)
    def authenticate(self, identity):
        return (yield)


class OddOptions:
    class Options:
        pass


@pytest.fixture(autouse=True)
def theirs(monkeypatch):
    """A module that somebody else installed."""
    module = types.ModuleType("their_module")
    for one in (Doorman, Plain, Misspelt, Greedy, Wrapper, OddOptions):
        setattr(module, one.__name__, one)
    module.number = 3
    monkeypatch.setitem(sys.modules, "their_module", module)


def settings(text):
    return parse(text, Path("/etc/here/plugins.toml"))


def mistakes(text):
    with pytest.raises(SettingsError) as caught:
        load(settings(text))
    return [mistake.removeprefix("/etc/here/plugins.toml:") for mistake in caught.value.mistakes]


async def test_plugins_are_called_in_the_order_of_the_file():
    text = """
[front]
use = "their_module:Doorman"
says = false
[back]
use = "their_module:Doorman"
says = true
[never]
use = "their_module:Doorman"
says = true
"""
    hooks, plugins = load(settings(text))
    assert list(plugins) == ["front", "back", "never"]
    assert hooks.implemented_by("authenticate") == ["front", "back", "never"]
    assert await hooks.authenticate(identity=ALICE, password="x") is True
    assert [plugin.options.seen for plugin in plugins.values()] == [["alice@example.test"]] * 2 + [[]]


def test_no_tables_are_no_plugins():
    hooks, plugins = load(settings(""))
    assert not plugins and hooks.implemented_by("authenticate") == []


def test_a_plugin_without_options_is_made_without_any():
    assert isinstance(load(settings('[x]\nuse = "their_module:Plain"\n')).plugins["x"], Plain)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[cdr_cvs]\n", '1: [cdr_cvs] there is no plugin of this name; did you mean "cdr_csv"?'),
        ("[frontend]\n", '1: [frontend] there is no plugin of this name; did you mean "front_end"?'),
        ('["../x"]\n', "1: [../x] there is no plugin of this name; it has"),
        ("[__init__]\n", "1: [__init__] "),
        ("[x]\na = 1\nuse = 3\n", "3: [x] use must be text in quotes: the name of a plugin, or module:Class"),
        ('[x]\nuse = "nowhere_at_all:X"\n', '2: [x] use = "nowhere_at_all:X" cannot be loaded: the Python module'),
        ('[x]\nuse = "their_module:Nobody"\n', '2: [x] use = "their_module:Nobody" cannot be loaded: AttributeError'),
        ('[x]\nuse = "their_module:number"\n', "2: [x] 3 is no class"),
        ('[x]\nuse = "their_module:OddOptions"\n', "2: [x] OddOptions.Options is no msgspec.Struct"),
        (
            '[x]\nuse = "their_module:Misspelt"\n',
            '2: [x] Misspelt implements a hook autenticate, which is none; did you mean "authenticate"?',
        ),
        (
            '[x]\nuse = "their_module:Greedy"\n',
            '2: [x] Greedy.authenticate wants pasword, which this hook is not given; did you mean "password"?',
        ),
        ('[x]\nuse = "their_module:Wrapper"\n', "2: [x] Wrapper.authenticate is a wrapper; hooks here take none"),
        ('[x]\nuse = "their_module:Doorman"\n', "1: [x] says is missing: true or false"),
        ('[x]\nuse = "their_module:Plain"\nsay = 1\n', '3: [x] there is no option "say"; it has none'),
        (
            '[x]\nuse = "their_module:Doorman"\nsays = true\nseen = ["trouble"]\n',
            "1: [x] the door is stuck",
        ),
    ],
)
def test_what_does_not_fit_is_named(table, said):
    (found,) = mistakes(table)
    assert found.startswith(said), found


def test_everything_in_the_file_is_listed_at_once():
    text = '[front_end]\nlgo = "json"\n[sipp]\n[x]\nuse = "their_module:Doorman"\nsays = 1\nsay = 2\n[y]\nz = \n[z]\n'
    found = mistakes(text)
    assert [line.partition(":")[0] for line in found] == ["2", "3", "6", "7", "8", "9", "10"]


def test_troubles_of_making_are_listed_together():
    text = '[x]\nuse = "their_module:Doorman"\nsays = true\nseen = ["trouble"]\n'
    text += text.replace("[x]", "[y]").replace("trouble", "more trouble")
    assert mistakes(text) == ["1: [x] the door is stuck", "5: [y] so is the house", "5: [y] the door is gone"]


def test_examining_makes_nothing():
    (one,) = examined(settings('[x]\nuse = "their_module:Doorman"\nsays = true\nseen = ["trouble"]\n'))
    assert one.factory is Doorman and one.origin == "their_module:Doorman" and not one.mistakes
    assert one.options == Doorman.Options(True, ["trouble"])


def test_the_calling_order_names_every_hook():
    order = calling_order(
        examined(settings('[b]\nuse = "their_module:Plain"\n[a]\nuse = "their_module:Plain"\n[c]\nuse = "no:C"\n'))
    )
    assert list(order) == hook_names() and order["routes"] == ["b", "a"] and order["access"] == []


def test_one_plugin_may_have_two_tables():
    class Twice(Plain):
        pass

    sys.modules["their_module"].Twice = Twice
    hooks = load(settings('[one]\nuse = "their_module:Twice"\n[two]\nuse = "their_module:Twice"\n')).hooks
    assert hooks.implemented_by("routes") == ["one", "two"]


# ---- ours, and what is installed


def test_our_own_are_found_by_name_and_helpers_are_not_plugins(tmp_path, monkeypatch):
    package = types.ModuleType(f"{plugin_host.ROOT}.plugins.greeter")
    package.plugin = Plain
    found = {f"{plugin_host.ROOT}.plugins.greeter": True, f"{plugin_host.ROOT}.bridges.parts": True}
    monkeypatch.setattr(plugin_host, "find_spec", found.get)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, f"{plugin_host.ROOT}.bridges.parts", types.ModuleType("parts"))
    (one,) = examined(settings("[greeter]\n"))
    assert one.factory is Plain and one.origin == "plugins/greeter"
    (found_error,) = mistakes("[parts]\n")
    assert found_error == "1: [parts] parts is a part of the server, no plugin"


def test_one_of_ours_that_cannot_be_imported_says_what_is_missing(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'ldap'", name="ldap")

    monkeypatch.setattr(plugin_host, "find_spec", lambda name: True)
    monkeypatch.setattr(plugin_host, "import_module", missing)
    (one,) = examined(settings("[people]\n"))
    assert [m.text for m in one.mistakes] == ["[people] cannot be loaded: the Python module ldap is not installed"]


def installed(monkeypatch, *points):
    found = [EntryPoint(name, value, "hereabouts") for name, value in points]
    monkeypatch.setattr(plugin_host, "entry_points", lambda group: found)


def test_an_installed_one_is_found_by_its_entry_point(monkeypatch):
    installed(monkeypatch, ("greeter", "their_module:Plain"), ("broken", "their_module:Nobody"))
    (one,) = examined(settings("[greeter]\n"))
    assert one.factory is Plain and one.origin == "their_module:Plain"
    assert mistakes("[broken]\n")[0].startswith("1: [broken] their_module:Nobody cannot be loaded: AttributeError")


def test_an_installed_one_that_nobody_enabled_is_listed_but_not_imported(monkeypatch):
    installed(monkeypatch, ("decoy", "no_such_module_anywhere:Decoy"))
    assert [(one.name, one.origin) for one in available()][-1] == ("decoy", "no_such_module_anywhere:Decoy")
    load(settings(""))


def test_our_own_name_wins_over_an_installed_one(monkeypatch):
    installed(monkeypatch, ("web", "their_module:Plain"))
    monkeypatch.setattr(plugin_host, "find_spec", lambda name: name == f"{plugin_host.ROOT}.web" or None)
    module = types.ModuleType(f"{plugin_host.ROOT}.web")
    module.plugin = Doorman
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (one,) = examined(settings("[web]\nsays = true\n"))
    assert one.factory is Doorman
