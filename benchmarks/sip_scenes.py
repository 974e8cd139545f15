"""What crowds of SIP phones do: register, write to each other, publish and be watched.  Played by a crew."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import count

from .crew import Stage
from .marks import PATTERN, mark, until
from .people import DOMAIN, WATCHERS, who
from .sip_phone import Phone
from .xmpp_session import PATIENCE, Facts, trusting

AT_ONCE = 20
"""Phones that sign in at a time, in each process."""
SUBSCRIBING = 100
"""Subscriptions without an answer at a time, in each process."""
PUBLISHING = 16
"""People whose change is on its way to their watchers at a time, in each process."""
TEXT = "What do you think of the second paragraph? It is rather long."
ETAG = re.compile(rb"\r\nsip-etag:[ \t]*([^\r]+)", re.IGNORECASE)
CALL_ID = re.compile(rb"\r\ncall-id:[ \t]*([^\r]+)", re.IGNORECASE)
PIDF = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf"'
    ' xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
    ' entity="sip:{address}"><tuple id="t"><status><basic>open</basic></status></tuple>'
    '<dm:person id="p"><rpid:activities><rpid:{activity}/></rpid:activities><dm:note>{note}</dm:note></dm:person>'
    "</presence>"
)


async def register(stage: Stage, *, port: int, transport: str, users: range, seconds: float) -> Facts:
    """Every phone signs in again and again, each time without a proof first."""
    phones = await signed_in(port, transport, users)
    late: list[float] = []
    wrong: Counter[int] = Counter()
    ends = 0.0

    def again(phone: Phone) -> None:
        began = time.monotonic()

        def answered(status: int, data: bytes) -> None:
            now = time.monotonic()
            if status == 200:
                late.append(1000 * (now - began))
            else:
                wrong[status] += 1
            if now < ends:
                again(phone)

        phone.register_once(answered)

    await stage.step()
    began = time.monotonic()
    ends = began + seconds
    for phone in phones:
        again(phone)
    await asyncio.sleep(seconds)
    await stage.step({"got": len(late), "seconds": time.monotonic() - began, "late": list(late)})
    return ended(phones, wrong)


async def message(
    stage: Stage, *, port: int, transport: str, users: range, seconds: float, window: int, proves: bool
) -> Facts:
    """Every other one writes to the one after, with ``window`` messages under way."""
    phones = await signed_in(port, transport, users)
    late: list[float] = []
    wrong: Counter[int] = Counter()
    numbers, arrived, going = count(), 0, False

    def hear(method: bytes, data: bytes) -> None:
        nonlocal arrived
        arrived += method == b"MESSAGE"

    def write(sender: Phone, to: str) -> None:
        began = time.monotonic()

        def answered(status: int, data: bytes) -> None:
            if status in (200, 202):
                late.append(1000 * (time.monotonic() - began))
            else:
                wrong[status] += 1
            if going:
                write(sender, to)

        body = f"{next(numbers)} {TEXT}"
        call = f"m{sender.number}-{next(numbers)}"
        sender.ask("MESSAGE", to, answered, call=call, headers="Content-Type: text/plain\r\n", body=body, proves=proves)

    pairs = [(one, f"sip:{who(other.number)}", other) for one, other in zip(phones[::2], phones[1::2])]
    for sender, to, receiver in pairs:
        receiver.heard = hear
        write(sender, to)  # the first word opens the conversation, which is another thing to measure
    await until(lambda: len(late) + wrong.total() >= len(pairs), PATIENCE)
    await asyncio.sleep(0.5)
    await stage.step()
    late.clear()
    arrived, going, began = 0, True, time.monotonic()
    for sender, to, _ in pairs:
        for _ in range(window):
            write(sender, to)
    await asyncio.sleep(seconds)
    going = False
    await stage.step({"got": min(arrived, len(late)), "seconds": time.monotonic() - began, "late": list(late)})
    await until(lambda: arrived >= len(late), 5.0)
    return ended(phones, wrong) | {"missing": len(late) - arrived}


async def fan_out(
    stage: Stage, *, port: int, transport: str, users: range, seconds: float, watchers: int, proves: bool
) -> Facts:
    """Everybody is watched by the ten after them; those who have been seen by all of theirs change again."""
    ring = Ring(await signed_in(port, transport, users), proves, watchers)
    await stage.step()
    await ring.subscribe()
    await stage.step()
    await ring.publish_first()
    await stage.step()
    began = time.monotonic()
    ring.begin(PUBLISHING)
    await asyncio.sleep(seconds)
    ring.going = False
    await stage.step({"got": len(ring.late), "seconds": time.monotonic() - began, "late": list(ring.late)})
    return ended(ring.phones, ring.wrong)


async def star(stage: Stage, *, port: int, transport: str, users: range, seconds: float, proves: bool) -> Facts:
    """One is watched by all the others, and changes again when all have seen it."""
    crowd = Star(await signed_in(port, transport, users), proves)
    await stage.step()
    await crowd.subscribe()
    await crowd.publish_first()
    await stage.step()
    began = time.monotonic()
    crowd.begin(1)
    await asyncio.sleep(seconds)
    crowd.going = False
    await stage.step({"got": len(crowd.late), "seconds": time.monotonic() - began, "late": list(crowd.late)})
    return ended(crowd.phones, crowd.wrong)


async def idle(stage: Stage, *, port: int, transport: str, users: range, seconds: float) -> Facts:
    """Everybody signs in, and then does nothing."""
    await stage.step()
    phones = await signed_in(port, transport, users)
    await asyncio.sleep(seconds)
    await stage.step()
    return ended(phones, Counter())


class Ring:
    """Phones that watch each other, and how far each one's latest change has come."""

    def __init__(self, phones: list[Phone], proves: bool, watchers: int = WATCHERS) -> None:
        self.phones = phones
        self.late: list[float] = []
        self.wrong: Counter[int] = Counter()
        self.going = False
        self._proves = proves
        self._watchers = min(watchers, len(phones) - 1)
        self._whose: dict[str, int] = {}
        self._etags = [""] * len(phones)
        self._current = [-1] * len(phones)
        self._unseen = [0] * len(phones)
        self._resting = deque(range(len(phones)))
        self._numbers = count()
        self._subscribed = 0
        for phone in phones:
            phone.heard = self._heard

    async def subscribe(self) -> None:
        """Everybody asks to see the ten before them."""
        wanted = 0
        for place, phone in enumerate(self.phones):
            for step in range(1, self._watchers + 1):
                self._subscribe(phone, (place - step) % len(self.phones))
                wanted += 1
            await self._settled(lambda: wanted - self._subscribed - self.wrong.total() <= SUBSCRIBING)  # noqa: B023
        await self._settled(lambda: self._subscribed + self.wrong.total() >= wanted)

    async def publish_first(self) -> None:
        """Everybody says something once, so that there is something to change."""
        for place in range(len(self.phones)):
            self._publish(place)
            await self._settled(lambda: len(self.phones) - len(self._resting) < PUBLISHING)
        await self._settled(lambda: len(self._resting) == len(self.phones))

    def begin(self, at_once: int) -> None:
        """So many changes under way, for as long as it goes."""
        self.late.clear()
        self.going = True
        for _ in range(min(at_once, len(self._resting))):
            self._publish(self._resting[0])

    def _subscribe(self, phone: Phone, place: int) -> None:
        call = f"s{phone.number}-{place}"
        self._whose[call] = place
        headers = f"{phone.contact}Event: presence\r\nAccept: application/pidf+xml\r\nExpires: 3600\r\n"

        def answered(status: int, data: bytes) -> None:
            if status in (200, 202):
                self._subscribed += 1
            else:
                self.wrong[status] += 1

        uri = f"sip:{who(self.phones[place].number)}"
        phone.ask("SUBSCRIBE", uri, answered, call=call, headers=headers, proves=self._proves)

    def _publish(self, place: int) -> None:
        self._resting.remove(place)
        phone, number = self.phones[place], next(self._numbers)
        address = f"{phone.user}@{DOMAIN}"
        self._current[place], self._unseen[place] = number, self._watchers + 1
        matching = f"SIP-If-Match: {self._etags[place]}\r\n" if self._etags[place] else ""
        headers = f"Event: presence\r\nExpires: 3600\r\n{matching}Content-Type: application/pidf+xml\r\n"
        body = PIDF.format(address=address, activity=("away", "busy")[number % 2], note=mark(number))

        def answered(status: int, data: bytes) -> None:
            found = ETAG.search(data)
            self._etags[place] = found[1].decode() if found and status == 200 else ""
            if status != 200:
                self.wrong[status] += 1
            self._one_more(place)

        call = f"p{phone.number}-{number}"
        phone.ask("PUBLISH", f"sip:{address}", answered, call=call, headers=headers, body=body, proves=self._proves)

    def _heard(self, method: bytes, data: bytes) -> None:
        seen, call = PATTERN.search(data), CALL_ID.search(data)
        place = self._whose.get(call[1].decode()) if call else None
        if seen is None or place is None or int(seen[2]) != self._current[place]:
            return
        self.late.append((time.monotonic_ns() - int(seen[1])) / 1e6)
        self._one_more(place)

    def _one_more(self, place: int) -> None:
        self._unseen[place] -= 1
        if not self._unseen[place]:
            self._resting.append(place)
            if self.going:
                self._publish(self._resting[0])

    async def _settled(self, done: Callable[[], bool]) -> None:
        if not await until(done, PATIENCE):
            raise TimeoutError(f"after {self._subscribed} subscriptions, refused: {dict(self.wrong)}")


class Star(Ring):
    """The first phone, and those that watch it."""

    def __init__(self, phones: list[Phone], proves: bool) -> None:
        super().__init__(phones, proves, len(phones) - 1)
        self._resting = deque((0,))

    async def subscribe(self) -> None:
        """Everybody asks to see the first."""
        for asked, phone in enumerate(self.phones[1:], 1):
            self._subscribe(phone, 0)
            await self._settled(lambda: asked - self._subscribed - self.wrong.total() <= SUBSCRIBING)  # noqa: B023
        await self._settled(lambda: self._subscribed + self.wrong.total() >= len(self.phones) - 1)

    async def publish_first(self) -> None:
        """The first says something, and everybody sees it."""
        self._publish(0)
        await self._settled(lambda: bool(self._resting))


async def signed_in(port: int, transport: str, users: range) -> list[Phone]:
    """Phones, registered, some at a time."""
    context, gate = trusting(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Phone:
        async with gate:
            phone = Phone(number, transport)
            await phone.connect(port, context)
            await phone.register()
            return phone

    return await asyncio.gather(*(one(number) for number in users))


def ended(phones: list[Phone], wrong: Counter[int]) -> Facts:
    """The last fact of a scene: what had to be sent again, and what was refused."""
    return {"again": sum(phone.again for phone in phones), "wrong": dict(wrong)}
