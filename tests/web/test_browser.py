"""The page in a real browser: presence changes, and the page follows without being loaded again."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ...core.presence import Activity, Availability
from ..people import ALICE, BOB, CAROL
from .served import Served, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 30_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture
async def site(tmp_path):
    async with served(tmp_path) as running:
        yield running


@asynccontextmanager
async def browsing(**context) -> AsyncIterator:
    """A browser window, and a list of everything it complains about."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        window = await (await browser.new_context(locale="en", timezone_id="UTC", **context)).new_page()
        window.set_default_timeout(PATIENCE)
        window.complaints = []
        window.on("console", lambda message: window.complaints.append(message.text))
        window.on("pageerror", lambda error: window.complaints.append(str(error)))
        try:
            yield window
        finally:
            await browser.close()


def card(window, who):
    return window.locator(f'.card[data-id="{who}"]')


async def test_a_change_shows_without_a_reload(site: Served):
    await site.publish(BOB)
    async with browsing() as window:
        await window.goto(f"{site.url}/?t={site.token(ALICE)}")
        await window.get_by_text("Live", exact=True).wait_for()
        await card(window, BOB).get_by_text("Available").wait_for()
        await window.evaluate("window.never = 'loaded again'")
        await site.publish(BOB, Availability.BUSY, activity=Activity.IN_A_MEETING, note="<b>Ask</b> Emil")
        await card(window, BOB).get_by_text("Busy, in a meeting").wait_for()
        await card(window, BOB).get_by_text("<b>Ask</b> Emil").wait_for()
        assert "in-a-meeting" in await card(window, BOB).locator(".avatar .icon").get_attribute("src")
        assert await card(window, BOB).locator(".way.best .label").inner_text() == "E-mail"
        assert await window.locator(".chip.engaged b").inner_text() == "1"
        await site.front_end.presence.depart(BOB, "desk")
        await card(window, BOB).get_by_text("Offline").wait_for()
        assert not await card(window, BOB).locator(".note").is_visible()
        assert await window.evaluate("window.never") == "loaded again"
        assert window.complaints == []


async def test_the_page_comes_back_after_the_server_did(site: Served):
    async with browsing() as window:
        await window.goto(f"{site.url}/?t={site.token(ALICE)}")
        await window.get_by_text("Live", exact=True).wait_for()
        site.web.site.streams.close()
        await window.get_by_text("Connecting again").wait_for()
        await site.publish(CAROL, Availability.AWAY)
        await card(window, CAROL).get_by_text("Away", exact=True).wait_for()
        await window.get_by_text("Live", exact=True).wait_for()


async def test_people_are_found_by_name_and_by_state(site: Served):
    from playwright.async_api import expect

    await site.publish(BOB)
    async with browsing() as window:
        await window.goto(f"{site.url}/?t={site.token(ALICE)}")
        await window.get_by_text("Live", exact=True).wait_for()
        shown = window.locator(".card:visible")
        assert await shown.count() == 4
        await window.get_by_role("button", name="Reachable").click()
        assert await shown.count() == 1
        await site.publish(CAROL)
        await expect(shown).to_have_count(2, timeout=PATIENCE)
        await window.get_by_role("searchbox", name="Find somebody").fill("hess")
        assert await shown.get_attribute("data-id") == str(CAROL)
        await window.get_by_role("searchbox").fill("nobody of this name")
        await window.get_by_text("Nobody here fits.").wait_for()


async def test_without_scripts_it_shows_one_moment(site: Served):
    await site.publish(BOB, Availability.DO_NOT_DISTURB)
    async with browsing(java_script_enabled=False) as window:
        await window.goto(f"{site.url}/?t={site.token(ALICE)}")
        await card(window, BOB).get_by_text("Do not disturb").first.wait_for()
        await window.locator("noscript .hint").wait_for()
        assert not await window.locator("#tools").is_visible()


async def test_it_fits_a_phone(site: Served):
    await site.publish(BOB, note="a-very-long-word-" * 10)
    async with browsing(viewport={"width": 320, "height": 640}) as window:
        await window.goto(f"{site.url}/?t={site.token(ALICE)}&lang=de")
        await window.get_by_text("Live", exact=True).wait_for()
        assert await window.evaluate("document.documentElement.scrollWidth") <= 320


async def test_badges_on_another_page_are_live(site: Served):
    """The element on a page of its own, from another origin, under a policy that allows nothing inline."""
    from aiohttp import web

    token = site.token(ALICE)
    html = (
        f'<!doctype html><html lang="de"><script type="module" src="{site.url}/presence-badge.js"></script>'
        f'<presence-badge id="dot" sip="sip:Bob@example.test" token="{token}"><a href="#">Bob</a></presence-badge>'
        f'<presence-badge id="pill" sip="{BOB}" token="{token}" view="pill" lang="en" size="12"></presence-badge>'
        f'<presence-badge id="none"></presence-badge>'
    )
    policy = f"default-src 'none'; script-src {site.url}; img-src {site.url}; connect-src {site.url}"

    async def page(request):
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    other = web.TCPSite(runner, "127.0.0.1", 0)
    await other.start()
    port = runner.addresses[0][1]
    try:
        async with browsing() as window:
            await window.goto(f"http://localhost:{port}/")
            await window.wait_for_selector('#dot[data-availability="offline"]')
            await window.evaluate(
                "window.seen = []; addEventListener('presence-change', (e) => seen.push([e.target.id, e.detail.text]))"
            )
            await site.publish(BOB, Availability.BUSY)
            await window.wait_for_selector('#pill[data-availability="busy"]')
            await window.wait_for_selector('#dot[data-availability="busy"]')
            assert sorted(await window.evaluate("window.seen")) == [["dot", "Beschäftigt"], ["pill", "Busy"]]
            assert await window.locator("#dot img").get_attribute("alt") == "Beschäftigt"
            assert await window.locator("#pill .text").inner_text() == "Busy"
            assert (await window.locator("#pill img").get_attribute("src")).endswith("/static/busy-micro.svg")
            assert await window.locator("#none").get_attribute("data-availability") == "unknown"
            assert await window.locator("#dot img").evaluate("(i) => i.decode().then(() => i.naturalWidth > 0)")
            assert [c for c in window.complaints if "favicon" not in c and "404" not in c] == []
    finally:
        await runner.cleanup()
