"""The page of everybody: who may open it, what stands in it without any script, and that it loads nothing foreign."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from ...core.people import Person
from ...core.presence import Activity, Availability
from ...plugins.presence_page import FAMILIES, HUES, WORDS, PresencePage, initials_of
from ...web.languages import Language
from ...web.pages import POLICY
from ..people import ALICE, BOB, CAROL, DAVE, NOON, who
from ..web.scripts import SCRIPTS
from ..web.served import Served, served


@pytest.fixture
async def site(tmp_path):
    async with served(tmp_path) as running:
        yield running


class Outline(HTMLParser):
    """What a page is made of: its elements, and the text of each card."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cards: dict[str, list[str]] = {}
        self._card = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self._card = attributes.get("data-id") or self._card

    def handle_data(self, data):
        if self._card and data.strip():
            self.cards.setdefault(self._card, []).append(data.strip())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [a for t, a in self.elements if t == tag and wanted.items() <= a.items()]


async def page_of(site: Served, **query: str) -> Outline:
    query.setdefault("t", site.token(ALICE))
    answer = await site.get("/?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status == 200
    return Outline(answer.body.decode())


async def test_everybody_is_on_it_with_their_state_in_words(site: Served):
    await site.publish(BOB, Availability.BUSY, activity=Activity.IN_A_MEETING, note="Ask Emil")
    page = await page_of(site)
    assert list(page.cards) == [str(ALICE), str(BOB), str(CAROL), str(DAVE)]
    text = page.cards[str(BOB)]
    for wanted in (
        "BO",
        "Bob Okafor",
        "Busy, in a meeting",
        "since",
        "12:00",
        "Ask Emil",
        "E-mail",
        "reads it afterwards",
    ):
        assert wanted in text
    assert "Offline" in page.cards[str(DAVE)]
    icons = page.all("img", class_="icon")
    assert len(icons) == 8 and all(icon["src"].startswith("/static/") for icon in icons)
    assert any(icon["src"].startswith("/static/in-a-meeting.svg?v=") for icon in icons)


async def test_it_speaks_german(site: Served):
    await site.publish(BOB)
    page = await page_of(site, lang="de")
    assert page.all("html", lang="de")
    assert "Verfügbar" in page.cards[str(BOB)]
    assert page.all("a", hreflang="en")


async def test_a_way_leads_where_the_directory_says(site: Served):
    person = Person(str(BOB), "Bob", mail="b.okafor@mail.test", phones=["+49 (30) 123-45", "7"])
    await site.front_end.store.put_person(BOB, person)
    page = await page_of(site)
    hrefs = {a["href"] for a in page.all("a")}
    assert {"mailto:b.okafor@mail.test", "tel:+493012345", f"im:{BOB}", f"sip:{CAROL}", f"mailto:{CAROL}"} <= hrefs


async def test_a_clock_elsewhere_is_shown(site: Served):
    await site.front_end.store.put_person(BOB, Person(str(BOB), "Bob", time_zone="Asia/Tokyo"))
    await site.front_end.store.put_person(CAROL, Person(str(CAROL), "Carol", time_zone="no/such/zone"))
    page = await page_of(site)
    assert "21:00 there" in page.cards[str(BOB)]
    assert not [text for text in page.cards[str(CAROL)] if text.endswith("there")]


async def test_it_is_operable_without_a_mouse_or_eyes(site: Served):
    page = await page_of(site)
    assert page.all("a", class_="skip", href="#people") and page.all("ul", id="people", tabindex="-1")
    assert page.all("p", role="status") and page.all("form", role="search")
    assert all("alt" in image for image in page.all("img"))
    assert all(svg["aria-hidden"] == "true" for svg in page.all("svg"))
    assert len(page.all("h1")) == 1 and len(page.all("h2")) == 4
    assert page.all("input", type="search", aria_label="Find somebody")
    assert page.all("ul", aria_label="How to reach Bob Okafor")


async def test_it_loads_nothing_from_elsewhere_and_runs_nothing_inline(site: Served):
    answer = await site.get(f"/?t={site.token(ALICE)}")
    page = Outline(answer.body.decode())
    assert answer.header("content-security-policy") == POLICY
    assert "unsafe" not in POLICY and POLICY.startswith("default-src 'none'")
    assert (answer.header("cache-control"), answer.header("referrer-policy")) == ("no-store", "no-referrer")
    loaded = [a.get("src") or a.get("href") for t, a in page.elements if t in ("img", "script", "link")]
    assert loaded and all(address.startswith("/static/") for address in loaded)
    for path in set(loaded):
        assert (await site.get(path)).status == 200
    assert not [name for _, a in page.elements for name in a if name.startswith("on") or name == "style"]
    assert all(script.get("type") == "module" for script in page.all("script"))


@pytest.mark.parametrize("text", SCRIPTS)
async def test_names_and_titles_are_text(site: Served, text: str):
    before = [(tag, set(attributes)) for tag, attributes in (await page_of(site)).elements]
    await site.front_end.store.put_person(
        BOB, Person(str(BOB), f"Bob {text}", title=text, time_zone=text, mail=text, phones=[text])
    )
    page = await page_of(site)
    assert [(tag, set(attributes)) for tag, attributes in page.elements if tag != "time"] == [
        element for element in before if element[0] != "time"
    ], "what somebody is called changed what the page is made of"
    schemes = {a["href"].partition(":")[0] for a in page.all("a") if ":" in a["href"] and a["href"][0] != "/"}
    assert schemes <= {"mailto", "tel", "sip", "im"}


# ---- who may open it


@pytest.mark.parametrize("query", ["", "?t=", "?t=nonsense", "?t=he1.0.0.0"])
async def test_without_a_link_it_stays_closed(site: Served, query: str):
    answer = await site.get("/" + query)
    assert answer.status == 403
    assert b"Alice" not in answer.body and b"needs a link of your own" in answer.body


async def test_a_link_ends(site: Served):
    path = f"/?t={site.token(ALICE, minutes=1)}"
    assert (await site.get(path)).status == 200
    site.front_end.clock.turn(minutes=2)
    assert (await site.get(path)).status == 403


async def test_people_of_other_domains_do_not_get_the_directory(site: Served):
    assert (await site.get(f"/?t={site.token(who('eve@elsewhere.test'))}")).status == 403


async def test_a_public_page_shows_names_but_no_presence(tmp_path):
    async with served(tmp_path, page={"public": "directory"}) as site:
        await site.publish(BOB, Availability.BUSY, note="secret")
        answer = await site.get("/")
        page = Outline(answer.body.decode())
        assert "Offline" in page.cards[str(BOB)] and b"secret" not in answer.body


async def test_it_shows_no_more_than_the_viewer_may_see(tmp_path):
    async with served(tmp_path, same_domain="contacts") as site:
        await site.publish(BOB, note="secret")
        await site.front_end.contacts.grant(BOB, CAROL)
        assert "secret" not in (await page_of(site)).cards[str(BOB)]
        assert "secret" in (await page_of(site, t=site.token(BOB))).cards[str(BOB)]


async def test_the_printed_link_opens_it_with_the_viewers_eyes(tmp_path):
    async with served(tmp_path, page={"viewer": "alice@example.test", "link_hours": 2}) as site:
        (plugin,) = [p for p in site.front_end.plugins.values() if isinstance(p, PresencePage)]
        ((words, link),) = plugin.addresses(site.front_end)
        assert words == "Who is around, as alice@example.test sees it" and link.startswith(f"{site.url}/?t=he1.")
        async with site.session.get(link) as answer:
            assert answer.status == 200 and "seen with the eyes of alice@example.test" in await answer.text()
        site.front_end.clock.turn(hours=3)
        async with site.session.get(link) as answer:
            assert answer.status == 403


async def test_without_a_viewer_nothing_is_printed_unless_all_may_come(tmp_path):
    for options, links in (({}, 0), ({"public": "directory"}, 1)):
        async with served(tmp_path / str(links), page=options) as site:
            (plugin,) = [p for p in site.front_end.plugins.values() if isinstance(p, PresencePage)]
            assert len(plugin.addresses(site.front_end)) == links


def test_the_viewer_must_be_an_address():
    with pytest.raises(ValueError, match="viewer: 'alice'"):
        PresencePage.Options(viewer="alice")


@pytest.mark.parametrize("lang", ["%3Cscript%3E", "x" * 40])
async def test_a_wrong_language_is_a_problem(site: Served, lang: str):
    assert (await site.get(f"/?t={site.token(ALICE)}&lang={lang}")).status == 400


async def test_somebody_lost_was_last_seen(site: Served):
    await site.publish(BOB, expires=NOON + timedelta(minutes=1))
    site.front_end.clock.turn(minutes=2)
    await site.front_end.presence.depart(BOB, "nowhere")
    page = await page_of(site)
    assert "Unknown, last seen 12:02" in page.cards[str(BOB)]


# ---- small things


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Alice Lindqvist", "AL"),
        ("Bob", "B"),
        ("Anna Maria von Trapp", "AT"),
        ("", "?"),
        ("— —", "?"),
        ("éa ßb", "ÉSS"),
    ],
)
def test_initials(name: str, initials: str):
    assert initials_of(name) == initials


def test_every_word_is_there_in_every_language():
    assert {*WORDS[Language.ENGLISH]} == {*WORDS[Language.GERMAN]}
    assert {availability.word for availability in Availability} == set(FAMILIES)


async def test_the_styles_have_every_colour_and_state(site: Served):
    styles = (await site.get("/static/page.css")).body.decode()
    for number in range(HUES):
        assert f".hue-{number} " in styles
    assert re.search(r"prefers-color-scheme: dark", styles) and re.search(r"prefers-reduced-motion", styles)
    assert "http" not in styles and "@import" not in styles
