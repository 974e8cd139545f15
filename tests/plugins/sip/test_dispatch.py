"""Which service takes a request."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from ....core.identity import Identity
from ....plugins.sip.dispatch import Dispatch
from ....plugins.sip.errors import Refusal
from ....plugins.sip.syntax.message import Request, Response
from ....plugins.sip.transport.addresses import OwnAddresses
from ....plugins.sip.transport.flow import Flow
from ...people import ALICE, BOB
from .events.test_subscription import a_flow


@dataclass
class Told:
    """A reply that remembers, and the tasks that were started."""

    responses: list[Response] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)

    def __call__(self, response: Response) -> None:
        self.responses.append(response)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def status(self) -> int:
        await asyncio.gather(*self.tasks)
        return self.responses[-1].status

    # a dialog owner

    def owns(self, request: Request, flow: Flow) -> bool:
        return request.call_id == "ours"

    def take(self, request: Request, reply: object, flow: Flow) -> None:
        self.taken.append(request)


class Branch:
    """Another server, which speaks for the people of one domain."""

    kind, name = "domain", "branch.test"

    def speaks_for(self, who: Identity) -> bool:
        return who.domain == self.name


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def dispatch(told: Told) -> Dispatch:
    async def authenticate(request: Request, flow: Flow) -> Identity:
        raise Refusal(401)

    made = Dispatch(authenticate, lambda flow, who: "desk", OwnAddresses(("example.test",), "sip.test"), told.start)
    made.owners.append(told)
    return made


def request(
    method: str = "BYE", *, call: str = "other", tag: str = "", sender: Identity = ALICE, **more: str
) -> Request:
    made = Request(
        method,
        f"sip:{BOB}",
        [
            ("Via", "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1"),
            ("From", f"<sip:{sender}>;tag=a"),
            ("To", f"<sip:{BOB}>{tag and f';tag={tag}'}"),
            ("Call-ID", call),
            ("CSeq", f"1 {method}"),
        ],
    )
    for name, value in more.items():
        made.set(name.replace("_", "-"), value)
    return made


def give(dispatch: Dispatch, told: Told, what: Request, flow: Flow | None = None) -> None:
    dispatch.receive(what, told, flow or a_flow())  # type: ignore[arg-type]


async def test_what_is_in_a_dialog_goes_to_its_owner_and_else_is_481(dispatch: Dispatch, told: Told) -> None:
    give(dispatch, told, request("BYE", call="ours", tag="t"))
    give(dispatch, told, request("ACK", call="ours", tag="t"))
    assert len(told.taken) == 2 and not told.responses
    for method in ("BYE", "INVITE", "NOTIFY"):
        give(dispatch, told, request(method, tag="t"))
        assert await told.status() == 481
    give(dispatch, told, request("ACK", tag="t"))
    assert len(told.responses) == 3, "an ACK is never answered"


async def test_a_route_that_names_us_is_taken_off_and_others_stay(dispatch: Dispatch, told: Told) -> None:
    routed = request("BYE", call="ours", Route="<sip:sip.test;lr;side=a>, <sip:192.0.2.9;lr>, <sip:next.test;lr>")
    give(dispatch, told, routed)
    assert told.taken == [routed] and routed.all("Route") == ["<sip:next.test;lr>"]
    assert routed.came_by is not None and routed.came_by.params["side"] == "a"
    foreign = request("BYE", call="ours", Route="<sip:next.test;lr>")
    give(dispatch, told, foreign)
    assert told.taken == [routed] and foreign.came_by is None, "neither a tag nor our Route"


async def test_methods_nobody_serves_are_405_or_501_with_what_is_served(dispatch: Dispatch, told: Told) -> None:
    for method, status in (("PUBLISH", 405), ("INVITE", 405), ("DANCE", 501)):
        give(dispatch, told, request(method))
        assert await told.status() == status and told.responses[-1].first("Allow") == "OPTIONS"


async def test_an_invite_goes_to_the_first_that_wants_it(dispatch: Dispatch, told: Told) -> None:
    begun: list[str] = []

    async def focus(request: Request, reply: Told, flow: Flow, who: Identity, instance: str) -> None:
        begun.append(f"focus {who} {instance}")

    async def call(request: Request, reply: Told, flow: Flow, who: Identity, instance: str) -> None:
        begun.append("call")

    dispatch.invite += [(lambda r: r.first("Subject") == "room", focus), (lambda r: True, call)]  # type: ignore[list-item]
    flow = a_flow()
    give(dispatch, told, request("INVITE"), flow)
    assert await told.status() == 401 and not begun
    flow.peer = Branch()
    dave = Identity("dave", "branch.test")
    give(dispatch, told, request("INVITE", sender=dave, Subject="room"), flow)
    give(dispatch, told, request("INVITE", sender=dave), flow)
    await asyncio.gather(*told.tasks)
    assert begun == [f"focus {dave} desk", "call"]
    assert "INVITE" in dispatch.allow[1] and "BYE" in dispatch.allow[1]


async def test_another_server_speaks_for_its_own_people_only(dispatch: Dispatch, told: Told) -> None:
    async def message(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        return request.reply(200)

    dispatch.methods["MESSAGE"] = message
    flow = a_flow()
    flow.peer = Branch()
    give(dispatch, told, request("MESSAGE", sender=Identity("dave", "branch.test")), flow)
    assert await told.status() == 200
    give(dispatch, told, request("MESSAGE"), flow)
    assert await told.status() == 403


async def test_only_extensions_that_some_service_has_may_be_required(dispatch: Dispatch, told: Told) -> None:
    dispatch.supported.add("gruu")
    for needed, status in (("gruu", 200), ("gruu, teleport", 420)):
        give(dispatch, told, request("OPTIONS", Require=needed))
        assert await told.status() == status
    assert told.responses[-1].all("Unsupported") == ["teleport"] and told.responses[0].first("Supported") == "gruu"
