"""Responses that a proxy passes back: they are somebody else's, so nothing is repeated here, and no 2xx is lost."""

from __future__ import annotations

import asyncio

from ..talker import Talker, serving, until
from ..wire import request


async def test_each_2xx_goes_through_and_none_is_repeated() -> None:
    async with serving() as (user, ports):
        user.answer = lambda asked, reply, flow: setattr(reply, "relayed", True)
        talker = await Talker.connect(ports["tcp"])
        talker.send(request("INVITE"))
        await until(lambda: user.replies)
        reply = user.replies[0]
        for _ in range(2):
            reply(reply.request.reply(200))
            assert (await talker.hear()).status == 200  # type: ignore[union-attr]
        reply(reply.request.reply(486))
        assert len(user.server._answers) == 0, "whoever answered waits for the ACK"
        await asyncio.sleep(0.7)
        talker.send(request("OPTIONS", branch="z9hG4bK2"))
        assert (await talker.hear()).cseq.method == "OPTIONS", "no 2xx again, and nothing behind it"
        talker.close()


async def test_a_2xx_when_the_transaction_is_over() -> None:
    async with serving() as (user, ports):
        user.answer = lambda asked, reply, flow: setattr(reply, "relayed", True)
        talker = await Talker.connect(ports["tcp"])
        talker.send(request("INVITE"))
        await until(lambda: user.replies)
        reply = user.replies[0]
        reply(reply.request.reply(200))
        await talker.hear()
        server, clock = user.server, user.server.clock
        server.clock = lambda: clock() + 33
        server._tick()
        assert len(server._transactions) == 0
        reply(reply.request.reply(200))
        assert (await talker.hear()).status == 200  # type: ignore[union-attr]
        talker.close()


async def test_a_cancel_is_the_proxys_to_answer() -> None:
    async with serving() as (user, ports):
        cancelled = []

        def answer(asked: object, reply: object, flow: object) -> None:
            reply.relayed = True  # type: ignore[attr-defined]
            reply.on_cancel = lambda: cancelled.append(reply.cancel)  # type: ignore[attr-defined]

        user.answer = answer
        talker = await Talker.connect(ports["tcp"])
        invite = request("INVITE")
        talker.send(invite)
        await until(lambda: user.replies)
        talker.send(invite.replace(b"INVITE", b"CANCEL").replace(b"Max-F", b"Reason: SIP;cause=200\r\nMax-F"))
        answered = await talker.hear()
        assert (answered.status, answered.cseq.method) == (200, "CANCEL")  # type: ignore[union-attr]
        assert [cancel.first("Reason") for cancel in cancelled] == ["SIP;cause=200"]
        user.replies[0](user.replies[0].request.reply(487))
        assert (await talker.hear()).status == 487  # type: ignore[union-attr]
        talker.close()


async def test_a_response_has_as_many_via_as_the_request_had() -> None:
    async with serving() as (user, ports):
        talker = await Talker.connect(ports["tcp"])
        await talker.ask(request("OPTIONS"))
        forwarded = user.requests[0]
        asked = user.server.request(forwarded, user.flow)
        heard = await talker.hear()
        assert len(heard.via) == 2
        stray = heard.reply(200)  # type: ignore[union-attr]
        stray.add("Via", "SIP/2.0/TCP one.too.many")
        talker.send(bytes(stray))
        talker.send(bytes(heard.reply(204)))  # type: ignore[union-attr]
        assert (await asked).status == 204
        talker.close()
