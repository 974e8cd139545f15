"""What crowds of XMPP clients do: sign in, chat in pairs, watch one person, talk in a room.  Played by a crew."""

from __future__ import annotations

import asyncio
import time
from itertools import count

from .crew import Stage
from .marks import Reader, mark, until
from .xmpp_session import PATIENCE, Facts, Place, Session, sign_in_all

TEXT = "What do you think of the second paragraph? It is rather long."
SHOWS = ("away", "dnd", "xa", "chat")
ROUND = 4
"""Changes of presence under way at once."""
IN_ROOM = 8
"""Messages of a room's speaker under way at once."""


async def sign_in(stage: Stage, *, place: Place, users: range, idle: float) -> Facts:
    """Everybody signs in; then they do nothing for a while."""
    took: list[float] = []
    await stage.step()
    began = time.monotonic()
    sessions = await sign_in_all(users, place.port, took)
    await stage.step({"took": took, "seconds": time.monotonic() - began})
    for session in sessions:
        session.listen(lambda data: None)
    await asyncio.sleep(idle)
    await stage.step()
    return {"lost": sum(session.lost for session in sessions)}


async def chat(stage: Stage, *, place: Place, users: range, seconds: float, window: int, rate: float) -> Facts:
    """Every other one writes to the one after: ``window`` messages under way each, or ``rate`` a second in all."""
    sessions = await sign_in_all(users, place.port)
    pairs = list(zip(sessions[::2], sessions[1::2]))
    late: list[float] = []
    numbers, wrong, going = count(), count(), False

    def message(to: Session, due: int | None = None) -> bytes:
        number = next(numbers)
        text = f"{mark(number, due)} {TEXT}"
        return f"<message to='{to.address}' type='chat' id='m{number}'><body>{text}</body></message>".encode()

    def answered(data: bytes) -> None:
        if b"error" in data:
            next(wrong)

    def listening(sender: Session, receiver: Session) -> None:
        reader = Reader()

        def heard(data: bytes) -> None:
            seen = reader.read(data)
            late.extend(one.late for one in seen)
            if seen and going and not rate:
                sender.send(b"".join([message(receiver) for _ in seen]))

        receiver.listen(heard)
        sender.listen(answered)

    for sender, receiver in pairs:
        listening(sender, receiver)
    for sender, receiver in pairs:  # the first word opens the conversation, which is another thing to measure
        sender.send(message(receiver))
    await until(lambda: len(late) >= len(pairs), PATIENCE)
    await stage.step()
    late.clear()
    first, going, began = next(numbers), True, time.monotonic()
    if rate:
        await _paced(pairs, message, rate, seconds)
    else:
        for sender, receiver in pairs:
            sender.send(b"".join([message(receiver) for _ in range(window)]))
        await asyncio.sleep(seconds)
    going = False
    await stage.step(_facts(late, began))
    sent = next(numbers) - first - 1
    await until(lambda: len(late) >= sent, 5.0)
    return {"missing": sent - len(late), "wrong": next(wrong)}


async def _paced(pairs: list[tuple[Session, Session]], message: object, rate: float, seconds: float) -> None:
    """Messages are due at a steady pace, and count from then: a stall is not hidden."""
    assert callable(message)
    began = time.monotonic_ns()
    for number in range(int(rate * seconds)):
        due = began + int(1e9 * number / rate)
        early = (due - time.monotonic_ns()) / 1e9
        if early > 0:
            await asyncio.sleep(early)
        sender, receiver = pairs[number % len(pairs)]
        sender.send(message(receiver, due))


async def presence(stage: Stage, *, place: Place, users: range, seconds: float) -> Facts:
    """Person 0 changes their presence as often as those who watch them in the same process have seen it."""
    sessions = await sign_in_all(users, place.port)
    hub = sessions[0] if users[0] == 0 else None
    watchers = sessions[1:] if hub else sessions
    late: list[float] = []
    newest = dict.fromkeys((watcher.number for watcher in watchers), -1)
    last, waiting, numbers = -1, 0, count()
    told = asyncio.Event()

    def listening(watcher: Session) -> None:
        reader = Reader()

        def heard(data: bytes) -> None:
            nonlocal waiting
            for seen in reader.read(data):
                late.append(seen.late)
                if newest[watcher.number] < last <= seen.number:
                    waiting -= 1
                newest[watcher.number] = max(newest[watcher.number], seen.number)
            if not waiting:
                told.set()

        watcher.listen(heard)

    for watcher in watchers:
        listening(watcher)
    if hub is not None:
        hub.listen(lambda data: None)
    await asyncio.sleep(1.0)  # what the sign-ins of the last ones still bring
    await stage.step()
    late.clear()
    began = time.monotonic()
    while hub is not None and time.monotonic() - began < seconds:
        changes = [next(numbers) for _ in range(ROUND)]
        last, waiting = changes[-1], len(watchers)
        told.clear()
        hub.send(b"".join([_presence(number) for number in changes]))
        await asyncio.wait_for(told.wait(), PATIENCE)
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    await stage.step(_facts(late, began))
    return {"missing": 0, "wrong": 0}


def _presence(number: int) -> bytes:
    return f"<presence><show>{SHOWS[number % 4]}</show><status>{mark(number)}</status></presence>".encode()


async def room(stage: Stage, *, place: Place, users: range, seconds: float) -> Facts:
    """Everybody is in one room; person 0 talks, as often as they hear themselves."""
    sessions = await sign_in_all(users, place.port)
    address = f"bench@{place.rooms}"
    await stage.step()
    speaker = sessions[0] if users[0] == 0 else None
    if speaker is not None:
        await _enter(speaker, address)
        form = "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
        await speaker.until(rb"id=['\"]cfg['\"].*?>", f"<iq type='set' id='cfg' to='{address}'>{form}</iq>".encode())
    await stage.step()
    for session in sessions:
        if session is not speaker:
            await _enter(session, address)
    await stage.step()
    late: list[float] = []
    numbers, going = count(), True

    def message() -> bytes:
        number = next(numbers)
        body = f"<body>{mark(number)} {TEXT}</body>"
        return f"<message to='{address}' type='groupchat' id='g{number}'>{body}</message>".encode()

    def listening(session: Session) -> None:
        reader = Reader()

        def heard(data: bytes) -> None:
            seen = reader.read(data)
            late.extend(one.late for one in seen)
            if seen and going and session is speaker:
                session.send(b"".join([message() for _ in seen]))

        session.listen(heard)

    for session in sessions:
        listening(session)
    await stage.step()
    if speaker is not None:
        speaker.send(b"".join([message() for _ in range(IN_ROOM)]))
    began = time.monotonic()
    await asyncio.sleep(seconds)
    going = False
    await stage.step(_facts(late, began))
    sent = next(numbers)
    await until(lambda: speaker is None or len(late) >= sent * len(sessions), 5.0)
    return {"missing": sent * len(sessions) - len(late) if speaker else 0, "wrong": 0}


def _facts(late: list[float], began: float) -> Facts:
    return {"got": len(late), "seconds": time.monotonic() - began, "late": list(late)}


async def _enter(session: Session, room: str) -> None:
    """XEP-0045 section 7.2: we are in when our own presence comes, with status 110."""
    join = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
    enter = f"<presence to='{room}/n{session.number}'>{join}</presence>".encode()
    await session.until(rb"code=['\"]110['\"].*?</presence>", enter)
