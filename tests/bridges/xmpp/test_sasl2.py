"""SASL2, Bind 2 and FAST on real sockets: one message signs in and does what was wished for with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator

import pytest

from ....bridges.xmpp.stream import wishes
from ....bridges.xmpp.stream.negotiation import Offer
from ....bridges.xmpp.stream.sign_in import TOKENS
from ....core.registrar import MAX_ENDPOINTS
from ....core.tokens import LIFETIME, ROTATE_AFTER
from ...people import ALICE, BOB
from ...stage import PASSWORD, say, sit
from .quick_client import (
    FAST,
    HT,
    LAPTOP,
    PHONE,
    SASL2,
    WANTS_TOKEN,
    address_of,
    agent,
    authenticate,
    bind,
    by_scram,
    by_token,
    encoded,
    opened,
    plain,
    quick,
    response,
    shown,
    token_of,
)
from .socket_client import SASL, SocketClient, header
from .test_listener import Serving, quick_end, serving  # noqa: F401 - a fixture
from .test_wire_to_wire import Post, post, until  # noqa: F401 - a fixture

SM = "urn:xmpp:sm:3"
ENABLE = f"<enable xmlns='{SM}' resume='true'/>"
PING = "<iq type='get' id='p' to='alice'><x xmlns='urn:x'/></iq>"


@pytest.fixture
async def served(front_end) -> AsyncIterator[Serving]:
    offer = Offer(ours=front_end.ours, domain=front_end.domains[0], tokens=TOKENS)
    async with serving(front_end, offer=offer) as one:
        yield one


async def is_alive(client: SocketClient) -> None:
    client.say(PING)
    await client.until("<iq id='p' type='result'>")


def failed(said: str) -> str:
    found = re.search(r"<failure xmlns='urn:xmpp:sasl:2'><([a-z-]+) xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", said)
    return found[1] if found else ""


# ---- SASL2


async def test_what_is_offered(served):
    client = await SocketClient.connect(served.ports["starttls"])
    assert "authentication" not in await client.open(), "nothing before TLS"
    client = await SocketClient.connect(served.ports["tls"], tls=True)
    offered = await client.open()
    for feature in (
        f"<authentication xmlns='{SASL2}'><mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism>"
        "<mechanism>PLAIN</mechanism><inline>",
        "<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:csi:0'/>"
        f"<feature var='{SM}'/></inline></bind>",
        f"<sm xmlns='{SM}'/>",
        f"<fast xmlns='urn:xmpp:fast:0'><mechanism>{HT}</mechanism></fast></inline></authentication>",
        f"<mechanisms xmlns='{SASL}'>",
    ):
        assert feature in offered


async def test_signing_in_restarts_nothing(served):
    client, said = await quick(served.ports, ALICE, PASSWORD)
    assert said.startswith(f"<success xmlns='{SASL2}'><authorization-identifier>alice@example.test</")
    assert "<stream:stream" not in said and "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" in said
    assert await client.bind("desk") == "alice@example.test/desk"
    await is_alive(client)


async def test_a_client_that_knows_what_is_offered_says_everything_in_one_write(served):
    client = await SocketClient.connect(served.ports["tls"], tls=True)
    client.say(header() + authenticate("PLAIN", plain(ALICE, PASSWORD), agent() + bind(ENABLE)).encode())
    said = await client.until("</success>")
    assert said.index("</stream:features>") < said.index("<success") and "<enabled" in said
    await client.until("</stream:features>")
    await is_alive(client)


async def test_scram_proves_both_sides_and_what_was_offered(served):
    client, first, said = await by_scram(served.ports, ALICE, PASSWORD, agent() + bind())
    listed = "\x1e".join(sorted(["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])).encode()
    assert first.endswith(f",h={base64.b64encode(hashlib.sha256(listed).digest()).decode()}")
    proof = re.search(r"<additional-data>([^<]+)</additional-data>", said)
    assert proof and base64.b64decode(proof[1]).startswith(b"v=")
    await is_alive(client)


@pytest.mark.parametrize("space", ["", "\n  "])
async def test_white_space_around_base64_does_not_matter(served, space):
    client = await opened(served.ports)
    secret = encoded(plain(ALICE, PASSWORD))
    client.say(
        f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'>{space}<initial-response>{space}{secret}{space}"
        f"</initial-response>{space}</authenticate>"
    )
    assert "<success" in await client.until("</stream:features>")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (authenticate("PLAIN", b"\0alice\0wrong"), "not-authorized"),
        (authenticate("PLAIN", b"\0nobody\0wrong"), "not-authorized"),
        (authenticate("PLAIN", b"bob@example.test\0alice\0" + PASSWORD.encode()), "invalid-authzid"),
        (authenticate("PLAIN", b"alice\0" + PASSWORD.encode()), "malformed-request"),
        (authenticate("PLAIN", None), "malformed-request"),
        (authenticate("X-OAUTH2", b"x"), "invalid-mechanism"),
        (authenticate("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,n=alice,r=x"), "invalid-mechanism"),
        (authenticate(HT, shown(ALICE, "x"), agent()), "invalid-mechanism"),
        (authenticate(HT, shown(ALICE, "x"), FAST), "malformed-request"),
        (authenticate(HT, b"alice", agent() + FAST), "malformed-request"),
        (authenticate(HT, b"\0x", agent() + FAST), "malformed-request"),
        (authenticate(HT, b"\xff\0x", agent() + FAST), "malformed-request"),
        (authenticate(HT, b"a\0x", agent() + FAST), "not-authorized"),
        (authenticate(HT, shown(ALICE, "x"), agent() + FAST), "not-authorized"),
        (authenticate("PLAIN", b"").replace("initial-response", "initial"), "malformed-request"),
        (authenticate("PLAIN", b"xx").replace("eHg=", "%"), "incorrect-encoding"),
    ],
)
async def test_a_failure_leaves_the_stream_as_it_was(served, request_, expected):
    client = await opened(served.ports)
    client.say(request_)
    assert failed(await client.until("</failure>")) == expected
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), bind()))
    assert "<success" in await client.until("</stream:features>")


async def test_three_failures_are_the_end(served):
    client = await opened(served.ports)
    for _ in range(3):
        client.say(authenticate("PLAIN", plain(ALICE, "wrong"), bind() + WANTS_TOKEN + agent()))
    said = await client.rest()
    assert said.count("<failure") == 3 and "policy-violation" in said and "token=" not in said
    assert served.front_end.registrar.of(ALICE) == []


async def test_an_exchange_can_be_given_up(served):
    client = await opened(served.ports)
    client.say(authenticate("SCRAM-SHA-256", b"n,,n=alice,r=abc"))
    await client.until("</challenge>")
    client.say(f"<abort xmlns='{SASL2}'><text>changed my mind</text></abort>")
    assert failed(await client.until("</failure>")) == "aborted"
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD)))
    assert "<success" in await client.until("</stream:features>")


@pytest.mark.parametrize(
    "intruder",
    [
        f"<response xmlns='{SASL}'>biws</response>",
        f"<abort xmlns='{SASL}'/>",
        "<message to='bob@example.test'/>",
        authenticate("PLAIN", plain(ALICE, PASSWORD)),
        f"<next xmlns='{SASL2}' task='x'/>",
        f"<enable xmlns='{SM}'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
    ],
)
async def test_during_an_exchange_nothing_else_is_said(served, intruder):
    client = await opened(served.ports)
    client.say(authenticate("SCRAM-SHA-256", b"n,,n=alice,r=abc"))
    await client.until("</challenge>")
    client.say(intruder)
    said = await client.rest()
    assert "<success" not in said and said.endswith("</stream:stream>")


async def test_one_profile_does_not_go_on_with_what_the_other_began(served):
    client = await opened(served.ports)
    client.say(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{encoded(b'n,,n=alice,r=abc')}</auth>")
    await client.until("</challenge>")
    client.say(response(b"c=biws,r=abc,p=x"))
    assert "not-authorized" in await client.rest()


async def test_nothing_follows_a_sign_in_that_is_not_answered_yet(served):
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), bind()) + PING)
    said = await client.rest()
    assert "<success" not in said and "policy-violation" in said
    assert served.front_end.registrar.of(ALICE) == []


async def test_after_success_there_is_no_second_sign_in(served):
    for more in ("", bind()):
        client, _ = await quick(served.ports, ALICE, PASSWORD, more)
        client.say(authenticate("PLAIN", plain(BOB, PASSWORD), bind()))
        said = await client.rest()
        assert "<success" not in said and "<stream:error>" in said


async def test_nobody_signs_in_before_tls(served):
    client = await SocketClient.connect(served.ports["starttls"])
    await client.open()
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD)))
    assert "encryption-required" in await client.until("</failure>")


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("alice@example.test", ""),
        ("ALICE@example.test/desk", ""),
        ("bob@example.test", "invalid-authzid"),
        ("alice@elsewhere.test", "invalid-authzid"),
        ("example.test", "invalid-authzid"),
        ("@", "invalid-authzid"),
    ],
)
async def test_who_opened_a_stream_signs_in_as_nobody_else(served, sender, expected):
    client = await opened(served.ports, sender)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD)))
    said = await client.until("</failure>" if expected else "</success>")
    assert failed(said) == expected


async def test_stanzas_may_be_long_after_sign_in_and_not_before(served):
    client, _ = await quick(served.ports, ALICE, PASSWORD, bind())
    client.say(f"<message to='x' id='long'><body>{'x' * 50_000}</body></message>")
    assert "x" * 50_000 in await client.until("</message>")
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), f"<x xmlns='urn:x'>{'x' * 11_000}</x>"))
    assert "policy-violation" in await client.rest()


# ---- Bind 2


async def test_a_resource_of_ones_own_that_stays(served):
    _, said = await quick(served.ports, ALICE, PASSWORD, agent() + bind())
    assert "<bound xmlns='urn:xmpp:bind:0'/>" in said and "xmpp-bind" not in said
    address = address_of(said)
    assert address.startswith("alice@example.test/test/") and PHONE not in said
    older, _ = await quick(served.ports, ALICE, PASSWORD, agent(LAPTOP) + bind())
    newer, said = await quick(served.ports, ALICE, PASSWORD, agent(LAPTOP) + bind())
    assert address_of(said) not in ("", address)
    assert "conflict" in await older.rest(), "the same installation was still here"
    await is_alive(newer)
    _, said = await quick(served.ports, ALICE, PASSWORD, agent() + bind())
    assert address_of(said) == address
    assert {b.client for b in served.front_end.registrar.of(ALICE)} == {"Test & Co"}


@pytest.mark.parametrize("agent_", ["", agent("not a uuid"), agent(""), agent("x" * 36)])
async def test_who_names_no_installation_gets_a_resource_by_chance(served, agent_):
    names = {address_of((await quick(served.ports, ALICE, PASSWORD, agent_ + bind()))[1]) for _ in range(2)}
    assert len(names) == 2 and all(name.startswith("alice@example.test/test/") for name in names)


@pytest.mark.parametrize("tag", ["", "x" * (wishes.MAX_TAG + 1), "a\u202eb"])
async def test_a_tag_that_cannot_be_one_is_left_out(served, tag):
    _, said = await quick(served.ports, ALICE, PASSWORD, agent() + bind(tag=tag))
    assert re.fullmatch(r"alice@example\.test/[\w-]{12}", address_of(said))


async def test_what_is_on_from_the_beginning(served):
    more = "<enable xmlns='urn:xmpp:carbons:2'/>" + ENABLE + "<inactive xmlns='urn:xmpp:csi:0'/>"
    client, said = await quick(served.ports, ALICE, PASSWORD, bind(more))
    (session,) = served.router.sessions
    assert session.carbons and session.ledger is not None
    assert f"<sm xmlns='{SM}'/>" not in said, "what is on is not offered"
    assert f"<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='{SM}' id='{session.ledger.id}' resume='true'" in said
    assert [stanza.name for stanza in served.router.heard] == ["inactive"]
    client.say(PING + f"<r xmlns='{SM}'/>")
    await client.until(f"<a xmlns='{SM}' h='1'/>")


async def test_nothing_is_on_that_was_not_asked_for(served):
    client, said = await quick(served.ports, ALICE, PASSWORD, bind())
    (session,) = served.router.sessions
    assert not session.carbons and session.ledger is None and not served.router.heard
    client.say(ENABLE)
    assert "<enabled" in await client.until("/>"), "it can be asked for later"
    assert f"<sm xmlns='{SM}'/>" in said


async def test_who_is_signed_in_at_too_many_places_is_told_by_the_old_way(served):
    for number in range(MAX_ENDPOINTS):
        sit(served.front_end, ALICE, f"desk {number}")
    client, said = await quick(served.ports, ALICE, PASSWORD, bind())
    assert address_of(said) == "alice@example.test" and "<bound" not in said
    client.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    assert "resource-constraint" in await client.until("</iq>")


async def test_a_session_is_resumed_with_the_sign_in(served):
    client, said = await quick(served.ports, ALICE, PASSWORD, agent() + bind(ENABLE))
    (session,) = served.router.sessions
    id, address = session.ledger.id, address_of(said)
    session.send(b"<message id='missed'/>")
    await client.until("missed")
    client.writer.transport.abort()
    resume = f"<resume xmlns='{SM}' previd='{id}' h='0'/>"
    again, said = await quick(served.ports, ALICE, PASSWORD, agent() + resume + bind(ENABLE))
    assert f"<resumed xmlns='{SM}' previd='{id}' h='0'/>" in said and "<bound" not in said
    assert address_of(said) == address
    assert "missed" in await again.until("/>")
    await is_alive(again)
    assert len(served.router.sessions) == 1 and served.router.ended == {}


async def test_a_session_that_is_not_there_makes_room_for_a_new_one(served):
    resume = f"<resume xmlns='{SM}' previd='long gone' h='0'/>"
    client, said = await quick(served.ports, ALICE, PASSWORD, resume + bind(ENABLE))
    assert f"<failed xmlns='{SM}'><item-not-found" in said and "<bound" in said and "<enabled" in said
    await is_alive(client)
    client, said = await quick(served.ports, ALICE, PASSWORD, resume)
    assert "<failed" in said and address_of(said) == "alice@example.test"
    assert await client.bind("desk")


async def test_somebody_elses_session_is_not_to_be_had(served):
    await quick(served.ports, ALICE, PASSWORD, bind(ENABLE))
    id = served.router.sessions[0].ledger.id
    _, said = await quick(served.ports, BOB, PASSWORD, f"<resume xmlns='{SM}' previd='{id}' h='0'/>")
    assert "<failed" in said and "alice" not in said


async def test_who_has_handled_what_was_never_sent_is_let_go(served):
    await quick(served.ports, ALICE, PASSWORD, bind(ENABLE))
    id = served.router.sessions[0].ledger.id
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), f"<resume xmlns='{SM}' previd='{id}' h='77'/>"))
    assert "handled-count-too-high" in await client.rest()


async def test_who_hangs_up_while_being_let_in_leaves_nothing_behind(served, monkeypatch):
    gate, inside = asyncio.Event(), asyncio.Event()

    async def archive(who):
        inside.set()
        await gate.wait()
        return b""

    monkeypatch.setattr(type(served.house), "archive", property(lambda house: archive), raising=False)
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), bind()))
    await inside.wait()
    client.writer.transport.abort()
    async with asyncio.timeout(20):
        while served.house.connections:
            await asyncio.sleep(0.01)
    gate.set()
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while served.house.door.inside:
            await asyncio.sleep(0.01)
    assert served.front_end.registrar.of(ALICE) == [] and served.router.sessions == []


async def test_a_mistake_of_ours_ends_the_stream_and_says_so(served, monkeypatch, caplog):
    async def broken(*args):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(served.front_end.accounts.tokens, "issue", broken)
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), agent() + bind() + WANTS_TOKEN))
    assert "internal-server-error" in await client.rest()
    assert "a mistake" in caplog.text and served.front_end.registrar.of(ALICE) == []


# ---- FAST


async def given(served: Serving, more: str = "") -> str:
    client, said = await quick(served.ports, ALICE, PASSWORD, agent() + bind() + WANTS_TOKEN + more)
    client.close()
    assert token_of(said)
    return token_of(said)


async def test_a_token_signs_in_at_once_and_again(served):
    token = await given(served)
    for _ in range(2):
        client, said = await by_token(served.ports, ALICE, token, bind())
        proof = hmac.digest(token.encode(), b"Responder", "sha256")
        assert f"<additional-data>{encoded(proof)}</additional-data>" in said and "<bound" in said
        assert token_of(said) == "", "it is young"
        await is_alive(client)


async def test_a_token_is_given_only_to_who_asks_and_says_where_it_is(served):
    unknown = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-512-NONE'/>"
    for more in (agent(), WANTS_TOKEN, agent("x") + WANTS_TOKEN, agent() + unknown):
        _, said = await quick(served.ports, ALICE, PASSWORD, more)
        assert "<success" in said and "token=" not in said


async def test_nobody_else_signs_in_by_it(served):
    token = await given(served)
    for who, more in ((BOB, agent()), (ALICE, agent(LAPTOP))):
        client = await opened(served.ports)
        client.say(authenticate(HT, shown(who, token), more + FAST))
        assert failed(await client.until("</failure>")) == "not-authorized"
    client = await opened(served.ports)
    client.say(authenticate("PLAIN", plain(ALICE, token), agent() + FAST))
    assert failed(await client.until("</failure>")) == "not-authorized", "it is no password"


async def test_wrong_tokens_count_as_wrong_passwords_do(served, monkeypatch):
    counted = []
    monkeypatch.setattr(served.front_end.accounts, "failed", lambda address, who: counted.append(who))
    await by_token(served.ports, ALICE, "wrong")
    assert counted == [ALICE]


async def test_an_old_token_is_replaced_when_it_is_used(served):
    token = await given(served)
    served.front_end.clock.turn(seconds=ROTATE_AFTER.total_seconds())
    _, said = await by_token(served.ports, ALICE, token, bind())
    newer = token_of(said)
    assert newer and newer != token
    _, said = await by_token(served.ports, ALICE, token, bind())
    newest = token_of(said)
    assert newest, "the answer may have been lost: the old one is good until the new one was used"
    _, said = await by_token(served.ports, ALICE, newest, bind())
    assert "<success" in said
    for gone in (token, newer):
        assert failed((await by_token(served.ports, ALICE, gone))[1]) == "not-authorized"


async def test_a_token_that_has_ended_says_so_and_the_password_still_works(served):
    token = await given(served)
    served.front_end.clock.turn(seconds=LIFETIME.total_seconds())
    client, said = await by_token(served.ports, ALICE, token)
    assert failed(said) == "credentials-expired"
    client.say(authenticate("PLAIN", plain(ALICE, PASSWORD), agent() + bind() + WANTS_TOKEN))
    assert token_of(await client.until("</stream:features>"))


async def test_a_new_password_ends_it(served):
    token = await given(served)
    await served.front_end.accounts.set_password(ALICE, "something else")
    assert failed((await by_token(served.ports, ALICE, token))[1]) == "not-authorized"


@pytest.mark.parametrize("again", ["", WANTS_TOKEN])
async def test_a_token_is_given_back(served, again):
    token = await given(served)
    back = "<fast xmlns='urn:xmpp:fast:0' invalidate='true' count='7'/>"
    _, said = await by_token(served.ports, ALICE, token, bind() + back + again)
    assert "<success" in said and bool(token_of(said)) is bool(again)
    assert failed((await by_token(served.ports, ALICE, token))[1]) == "not-authorized"


async def test_a_token_and_the_session_of_before_together(served):
    more = f"{agent()}{bind(ENABLE)}{WANTS_TOKEN}"
    client, said = await quick(served.ports, ALICE, PASSWORD, more)
    id = served.router.sessions[0].ledger.id
    client.writer.transport.abort()
    _, told = await by_token(served.ports, ALICE, token_of(said), f"<resume xmlns='{SM}' previd='{id}' h='0'/>")
    assert "<resumed" in told and len(served.router.sessions) == 1


# ---- with the whole server


async def test_what_the_archive_holds_is_told_and_nothing_is_lost(post: Post):  # noqa: F811
    first = await say(post.front_end, ALICE, BOB, "one")
    last = await say(post.front_end, ALICE, BOB, "two")
    client, said = await quick(post.ports, BOB, PASSWORD, agent() + bind("<enable xmlns='urn:xmpp:carbons:2'/>"))
    ends = re.search(
        "<bound xmlns='urn:xmpp:bind:0'><metadata xmlns='urn:xmpp:mam:2'><start id='([^']+)' timestamp='2026-[^']+'/>"
        "<end id='([^']+)' timestamp='2026-[^']+'/></metadata></bound>",
        said,
    )
    assert ends and ends.groups() == (first.id, last.id)
    client.say("<presence/>")
    assert (await until(client, "message")).findtext("{jabber:client}body") == "one"
    client.close()


async def test_the_whole_server_offers_tokens_unless_a_plugin_decides(post: Post):  # noqa: F811
    client = await SocketClient.connect(post.ports["tls"], tls=True)
    client.say(header())
    assert HT in await client.until("</stream:features>")
