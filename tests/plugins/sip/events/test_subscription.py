"""One subscription, without a network: when it notifies, what it says, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from .....core.access import AccessLevel
from .....core.presence import Availability, PresenceDocument
from .....core.presence_registry import View
from .....plugins.sip.dialog import Dialog, target_of
from .....plugins.sip.errors import Refusal
from .....plugins.sip.events.subscription import UNANSWERED, Subscription
from .....plugins.sip.events.watching import PresenceFeed
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.transaction.server import TimeoutExpired
from .....plugins.sip.transport.flow import Address, Flow, FlowClosed
from ....people import ALICE, BOB


class Nowhere:
    """A wire that leads nowhere."""

    allowance = 1_000_000

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def expect(self) -> None: ...


def a_flow(transport: str = "TCP") -> Flow:
    return Flow("f", Nowhere(), transport, Address("192.0.2.1", 5060), Address("192.0.2.9", 5060))


def subscribe(cseq: int = 1, **headers: str) -> Request:
    request = Request(
        "SUBSCRIBE",
        f"sip:{BOB}",
        [
            ("Via", "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1"),
            ("From", f"<sip:{ALICE}>;tag=a"),
            ("To", f"<sip:{BOB}>"),
            ("Call-ID", "c"),
            ("CSeq", f"{cseq} SUBSCRIBE"),
            ("Contact", "<sip:alice@192.0.2.1>"),
        ],
    )
    for name, value in headers.items():
        request.set(name.replace("_", "-"), value)
    return request


def view(availability: Availability = Availability.AVAILABLE, level: AccessLevel = AccessLevel.COLLEAGUES) -> View:
    return View(PresenceDocument(BOB, availability), level, 1)


@dataclass
class Notified:
    """A subscription whose NOTIFY requests the test answers."""

    pause: float = 0.0
    transport: str = "TCP"
    first: View | None = None
    sent: list[Request] = field(default_factory=list)
    answers: list[asyncio.Future[Response]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        request = subscribe()
        contact = NameAddr.parse("<sip:192.0.2.9>")
        self.dialog = Dialog.answered(request, request.reply(200), contact)
        self.feed = PresenceFeed(self, ALICE, BOB)  # type: ignore[arg-type]
        self.subscription = Subscription(
            ALICE,
            self.dialog,
            a_flow(self.transport),
            self.feed,
            self.request,
            lambda subscription, reason: self.ended.append(reason),
            event="presence;id=Ab",
            pause=self.pause,
        )
        self.subscription.lasts(600)

    # what a feed asks of the front end and its registry

    @property
    def presence(self) -> Notified:
        return self

    async def watch(self, who: object, watcher: PresenceFeed) -> None:
        if self.first is not None:
            watcher.notify(self.first, None)

    def unwatch(self, who: object, watcher: PresenceFeed) -> None: ...

    async def show(self, seen: View) -> None:
        """What the registry shows: the first time the subscription begins with it."""
        if self.first is None:
            self.first = seen
            await self.subscription.begin()
        else:
            self.feed.notify(seen, None)

    def request(self, request: Request, flow: Flow) -> asyncio.Future[Response]:
        self.sent.append(request)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    async def answer(self, status: int, **headers: str) -> None:
        given = Response(status, headers=[(name.replace("_", "-"), value) for name, value in headers.items()])
        self.answers[-1].set_result(given)
        await asyncio.sleep(0)

    async def fail(self, why: Exception) -> None:
        self.answers[-1].set_exception(why)
        await asyncio.sleep(0)

    @property
    def states(self) -> list[str]:
        return [(r.first("Subscription-State") or "").partition(";")[0] for r in self.sent]


@pytest.fixture
async def notified() -> Iterator[Notified]:  # type: ignore[misc]
    made = Notified()
    yield made
    made.subscription.end("timeout")


async def test_the_first_view_is_told_at_once_in_the_dialog(notified: Notified) -> None:
    await notified.show(view())
    (request,) = notified.sent
    assert request.uri == "sip:alice@192.0.2.1" and request.cseq == (1, "NOTIFY")
    assert (request.call_id, request.to.tag) == ("c", "a") and request.from_.tag == notified.dialog.local.tag != ""
    assert request.first("Event") == "presence;id=Ab", "echoed byte for byte"
    assert request.first("Subscription-State") == "active;expires=600"
    assert b"<basic>open</basic>" in request.body and request.content_type is not None


async def test_one_at_a_time_and_the_newest_wins(notified: Notified) -> None:
    for availability in (Availability.AVAILABLE, Availability.BUSY, Availability.AWAY):
        await notified.show(view(availability))
    assert len(notified.sent) == 1
    await notified.answer(200)
    assert len(notified.sent) == 2 and b"away" in notified.sent[1].body and notified.sent[1].cseq.number == 2
    await notified.answer(200)
    assert len(notified.sent) == 2


async def test_a_single_change_is_at_once_and_a_flapping_person_costs_little() -> None:
    notified = Notified(pause=0.2)
    await notified.show(view())
    await notified.answer(200)
    for _ in range(20):
        await notified.show(view(Availability.BUSY))
        await notified.show(view(Availability.AWAY))
    assert len(notified.sent) == 1, "not again before the pause is over"
    async with asyncio.timeout(5):
        while len(notified.sent) < 2:
            await asyncio.sleep(0.02)
    assert b"away" in notified.sent[1].body, "the trailing edge has the newest"
    await notified.answer(200)
    notified.subscription.refreshed()
    assert len(notified.sent) == 3, "a refresh is answered at once"
    notified.subscription.end("timeout")


async def test_pending_until_granted_and_then_active_for_good(notified: Notified) -> None:
    await notified.show(view(Availability.OFFLINE, AccessLevel.STRANGER))
    await notified.answer(200)
    await notified.show(view(Availability.BUSY))
    await notified.answer(200)
    await notified.show(view(Availability.OFFLINE, AccessLevel.STRANGER))
    assert notified.states == ["pending", "active", "active"]
    assert [b"open" in r.body for r in notified.sent] == [False, True, False]


@pytest.mark.parametrize("status", [403, 404, 405, 410, 480, 481, 489, 500, 501, 603])
async def test_answers_that_end_it(notified: Notified, status: int) -> None:
    await notified.show(view())
    await notified.answer(status)
    assert len(notified.ended) == 1 and notified.subscription.over
    await notified.show(view(Availability.BUSY))
    notified.subscription.end("timeout")
    assert len(notified.sent) == 1 and len(notified.ended) == 1


@pytest.mark.parametrize("status", [406, 415, 488, 606])
async def test_a_body_that_was_not_liked_is_sent_plain_and_the_subscription_stays(
    notified: Notified, status: int
) -> None:
    await notified.show(view(Availability.BUSY))
    await notified.answer(status)
    assert b"rpid" in notified.sent[0].body and b"rpid" not in notified.sent[1].body
    await notified.answer(status)
    assert len(notified.sent) == 2 and not notified.ended


async def test_a_busy_subscriber_is_told_later(notified: Notified) -> None:
    await notified.show(view())
    await notified.answer(503, Retry_After="1 (busy)")
    assert len(notified.sent) == 1 and not notified.ended
    async with asyncio.timeout(5):
        while len(notified.sent) < 2:
            await asyncio.sleep(0.05)


async def test_no_answer_at_all_ends_it(notified: Notified) -> None:
    await notified.show(view())
    await notified.fail(TimeoutExpired("32 seconds"))
    assert notified.ended == [UNANSWERED]


async def test_a_lost_connection_does_not_end_it_and_what_was_missed_is_sent_over_the_next(notified: Notified) -> None:
    await notified.show(view())
    notified.subscription.flow.closed = True
    await notified.fail(FlowClosed("gone"))
    await notified.show(view(Availability.BUSY))
    assert len(notified.sent) == 1 and not notified.ended
    notified.subscription.over_flow(a_flow())
    assert len(notified.sent) == 2 and b"busy" in notified.sent[1].body


async def test_the_end_is_said_with_its_reason(notified: Notified) -> None:
    await notified.show(view())
    notified.subscription.end("probation", 5)
    assert notified.sent[-1].first("Subscription-State") == "terminated;reason=probation;retry-after=5"
    assert notified.ended == ["probation"]


async def test_a_lease_that_runs_out_ends_it() -> None:
    notified = Notified()
    notified.subscription.lasts(0)
    async with asyncio.timeout(5):
        while not notified.ended:
            await asyncio.sleep(0.01)
    assert notified.sent[-1].first("Subscription-State") == "terminated;reason=timeout"


async def test_over_udp_a_long_document_goes_in_plain_words() -> None:
    notified = Notified(transport="UDP")
    document = PresenceDocument(BOB, Availability.BUSY, note="n" * 1300)
    await notified.show(View(document, AccessLevel.COLLEAGUES, 1))
    assert b"open" in notified.sent[0].body and b"nnn" not in notified.sent[0].body
    notified.subscription.end("timeout")


async def test_a_document_is_written_once_for_all_watchers() -> None:
    shared, one, two = view(), Notified(), Notified()
    for notified in (one, two):
        await notified.show(shared)
    assert one.sent[0].body is two.sent[0].body
    for notified in (one, two):
        notified.subscription.end("timeout")


async def test_requests_inside_the_dialog_come_in_order_and_move_the_target(notified: Notified) -> None:
    notified.dialog.hears(subscribe(7, Contact="<sip:alice@192.0.2.77>"))
    assert notified.dialog.target == "sip:alice@192.0.2.77"
    for late in (7, 3):
        with pytest.raises(Refusal) as refused:
            notified.dialog.hears(subscribe(late))
        assert refused.value.status == 500


async def test_a_route_set_is_followed() -> None:
    request = subscribe(Record_Route="<sip:p1.test;lr>, <sip:p2.test;lr>")
    dialog = Dialog.answered(request, request.reply(200), NameAddr.parse("<sip:192.0.2.9>"))
    assert dialog.request("NOTIFY", [], b"").all("Route") == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]


@pytest.mark.parametrize("contact", ["*", "<mailto:a@b.c>", "<sip:a@b>, <sip:c@d>"])
def test_a_subscriber_is_reached_at_one_address(contact: str) -> None:
    with pytest.raises(Refusal):
        target_of(subscribe(Contact=contact))
