"""Our subscription elsewhere, against a notifier that does whatever it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .....core.access import AccessLevel
from .....core.presence import Activity, Availability
from .....plugins.sip.events import subscriber as module
from .....plugins.sip.federation.options import FederationOptions, PartnerOptions
from .....plugins.sip.syntax.message import Request, Response
from ..phone import Phone
from ..presence.test_pidf import published
from .houses import ALICE, BOB, CAROL, THERE, Town, until
from .stranger import Stranger

BOBS = f"sip:{BOB}"


class Notifier(Stranger):
    """The other domain's server: answers SUBSCRIBE as it is told, and notifies over a connection of its own."""

    def __init__(self, folder: Path, domain: str) -> None:
        super().__init__(folder, domain)
        self.status, self.expires, self.number = 200, 3600, 0

    def reply(self, request: Request) -> Response:
        headers: list[tuple[str, object]] = [("Contact", "<sip:x@127.0.0.1:9;transport=tls>")]
        if self.status == 200:
            headers.append(("Expires", self.expires if request.expires else 0))
        return request.reply(self.status, headers=headers)

    @property
    def asked(self) -> list[Request]:
        return [request for request in self.heard if request.method == "SUBSCRIBE"]

    async def notify(self, asked: Request, state: str, body: bytes = b"", **other: str) -> int:
        """One NOTIFY for a SUBSCRIBE; the status of the answer."""
        self.number += 1
        request = self.request("NOTIFY", str(asked.contacts[0].uri), BOBS)  # type: ignore[index, union-attr]
        reply = asked.reply(200)
        for name, value in {
            "From": other.get("sender", str(reply.first("To"))), "To": str(asked.first("From")),
            "Call-ID": other.get("call", asked.call_id), "CSeq": f"{self.number} NOTIFY",
            "Event": other.get("event", "presence"), "Subscription-State": state,
        }.items():  # fmt: skip
            request.set(name, value)
        if body:
            request.set("Content-Type", other.get("kind", "application/pidf+xml"))
            request.body = body
        return (await self.exchange(request)).status


def document(basic: str = "open", activities: str = "", note: str = "") -> bytes:
    made = published(basic=basic, activities=activities, note=note)
    return made.replace(b"bob@example.test", str(BOB).encode())


@pytest.fixture
async def scene(village: Town, tmp_path: Path) -> AsyncIterator[tuple[Town, Notifier, Phone]]:
    """Alice is here, and the other domain is a notifier that is connected to us."""
    notifier = Notifier(tmp_path / "notifier", THERE)
    partners = {THERE: PartnerOptions(next_hop=f"127.0.0.1:{village.there.port}", ca=notifier.ca)}
    await village.start(village.here, federation=FederationOptions(port=village.here.port, partners=partners))
    async with notifier.listens(village.there.port):
        await notifier.connect(village.here.port)
        yield village, notifier, await village.here.phone(ALICE)
        notifier.close()


async def subscribed(notifier: Notifier, phone: Phone, number: int = 1) -> Request:
    """Somebody subscribes to Bob; our SUBSCRIBE for them, when it is there."""
    assert (await phone.subscribe(BOBS)).status == 200
    await until(lambda: len(notifier.asked) >= number, "our SUBSCRIBE")
    return notifier.asked[number - 1]


async def test_what_we_ask_is_a_subscriber_of_the_book(scene: tuple[Town, Notifier, Phone]) -> None:
    town, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    assert (asked.uri, str(asked.from_.uri), str(asked.to.uri)) == (BOBS, f"sip:{ALICE}", BOBS)
    assert asked.event is not None and asked.event.value == "presence" and asked.to.tag == ""
    contacts = asked.contacts
    assert isinstance(contacts, list) and contacts[0].uri.port == town.here.port, "where they reach us again"
    assert len(asked.via) == 1 and asked.max_forwards == 70 and asked.first("P-Asserted-Identity") is None


async def test_a_pending_subscription_shows_nothing_and_an_active_one_everything_it_says(
    scene: tuple[Town, Notifier, Phone],
) -> None:
    town, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    assert await notifier.notify(asked, "pending;expires=600", document()) == 200
    contacts, presence = town.here.front_end.contacts, town.here.front_end.presence
    entry = await contacts.get(ALICE, BOB)
    assert entry is not None and entry.asked and not entry.sees
    assert presence.of(BOB).availability is Availability.OFFLINE
    assert await notifier.notify(asked, "active;expires=600", document("open", "<rpid:meeting/>", "room 7")) == 200
    told = await alice.sees("<rpid:meeting/>", "room 7")
    assert (told.first("Subscription-State") or "").startswith("active")
    assert presence.of(BOB).activity is Activity.IN_A_MEETING
    entry = await contacts.get(ALICE, BOB)
    assert entry is not None and entry.sees


@pytest.mark.parametrize("reason", ["rejected", "noresource"])
async def test_a_no_ends_the_asking(scene: tuple[Town, Notifier, Phone], reason: str) -> None:
    town, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    await notifier.notify(asked, f"terminated;reason={reason}")
    await until(lambda: not town.here.federation.interests.watched_at(town.here.federation.neighbour_of(THERE)))
    entry = await town.here.front_end.contacts.get(ALICE, BOB)
    assert entry is not None and not entry.asked and not entry.sees
    assert len(notifier.asked) == 1, "nobody is asked again at once"


@pytest.mark.parametrize("status", [403, 404, 603])
async def test_an_answer_that_says_no_is_a_no(scene: tuple[Town, Notifier, Phone], status: int) -> None:
    town, notifier, alice = scene
    notifier.status = status
    await subscribed(notifier, alice)
    await until(lambda: not town.here.federation.interests.watched_at(town.here.federation.neighbour_of(THERE)))
    entry = await town.here.front_end.contacts.get(ALICE, BOB)
    assert entry is not None and not entry.asked


@pytest.mark.parametrize("end", ["terminated;reason=deactivated", "terminated;reason=timeout", "terminated"])
async def test_an_end_without_a_no_is_followed_by_a_new_subscription(
    scene: tuple[Town, Notifier, Phone], end: str
) -> None:
    _, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    await notifier.notify(asked, "active", document())
    await alice.sees("<basic>open</basic>")
    await notifier.notify(asked, end)
    await until(lambda: len(notifier.asked) == 2, "a new subscription")
    again = notifier.asked[1]
    assert again.call_id != asked.call_id and again.to.tag == ""
    since = len(alice.received)
    assert await notifier.notify(again, "active", document("closed")) == 200
    await alice.sees("<basic>closed</basic>", since=since)


async def test_a_busy_domain_is_asked_again_later(
    scene: tuple[Town, Notifier, Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, notifier, alice = scene
    monkeypatch.setattr(module, "BACK_OFF", (0.05,))
    notifier.status = 503
    await subscribed(notifier, alice)
    await until(lambda: len(notifier.asked) >= 2, "another try")
    notifier.status = 200
    number = len(notifier.asked)
    await until(lambda: len(notifier.asked) > number, "one that is granted")
    assert await notifier.notify(notifier.asked[-1], "active", document()) == 200
    await alice.sees("<basic>open</basic>")


async def test_it_is_refreshed_before_it_ends(
    scene: tuple[Town, Notifier, Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, notifier, alice = scene
    monkeypatch.setattr(module, "SHORTEST", 0.1)
    notifier.expires = 1
    first = await subscribed(notifier, alice)
    await notifier.notify(first, "active", document())
    await until(lambda: len(notifier.asked) >= 3, "two refreshes")
    second = notifier.asked[1]
    assert second.call_id == first.call_id and second.to.tag and second.cseq.number == first.cseq.number + 1


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"event": "conference"}, 489),
        ({"kind": "text/plain"}, 415),
        ({"call": "another"}, 481),
        ({"sender": f"<{BOBS}>;tag=another"}, 481),
    ],
)
async def test_notifies_that_are_wrong_change_nothing(
    scene: tuple[Town, Notifier, Phone], wrong: dict[str, str], status: int
) -> None:
    town, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    assert await notifier.notify(asked, "active", document("closed")) == 200
    assert await notifier.notify(asked, "active", document(), **wrong) == status
    assert town.here.front_end.presence.of(BOB).availability is Availability.OFFLINE


@pytest.mark.parametrize("body", [b"<presence", b"<!DOCTYPE x><presence/>", b"\xff\xfe", b"<x/>"])
async def test_documents_that_are_none_are_refused(scene: tuple[Town, Notifier, Phone], body: bytes) -> None:
    _, notifier, alice = scene
    asked = await subscribed(notifier, alice)
    assert await notifier.notify(asked, "active", body) == 400


async def test_each_watcher_sees_what_was_shown_to_them(scene: tuple[Town, Notifier, Phone]) -> None:
    """Their domain shows alice everything, carol a bare availability, and dave, politely, somebody offline."""
    town, notifier, alice = scene
    first = await subscribed(notifier, alice)
    carol = await town.here.phone(CAROL)
    second = await subscribed(notifier, carol, 2)
    assert await notifier.notify(first, "active", document("open", "<rpid:busy/>", "secret note")) == 200
    await alice.sees("secret note")
    notifier.number = 0
    assert await notifier.notify(second, "active", document("closed")) == 200
    level = town.here.front_end.contacts.level
    await until(lambda: town.here.front_end.federation.level(CAROL, BOB) is AccessLevel.STRANGER)
    assert all(b"open" not in n.body for n in carol.heard("NOTIFY")), "to her, he is offline"
    assert await notifier.notify(second, "active", document("open")) == 200
    seen = await carol.sees("<basic>open</basic>")
    assert b"secret" not in seen.body and await level(CAROL, BOB) is AccessLevel.EXTERNAL
    assert await level(ALICE, BOB) is AccessLevel.COLLEAGUES
