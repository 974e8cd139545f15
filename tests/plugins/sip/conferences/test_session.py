"""Sessions by themselves: timers, glare, silence, and what happens when two things happen at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from .....core.identity import Endpoint, Identity
from .....plugins.sip.conferences import session as sessions_module
from .....plugins.sip.conferences.focus import Focus
from .....plugins.sip.conferences.invitations import Places, knows_groups
from .....plugins.sip.conferences.session import EXPIRED, GLARE, Session
from .....plugins.sip.conferences.session_timer import Agreed
from .....plugins.sip.conferences.sessions import MAX_SESSIONS, Sessions
from .....plugins.sip.dialog import Dialog
from .....plugins.sip.errors import Refusal
from .....plugins.sip.syntax.grammar import Params
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.transport.addresses import OwnAddresses
from .....plugins.sip.transport.flow import Flow
from ....people import ALICE, BOB
from ..conftest import Exchange
from .caller import URN, call, contact_of

LOUNGE = Identity("lounge", "conference.example.test")
FLOW: Any = SimpleNamespace(
    closed=False, peer=None, local=SimpleNamespace(host="127.0.0.1", port=5060), transport="TCP"
)


class Wire:
    """Takes what is sent; the answers are given in order, 200 when there are none left."""

    def __init__(self, *answers: int) -> None:
        self.asked: list[Request] = []
        self.sent: list[Request] = []
        self.answers = list(answers)

    def request(
        self, request: Request, flow: Flow, *, progress: Callable[[Response], None] | None = None, stamp: bool = True
    ) -> asyncio.Future[Response]:
        self.asked.append(request)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        future.set_result(Response(self.answers.pop(0) if self.answers else 200))
        return future

    def send(self, request: Request, flow: Flow) -> None:
        self.sent.append(request)


def name(text: str) -> NameAddr:
    return NameAddr.parse(text)


def invite(call_id: str = "c1", **headers: str) -> Request:
    given = {"Contact": "<sip:alice@127.0.0.1:9>", **headers}
    head: list[tuple[str, object]] = [
        ("Via", "SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1"),
        ("From", f"<sip:{ALICE}>;tag=t"),
        ("To", f"<sip:{LOUNGE}>"),
        ("Call-ID", call_id),
        ("CSeq", "1 INVITE"),
        *((key.replace("_", "-"), value) for key, value in given.items()),
    ]
    return Request("INVITE", f"sip:{LOUNGE}", head)  # type: ignore[arg-type]


def made(wire: Wire, over: Callable[[Session, str], None] = lambda session, why: None, call_id: str = "c1") -> Session:
    request = invite(call_id)
    dialog = Dialog.answered(request, request.reply(200), name(f"<sip:{LOUNGE}>;isfocus"))
    me = name(f"<sip:{ALICE}>")
    return Session(LOUNGE, Endpoint(ALICE, call_id), dialog, FLOW, wire, me=me, wraps=False, over=over)


async def test_a_silent_session_is_over() -> None:
    over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    session = made(Wire(), lambda _, why: over.set_result(why))
    session.lasts(Agreed(0.01))  # type: ignore[arg-type]
    assert await asyncio.wait_for(over, 5) == EXPIRED


async def test_a_refreshed_one_is_not() -> None:
    heard: list[str] = []
    session = made(Wire(), lambda _, why: heard.append(why))
    session.lasts(Agreed(0.01))  # type: ignore[arg-type]
    session.lasts(Agreed())
    await asyncio.sleep(0.05)
    assert heard == []


async def test_the_end_is_said_once() -> None:
    wire = Wire()
    session = made(wire)
    session.end("no participant any more")
    session.end("again")
    (bye,) = wire.asked
    assert bye.method == "BYE" and bye.first("Reason") == 'SIP ;cause=200 ;text="no participant any more"'


async def test_nothing_is_said_over_a_closed_flow() -> None:
    wire = Wire()
    session = made(wire)
    session.flow = SimpleNamespace(closed=True)  # type: ignore[assignment]
    session.end("gone")
    assert not wire.asked and session.ended == "gone"


async def test_a_glare_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        waits.append((low, high))
        return 0.0

    monkeypatch.setattr(sessions_module, "uniform", uniform)
    wire = Wire(GLARE, 200)
    await made(wire).rename("tea")
    assert [r.method for r in wire.asked] == ["INVITE", "INVITE"] and waits == [(0.0, 2.0)]
    assert [r.method for r in wire.sent] == ["ACK"] and wire.sent[0].cseq.number == 2


@pytest.mark.parametrize(("status", "over"), [(481, True), (408, True), (488, False)])
async def test_what_a_refused_re_invite_means(status: int, over: bool) -> None:
    heard: list[str] = []
    await made(Wire(status), lambda _, why: heard.append(why)).rename("tea")
    assert bool(heard) is over


async def test_a_re_invite_while_ours_is_under_way_is_a_glare() -> None:
    wire = Wire()
    session = made(wire)
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    wire.request = lambda *given, **more: answer  # type: ignore[method-assign, assignment]
    renaming = asyncio.create_task(session.rename("tea"))
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as refused:
        session.renewed(invite())
    assert refused.value.status == GLARE
    answer.set_result(Response(200))
    await renaming
    assert session.renewed(invite()).status == 200


async def test_sessions_have_a_limit() -> None:
    sessions = Sessions(None, None)  # type: ignore[arg-type]
    for number in range(MAX_SESSIONS):
        sessions.enter(made(Wire(), call_id=f"c{number}"))
    with pytest.raises(Refusal) as refused:
        sessions.must_have_room(ALICE)
    assert refused.value.status == 403
    sessions.must_have_room(BOB)
    sessions.end_all()
    sessions.must_have_room(ALICE)


async def test_who_never_acknowledges_has_no_session(exchange: Exchange) -> None:
    room = await exchange.front_end.immcu.open_room(LOUNGE, BOB)
    wire, sessions = Wire(), Sessions(None, None)  # type: ignore[arg-type]
    focus = Focus(exchange.front_end, sessions, wire, Places(OwnAddresses(["example.test"])), "")
    answers: list[Response] = []

    class Reply:
        cancelled = False
        on_silence: Callable[[], None] = staticmethod(lambda: None)

        def __call__(self, response: Response) -> None:
            answers.append(response)

    reply: Any = Reply()
    await focus.invite(invite(), reply, FLOW, ALICE, "urn:1")
    assert answers[0].status == 200 and sessions.at(LOUNGE, Endpoint(ALICE, "urn:1")) is not None
    reply.on_silence()
    assert sessions.at(LOUNGE, Endpoint(ALICE, "urn:1")) is None
    assert [r.method for r in wire.asked] == ["BYE"] and room.participants == [BOB, ALICE]


async def test_a_call_that_is_cancelled_in_time_leaves_nothing(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    immcu = exchange.front_end.immcu
    room = await immcu.open_room(LOUNGE, BOB)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    entering, go = asyncio.Event(), asyncio.Event()
    enter = immcu.enter

    async def slowly(*given: Any) -> None:
        await enter(*given)
        entering.set()
        await go.wait()

    monkeypatch.setattr(immcu, "enter", slowly)
    first = alice.request("INVITE", f"sip:{LOUNGE}", call="x", headers=[("Contact", contact_of(alice))])
    signed = alice.signing(first, await alice.exchange(first))
    answer = asyncio.create_task(alice.exchange(signed))
    await entering.wait()
    cancel = alice.request("CANCEL", signed.uri, call="x", headers=[("Via", signed.first("Via") or "")])
    cancel.set("CSeq", f"{signed.cseq.number} CANCEL")
    alice.send(cancel)
    response = await answer
    go.set()
    assert response.status in (200, 487)  # the CANCEL's answer has the same branch, and may come first
    async with asyncio.timeout(10):
        while room.participants != [BOB]:
            await asyncio.sleep(0.01)


async def test_requests_of_a_dialog_that_is_none(exchange: Exchange) -> None:
    await exchange.front_end.immcu.open_room(LOUNGE, BOB)
    alice = await exchange.phone(ALICE, instance=URN + "1")
    _, line = await call(alice, f"sip:{LOUNGE}")
    line.call = "another"
    for method in ("BYE", "INVITE", "UPDATE", "MESSAGE"):
        assert (await line.ask(method)).status == 481


@pytest.mark.parametrize(
    ("features", "knows"),
    [
        ({"text": ""}, True),
        ({"isfocus": ""}, True),
        ({"+org.linphone.specs": "ephemeral/1.1,groupchat/1.1"}, True),
        ({"+org.linphone.specs": "lime"}, False),
        ({"+sip.instance": "<urn:uuid:1>"}, False),
    ],
)
def test_which_clients_know_rooms(features: dict[str, str], knows: bool) -> None:
    assert knows_groups(Params(features)) is knows
