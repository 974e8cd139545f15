"""We are killed and our host goes away, while people write: what was accepted arrives, or its sender is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ..ports import free_port
from ..stage import PASSWORD
from .configured import Configured
from .program import until
from .street import Street, street_in
from .xmpp import Slix
from .xmpp_server import SECRET, XmppServer

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

OURS = "example.test"
ALICE = f"alice@{OURS}"
CONFIGURATION = """\
[xmpp]
listen = "127.0.0.1"
port = {port}
tls_port = 0

[xmpp.component]
port = {component}
secret = "{secret}"
"""


class Scene:
    """Ours as a child process, and its host."""

    def __init__(self, street: Street, host: XmppServer) -> None:
        self.street, self.host, self.port = street, host, free_port()
        text = CONFIGURATION.format(port=self.port, component=host.component, secret=SECRET)
        (street.folder / "ours").mkdir()
        self.ours = Configured(street.folder / "ours" / "state", text)

    async def alice(self, resource: str) -> Slix:
        client = Slix(f"{ALICE}/{resource}", PASSWORD, str(self.ours.state / "ca.crt"))
        self.street.leaves(client)
        return await client.sign_in(self.port)

    async def up(self) -> None:
        """Both connections to the host are there."""
        async with asyncio.timeout(60):
            while True:
                partners = await self.ours.cli("federation")
                if [p["state"] for p in partners] == ["up", "up"]:
                    return
                await asyncio.sleep(0.2)


@pytest.fixture(params=["prosody", "ejabberd"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with street_in(tmp_path) as street:
        host = await street.server(request.param, components={OURS: SECRET, f"conference.{OURS}": SECRET})
        scene = Scene(street, host)
        await scene.ours.start()
        try:
            yield scene
        finally:
            await scene.ours.stop()


class Writer:
    """Writes numbered messages until it is told to stop; ``told`` are those that came back."""

    def __init__(self, client: Slix, to: str, name: str) -> None:
        self.client, self.to, self.name = client, to, name
        self.count = 0
        self.told: set[str] = set()
        client.add_event_handler("message_error", lambda m: self.told.add(m["id"]))

    async def write(self, until_count: int) -> None:
        while self.count < until_count:
            self.count += 1
            message: Any = self.client.make_message(self.to, f"{self.name} {self.count}", mtype="chat")
            message["id"] = f"{self.name}-{self.count}"
            message.send()
            await asyncio.sleep(0.02)

    def missing(self, *heard: Slix) -> list[int]:
        """Numbers of which neither reader nor writer ever heard again."""
        said = {text for client in heard for _, text in client.said}
        numbers = range(1, self.count + 1)
        return [n for n in numbers if f"{self.name} {n}" not in said and f"{self.name}-{n}" not in self.told]


async def test_we_are_killed_while_people_there_write(scene: Scene) -> None:
    await scene.up()
    zoe, alice = await scene.street.client(scene.host, "zoe"), await scene.alice("one")
    for one, other in ((zoe, alice), (alice, zoe)):
        one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribe")
    await until(lambda: "available" in zoe.sees(ALICE) and "available" in alice.sees(zoe.boundjid.bare), "friends")
    writer = Writer(zoe, ALICE, "message")
    await writer.write(50)
    writing = asyncio.create_task(writer.write(100))
    await asyncio.sleep(0.1)
    await scene.ours.kill()
    await writing
    asked: list[Any] = []
    zoe.add_event_handler("presence_subscribe", asked.append)
    zoe.shows.clear()
    await scene.ours.start()
    await scene.up()
    await writer.write(130)
    again = await scene.alice("two")
    again.add_event_handler("presence_subscribe", asked.append)
    await until(lambda: "available" in zoe.sees(ALICE), f"zoe to see alice again; {zoe.shows}")
    await until(lambda: "available" in again.sees(zoe.boundjid.bare), f"alice to see zoe again; {again.shows}")
    await again.hears(zoe.boundjid.bare, "message 130")
    lost = writer.missing(alice, again)
    # What had left the host and was not read when we were killed is nobody's any more: XEP-0114 has no receipts.
    assert len(lost) <= 5, f"{len(lost)} were lost: {lost}"
    assert asked == []


async def test_the_host_goes_and_comes_again_while_our_people_write(scene: Scene) -> None:
    """Prosody is killed.  ejabberd is only stopped: it writes what it keeps for people to the disk when it pleases."""
    await scene.up()
    zoe, alice = await scene.street.client(scene.host, "zoe"), await scene.alice("one")
    there = zoe.boundjid.bare
    writer = Writer(alice, there, "message")
    await writer.write(50)
    await zoe.hears(ALICE, "message 50")
    await zoe.leave()
    writing = asyncio.create_task(writer.write(120))
    await asyncio.sleep(0.3)
    await (scene.host.kill() if scene.host.program == "prosody" else scene.host.stop())
    await asyncio.sleep(0.5)
    await scene.host.start()
    await writing
    await scene.up()
    again = await scene.street.client(scene.host, "zoe", "again")
    await again.hears(ALICE, "message 120")
    assert writer.missing(zoe, again) == []
