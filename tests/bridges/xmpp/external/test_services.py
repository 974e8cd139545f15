"""External services: what is told of them, to whom, and passwords that a TURN server can check by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

import msgspec
import pytest

from .....bridges.xmpp.external.options import ExternalService
from .....bridges.xmpp.external.services import NS, ExternalServices
from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from ....people import ALICE, BOB, NOON
from ....stage import PASSWORD, front_end_in
from ..house import House, condition
from ..socket_client import SocketClient

SERVER = "example.test"
STUN = ExternalService("stun", "stun.example.test")
TURN = ExternalService("turn", "turn.example.test", secret="north", name="Relay", good_for_hours=2)
TURNS = ExternalService("turns", "turn.example.test", secret="north", port=443)
FIXED = ExternalService("turn", "old.example.test", username="guest", password="guest's")


@pytest.fixture
def served(house: House) -> House:
    services = ExternalServices([STUN, TURN, TURNS, FIXED], house.front_end.clock)
    house.router.queries.add(services.queries())
    return house


def services(answer: Element) -> list[dict[str, str]]:
    assert answer.get("type") == "result"
    return [dict(service.attrib) for service in answer[0]]


def checked(service: dict[str, str], secret: str = "north") -> datetime:
    """What the TURN server does: the end of the name's validity, if the password fits the name."""
    mac = hmac.new(secret.encode(), service["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(service["password"]) == mac
    return datetime.fromtimestamp(int(service["username"].partition(":")[0]), NOON.tzinfo)


async def test_all_services(served: House):
    alice = await served.client(ALICE)
    stun, turn, turns, fixed = services(await alice.ask(f"<services xmlns='{NS}'/>", to=SERVER))
    assert stun == {"type": "stun", "host": "stun.example.test", "port": "3478", "transport": "udp"}
    assert (turn["port"], turn["transport"], turn["name"], turn["restricted"]) == ("3478", "udp", "Relay", "true")
    assert checked(turn) == NOON + timedelta(hours=2) == datetime.fromisoformat(turn["expires"])
    assert (turns["port"], turns["transport"]) == ("443", "tcp") and checked(turns) == NOON + timedelta(hours=12)
    assert (fixed["username"], fixed["password"]) == ("guest", "guest's") and "expires" not in fixed
    assert services(await alice.ask(f"<services xmlns='{NS}'/>")) == [stun, turn, turns, fixed]


async def test_services_of_a_type(served: House):
    alice = await served.client(ALICE)
    answer = await alice.ask(f"<services xmlns='{NS}' type='turn'/>", to=SERVER)
    assert answer[0].get("type") == "turn"
    assert [service["host"] for service in services(answer)] == ["turn.example.test", "old.example.test"]
    assert services(await alice.ask(f"<services xmlns='{NS}' type='ftp'/>", to=SERVER)) == []


async def test_credentials(served: House):
    alice, bob = await served.client(ALICE), await served.client(BOB)
    asked = f"<credentials xmlns='{NS}'><service host='turn.example.test' type='turn'/></credentials>"
    (mine,) = services(await alice.ask(asked, to=SERVER))
    (theirs,) = services(await bob.ask(asked, to=SERVER))
    assert checked(mine) and checked(theirs) and mine["username"] != theirs["username"]
    assert "alice" not in mine["username"]


@pytest.mark.parametrize(
    "service, error",
    [
        ("", "bad-request"),
        ("<service/>", "bad-request"),
        ("<service host='turn.example.test'/>", "bad-request"),
        ("<service host='elsewhere.test' type='turn'/>", "item-not-found"),
        ("<service host='stun.example.test' type='stun'/>", "item-not-found"),
        ("<service host='turn.example.test' type='turn' port='1'/>", "item-not-found"),
    ],
)
async def test_credentials_there_are_none_for(served: House, service: str, error: str):
    alice = await served.client(ALICE)
    answer = await alice.ask(f"<credentials xmlns='{NS}'>{service}</credentials>", to=SERVER)
    assert condition(answer)[1] == error


async def test_who_has_no_services_does_not_announce_any(tmp_path):
    for given, there in (({}, False), ({"turn": TURN}, True)):
        bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, services=given))
        async with front_end_in(tmp_path / str(there), bridge):
            alice = await SocketClient.signed_in(bridge.ports, ALICE, PASSWORD)
            alice.say(
                f"<iq type='get' id='d' to='{SERVER}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            )
            assert (NS in await alice.until("</iq>")) == there
            alice.say(f"<iq type='get' id='s' to='{SERVER}'><services xmlns='{NS}'/></iq>")
            assert ("turn.example.test" in await alice.until("</iq>")) == there
            alice.close()


@pytest.mark.parametrize(
    "options",
    [
        {"type": "turn"},
        {"type": "ftp", "host": "ftp.example.test"},
        {"type": "turn", "host": "t", "secret": "x", "username": "y", "password": "z"},
        {"type": "turn", "host": "t", "username": "y"},
        {"type": "turn", "host": "t", "port": 0},
    ],
)
def test_options_that_are_wrong_are_refused(options):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"services": {"relay": options}}, XmppOptions)
