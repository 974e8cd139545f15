"""kill -9 at random moments, again and again, under load: what was accepted is there, once, and is delivered."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ..core.front_end import utc_now
from ..core.sqlite import SqliteStore
from .clients.server import Server
from .ledger import Ledger
from .phone import Phone
from .ports import free_offset

KILLS = int(os.environ.get("HEREABOUTS_KILLS", "30"))
SEED = int(os.environ.get("HEREABOUTS_SEED", "20261124"))
PAIRS = [("alice", "bob"), ("bob", "alice"), ("carol", "dave"), ("dave", "carol"), ("alice", "carol")]
DOMAIN = "example.test"


class Sender:
    """Writes numbered texts to one person, one by one; what got no answer is sent again as the same message."""

    def __init__(self, crowd: Crowd, sender: str, receiver: str) -> None:
        self.crowd, self.sender, self.receiver, self.count = crowd, sender, receiver, 0

    async def run(self) -> None:
        while not self.crowd.over or not self.settled:
            text = self.next_text()
            try:
                phone = await self.crowd.phone(self.sender)
                status = await phone.say(f"{self.receiver}@{DOMAIN}", text, call_id=text.replace(" ", "-"))
            except (ConnectionError, OSError):
                await asyncio.sleep(0.05)
                continue
            if status == 200 or status == 202:
                self.crowd.ledger.acked.add(text)
            elif status == 503:
                await asyncio.sleep(0.05)
            else:
                raise AssertionError(f"{text} was answered {status}")

    @property
    def settled(self) -> bool:
        return self.count > 0 and self.text in self.crowd.ledger.acked

    @property
    def text(self) -> str:
        return f"{self.sender} to {self.receiver} {self.count}"

    def next_text(self) -> str:
        """The next one, or the last one again while it has no answer."""
        if self.count == 0 or self.settled:
            self.count += 1
            self.crowd.ledger.sent[self.text] = (f"{self.sender}@{DOMAIN}", f"{self.receiver}@{DOMAIN}", self.count)
        return self.text


class Crowd:
    """Four people with a phone each, who sign in again whenever the server is there again."""

    def __init__(self, server: Server, passwords: dict[str, str]) -> None:
        self.server, self.passwords = server, passwords
        self.ledger, self.over = Ledger(), False
        self._phones: dict[str, Phone] = {}
        self._lives: dict[str, int] = {}
        self._signing_in = {name: asyncio.Lock() for name in ("alice", "bob", "carol", "dave")}
        self._seen: dict[str, set[str]] = {name: set() for name in self._signing_in}

    async def phone(self, name: str) -> Phone:
        """The person's phone, signed in.  Raises ConnectionError while the server is down."""
        async with self._signing_in[name]:
            phone = self._phones.get(name)
            if phone is None or phone.writer.is_closing() or phone.reader.at_eof():
                phone = Phone(name, self.passwords[f"{name}@{DOMAIN}"])
                phone.heard = lambda sender, id, text: self._heard(name, text)
                if not self.server.ready:
                    raise ConnectionError("the server is down")
                await phone.connect("127.0.0.1", self.server.ports["sip_tcp"])
                status = await asyncio.wait_for(phone.register(), 30)
                assert status == 200, f"{name} was answered {status}"
                self._phones[name] = phone
            return phone

    def _heard(self, name: str, text: str) -> None:
        """A phone does not show again what it has shown already: a crash may repeat what was shown last."""
        if text not in self._seen[name]:
            self._seen[name].add(text)
            self.ledger.shown[f"{name}@{DOMAIN}", "phone"].append(text)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "state", free_offset())
    await server.start("--sip-plain")
    yield server
    await server.stop()


@pytest.mark.timeout(600)
async def test_kill_minus_nine_again_and_again(server: Server, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    crowd = Crowd(server, server.ready["accounts"])
    senders = [Sender(crowd, *pair) for pair in PAIRS]
    writing = [asyncio.create_task(sender.run()) for sender in senders]
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.8))
        await server.kill()
        await server.start("--sip-plain")
    await asyncio.sleep(0.5)
    crowd.over = True
    await asyncio.wait_for(asyncio.gather(*writing), 120)
    for name in crowd.passwords:
        await crowd.phone(name.partition("@")[0])
    await until_all_seen(crowd)
    await server.stop()
    await read_journal(crowd.ledger, server.state / "hereabouts.db")
    assert len(crowd.ledger.acked) > KILLS, "too little was accepted to judge"
    assert crowd.ledger.broken() == [], f"seed {SEED}"
    await server.start("--sip-plain")


async def until_all_seen(crowd: Crowd) -> None:
    """Everything accepted has been shown, or a long time has passed."""
    for _ in range(600):
        shown = {text for texts in crowd.ledger.shown.values() for text in texts}
        if crowd.ledger.acked <= shown:
            return
        await asyncio.sleep(0.05)


async def read_journal(ledger: Ledger, path: Path) -> None:
    """What the journal and the records say, read as the server reads them."""
    async with SqliteStore(path, clock=utc_now) as store:
        number = 0
        while records := await store.records(after=number, limit=100):
            for record in records:
                number = record.number
                ledger.records.append((record.conversation, record.said, set(record.participants)))
                messages = await store.read(record.conversation, limit=1_000_000)
                ledger.archive[record.conversation] = [(m.seq, str(m.sender), m.text) for m in messages]
        assert await store.open_conversations() == []
