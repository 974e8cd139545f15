"""Stream management (XEP-0198): counting without a network, then over sockets that break."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream import management, resumption
from ....bridges.xmpp.stream.limits import MAX_UNACKNOWLEDGED, RESUME_TIME
from ....bridges.xmpp.stream.management import COUNTS, Ledger
from ....bridges.xmpp.stream.stream_error import StreamError
from ....core.errors import Undeliverable
from ....core.identity import Endpoint
from ....core.message import Utterance
from ...people import ALICE, BOB, at
from ...stage import PASSWORD
from .socket_client import SocketClient
from .test_wire_to_wire import Post, post, until  # noqa: F401 - a fixture

SM = "urn:xmpp:sm:3"


def count(answer: bytes) -> int:
    return int(re.search(rb"h='(\d+)'", answer).group(1))  # type: ignore[union-attr]


# ---- what came


@given(st.permutations(range(1, 9)))
def test_only_what_is_done_without_a_gap_counts_as_handled(order: list[int]) -> None:
    ledger, done = Ledger(), set()
    for _ in order:
        ledger.hear()
    for number in order:
        done.add(number)
        ledger.done(number)
        assert ledger.handled == next(n for n in range(10) if n + 1 not in done)


def test_a_question_waits_for_what_came_before_it() -> None:
    ledger = Ledger()
    one, two = ledger.hear(), ledger.hear()
    assert ledger.asked() == b""
    three = ledger.hear()
    assert ledger.done(two) == b""
    assert count(ledger.done(one)) == 2, "what came behind the question is not waited for"
    assert ledger.done(three) == b"" and count(ledger.asked()) == 3


def test_counters_begin_again() -> None:
    ledger = Ledger("id", 60)
    ledger.handled = ledger.heard = COUNTS + 4
    assert count(ledger.asked()) == 4 and count(management.resumed(ledger)) == 4


async def test_settled_when_all_work_is_done() -> None:
    ledger = Ledger()
    assert ledger.settled().done()
    number = ledger.hear()
    settled = ledger.settled()
    assert not settled.done()
    ledger.done(number)
    assert settled.done()


# ---- what was sent


async def test_a_receipt_is_given_when_all_before_it_was_acknowledged() -> None:
    ledger = Ledger()
    assert ledger.say(b"<message/>") and not ledger.say(b"<presence/>"), "one question at a time"
    receipt = ledger.receipt()
    assert ledger.acknowledged("1") and not receipt.done(), "there is more to ask for"
    assert not ledger.acknowledged("2") and receipt.done() and ledger.again() == []
    ledger.say(b"<iq/>")
    never = ledger.receipt()
    ledger.close("gone")
    with pytest.raises(Undeliverable):
        never.result()


@pytest.mark.parametrize("claim", ["", "x", "-1", "1.0", "²", "4294967296", "99999999999", " 1"])
def test_a_count_that_is_none_ends_the_stream(claim: str) -> None:
    with pytest.raises(StreamError) as refused:
        Ledger().acknowledged(claim)
    assert refused.value.condition == "bad-format"


@given(st.integers(0, 20), st.integers(0, COUNTS - 1))
def test_nobody_acknowledges_more_than_was_sent(sent: int, claim: int) -> None:
    ledger = Ledger()
    for number in range(sent):
        ledger.say(b"%d" % number)
    if claim <= sent:
        ledger.acknowledged(str(claim))
        assert ledger.again() == [b"%d" % number for number in range(claim, sent)]
    else:
        with pytest.raises(StreamError) as refused:
            ledger.acknowledged(str(claim))
        assert f"send-count='{sent}'".encode() in refused.value.extra


# ---- over sockets


async def managed(post: Post, resource: str = "desk", *, resume: str = "resume='true'") -> tuple[SocketClient, str]:  # noqa: F811
    """A client of Bob's with presence and an account; the id by which it may come back."""
    client = await post.sign_in(BOB, resource)
    client.say(f"<enable xmlns='{SM}' {resume}/>")
    enabled = await client.until("/>")
    return client, (re.search(r" id='([^']+)'", enabled) or [None, ""])[1]


async def back(post: Post, id: str, handled: int, who: object = BOB) -> tuple[SocketClient, str]:  # noqa: F811
    """A new connection that wants the session of before; what it is told."""
    client = await SocketClient.connect(post.ports["tls"], tls=True)
    await client.open()
    await client.plain(who, PASSWORD)  # type: ignore[arg-type]
    features = await client.open()
    assert f"<sm xmlns='{SM}'/>" in features
    client.say(f"<resume xmlns='{SM}' previd='{id}' h='{handled}'/>")
    return client, await client.until(">")


async def said(post: Post, text: str) -> None:  # noqa: F811
    await post.front_end.immcu.send(Utterance(at(ALICE, "elsewhere"), text), BOB)


async def away(post: Post, client: SocketClient) -> None:  # noqa: F811
    """The connection breaks, and the server knows."""
    client.writer.transport.abort()
    session = post.front_end.registrar.at(Endpoint(BOB, "desk")).channel.resource.session  # type: ignore[union-attr]
    async with asyncio.timeout(20):
        while not isinstance(session._wire, resumption.Nobody):
            await asyncio.sleep(0.01)


async def test_what_the_client_says_is_counted_when_it_is_on_the_disk(post: Post) -> None:  # noqa: F811
    client, _ = await managed(post)
    for number in range(3):
        client.say(f"<message to='alice@example.test' type='chat' id='m{number}'><body>{number}</body></message>")
    client.say(f"<r xmlns='{SM}'/>")
    assert count((await client.until("/>")).encode()) == 3
    (conversation,) = post.front_end.immcu.of(ALICE)
    assert conversation.last_seq == 3
    client.close()


async def test_after_a_break_nothing_is_lost_and_nothing_comes_twice(post: Post) -> None:  # noqa: F811
    client, id = await managed(post)
    assert id
    await said(post, "one")
    await client.until("<body>one</body>")
    await client.until("<r xmlns='urn:xmpp:sm:3'/>")
    await away(post, client)
    await said(post, "two")
    presence = post.front_end.presence.of(BOB)
    assert presence.availability.here, "who may come back in a moment is not gone"
    again, told = await back(post, id, 1)
    assert told.startswith("<resumed") and f"previd='{id}'" in told
    stanza = await until(again, "message")
    assert stanza.findtext("{jabber:client}body") == "two", "the first was acknowledged, and is not sent again"
    again.say(f"<a xmlns='{SM}' h='2'/><message to='alice@example.test' type='chat'><body>back</body></message>")
    again.say(f"<r xmlns='{SM}'/>")
    assert count((await again.until("/>")).encode()) == 1
    assert await post.front_end.store.unseen(BOB) == []
    again.close()


async def test_who_never_comes_back_finds_it_at_the_next_sign_in(
    post: Post,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resumption, "RESUME_TIME", 1)
    client, id = await managed(post)
    await said(post, "for later")
    await client.until("<body>for later</body>")
    await away(post, client)
    async with asyncio.timeout(20):
        while post.front_end.registrar.of(BOB):
            await asyncio.sleep(0.02)
    other, told = await back(post, id, 0)
    assert "item-not-found" in told + await other.until("</failed>")
    assert await other.bind("desk"), "the stream itself goes on"
    other.say("<presence/>")
    stanza = await until(other, "message")
    assert stanza.findtext("{jabber:client}body") == "for later"
    other.close()


async def test_a_session_is_taken_over_from_a_connection_that_still_stands(post: Post) -> None:  # noqa: F811
    client, id = await managed(post)
    again, told = await back(post, id, 0)
    assert told.startswith("<resumed")
    assert "conflict" in await client.rest()
    assert len(post.front_end.registrar.of(BOB)) == 1
    await said(post, "here")
    assert (await until(again, "message")).findtext("{jabber:client}body") == "here"
    again.close()


@pytest.mark.parametrize("who", [ALICE])
async def test_somebody_elses_session_is_not_to_be_had(post: Post, who: object) -> None:  # noqa: F811
    client, id = await managed(post)
    thief, told = await back(post, id, 0, who)
    assert "item-not-found" in told + await thief.until("</failed>")
    await said(post, "for bob")
    assert await client.until("<body>for bob</body>")
    for each in (client, thief):
        each.close()


async def test_enabling_twice_and_resuming_late_fail_and_harm_nothing(post: Post) -> None:  # noqa: F811
    client, _ = await managed(post, resume="")
    for late in (f"<enable xmlns='{SM}'/>", f"<resume xmlns='{SM}' previd='x' h='0'/>"):
        client.say(late)
        assert "unexpected-request" in await client.until("</failed>")
    client.say("<iq type='get' id='v' to='example.test'><query xmlns='jabber:iq:version'/></iq>")
    assert (await until(client, "iq", "v")).get("type") == "result"
    client.close()


async def test_acknowledging_what_was_never_sent_ends_the_stream(post: Post) -> None:  # noqa: F811
    client, _ = await managed(post)
    client.say(f"<a xmlns='{SM}' h='77'/>")
    said_last = await client.rest()
    assert "undefined-condition" in said_last and "handled-count-too-high" in said_last


async def test_signing_out_is_final_and_so_is_the_end_of_the_server(post: Post) -> None:  # noqa: F811
    client, id = await managed(post)
    client.say("</stream:stream>")
    await client.rest()
    assert not post.front_end.registrar.of(BOB)
    other, told = await back(post, id, 0)
    assert "failed" in told
    other.close()
    client, _ = await managed(post)
    await away(post, client)


def test_the_time_is_the_clients_but_no_longer_than_ours() -> None:
    class Enable:
        def __init__(self, **attrs: str) -> None:
            self.attrs = attrs

    asked = [management.longest(Enable(max=text), RESUME_TIME) for text in ("5", "999999", "x", "")]  # type: ignore[arg-type]
    assert asked == [5, RESUME_TIME, RESUME_TIME, RESUME_TIME]


def test_a_client_that_never_answers_has_a_limit() -> None:
    ledger = Ledger()
    for _ in range(MAX_UNACKNOWLEDGED):
        ledger.say(b"<message/>")
    assert not ledger.full
    ledger.say(b"<message/>")
    assert ledger.full
