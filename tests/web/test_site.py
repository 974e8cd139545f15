"""What pages share: who is asking, links, the limits of unknown viewers; and that the documentation tells the truth."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from jinja2 import UndefinedError

from ...core.presence import Availability
from ...plugins.presence_icons import MAX_BATCH, PresenceIcons
from ...plugins.presence_page import PresencePage
from ...web import WebServer, site
from ...web.icons import SIZES, Theme
from ...web.languages import Language
from ...web.pages import Pages
from ...web.pictures import PNG_SIZES
from ...web.renderings import Shown
from ...web.site import site_of, token_in
from ...web.static_files import StaticFiles
from ...web.streams import MAX_STREAMS_PER_TOKEN, MAX_WATCHED
from ...web.tokens import ANYBODY
from ..people import ALICE, BOB, NOON
from .served import served

ROOT = Path(__file__).parents[2]


# ---- who is asking


@pytest.mark.parametrize(
    ("query", "headers", "token"),
    [
        ({}, {}, None),
        ({"t": "a"}, {}, "a"),
        ({"t": "a"}, {"Authorization": "Bearer b"}, "a"),
        ({"t": ""}, {"Authorization": "Bearer b"}, ""),
        ({}, {"Authorization": "Bearer b"}, "b"),
        ({}, {"Authorization": "embed  b "}, "b"),
        ({}, {"Authorization": "Basic YTpi"}, None),
        ({}, {"Authorization": "Bearer"}, None),
    ],
)
def test_where_a_token_stands(query: dict, headers: dict, token: str | None):
    assert token_in(query, headers) == token


async def test_a_token_is_proved_once_and_ends_all_the_same(tmp_path, monkeypatch):
    async with served(tmp_path) as running:
        here, token = running.web.site, running.token(ALICE, minutes=5)
        assert here.viewer(token).identity == ALICE
        monkeypatch.setattr(site, "verify", lambda *_: pytest.fail("it was proved already"))
        assert here.viewer(token).identity == ALICE
        running.front_end.clock.turn(minutes=5)
        assert here.viewer(token) == ANYBODY
        assert here.viewer(None) == here.viewer("") == ANYBODY


async def test_remembered_tokens_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "MAX_KNOWN", 5)
    async with served(tmp_path) as running:
        for hours in range(1, 30):
            assert running.web.site.viewer(running.token(ALICE, hours=hours)).identity == ALICE
            assert running.web.site.viewer(f"nonsense {hours}") == ANYBODY
        assert len(running.web.site._known) <= 5


async def test_tokens_survive_a_restart_and_no_other_server_takes_them(tmp_path):
    async with served(tmp_path / "one") as running:
        token = running.token(ALICE)
    async with served(tmp_path / "one") as running:
        assert running.web.site.viewer(token).identity == ALICE
    async with served(tmp_path / "two") as running:
        assert running.web.site.viewer(token) == ANYBODY
    assert (tmp_path / "one" / "secret").stat().st_mode & 0o777 == 0o600


async def test_a_link_is_whole(tmp_path):
    async with served(tmp_path, public_url="https://presence.example.com/") as running:
        link = urlsplit(running.web.site.link("/", ALICE, hours=1, lang="de"))
        assert (link.scheme, link.netloc, link.path) == ("https", "presence.example.com", "/")
        query = parse_qs(link.query)
        assert query["lang"] == ["de"]
        viewer = running.web.site.viewer(query["t"][0])
        assert viewer.identity == ALICE
        assert viewer.expires == (NOON + timedelta(hours=1)).timestamp()
        assert running.web.site.link("/about") == "https://presence.example.com/about"


async def test_without_a_web_server_there_is_no_site(front_end):
    with pytest.raises(LookupError):
        site_of(front_end)


async def test_tokens_are_in_no_log(tmp_path, caplog):
    caplog.set_level("DEBUG")
    async with served(tmp_path) as running:
        token = running.token(BOB)
        for path in (f"/presence/{ALICE}.svg?t={token}", f"/?t={token}", f"/presence/x.svg?size=0&t={token}"):
            await running.get(path)
        await running.say(f"GET /?t={token} HTTP/7\r\n\r\n".encode())
        await running.say(b"GET /?t=" + token.encode() + b"x" * 9000 + b" HTTP/1.1\r\n\r\n")
        async with running.session.get(f"{running.url}/presence/events?ids={ALICE}&t={token}"):
            pass
    assert token not in caplog.text and token[:40] not in caplog.text


# ---- pages


def test_a_template_escapes_and_misses_nothing():
    pages = Pages(StaticFiles().addresses)
    words = {"closed": "<script>", "closed_text": "a & b"}
    page = pages.page("closed.html", Language.ENGLISH, words=words)
    assert "<h1>&lt;script&gt;</h1>" in page.text and "a &amp; b" in page.text
    with pytest.raises(UndefinedError):
        pages.page("closed.html", Language.ENGLISH, words={})


def test_no_template_and_no_module_switches_escaping_off():
    sources = [
        *(ROOT / "web" / "templates").rglob("*.html"),
        *(ROOT / "web").glob("*.py"),
        *(ROOT / "plugins").glob("*.py"),
    ]
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|\bMarkup\b|autoescape\s*=\s*False|autoescape false", text), path


def test_no_script_makes_markup_of_text():
    for path in (ROOT / "web" / "static").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )


def test_the_script_for_other_pages_is_small():
    assert len((ROOT / "web" / "static" / "presence-badge.js").read_bytes()) < 12 * 1024


# ---- docs/badges.md


@pytest.fixture(scope="module")
def badges() -> str:
    return (ROOT / "docs" / "badges.md").read_text(encoding="utf-8")


def test_the_document_in_the_documentation_is_the_one_we_send(badges: str):
    example = re.search(r"```json\n(.*?)```", badges, re.DOTALL)
    assert example is not None
    document = json.loads(example[1])
    assert list(document) == [field.name for field in msgspec.structs.fields(Shown)]
    assert msgspec.convert(document, Shown).availability == "busy"


def test_the_documentation_names_what_there_is(badges: str):
    for words in (
        Theme,
        [a.word for a in Availability],
        SIZES,
        PNG_SIZES,
        Language,
        ("snapshot", "presence", "gone", "move"),
    ):
        for word in words:
            assert re.search(rf"\b{re.escape(str(word))}\b", badges), word
    for limit in (MAX_BATCH, MAX_WATCHED):
        assert re.search(rf"\b{limit}\b", badges), limit
    assert MAX_STREAMS_PER_TOKEN == 5 and "five streams" in badges


def test_the_documentation_names_every_attribute_of_the_element(badges: str):
    script = (ROOT / "web" / "static" / "presence-badge.js").read_text(encoding="utf-8")
    observed = re.search(r"observedAttributes = \[(.*?)\]", script)
    assert observed is not None
    for name in re.findall(r'"(\w+)"', observed[1]):
        assert f"| `{name}` |" in badges, name


@pytest.mark.parametrize("plugin", [WebServer, PresenceIcons, PresencePage])
def test_the_documentation_configures_what_there_is(badges: str, plugin: type):
    tables = dict(re.findall(r"\[(\w+)\]\n((?:\w+ = .*\n)*)", badges))
    name = {WebServer: "web", PresenceIcons: "presence_icons", PresencePage: "presence_page"}[plugin]
    options = {field.name for field in msgspec.structs.fields(plugin.Options)}
    assert set(re.findall(r"^(\w+) =", tables[name], re.MULTILINE)) <= options
