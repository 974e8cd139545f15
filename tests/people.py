"""The cast: people, a clock that stands still until told, and a channel that remembers what it was given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..core.errors import Undeliverable
from ..core.identity import Endpoint, Identity
from ..core.message import Delivery, Message, News

DOMAIN = "example.test"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def who(name: str) -> Identity:
    """A person of the cast, by first name or whole address."""
    return Identity.parse(name if "@" in name else f"{name}@{DOMAIN}")


ALICE, BOB, CAROL, DAVE = (who(name) for name in ("alice", "bob", "carol", "dave"))


class Clock:
    """Says noon, and later when somebody turns it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(eq=False)
class Desk:
    """A channel: what it was given to show, and what it was told.  ``mood`` says how it takes messages."""

    mood: str = "takes"
    """takes: at once; later: when the test says so; refuses: fails; breaks: raises."""
    shown: list[Delivery] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    pending: list[asyncio.Future[None]] = field(default_factory=list)

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        if self.mood == "breaks":
            raise RuntimeError("this channel is broken")
        self.shown.append(delivery)
        if self.mood == "takes":
            return None
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.mood == "refuses":
            outcome.set_exception(Undeliverable("not today"))
        else:
            self.pending.append(outcome)
        return outcome

    def tell(self, news: News) -> None:
        self.news.append(news)

    @property
    def texts(self) -> list[str]:
        return [delivery.message.text for delivery in self.shown]


def at(person: Identity, instance: str = "desk") -> Endpoint:
    """One of a person's endpoints."""
    return Endpoint(person, instance)


def says(sender: Identity, text: str, conversation: str = "c1", seq: int = 0, id: str = "") -> Message:
    """A message as the IMMCU makes them."""
    return Message(id or f"m-{sender.user}-{text}", conversation, sender, text, NOON, seq, "desk")
