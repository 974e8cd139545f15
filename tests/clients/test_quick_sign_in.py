"""xmpp.js, which nobody here wrote, signs in by SASL2, Bind 2 and FAST, and comes back to the session it had."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...core.front_end import FrontEnd
from ..people import ALICE, BOB
from ..stage import PASSWORD, front_end_in, say
from . import node
from .program import Program, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

INSTALLATION = "d4565fa7-4d72-4749-b3d3-740edbf87770"
Start = Callable[..., Awaitable[Program]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[FrontEnd, Start]]:
    """A server, and clients that sign in there."""
    node.install()
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0))
    async with front_end_in(tmp_path, bridge, certificate="", key="") as front_end, AsyncExitStack() as stack:

        async def start(password: str = PASSWORD, token: dict[str, str] | None = None) -> Program:
            client = Program("xmpp.js")
            service = f"xmpps://127.0.0.1:{bridge.ports['tls']}"
            given = [service, "alice", "example.test", password, INSTALLATION, *([json.dumps(token)] if token else [])]
            env = {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}
            await client.start("node", str(node.JS / "xmppjs_quick.mjs"), *given, env=env)
            stack.push_async_callback(client.close)
            return client

        yield front_end, start


def attempts(client: Program) -> list[str]:
    return [event["mechanism"] for event in client.events if event["ev"] == "authenticate"]


async def test_a_token_takes_the_place_of_the_password(server: tuple[FrontEnd, Start]) -> None:
    front_end, start = server
    first = await start()
    online = await first.wait("online")
    assert online["address"].startswith("alice@example.test/quick/")
    token = await first.wait("token")
    assert token["mechanism"] == "HT-SHA-256-NONE" and attempts(first) == ["SCRAM-SHA-1"]
    await first.close()

    second = await start("forgotten", token)
    assert (await second.wait("online"))["address"] == online["address"], "the same installation, the same resource"
    assert attempts(second) == ["HT-SHA-256-NONE"]
    await say(front_end, BOB, ALICE, "hello")
    await second.wait("message", text="hello")
    await second.close()


async def test_a_token_that_is_good_for_nothing_any_more_is_replaced(server: tuple[FrontEnd, Start]) -> None:
    front_end, start = server
    first = await start()
    token = await first.wait("token")
    await first.close()
    await front_end.accounts.set_password(ALICE, "a new one")

    second = await start("a new one", token)
    await second.wait("online")
    assert attempts(second) == ["HT-SHA-256-NONE", "SCRAM-SHA-1"]
    newer = await second.wait("token")
    assert second.seen("failure", condition="not-authorized") and newer["token"] != token["token"]


async def test_a_cut_connection_is_taken_up_with_the_sign_in(server: tuple[FrontEnd, Start]) -> None:
    front_end, start = server
    client = await start()
    online = await client.wait("online")
    await until(lambda: front_end.registrar.ready(ALICE), "Alice to be there")
    mark = client.mark
    client.do("cut")
    await say(front_end, BOB, ALICE, "while you were away")
    await client.wait("resumed", mark)
    await client.wait("message", mark, text="while you were away")
    assert client.seen("online", mark) is None and len(front_end.registrar.of(ALICE)) == 1
    assert front_end.registrar.of(ALICE)[0].endpoint.instance == online["address"].partition("/")[2]
