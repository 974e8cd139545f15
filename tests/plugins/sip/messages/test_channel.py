"""The lane to one endpoint, without a network: order, moves, limits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from .....core.conversation import Conversation, ParticipantJoined, Shape
from .....core.errors import Undeliverable
from .....core.identity import Endpoint, Identity
from .....core.message import WORDLESS, Copy, Delivery, Happened, Native, Notice, Typing
from .....plugins.sip.messages import channel as lanes
from .....plugins.sip.messages.channel import SipChannel
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.syntax.uri import SipUri
from .....plugins.sip.transaction.server import TimeoutExpired
from .....plugins.sip.transport.flow import Flow, FlowClosed
from ....people import ALICE, BOB, CAROL, NOON, at, says
from ..events.test_subscription import a_flow

ROOM = Identity("room", "conference.example.test")
CONTACT = SipUri.parse("sip:bob@192.0.2.1;transport=tcp")


@dataclass(eq=False)
class Wire:
    """What a channel needs of the exchange; the test gives the answers."""

    requests: list[tuple[Request, Flow]] = field(default_factory=list)
    answers: list[asyncio.Future[Response]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    conferences: None = None

    def request(self, request: Request, flow: Flow) -> asyncio.Future[Response]:
        self.requests.append((request, flow))
        self.answers.append(asyncio.get_running_loop().create_future())
        if flow.closed:
            self.answers[-1].set_exception(FlowClosed("closed"))
        return self.answers[-1]

    def clock(self) -> datetime:
        return NOON

    async def name_of(self, who: Identity) -> str:
        return who.user.capitalize()

    def lost(self, channel: SipChannel, reason: str) -> None:
        self.gone.append(reason)
        channel.close(reason)

    def sent(self, delivery: Delivery) -> None: ...

    def taken(self, delivery: Delivery, endpoint: Endpoint) -> None:
        self.delivered.append(delivery.message.text)

    async def asked(self, number: int) -> None:
        """Wait until so many requests have left."""
        async with asyncio.timeout(5):
            while len(self.requests) < number:
                await asyncio.sleep(0)

    async def answer(self, status: int) -> None:
        self.answers[-1].set_result(Response(status))
        await settled()

    @property
    def bodies(self) -> list[str]:
        return [request.body.decode() for request, _ in self.requests]


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def lane(wire: Wire, flow: Flow | None = None) -> SipChannel:
    return SipChannel(wire, at(BOB), CONTACT, flow or a_flow(), "en")  # type: ignore[arg-type]


def talk(address: Identity | None = None) -> Conversation:
    shape = Shape.TWO_PARTY if address is None else Shape.CONFERENCE
    return Conversation("c1", NOON, shape, address, participants=[ALICE, BOB, CAROL])


def heard(text: str, conversation: Conversation | None = None, copy: Copy = Copy.ADDRESSED) -> Delivery:
    return Delivery(says(ALICE, text), conversation or talk(), at(BOB), copy)


async def test_one_after_another() -> None:
    wire = Wire()
    channel = lane(wire)
    outcomes = [channel.deliver(heard(text)) for text in "abc"]
    await wire.asked(1)
    await settled()
    assert wire.bodies == ["a"]
    await wire.answer(200)
    assert wire.bodies == ["a", "b"] and outcomes[0] is not None and outcomes[0].done()
    await wire.answer(480)
    await wire.answer(200)
    assert wire.bodies == ["a", "b", "c"] and wire.delivered == ["a", "c"]
    with pytest.raises(Undeliverable):
        await outcomes[1]  # type: ignore[misc]


async def test_what_the_person_said_elsewhere_is_not_shown() -> None:
    wire = Wire()
    assert lane(wire).deliver(heard("mine", copy=Copy.SENT)) is None
    await settled()
    assert wire.requests == []


async def test_a_lane_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    channel = lane(Wire())
    outcomes = [channel.deliver(heard(str(n))) for n in range(5)]
    refused = [outcome for outcome in outcomes if outcome is not None and outcome.done()]
    assert len(refused) == 2
    with pytest.raises(Undeliverable):
        refused[0].result()
    channel.close("the test is over")


async def test_what_waits_when_it_closes_was_not_delivered() -> None:
    wire = Wire()
    channel = lane(wire)
    outcomes = [channel.deliver(heard(text)) for text in "ab"]
    await wire.asked(1)
    channel.close("connection lost")
    await settled()
    assert all(isinstance(o.exception(), Undeliverable) for o in outcomes if o is not None)
    late = channel.deliver(heard("late"))
    assert late is not None and isinstance(late.exception(), Undeliverable)
    channel.tell(Notice("late"))
    await settled()
    assert len(wire.requests) == 1


async def test_a_move_sends_again_what_was_under_way() -> None:
    wire, new = Wire(), a_flow()
    channel = lane(wire)
    outcome = channel.deliver(heard("a"))
    await wire.asked(1)
    channel.moved(new, SipUri.parse("sip:bob@192.0.2.2"))
    await wire.asked(2)
    assert wire.requests[1][1] is new and wire.requests[1][0].uri == "sip:bob@192.0.2.2"
    assert wire.requests[0][0].call_id == wire.requests[1][0].call_id
    await wire.answer(200)
    assert outcome is not None and outcome.done() and not outcome.exception()


async def test_a_refresh_over_the_same_flow_sends_nothing_again() -> None:
    wire = Wire()
    channel = lane(wire)
    channel.deliver(heard("a"))
    await wire.asked(1)
    channel.moved(channel.flow, CONTACT)
    await settled()
    assert len(wire.requests) == 1
    channel.close("the test is over")


async def test_a_closed_flow_is_undelivered_and_signs_nobody_out_by_itself() -> None:
    wire, flow = Wire(), a_flow()
    flow.closed = True
    outcome = lane(wire, flow).deliver(heard("a"))
    await wire.asked(1)
    await settled()
    assert outcome is not None and isinstance(outcome.exception(), Undeliverable) and wire.gone == []


async def test_silence_signs_the_endpoint_out() -> None:
    wire = Wire()
    outcome = lane(wire).deliver(heard("a"))
    await wire.asked(1)
    wire.answers[0].set_exception(TimeoutExpired("no answer"))
    await settled()
    assert wire.gone == ["it does not answer"] and outcome is not None and outcome.exception()


async def test_udp_carries_no_long_message() -> None:
    wire = Wire()
    channel = lane(wire, a_flow("UDP"))
    long, short = channel.deliver(heard("x" * 1300)), channel.deliver(heard("short"))
    await wire.asked(1)
    assert wire.bodies == ["short"] and long is not None and "1300" in str(long.exception())
    await wire.answer(200)
    assert short is not None and short.done()


@pytest.mark.parametrize("status", [405, 415, 488, 501])
async def test_news_that_was_not_understood_is_not_sent_again_and_text_is(status: int) -> None:
    wire = Wire()
    channel = lane(wire)
    for active in (True, False):
        channel.tell(Typing(talk(), at(ALICE), active))
    await wire.asked(1)
    await wire.answer(status)
    channel.tell(Typing(talk(), at(ALICE), True))
    channel.deliver(heard("text"))
    await wire.asked(2)
    assert wire.bodies[1] == "text"
    await wire.answer(200)
    assert len(wire.requests) == 2


async def test_news_behind_a_long_queue_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_NEWS_WAITING", 1)
    wire = Wire()
    channel = lane(wire)
    channel.deliver(heard("a"))
    channel.tell(Typing(talk(), at(ALICE), True))
    await wire.asked(1)
    await wire.answer(200)
    assert wire.bodies == ["a"]


async def test_a_conference_speaks_from_its_address_and_names_who_spoke() -> None:
    wire = Wire()
    channel = lane(wire)
    room = talk(ROOM)
    channel.tell(Happened(ParticipantJoined("c1", CAROL, NOON), room))
    channel.deliver(heard("hello", room))
    channel.tell(Notice("told you so", room))
    for number in (1, 2, 3):
        await wire.asked(number)
        await wire.answer(200)
    assert wire.bodies == ["Carol joined. Write here to all.", "Alice: hello", "told you so"]
    assert {request.from_.uri.user for request, _ in wire.requests} == {"room"}
    assert wire.requests[1][0].from_.display == "Alice"


async def test_a_letter_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    channel = lane(wire)

    async def broken(who: Identity) -> str:
        raise RuntimeError("the directory is on fire")

    monkeypatch.setattr(wire, "name_of", broken)
    bad = channel.deliver(heard("in a room", talk(ROOM)))
    good = channel.deliver(heard("between two"))
    await wire.asked(1)
    await wire.answer(200)
    assert bad is not None and isinstance(bad.exception(), Undeliverable)
    assert good is not None and not good.exception()


async def test_what_has_no_words_is_no_message_for_a_phone() -> None:
    wire = Wire()
    channel = lane(wire)
    reaction = replace(says(ALICE, ""), content_type=WORDLESS, native=Native("xmpp", b"c><reactions/>"))
    assert channel.deliver(Delivery(reaction, talk(), at(BOB))) is None
    channel.deliver(heard("hello"))
    await wire.asked(1)
    assert wire.bodies == ["hello"]
