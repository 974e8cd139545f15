"""The rules of the house: who may import whom, no cycles, and how long things may be."""

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("core", "plugins", "bridges", "web")
MODULES = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
)
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "__pycache__" not in path.parts)
NAMES = [path.relative_to(ROOT).as_posix() for path in MODULES]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in [*MODULES, *TESTS]}

MAX_MODULE, MAX_FUNCTION, MAX_METHODS = 300, 40, 12

UPWARDS = {
    "core": {"core"},
    "web": {"core", "web"},
    "plugins": {"core", "web", "plugins"},
    "bridges": {"core", "web", "bridges"},
}
"""Which of our folders each may import."""

LIBRARIES = {
    "core": {"pluggy", "sqlite_utils", "msgspec"},
    "core/cli": {"click", "uvloop"},
    "core/certificates.py": {"cryptography"},
    "core/dns.py": {"aiodns"},  # SRV and NAPTR, which the standard library does not ask for
    "web": {"aiohttp", "msgspec", "jinja2"},
    "web/make_icons.py": {"PIL", "resvg_py"},
    "plugins": {"aiohttp", "msgspec", "jinja2", "lxml"},
    "bridges": {"aiohttp", "msgspec", "lxml", "slixmpp"},
}
"""What of other people's each may import, besides the standard library."""

LONGER = {"core/front_end.py:__init__"}
"""Functions longer than usual: this one joins the parts, a line for each."""

MORE_METHODS = {
    "core/sqlite/journal.py:SqliteJournal",  # what the protocol Journal asks for
    "core/sqlite/profiles.py:SqliteProfiles",  # what the protocol Profiles asks for
    "core/immcu.py:Immcu",
    "core/contact_lists.py:ContactLists",
    "core/presence_registry.py:PresenceRegistry",
}
"""Classes with more public methods than usual; each says why in its docstring."""


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imported(path):
    """(our own module as a path, or somebody else's as a name; whether only for type checking)."""
    tree = TREES[path]
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            base = path.parent
            for _ in range(node.level - 1):
                base = base.parent
            for place in places(base, node):
                yield place, id(node) in typing_only


def places(base, node):
    """The modules that a relative import names."""
    target = base.joinpath(*(node.module or "").split(".")) if node.module else base
    for alias in node.names:
        for candidate in (target / f"{alias.name}.py", target / alias.name / "__init__.py"):
            if candidate.exists():
                yield candidate
                break
        else:
            whole = target.with_suffix(".py")
            yield whole if whole.exists() else target / "__init__.py"


PLUGINS = [path for path in MODULES if path.relative_to(ROOT).parts[0] in ("plugins", "bridges")]


def allowed(path):
    """The libraries a module may import."""
    name = relative(path)
    return set().union(*(names for place, names in LIBRARIES.items() if name == place or name.startswith(f"{place}/")))


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_imports_point_downwards(path):
    folder = relative(path).split("/")[0]
    for what, _ in imported(path):
        if isinstance(what, Path):
            assert relative(what).split("/")[0] in UPWARDS[folder], f"{relative(path)} imports {relative(what)}"
        else:
            library = what.split(".")[0]
            known = library in sys.stdlib_module_names or library == "__future__"
            assert known or library in allowed(path), f"{relative(path)} imports {what}"


@pytest.mark.parametrize("path", PLUGINS, ids=relative)
def test_plugins_do_not_import_one_another(path):
    home = relative(path).split("/")
    for what, _ in imported(path):
        if isinstance(what, Path) and relative(what).split("/")[0] in ("plugins", "bridges"):
            theirs = relative(what).split("/")
            same_package = len(home) > 2 and home[:2] == theirs[:2]
            part_of_it = theirs[:1] == home[:1] and theirs[1].startswith(home[1].removesuffix(".py") + "_")
            assert same_package or part_of_it, f"{relative(path)} imports {relative(what)}"


def test_nothing_goes_in_a_circle():
    graph = {
        relative(path): {
            relative(what)
            for what, typing_only in imported(path)
            if isinstance(what, Path) and what != path and not typing_only and what.name != "__init__.py"
        }
        for path in MODULES
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=relative)
def test_our_own_name_is_not_written(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "hereabouts" for alias in node.names), "import relatively"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] != "hereabouts", "import relatively"
        elif isinstance(node, ast.Call) and "import_module" in ast.dump(node.func):
            assert "'hereabouts" not in ast.unparse(node), "take the package's name from __name__"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_is_one_screenful_of_ideas_and_says_what_it_is(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_MODULE, "split it"
    doc = ast.get_docstring(TREES[path])
    assert doc, "say in one line what this module is"
    assert re.match(r"[^\n]+[.:]($|\n)|[^\n]+\n[^\n]+[.:]($|\n)", doc), "the first sentence says what it is"


def length_of(function):
    """Lines of a function without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= first.end_lineno - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_functions_and_classes_are_of_a_size_one_can_see(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            excused = f"{relative(path)}:{node.name}" in LONGER
            assert excused or length_of(node) <= MAX_FUNCTION, f"{node.name} does too much"
        if isinstance(node, ast.ClassDef) and f"{relative(path)}:{node.name}" not in MORE_METHODS:
            methods = [
                inner.name
                for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_")
            ]
            bases = {ast.unparse(base).split("[")[0] for base in node.bases}
            declares_only = bases & {"Protocol", "HookCalls"}
            assert declares_only or len(methods) <= MAX_METHODS, f"{node.name} has {len(methods)} public methods"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_name_that_says_nothing(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ClassDef):
            assert not re.search(r"(Manager|Handler|Helper|Util|Utils|Base|Impl)$", node.name), node.name


def test_there_are_as_many_lines_of_tests_as_of_code():
    code = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES)
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS)
    tests += sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.scene"))
    assert tests >= code, f"{tests} lines of tests for {code} lines of code"
