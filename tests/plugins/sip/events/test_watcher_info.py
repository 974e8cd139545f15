"""presence.winfo: people see who watches them, and who would like to."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.events.watcher_list import Watcher, write
from .....plugins.sip.syntax.message import Request
from ....people import ALICE, BOB, CAROL, DAVE
from ....stage import sit
from ..conftest import Exchange
from ..phone import Phone

SPACE = "{urn:ietf:params:xml:ns:watcherinfo}"
ALICES, BOBS = f"sip:{ALICE}", f"sip:{BOB}"
WINFO = [("Event", "presence.winfo"), ("Accept", "application/watcherinfo+xml")]
Seen = tuple[int, str, dict[str, tuple[str, str]]]


def read(body: bytes) -> Seen:
    """Version, state, and for each watcher the status and the event."""
    root = ElementTree.fromstring(body)
    [listed] = root
    assert (root.tag, listed.tag) == (f"{SPACE}watcherinfo", f"{SPACE}watcher-list")
    assert listed.get("package") == "presence"
    found = {(w.text or "").strip(): (w.get("status", ""), w.get("event", "")) for w in listed}
    assert len({w.get("id") for w in listed}) == len(found)
    return int(root.get("version", "")), root.get("state", ""), found


async def sees(phone: Phone, wanted: Callable[[Seen], bool]) -> Seen:
    def fits(request: Request) -> bool:
        return "watcherinfo" in (request.first("Content-Type") or "") and wanted(read(request.body))

    return read((await phone.hears("NOTIFY", fits)).body)


async def test_who_asks_is_pending_and_who_watches_is_active(exchange: Exchange) -> None:
    bob, carol, alice = [await exchange.phone(who) for who in (BOB, CAROL, ALICE)]
    await bob.subscribe(ALICES)
    await bob.hears("NOTIFY")
    assert (await alice.subscribe(ALICES, headers=WINFO)).status == 200
    first = await sees(alice, lambda _: True)
    assert first == (0, "full", {BOBS: ("active", "approved")})
    await carol.subscribe(ALICES)
    asks = await sees(alice, lambda seen: seen[0] == 1)
    assert asks == (1, "partial", {f"sip:{CAROL}": ("pending", "subscribe")})
    await exchange.front_end.contacts.grant(ALICE, CAROL)
    allowed = await sees(alice, lambda seen: seen[0] == 2)
    assert allowed == (2, "partial", {f"sip:{CAROL}": ("active", "approved")})


async def test_whoever_stops_watching_is_gone_and_whoever_is_denied_is_rejected(exchange: Exchange) -> None:
    alice = await exchange.phone(ALICE)
    await alice.subscribe(ALICES, headers=WINFO)
    await alice.hears("NOTIFY")
    eye = Eye()
    await exchange.front_end.presence.watch(ALICE, eye)
    await sees(alice, lambda seen: seen[2] == {BOBS: ("active", "approved")})
    exchange.front_end.presence.unwatch(ALICE, eye)
    await sees(alice, lambda seen: seen[2] == {BOBS: ("terminated", "timeout")})
    await exchange.front_end.contacts.ask(DAVE, ALICE)
    await sees(alice, lambda seen: seen[2] == {f"sip:{DAVE}": ("pending", "subscribe")})
    await exchange.front_end.contacts.revoke(ALICE, DAVE)
    await sees(alice, lambda seen: seen[2] == {f"sip:{DAVE}": ("terminated", "rejected")})


class Eye:
    """Bob looks, by a protocol that is not SIP."""

    identity = BOB

    def notify(self, view: object, before: object) -> None:
        pass


async def test_the_blocked_and_those_who_watch_without_permission_are_not_shown(exchange: Exchange) -> None:
    for who in (CAROL, DAVE):
        sit(exchange.front_end, who)
    await exchange.front_end.contacts.ask(CAROL, ALICE)
    await exchange.front_end.contacts.block(ALICE, CAROL)
    stranger = Eye()
    stranger.identity = DAVE
    await exchange.front_end.presence.watch(ALICE, stranger)
    alice = await exchange.phone(ALICE)
    await alice.subscribe(ALICES, headers=WINFO)
    assert (await sees(alice, lambda _: True)) == (0, "full", {})


async def test_nobody_sees_somebody_elses_watchers(exchange: Exchange) -> None:
    bob = await exchange.phone(BOB)
    assert (await bob.subscribe(ALICES, headers=WINFO)).status == 403
    assert (await bob.subscribe(BOBS, headers=[*WINFO, ("Accept", "application/pidf+xml")])).status == 406


async def test_two_phones_of_one_person_see_the_same(exchange: Exchange) -> None:
    one, other = await exchange.phone(ALICE, instance="urn:1"), await exchange.phone(ALICE, instance="urn:2")
    for phone in (one, other):
        await phone.subscribe(ALICES, headers=WINFO)
        await phone.hears("NOTIFY")
    await exchange.front_end.contacts.ask(CAROL, ALICE)
    wanted = (1, "partial", {f"sip:{CAROL}": ("pending", "subscribe")})
    assert [await sees(phone, lambda seen: seen[0] == 1) for phone in (one, other)] == [wanted, wanted]


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)


@given(st.dictionaries(TEXTS.map(str.strip), TEXTS, max_size=5), st.integers(0, 2**31), st.booleans())
def test_any_name_can_be_read_back(names: dict[str, str], version: int, full: bool) -> None:
    watchers = [Watcher(uri, "active", "approved", name) for uri, name in names.items()]
    seen = read(write("sip:alice@example.test", version, watchers, full=full))
    assert seen == (version, "full" if full else "partial", {uri: ("active", "approved") for uri in names})
