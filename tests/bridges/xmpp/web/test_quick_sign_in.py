"""SASL2 over WebSocket: each element is a frame, and the stream goes on where it is (RFC 7395, XEP-0388)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest

from .....bridges.xmpp.stream.limits import BEFORE_SIGN_IN
from ....people import ALICE, BOB
from ....stage import PASSWORD, say
from ..quick_client import HT, WANTS_TOKEN, agent, authenticate, bind, plain, shown
from .browser import CLIENT, FRAMING, STREAMS, Browser
from .test_websocket import Place, place, place_in  # noqa: F401 - a fixture

SASL2 = "urn:xmpp:sasl:2"
SUCCESS, FEATURES = f"{{{SASL2}}}success", f"{{{STREAMS}}}features"
FAST = "<fast xmlns='urn:xmpp:fast:0'/>"


async def opened(place: Place) -> Browser:  # noqa: F811
    browser = await Browser.connect(place.url)
    await browser.say(f"<open xmlns='{FRAMING}' to='example.test' version='1.0'/>")
    offered = await browser.until(FEATURES)
    assert offered.find(f"{{{SASL2}}}authentication") is not None
    return browser


async def signed_in(place: Place, request: str) -> tuple[Browser, Element]:  # noqa: F811
    browser = await opened(place)
    await browser.say(request)
    success = await browser.next()
    assert success.tag == SUCCESS
    assert (await browser.next()).tag == FEATURES, "success and features are two frames, and nothing is opened anew"
    return browser, success


async def test_a_page_signs_in_by_one_frame_and_talks(place: Place):  # noqa: F811
    page, success = await signed_in(place, authenticate("PLAIN", plain(ALICE, PASSWORD), agent() + bind()))
    address = success.findtext(f"{{{SASL2}}}authorization-identifier")
    assert address is not None and address.startswith("alice@example.test/test/")
    await page.say("<presence/>")
    await page.until(f"{{{CLIENT}}}presence")
    await say(place.front_end, BOB, ALICE, "hello page")
    heard = await page.until(f"{{{CLIENT}}}message")
    assert heard.findtext(f"{{{CLIENT}}}body") == "hello page"


async def test_a_page_comes_back_by_a_token_to_the_session_it_had(place: Place):  # noqa: F811
    enable = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
    request = authenticate("PLAIN", plain(ALICE, PASSWORD), agent() + bind(enable) + WANTS_TOKEN)
    _, success = await signed_in(place, request)
    enabled = success.find(".//{urn:xmpp:sm:3}enabled")
    token = success.find("{urn:xmpp:fast:0}token")
    assert enabled is not None and token is not None
    resume = f"<resume xmlns='urn:xmpp:sm:3' previd='{enabled.get('id')}' h='0'/>"
    again, success = await signed_in(
        place, authenticate(HT, shown(ALICE, token.get("token", "")), agent() + FAST + resume)
    )
    assert success.find("{urn:xmpp:sm:3}resumed") is not None
    await again.say("<iq type='get' id='p' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert (await again.until(f"{{{CLIENT}}}iq", id="p")).get("type") == "result"


@pytest.mark.parametrize("signs_in", [False, True])
async def test_frames_may_be_long_after_sign_in_alone(place: Place, signs_in: bool):  # noqa: F811
    long = f"<message to='bob@example.test' type='chat'><body>{'x' * (BEFORE_SIGN_IN.stanza + 1)}</body></message>"
    if signs_in:
        page, _ = await signed_in(place, authenticate("PLAIN", plain(ALICE, PASSWORD), bind()))
        await page.say(long)
        await page.say("<iq type='get' id='p' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert (await page.until(f"{{{CLIENT}}}iq", id="p")).get("type") == "result"
    else:
        page = await opened(place)
        await page.say(long)
        assert any(element.tag == f"{{{STREAMS}}}error" for element in await page.rest())
