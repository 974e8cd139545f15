"""The documentation says what is so: what is made from the code is up to date, examples run, links lead somewhere."""

import ast
import logging
import re
import sys
import textwrap
import tomllib
import types
from pathlib import Path

import pytest

from ..core.errors import Refused
from ..core.hooks import Hook
from ..core.hookspecs import Hooks
from ..core.options import options_of
from ..core.plugin_host import ROOT as PACKAGE
from ..core.plugin_host import available, load
from ..core.presence import Activity
from ..core.settings import FRONT_END, FrontEndSettings, parse
from .people import ALICE, BOB
from .stage import front_end_in, say, sit
from .written import CITATION, DOCS, MARK, ROOT, rewritten

PAGES = sorted([*DOCS.glob("*.md"), *(page for page in ROOT.glob("*.md"))])
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
WRITE = (DOCS / "write-a-plugin.md").read_text(encoding="utf-8")
SHIPPED = (ROOT / "plugins.toml").read_text(encoding="utf-8")


def name_of(page):
    return page.name


def blocks(page, language):
    """The code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


# ---- made from the code


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_made_from_the_code_is_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    command = f"python -m {PACKAGE}.tests.written, from the folder above the checkout"
    assert rewritten(text) == text, f"{page.name} is behind the code: {command}"


def test_every_plugin_and_the_front_end_have_their_options_explained():
    page = (DOCS / "configure.md").read_text(encoding="utf-8")
    explained = {found[3] for found in MARK.finditer(page) if found[2] == "options"}
    with_options = {one.name for one in available() if hasattr(one.factory, "Options")}
    assert explained == with_options | {"front_end"}


@pytest.mark.parametrize("name", [name for name, hook in vars(Hooks).items() if isinstance(hook, Hook)])
def test_every_hook_has_its_place(name):
    assert f"\n### {name}\n" in (DOCS / "hooks.md").read_text()


def test_every_option_of_the_front_end_is_documented():
    for option in options_of(FrontEndSettings):
        place = f"| `{option.name}` |" if option.inside is None else f"`[{FRONT_END}.{option.name}"
        assert option.doc and place in (DOCS / "configure.md").read_text()


def test_citations_are_found():
    text = "RFC 3261 section 17.2.2, XEP-0045 section 7.8, RFC 6121 sections 2 and RFC 7622"
    assert CITATION.findall(text) == [
        ("RFC", "3261", "17.2.2"),
        ("XEP", "0045", "7.8"),
        ("RFC", "6121", "2"),
        ("RFC", "7622", ""),
    ]


# ---- links and words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and found.suffix == ".md":
            heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in anchors, f"{page.name} links to #{anchor} of {found.name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_docs_exist(page):
    from ..core.cli import main

    scripts = "\n".join(blocks(page.read_text(encoding="utf-8"), "sh"))
    for line in re.findall(r"^ *(?:sudo -u hereabouts )?(?:\./run|hereabouts) ([a-z][\w -]*)", scripts, re.MULTILINE):
        words, group = line.split(), main
        if words[0] == "test":
            continue
        while words and hasattr(group, "commands"):
            assert words[0] in group.commands, f"{page.name}: hereabouts {line}"
            group = group.commands[words.pop(0)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configuration_in_the_docs_is_toml_the_server_takes(page):
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        tables = tomllib.loads(block)
        assert tables
        if "project" not in tables and all(isinstance(table, dict) for table in tables.values()):
            unknown = [m.text for m in parse(block, Path("plugins.toml")).mistakes]
            assert not unknown, f"{page.name}: {unknown}"


def test_the_shipped_configuration_is_right_and_so_is_every_line_it_proposes():
    load(parse(SHIPPED, ROOT / "plugins.toml"))
    proposed = re.sub(r"^# (?=\[|\w+ = )", "", SHIPPED, flags=re.MULTILINE)
    assert "[irc]" in proposed and "tcp_port = 5060" in proposed
    settings = parse(proposed, ROOT / "plugins.toml")
    wrong = [m.text for m in settings.mistakes if "which is not there" not in m.text]
    assert not wrong
    from ..core.plugin_host import examined

    for one in examined(settings):
        wrong = [m.text for m in one.mistakes if one.name != "greeter" and "which is not there" not in m.text]
        assert not wrong


# ---- write-a-plugin


@pytest.fixture
def greeter(monkeypatch):
    """The module of the page, as its reader would have it; the package has another name in a checkout."""
    source = blocks(WRITE, "python")[0].replace("from hereabouts.", f"from {PACKAGE}.")
    module = types.ModuleType("greeter")
    monkeypatch.setitem(sys.modules, "greeter", module)
    exec(compile(source, "greeter.py", "exec"), vars(module))
    return module


async def test_the_smallest_plugin_works(greeter, tmp_path, caplog):
    table = next(block for block in blocks(WRITE, "toml") if "use =" in block)
    (plugin,) = load(parse(table, tmp_path / "plugins.toml")).plugins.values()
    async with front_end_in(tmp_path, plugin) as front_end:
        with caplog.at_level(logging.INFO):
            sit(front_end, ALICE)
            await front_end.hooks.heard()
        assert "Good morning, alice" in caplog.text
        assert (await say(front_end, ALICE, BOB, "ham")).text == "ham"
        with pytest.raises(Refused, match="nobody says spam here"):
            await say(front_end, ALICE, BOB, "spam")


def test_the_mistake_it_shows_is_the_one_that_is_told(greeter):
    from ..core.plugin_host import examined

    settings = parse('[greeter]\nuse = "greeter:Greeter"\ngreting = "Hi"\n', Path("plugins.toml"))
    (one,) = examined(settings)
    (mistake,) = settings.refused(one.mistakes).mistakes
    assert mistake.rpartition("/")[2] in WRITE


async def test_the_source_of_presence_works(tmp_path):
    source = blocks(WRITE, "python")[1].replace("from hereabouts.", f"from {PACKAGE}.")
    place: dict = {}
    exec(compile(source, "telephone.py", "exec"), place)
    async with front_end_in(tmp_path) as front_end:
        sit(front_end, ALICE)
        await place["rang"](front_end, ALICE)
        assert front_end.presence.of(ALICE).activity is Activity.IN_A_CALL
        assert front_end.presence.why(ALICE)[0].owner == "telephone"


def test_what_it_shows_of_the_bridge_is_the_bridge():
    bridge = (ROOT / "bridges" / "irc.py").read_text()
    shown = blocks(WRITE, "python")[2:]
    assert len(shown) >= 5
    for block in shown:
        assert textwrap.dedent(block) in textwrap.dedent(bridge) or block in bridge, block


def test_python_in_the_docs_is_python():
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "python"):
            if "->" in block.split("\n")[0] and not block.startswith(("def", "async", " ", "#")):
                continue  # a hook's signature
            ast.parse(textwrap.dedent(block))


# ---- changelog


def test_the_changelog_has_the_version_that_setup_py_has():
    version = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text())[1]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
