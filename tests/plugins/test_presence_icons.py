"""The badges: what they show to whom, and that nobody can tell hidden from unknown from offline."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from ...core.presence import Activity, Availability
from ...plugins.presence_icons import MAX_BATCH, SIZES_OF
from ...web.admission import ANONYMOUS_REQUESTS
from ..people import ALICE, BOB, CAROL, DAVE, DOMAIN, NOON, who
from ..web.scripts import SCRIPTS
from ..web.served import Served, served

SVG = "{http://www.w3.org/2000/svg}"
STRANGER = who("mallory@elsewhere.test")


@pytest.fixture
async def site(tmp_path):
    async with served(tmp_path) as running:
        yield running


# ---- what a badge shows


async def test_an_icon_says_in_words_what_it_shows(site: Served):
    await site.publish(ALICE, Availability.BUSY, activity=Activity.IN_A_MEETING, note="Ask Emil if urgent")
    answer = await site.get(f"/presence/{ALICE}.svg?t={site.token(BOB)}")
    picture = ElementTree.fromstring(answer.body)
    assert answer.status == 200
    assert answer.header("content-type") == "image/svg+xml; charset=utf-8"
    assert picture.findtext(f"{SVG}title") == "Busy, in a meeting"
    assert picture.findtext(f"{SVG}desc") == "Ask Emil if urgent"
    assert picture.get("aria-label") == "Busy, in a meeting"
    assert picture.get("width") == picture.get("height") == "16"


async def test_words_are_german_for_germans(site: Served):
    await site.publish(ALICE, Availability.BUSY, activity=Activity.IN_A_CALL)
    token = site.token(BOB)
    by_address = await site.get(f"/presence/{ALICE}.svg?t={token}&lang=de-CH")
    by_browser = await site.get(f"/presence/{ALICE}.svg?t={token}", accept_language="fr, de;q=0.8, en;q=0.1")
    assert ElementTree.fromstring(by_address.body).findtext(f"{SVG}title") == "Beschäftigt, am Telefon"
    assert by_address.body == by_browser.body
    assert by_address.header("content-language") == "de"
    assert by_address.header("vary") == "Authorization"
    assert by_browser.header("vary") == "Authorization, Accept-Language"


async def test_the_document_says_everything_the_viewer_may_know(site: Served):
    await site.publish(ALICE, Availability.BUSY, activity=Activity.IN_A_MEETING, note="Back at three")
    document = json.loads((await site.get(f"/presence/{ALICE}.json?t={site.token(BOB)}")).body)
    assert document["id"] == str(ALICE)
    assert (document["availability"], document["activity"], document["icon"]) == ("busy", "meeting", "in-a-meeting")
    assert document["since"] == "2026-11-24T12:00:00Z"
    assert document["note"] == "Back at three"
    assert [way["by"] for way in document["reach"]] == ["mail", "im", "call"]
    assert (await site.get(f"/presence/{ALICE}?t={site.token(BOB)}")).body == json.dumps(
        document, ensure_ascii=False, separators=(",", ":")
    ).encode()


async def test_every_size_and_theme_of_every_format(site: Served):
    await site.publish(ALICE)
    token = site.token(BOB)
    for kind in ("svg", "png"):
        for size in SIZES_OF[kind]:
            for theme in ("auto", "light", "dark"):
                answer = await site.get(f"/presence/{ALICE}.{kind}?t={token}&size={size}&theme={theme}")
                assert answer.status == 200, (kind, size, theme)
                if kind == "png":
                    assert int.from_bytes(answer.body[16:20]) == int.from_bytes(answer.body[20:24]) == size
                else:
                    assert ElementTree.fromstring(answer.body).get("width") == str(size)


@pytest.mark.parametrize("scheme", ["", "sip:", "xmpp:", "SIP:", "im:"])
async def test_an_address_may_have_a_scheme_and_any_letter_case(site: Served, scheme: str):
    await site.publish(ALICE)
    answer = await site.get(f"/presence/{scheme}Alice%40EXAMPLE.test.json?t={site.token(BOB)}")
    assert json.loads(answer.body)["availability"] == "available"


async def test_somebody_whose_connection_was_lost_is_unknown_and_was_last_seen(site: Served):
    await site.publish(ALICE, expires=NOON + timedelta(minutes=1))
    site.front_end.clock.turn(minutes=2)
    await site.front_end.presence.depart(ALICE, "nowhere")
    document = json.loads((await site.get(f"/presence/{ALICE}.json?t={site.token(BOB)}")).body)
    assert document["availability"] == document["icon"] == "unknown"
    assert document["text"] == "Unknown, last seen 12:02"


# ---- who may see it


async def test_without_a_token_nobody_sees_anything(site: Served):
    await site.publish(ALICE)
    assert json.loads((await site.get(f"/presence/{ALICE}.json")).body)["availability"] == "offline"


async def test_a_public_badge_shows_availability_and_nothing_else(tmp_path):
    async with served(tmp_path, icons={"public": "availability"}) as site:
        await site.publish(ALICE, Availability.BUSY, activity=Activity.IN_A_MEETING, note="secret")
        document = json.loads((await site.get(f"/presence/{ALICE}.json")).body)
        assert (document["availability"], document["activity"], document["note"]) == ("busy", "", "")
        assert json.loads((await site.get("/presence/nobody@example.test.json")).body)["availability"] == "offline"


async def test_a_token_may_stand_in_a_header(site: Served):
    await site.publish(ALICE)
    for scheme in ("Bearer", "Embed", "embed"):
        answer = await site.get(f"/presence/{ALICE}.json", authorization=f"{scheme} {site.token(BOB)}")
        assert json.loads(answer.body)["availability"] == "available"
        assert answer.header("cache-control") == "private, no-cache"


async def test_a_token_that_has_ended_shows_what_anybody_sees(site: Served):
    await site.publish(ALICE)
    token = site.token(BOB, minutes=5)
    assert json.loads((await site.get(f"/presence/{ALICE}.json?t={token}")).body)["availability"] == "available"
    site.front_end.clock.turn(minutes=6)
    assert json.loads((await site.get(f"/presence/{ALICE}.json?t={token}")).body)["availability"] == "offline"


KINDS = ("svg", "png", "json", "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", KINDS)
async def test_unknown_hidden_blocked_and_offline_people_answer_alike(tmp_path, kind: str, method: str):
    async with served(tmp_path, same_domain="contacts") as site:
        await site.publish(ALICE, note="blocked Bob")
        await site.front_end.contacts.block(ALICE, BOB)
        await site.publish(CAROL, note="does not know Bob")
        await site.front_end.contacts.grant(DAVE, BOB)  # Bob may see Dave, who is not signed in
        nobody, foreign = who("nobody"), STRANGER
        token = site.token(BOB)
        answers = []
        for person in (ALICE, CAROL, DAVE, nobody, foreign):
            suffix = f".{kind}" if kind else ""
            raw = await site.get(f"/presence/{person}{suffix}?t={token}&lang=en", method)
            assert raw.status == 200
            answers.append(_without_name(raw.head, raw.body, str(person), raw.header("etag")))
        assert len(set(answers)) == 1, "somebody can be told from somebody else"


def _without_name(head: bytes, body: bytes, person: str, etag: str) -> tuple[bytes, bytes]:
    """The document names whom it is about, as asked; everything else must not depend on it."""
    body = body.replace(person.encode(), b"*")
    if b"application/json" in head:
        head = head.replace(etag.encode(), b"etag")
        head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length"))
    return head, body


async def test_a_document_of_the_same_address_is_the_same_whether_it_exists_or_hides(tmp_path):
    """The same address, before and after it exists, is busy, and is gone again: to a stranger nothing ever happens."""
    async with served(tmp_path, same_domain="contacts") as site:
        path = f"/presence/erin@{DOMAIN}.json?t={site.token(BOB)}"
        before = await site.get(path)
        await site.publish(who("erin"), Availability.DO_NOT_DISTURB, note="hidden")
        hidden = await site.get(path)
        await site.front_end.presence.depart(who("erin"), "desk")
        assert before == hidden == await site.get(path)
        assert (await site.get(path, if_none_match=before.header("etag"))).status == 304


async def test_somebody_who_signed_out_looks_like_somebody_hidden(site: Served):
    token = site.token(BOB)
    never = await site.get(f"/presence/{ALICE}.json?t={token}")
    await site.publish(ALICE, Availability.BUSY, note="soon gone")
    assert json.loads((await site.get(f"/presence/{ALICE}.json?t={token}")).body)["availability"] == "busy"
    await site.front_end.presence.depart(ALICE, "desk")
    assert await site.get(f"/presence/{ALICE}.json?t={token}") == never


# ---- validators and lifetimes


@pytest.mark.parametrize("kind", ["svg", "png", "json"])
async def test_who_has_it_already_is_told_so(site: Served, kind: str):
    await site.publish(ALICE)
    path = f"/presence/{ALICE}.{kind}?t={site.token(BOB)}&lang=en"
    first = await site.get(path)
    etag = first.header("etag")
    assert etag.startswith('"')
    for header in (etag, f"W/{etag}", "*", f'"other", W/{etag}', f'"a",{etag},"b"'):
        again = await site.get(path, if_none_match=header)
        assert (again.status, again.body) == (304, b""), header
        for name in ("etag", "cache-control", "vary", "content-security-policy", "x-content-type-options"):
            assert again.header(name) == first.header(name)
    for header in ('"other"', etag.strip('"'), '""', "W/"):
        assert (await site.get(path, if_none_match=header)).status == 200
    await site.publish(ALICE, Availability.AWAY)
    assert (await site.get(path, if_none_match=etag)).status == 200


async def test_a_validator_is_of_the_bytes_and_not_of_the_person(site: Served):
    await site.publish(ALICE)
    await site.publish(CAROL)
    token = site.token(BOB)
    one, other = [await site.get(f"/presence/{person}.svg?t={token}") for person in (ALICE, CAROL)]
    assert one == other


async def test_what_anybody_sees_may_be_kept_and_what_somebody_sees_may_not(site: Served):
    assert (await site.get(f"/presence/{ALICE}.svg")).header("cache-control").startswith("public, max-age=5,")
    for token in (site.token(BOB), "nonsense"):
        answer = await site.get(f"/presence/{ALICE}.svg?t={token}")
        assert answer.header("cache-control") == "private, no-cache"


@pytest.mark.parametrize("kind", ["svg", "png", "json"])
async def test_head_is_get_without_the_body(site: Served, kind: str):
    await site.publish(ALICE)
    path = f"/presence/{ALICE}.{kind}?t={site.token(BOB)}&lang=en"
    get, head = await site.get(path), await site.get(path, "HEAD")
    assert head.head == get.head
    assert head.body == b"" and int(head.header("content-length")) == len(get.body)


# ---- mistakes


@pytest.mark.parametrize(
    "query",
    [f"size={size}" for size in ("17", "0", "-16", "16.0", "99999999999", "", "abc", "%D9%A1%D9%A6")]
    + [f"theme={theme}" for theme in ("pink", "")]
    + [f"lang={lang}" for lang in ("%3Cscript%3E", "x" * 36, "-", "1")],
)
async def test_a_wrong_parameter_is_a_problem_and_not_a_default(site: Served, query: str):
    answer = await site.get(f"/presence/{ALICE}.svg?{query}")
    problem = json.loads(answer.body)
    assert (answer.status, problem["status"]) == (400, 400)
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("cache-control") == "no-store"
    assert problem["type"] == "/problems/bad-parameter"


async def test_a_png_is_never_scaled(site: Served):
    assert (await site.get(f"/presence/{ALICE}.png?size=128")).status == 400


@pytest.mark.parametrize("address", ["alice", "@example.test", "alice@", "a%20b@example.test", "a%00b@example.test"])
async def test_what_is_no_address_is_a_problem(site: Served, address: str):
    answer = await site.get(f"/presence/{address}.svg")
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "/problems/bad-address")


async def test_problems_speak_the_readers_language(site: Served):
    answer = await site.get(f"/presence/{ALICE}.svg?size=17&lang=de")
    assert json.loads(answer.body)["title"] == "Ein Parameter hat einen falschen Wert"
    page = await site.get("/problems/bad-parameter", accept_language="de")
    assert page.body.decode().startswith("400: Ein Parameter")
    assert (await site.get("/problems/no-such")).status == 404


async def test_an_unknown_viewer_cannot_ask_for_ever(tmp_path):
    async with served(tmp_path, shared_addresses=[]) as site:
        ids = json.dumps({"ids": [str(ALICE)] * MAX_BATCH}).encode()
        tries = int(ANONYMOUS_REQUESTS.burst * 20 / MAX_BATCH) + 2
        answers = []
        for _ in range(tries):
            async with site.session.post(f"{site.url}/presence", data=ids) as answer:
                answers.append((answer.status, answer.headers.get("Retry-After")))
        assert answers[0] == (200, None)
        assert answers[-1][0] == 429 and int(answers[-1][1]) >= 1
        async with site.session.post(f"{site.url}/presence?t={site.token(BOB)}", data=ids) as answer:
            assert answer.status == 200, "who proves who they are is not counted with them"


# ---- many at once


async def test_a_batch_answers_in_the_order_it_was_asked(site: Served):
    await site.publish(CAROL, Availability.AWAY)
    ids = [str(CAROL), str(ALICE), "sip:CAROL@example.test", str(ALICE)]
    for content_type in ("application/json", "text/plain"):
        answer = await site.get(
            f"/presence?t={site.token(BOB)}", "POST", json.dumps({"ids": ids}).encode(), content_type=content_type
        )
        value = json.loads(answer.body)["value"]
        assert [one["id"] for one in value] == [str(CAROL), str(ALICE), str(CAROL), str(ALICE)]
        assert [one["availability"] for one in value] == ["away", "offline", "away", "offline"]


async def test_a_batch_has_the_same_documents_as_single_requests(site: Served):
    await site.publish(CAROL, Availability.BUSY, note="<b>")
    token = site.token(BOB)
    people = [ALICE, CAROL, who("nobody")]
    body = json.dumps({"ids": [str(p) for p in people], "lang": "de"}).encode()
    batch = await site.get(f"/presence?t={token}", "POST", body, content_type="application/json")
    singles = [(await site.get(f"/presence/{p}.json?t={token}&lang=de")).body for p in people]
    assert batch.body == b'{"value":[' + b",".join(singles) + b"]}"


async def test_a_batch_may_ask_for_some_fields(site: Served):
    body = json.dumps({"ids": [str(ALICE)], "fields": ["icon", "text"]}).encode()
    answer = await site.get("/presence", "POST", body, content_type="application/json")
    assert json.loads(answer.body) == {"value": [{"id": str(ALICE), "icon": "offline", "text": "Offline"}]}
    wrong = json.dumps({"ids": [str(ALICE)], "fields": ["location"]}).encode()
    assert (await site.get("/presence", "POST", wrong, content_type="application/json")).status == 400


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"ids": "alice"}', "application/json", 400),
        (b'{"ids": [1]}', "application/json", 400),
        (b'{"ids": ["alice"]}', "application/json", 400),
        (b'{"ids": []}', "text/html", 415),
        (json.dumps({"ids": ["a@b.test"] * (MAX_BATCH + 1)}).encode(), "application/json", 413),
        (b'{"ids": ["' + b"a" * 70_000 + b'"]}', "application/json", 413),
        (b"[" * 60_000, "application/json", 400),
    ],
)
async def test_a_wrong_batch_is_a_problem(site: Served, body: bytes, content_type: str, status: int):
    answer = await site.get("/presence", "POST", body or b" ", content_type=content_type)
    assert answer.status == status
    assert answer.header("content-type") == "application/problem+json"


async def test_a_wrong_address_in_a_batch_is_pointed_at(site: Served):
    body = json.dumps({"ids": [str(ALICE), "nonsense", str(BOB), ""]}).encode()
    problem = json.loads((await site.get("/presence", "POST", body, content_type="application/json")).body)
    assert [error["pointer"] for error in problem["errors"]] == ["#/ids/1", "#/ids/3"]


async def test_pages_of_other_sites_may_ask(site: Served):
    answer = await site.get("/presence", "OPTIONS", origin="https://intranet.test")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-credentials") == ""
    assert (await site.get(f"/presence/{ALICE}.json")).header("access-control-allow-origin") == "*"


# ---- nothing anybody writes becomes markup


class Tags(HTMLParser):
    """Every tag and attribute a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.seen.update(name for name, _ in attrs)


@pytest.mark.parametrize("note", SCRIPTS)
async def test_a_note_is_text_wherever_it_is_shown(site: Served, note: str):
    await site.publish(ALICE, note=note)
    token = site.token(BOB)
    svg = await site.get(f"/presence/{ALICE}.svg?t={token}")
    picture = ElementTree.fromstring(svg.body)
    shown = "".join(c if c.isprintable() else " " for c in note)
    assert picture.findtext(f"{SVG}desc") == shown
    assert {element.tag for element in picture.iter()} <= {f"{SVG}{t}" for t in ALLOWED}
    assert not [name for element in picture.iter() for name in element.attrib if name.startswith("on")]
    raw = (await site.get(f"/presence/{ALICE}.json?t={token}")).body
    assert not set(b"<>&") & set(raw), "JSON that stands in a page must not open a tag"
    assert json.loads(raw)["note"] == shown
    page = await site.get(f"/?t={token}")
    tags = Tags()
    tags.feed(page.body.decode())
    assert not tags.seen & {"img src=x", "onerror", "onload", "onmouseover", "iframe", "foreignobject", "set", "use"}
    assert page.body.count(b"<script") == 1


ALLOWED = ("svg", "title", "desc", "style", "g", "path", "circle", "rect")
