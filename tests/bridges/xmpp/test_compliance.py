"""docs/xmpp-compliance.md says what is there: each line is looked for where it says that it can be seen."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from ....bridges.xmpp.options import XmppOptions
from ....bridges.xmpp.plugin import XmppBridge
from ...people import ALICE
from ...stage import PASSWORD, front_end_in
from .socket_client import SocketClient

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "xmpp-compliance.md"
PLACES = {
    "server": "example.test",
    "account": "alice@example.test",
    "conference": "conference.example.test",
    "room": "lounge@conference.example.test",
}
SUITES = {
    "Core": {"RFC 6120", "RFC 7590", "XEP-0368", "XEP-0030", "XEP-0115", "XEP-0114", "XEP-0163"},
    "Web": {"RFC 7395", "XEP-0206", "XEP-0156"},
    "Instant messaging": {
        *("RFC 6121", "XEP-0398", "XEP-0054", "XEP-0280", "XEP-0191", "XEP-0045", "XEP-0249", "XEP-0048", "XEP-0313"),
        *("XEP-0402", "XEP-0410", "XEP-0223", "XEP-0049", "XEP-0198", "XEP-0363"),
    },
    "Mobile": {"XEP-0198", "XEP-0352", "XEP-0357"},
    "Calls": {"XEP-0215"},
}
"""What XEP-0479 section 3 asks of servers."""


class Line(NamedTuple):
    suite: str
    feature: str
    document: str
    level: str
    state: str
    seen: str


def lines() -> list[Line]:
    found, suite = [], ""
    for text in PAGE.read_text().splitlines():
        if text.startswith("## "):
            suite = text[3:]
        cells = [cell.strip() for cell in text.strip("|").split("|")] if text.startswith("| ") else []
        if len(cells) == 5 and cells[0] != "feature":
            found.append(Line(suite, *cells))
    return found


LINES = lines()


def test_every_line_of_the_suites_is_there():
    for suite, documents in SUITES.items():
        assert {line.document for line in LINES if line.suite == suite} == documents
    assert all(line.level in ("core", "advanced", "future") for line in LINES)


def test_what_is_there_can_be_seen_and_what_is_not_cannot():
    for line in LINES:
        assert bool(line.seen) is not line.state.startswith("no"), line


@pytest.mark.parametrize("line", [one for one in LINES if one.seen.startswith("tests/")], ids=lambda one: one.document)
def test_where_tests_show_it_there_are_tests(line):
    text = (ROOT / line.seen).read_text()
    assert re.search(r"^(async )?def test_", text, re.MULTILINE)


@pytest.fixture(scope="module")
def announced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that a server with everything on says of itself, by place."""
    return asyncio.run(_announced(tmp_path_factory.mktemp("compliance")))


async def _announced(state: Path) -> dict[str, str]:
    given = {"listen": "127.0.0.1", "port": 0, "tls_port": 0, "federation": {"port": 0}}
    bridge = XmppBridge(msgspec.convert(given, XmppOptions))
    said: dict[str, str] = {}
    async with front_end_in(state, bridge):
        client = await SocketClient.connect(bridge.ports["tls"], tls=True)
        said["before"] = await client.open()
        assert (await client.plain(ALICE, PASSWORD)).startswith("<success")
        said["stream"] = await client.open()
        await client.bind()
        room = f"{PLACES['room']}/alice"
        client.say(f"<presence/><presence to='{room}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        await client.until("code='110'")
        for place, address in PLACES.items():
            query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
            client.say(f"<iq type='get' id='{place}' to='{address}'>{query}</iq>")
            answer = ""
            while f"id='{place}'" not in answer:
                answer = await client.until("</iq>")
            said[place] = answer
        client.close()
    return said


@pytest.mark.parametrize(
    "line", [one for one in LINES if "`" in one.seen], ids=lambda one: f"{one.suite}-{one.document}"
)
def test_where_the_server_announces_it_it_does(announced, line):
    place, _, feature = line.seen.partition(" ")
    feature = feature.strip("`")
    wanted = f"var='{feature}'" if place in PLACES else f"xmlns='{feature}'"
    assert wanted in announced[place]
