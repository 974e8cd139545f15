"""Accounts by their own people: before sign-in where that is on, and what one may do to one's own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ....bridges.xmpp import registration
from ....bridges.xmpp.options import XmppOptions
from ....bridges.xmpp.plugin import XmppBridge
from ....bridges.xmpp.registration import MAX_ACCOUNTS, MAX_CHANGES, PER_ADDRESS, NewAccounts, Shares
from ....bridges.xmpp.stream.limits import FORM_TIME, SIGN_IN_TIME, STEP_TIME
from ....bridges.xmpp.stream.negotiation import Offer
from ....bridges.xmpp.stream.registering import NotRegistered
from ....bridges.xmpp.stream.states import State
from ....core.errors import Busy
from ....core.hooks import hookimpl
from ....core.identity import Identity
from ...people import ALICE, BOB
from ...stage import PASSWORD, front_end_in
from .house import House, Options, condition, house_in
from .quick_client import bind, quick
from .socket_client import SocketClient
from .test_listener import quick_end  # noqa: F401 - a fixture
from .test_stream import HEADER, Carrier, secured
from .test_stream import condition as stream_condition

ERNA = Identity("erna", "example.test")
REGISTER = "jabber:iq:register"
ASK = f"<iq type='get' id='r1'><query xmlns='{REGISTER}'/></iq>"
FEATURE = "<register xmlns='http://jabber.org/features/iq-register'/>"


def wish(username: str = "erna", password: str = "open sesame", id: str = "r2") -> str:
    fields = "".join(f"<{k}>{v}</{k}>" for k, v in (("username", username), ("password", password)) if v)
    return f"<iq type='set' id='{id}' to='example.test'><query xmlns='{REGISTER}'>{fields}</query></iq>"


class Doorkeeper:
    """A plugin that checks passwords itself."""

    @hookimpl
    def authenticate(self, identity: Identity, password: str) -> bool:
        return password == "from elsewhere"


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[tuple[dict[str, int], object]]:
    """A server where anybody may make an account."""
    bridge = XmppBridge(
        XmppOptions(listen="127.0.0.1", port=0, tls_port=0, registration=True, admins=["root@example.test"])
    )
    async with front_end_in(tmp_path, bridge) as front_end:
        yield bridge.ports, front_end


async def asked(client: SocketClient, what: str) -> str:
    client.say(what)
    return await client.until("</iq>" if "type='get'" in what else b">")


def error(said: str) -> tuple[str, str]:
    found = re.search(r"<error type='([a-z]+)'><([a-z-]+) xmlns", said)
    return (found[1], found[2]) if found else ("", "")


async def stranger(ports: dict[str, int]) -> SocketClient:
    client = await SocketClient.connect(ports["tls"], tls=True)
    assert FEATURE in await client.open()
    return client


# ---- before sign-in


async def test_who_has_no_account_makes_one_and_signs_in(open_house):
    ports, front_end = open_house
    client = await stranger(ports)
    client.say(ASK)
    form = await client.until("</iq>")
    assert "id='r1'" in form and "<username/><password/>" in form and "<instructions>" in form
    client.say(wish())
    assert "<iq type='result' id='r2' from='example.test'/>" in await client.until("/>")
    assert (await client.plain(ERNA, "open sesame")).startswith("<success")
    await client.open()
    assert await client.bind()
    again, said = await quick(ports, ERNA, "open sesame", bind())
    assert "<bound" in said
    for each in (client, again):
        each.close()
    assert (await front_end.accounts.person(ERNA)).address == str(ERNA)


async def test_nothing_of_it_before_tls(open_house):
    ports, _ = open_house
    client = await SocketClient.connect(ports["starttls"])
    assert FEATURE not in await client.open()
    client.say(wish())
    assert "not-authorized" in await client.rest()


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [
        ("bob", "x", ("cancel", "conflict")),
        ("BOB", "x", ("cancel", "conflict")),
        ("root", "x", ("cancel", "conflict")),
        ("Root", "x", ("cancel", "conflict")),
        ("erna", "", ("modify", "not-acceptable")),
        ("", "x", ("modify", "not-acceptable")),
        ("er na", "x", ("modify", "not-acceptable")),
        ("erna@elsewhere.test", "x", ("modify", "not-acceptable")),
        ("a/b", "x", ("modify", "not-acceptable")),
        ("sip:erna", "x", ("modify", "not-acceptable")),
        ("x" * 1100, "x", ("modify", "not-acceptable")),
        ("erna", "x" * 1100, ("modify", "not-acceptable")),
    ],
)
async def test_who_cannot_be_registered(open_house, username, password, expected):
    ports, front_end = open_house
    client = await stranger(ports)
    client.say(wish(username, password))
    said = await client.until("</iq>")
    assert error(said) == expected and (not password or password == "x" or password not in said)
    assert not await front_end.accounts.exists(ERNA)
    assert not await front_end.accounts.exists(Identity("root", "example.test"))
    assert (await client.plain(ALICE, PASSWORD)).startswith("<success"), "the stream goes on"
    client.close()


async def test_a_stranger_removes_nobody(open_house):
    ports, front_end = open_house
    client = await stranger(ports)
    client.say(f"<iq type='set' id='r3'><query xmlns='{REGISTER}'><remove/><username>bob</username></query></iq>")
    assert error(await client.until("</iq>")) == ("wait", "unexpected-request")
    assert await front_end.accounts.exists(BOB)
    client.close()


async def test_one_address_makes_so_many_and_no_more(open_house):
    ports, front_end = open_house
    for number in range(PER_ADDRESS + 1):
        client = await stranger(ports)
        client.say(wish(f"erna{number}"))
        said = await client.until(b">" if number < PER_ADDRESS else "</iq>")
        client.close()
    assert error(said) == ("wait", "resource-constraint")
    assert not await front_end.accounts.exists(Identity(f"erna{PER_ADDRESS}", "example.test"))


async def test_a_mistake_of_ours_is_no_account_and_no_secret(open_house, monkeypatch, caplog):
    ports, front_end = open_house

    async def broken(*args):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(front_end.accounts, "add", broken)
    client = await stranger(ports)
    client.say(wish())
    assert error(await client.until("</iq>")) == ("wait", "internal-server-error")
    assert "a mistake" in caplog.text and "sesame" not in caplog.text
    client.close()


async def test_where_it_is_off_there_is_nothing(tmp_path):
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0))
    async with front_end_in(tmp_path, bridge) as front_end:
        client = await SocketClient.connect(bridge.ports["tls"], tls=True)
        assert FEATURE not in await client.open()
        client.say(wish())
        assert "not-authorized" in await client.rest()
        assert not await front_end.accounts.exists(ERNA)


async def test_where_a_plugin_decides_there_is_nothing_either(tmp_path):
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, registration=True))
    async with front_end_in(tmp_path, bridge, Doorkeeper()):
        client = await SocketClient.connect(bridge.ports["tls"], tls=True)
        offered = await client.open()
        assert FEATURE not in offered and "HT-SHA-256-NONE" not in offered
        client.close()


# ---- the stream


OFFER = Offer(ours=lambda domain: domain == "example.test", domain="example.test", registration=True)


def offered() -> Carrier:
    carrier = Carrier(secure=True, offer=OFFER)
    carrier.say(HEADER)
    return carrier


def test_who_thinks_about_a_name_has_time_for_it_once():
    carrier = offered()
    assert "<username/>" in carrier.say(ASK.encode())
    assert carrier.pass_time(FORM_TIME - 1) == ""
    assert "<username/>" in carrier.say(ASK.encode())
    assert stream_condition(carrier.pass_time(STEP_TIME + 1)) == "connection-timeout"
    carrier = offered()
    assert stream_condition(carrier.pass_time(STEP_TIME + 1)) == "connection-timeout"
    assert FORM_TIME > SIGN_IN_TIME


def test_the_password_is_in_no_trace():
    carrier = offered()
    carrier.does = False
    carrier.say(wish().encode())
    assert carrier.stream.state is State.REGISTERING
    assert "sesame" not in repr(carrier.deeds) and "erna" in repr(carrier.deeds)
    assert carrier.say(b"<presence/>") == "", "it is not the client's turn"


@pytest.mark.parametrize(
    "other",
    [
        b"<iq type='set' id='x'><query xmlns='jabber:iq:roster'/></iq>",
        b"<message/>",
        b"<iq type='result' id='x'><query xmlns='jabber:iq:register'/></iq>",
        b"<iq type='get' id='x'><query xmlns='jabber:iq:register'/><x xmlns='urn:x'/></iq>",
    ],
)
def test_nothing_else_is_heard_before_sign_in(other):
    assert stream_condition(offered().say(other)) == "not-authorized"


def test_it_is_over_with_the_sign_in():
    carrier = secured()
    assert stream_condition(carrier.say(ASK.encode())) == "not-authorized"


# ---- one's own account


async def query(house: House, inner: str, type: str = "set", to: str | None = "example.test"):
    client = await house.client(ALICE)
    return client, await client.ask(f"<query xmlns='{REGISTER}'>{inner}</query>", to, type)


@pytest.mark.parametrize("to", ["example.test", None, "alice@example.test"])
async def test_who_has_an_account_is_told_so(house, to):
    _, answer = await query(house, "", "get", to)
    told = answer[0]
    assert told.find(f"{{{REGISTER}}}registered") is not None
    assert told.findtext(f"{{{REGISTER}}}username") == "alice" and not told.findtext(f"{{{REGISTER}}}password")


FORM = (
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>jabber:iq:register:changepassword</value>"
    "</field><field var='username'><value>alice</value></field><field var='password'><value>new</value></field></x>"
)


@pytest.mark.parametrize("username", ["alice", "Alice", "alice@example.test", FORM])
async def test_a_new_password(house, username, caplog):
    inner = username if username == FORM else f"<username>{username}</username><password>new</password>"
    _, answer = await query(house, inner)
    assert answer.get("type") == "result" and len(answer) == 0
    assert await house.front_end.accounts.check_password(ALICE, "new")


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("", ("modify", "bad-request")),
        ("<username>alice</username>", ("modify", "bad-request")),
        ("<username>alice</username><password/>", ("modify", "bad-request")),
        ("<password>new</password>", ("modify", "bad-request")),
        ("<username>bob</username><password>new</password>", ("cancel", "not-allowed")),
        ("<username>a@b@c</username><password>new</password>", ("cancel", "not-allowed")),
        ("<username>sip:alice</username><password>new</password>", ("cancel", "not-allowed")),
        ("<username>alice/desk</username><password>new</password>", ("cancel", "not-allowed")),
        ("<username>bob@example.test</username><password>new</password>", ("cancel", "not-allowed")),
        (f"<username>alice</username><password>{'x' * 1100}</password>", ("modify", "policy-violation")),
        ("<remove/><username>alice</username>", ("modify", "bad-request")),
        ("<remove/>", ("cancel", "not-allowed")),
        (FORM.replace("</x>", "<field var='username'/></x>"), ("modify", "bad-request")),
    ],
)
async def test_what_is_no_new_password(house, inner, expected):
    _, answer = await query(house, inner)
    assert condition(answer) == expected
    assert not await house.front_end.accounts.check_password(BOB, "new")
    assert await house.front_end.accounts.exists(ALICE)


async def test_passwords_are_not_changed_all_the_time(house):
    for number in range(MAX_CHANGES + 1):
        client, answer = await query(house, f"<username>alice</username><password>new {number}</password>")
        await client.goes()
    assert condition(answer) == ("wait", "resource-constraint")
    assert await house.front_end.accounts.check_password(ALICE, f"new {MAX_CHANGES - 1}")


async def test_the_end_of_an_account(tmp_path):
    async with house_in(tmp_path, options=Options(registration=True)) as house:
        sofa = await house.client(ALICE, "sofa")
        client, answer = await query(house, "<remove/>")
        assert answer.get("type") == "result", "the answer comes before the end of the stream"
        assert not await house.front_end.accounts.exists(ALICE)
        assert client.wire.ended == sofa.wire.ended == "not-authorized"
        assert await house.front_end.accounts.exists(BOB)


async def test_where_a_plugin_decides_nothing_is_changed_here(tmp_path):
    async with house_in(tmp_path, Doorkeeper(), options=Options(registration=True)) as house:
        for inner in ("<username>alice</username><password>new</password>", "<remove/>"):
            client, answer = await query(house, inner)
            assert condition(answer) == ("cancel", "not-allowed")
            await client.goes()
        assert await house.front_end.accounts.exists(ALICE)


# ---- shares


def test_a_share_grows_again_with_time(monkeypatch):
    monkeypatch.setattr(registration, "MAX_COUNTED", 2)
    now = [0.0]
    shares: Shares[str] = Shares(2, lambda: now[0])
    for _ in range(2):
        shares.take("a")
    with pytest.raises(Busy):
        shares.take("a")
    now[0] = registration.HOUR / 2
    shares.take("a")
    for other in ("b", "c"):
        shares.take(other)
    for _ in range(2):
        shares.take("a")  # forgotten meanwhile


async def test_all_together_make_so_many(house, monkeypatch):
    made = []

    async def add(who, password, person):
        made.append(who)

    monkeypatch.setattr(house.front_end.accounts, "add", add)
    accounts = NewAccounts(house.front_end, lambda who: False, lambda: 0.0)
    for number in range(MAX_ACCOUNTS):
        await accounts.make(f"192.0.2.{number}", "example.test", f"n{number}", "x")
    with pytest.raises(NotRegistered) as refused:
        await accounts.make("198.51.100.1", "example.test", "one-more", "x")
    assert refused.value.error[:2] == ("wait", "resource-constraint") and len(made) == MAX_ACCOUNTS
