"""Our domains as components of somebody's server: connected for as long as we run, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from .....bridges.xmpp.components import host, host_stream, line, outbox
from .....bridges.xmpp.components.host import Host
from .....bridges.xmpp.components.options import ComponentOptions, SecretOptions
from .....core.federation import LinkState
from .....core.front_end import FrontEnd
from .fake_host import FakeHost
from .raw import COMPONENT, SECRET
from .test_gateways import Heard

OURS, ROOMS = "example.test", "conference.example.test"
ZOE = "zoe@montague.example"
ALICE = "alice@example.test"


class Pair:
    """A host and us."""

    def __init__(self, fake: FakeHost, ours: Host, heard: Heard) -> None:
        self.fake, self.ours, self.heard = fake, ours, heard
        self.told: list[str] = []

    @property
    def states(self) -> dict[str, LinkState]:
        return {domain: link.standing.partner(0).state for domain, link in self.ours.links.items()}

    @property
    def errors(self) -> set[str]:
        return {link.standing.partner(0).error for link in self.ours.links.values()}

    async def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not condition():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never came: {what}; {self.states} {self.errors} {self.fake.heard}") from None

    async def up(self) -> None:
        await self.until(lambda: set(self.states.values()) == {LinkState.UP}, "both connections")

    async def down(self) -> None:
        await self.until(lambda: set(self.states.values()) == {LinkState.FAILING}, "the loss of both")

    def send(self, text: str, sender: str = OURS) -> None:
        self.ours.send(sender, "montague.example", text.encode(), lambda condition, _: self.told.append(condition))

    async def arrives(self, text: str, domain: str = OURS) -> bytes:
        await self.until(lambda: text.encode() in self.fake.heard.get(domain, b""), text)
        return self.fake.heard[domain]


@asynccontextmanager
async def pair_of(front_end: FrontEnd, *, opened: bool = True, **options: object) -> AsyncIterator[Pair]:
    fake, heard = FakeHost(), Heard()
    await fake.open()
    if not opened:
        await fake.close()
    given = {"secret": SECRET, **options}
    ours = Host(front_end, ComponentOptions(port=fake.port, **given), heard)  # type: ignore[arg-type]
    ours.start()
    try:
        yield Pair(fake, ours, heard)
    finally:
        await ours.close()
        await fake.left()
        await fake.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(host, "BACK_OFF", (0.05, 0.2))
    monkeypatch.setattr(host, "REFUSED_BACK_OFF", 0.2)


@pytest.fixture
async def pair(front_end: FrontEnd) -> AsyncIterator[Pair]:
    async with pair_of(front_end) as pair:
        yield pair


def message(number: int, sender: str = ALICE) -> str:
    return f"<message from='{sender}' to='{ZOE}' type='chat' id='{number}'><body>{number}</body></message>"


# ---- connecting


async def test_each_domain_of_ours_shakes_hands(front_end: FrontEnd) -> None:
    async with pair_of(front_end) as pair:
        await pair.up()
        assert set(pair.fake.writers) == {OURS, ROOMS}
        assert {p.domain for p in front_end.federation.partners()} == {f"127.0.0.1 ({OURS})", f"127.0.0.1 ({ROOMS})"}
        assert {p.protocol for p in front_end.federation.partners()} == {"xmpp"}
    assert front_end.federation.partners() == []


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("not-authorized", "it does not take our secret; make the one in plugins.toml and the one there the same"),
        ("host-unknown", "it knows no such component; add it to the configuration there"),
        ("conflict", "another program is connected there under this name; stop that one"),
    ],
)
async def test_a_host_that_does_not_want_us_is_told_in_a_sentence_and_tried_slowly(
    front_end: FrontEnd, condition: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair_of(front_end, opened=False) as pair:
        pair.fake.refuses = condition
        await pair.fake.open()
        await pair.until(lambda: pair.errors == {sentence}, sentence)
        await pair.until(lambda: pair.fake.attempts >= 6, "more tries")
        said = [r.getMessage() for r in caplog.records if sentence in r.getMessage()]
        assert len(said) == 2, "once for each domain, however often it is tried"
        assert SECRET not in caplog.text
        pair.fake.refuses = ""
        await pair.up()


async def test_a_wrong_secret(front_end: FrontEnd) -> None:
    domains = {ROOMS: SecretOptions("another")}
    async with pair_of(front_end, domains=domains) as pair:
        await pair.until(lambda: pair.states == {OURS: LinkState.UP, ROOMS: LinkState.FAILING}, "one of the two")
        assert any("secret" in error for error in pair.errors)
        assert pair.heard.ways == []


async def test_where_nothing_listens_it_is_said_and_tried_again(front_end: FrontEnd) -> None:
    async with pair_of(front_end, opened=False) as pair:
        await pair.down()
        assert all("nothing takes components at 127.0.0.1:" in error for error in pair.errors)
        await pair.fake.open()
        await pair.up()


async def test_a_host_that_says_nothing_is_not_waited_for_forever(
    front_end: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_stream, "HANDSHAKE_TIME", 0.2)
    async with pair_of(front_end, opened=False) as pair:
        pair.fake.welcomes = False
        await pair.fake.open()
        await pair.until(lambda: pair.errors == {"no answer"}, "the reason")


async def test_other_machines_only_through_a_tunnel() -> None:
    for where in ("xmpp.example.org", "192.0.2.1", "::2"):
        with pytest.raises(ValueError, match="in the clear"):
            ComponentOptions(host=where, secret="x")
        ComponentOptions(host=where, secret="x", remote=True)
    for where in ("localhost", "127.0.0.31", "::1"):
        ComponentOptions(host=where, secret="x")
    with pytest.raises(ValueError, match="secret"):
        ComponentOptions()


# ---- traffic


async def test_stanzas_go_by_the_connection_of_the_domain_they_come_from(pair: Pair) -> None:
    pair.send(message(1))
    pair.send(message(2, f"lounge@{ROOMS}"), ROOMS)
    assert b"lounge" not in await pair.arrives("<body>1</body>")
    assert b"alice" not in await pair.arrives("<body>2</body>", ROOMS)
    pair.send(message(3, "x@other.example"), "other.example")
    assert pair.told == ["remote-server-not-found"], "we speak for our own domains alone"


async def test_what_the_host_brings_arrives_as_a_client_would_have_said_it(pair: Pair) -> None:
    await pair.up()
    pair.fake.say(OURS, f"<message from='{ZOE}/orchard' to='{ALICE}' type='chat'><body>hi</body></message>")
    pair.fake.say(ROOMS, f"<presence xmlns='{COMPONENT}' from='{ZOE}/orchard' to='lounge@{ROOMS}/zoe'/>")
    await pair.until(lambda: len(pair.heard.stanzas) == 2, "both")
    assert {(s.ns, s.name) for s in pair.heard.stanzas} == {("jabber:client", "message"), ("jabber:client", "presence")}
    assert all(COMPONENT.encode() not in s.raw for s in pair.heard.stanzas)
    assert pair.ours.links[OURS].standing.received == 1


@pytest.mark.parametrize(
    "attrs",
    [
        f"from='bob@{OURS}' to='{ALICE}'",
        f"from='lounge@{ROOMS}/x' to='{ALICE}'",
        f"from='{ZOE}' to='x@third.example'",
        f"from='{ZOE}'",
        f"to='{ALICE}'",
        f"from='@' to='{ALICE}'",
        f"from='{ZOE}' to='@'",
    ],
)
async def test_nobody_there_speaks_in_our_name_or_to_others_through_us(pair: Pair, attrs: str) -> None:
    await pair.up()
    pair.fake.say(OURS, f"<message {attrs}/><message from='{ZOE}' to='{ALICE}' id='good'/>")
    await pair.until(lambda: pair.heard.stanzas, "the good one")
    assert [s.id for s in pair.heard.stanzas] == ["good"]
    assert pair.ours.links[OURS].standing.refused == 1


async def test_somebody_who_sends_too_much_ends_nobody_elses_stream(pair: Pair) -> None:
    await pair.up()
    for text in ("<x>" * 100 + "</x>" * 100, "x" * 300_000):
        pair.fake.say(OURS, f"<message from='{ZOE}' to='{ALICE}' id='bad'>{text}</message>")
    pair.fake.say(OURS, f"<message from='{ZOE}' to='{ALICE}' id='good'/>")
    await pair.until(lambda: pair.heard.stanzas, "the good one")
    assert [s.id for s in pair.heard.stanzas] == ["good"] and pair.states[OURS] is LinkState.UP
    await pair.until(lambda: pair.fake.heard[OURS].count(b"policy-violation") == 2, "both errors")
    assert f"to='{ZOE}'".encode() in pair.fake.heard[OURS]


async def test_one_who_sends_endlessly_ends_it_and_it_comes_again(pair: Pair) -> None:
    await pair.up()
    pair.fake.say(OURS, "<message>" + "x" * 5_000_000)
    await pair.until(lambda: b"policy-violation" in pair.fake.heard[OURS], "the end")
    await pair.until(lambda: pair.fake.attempts >= 3, "a new connection")
    await pair.up()


async def test_whom_it_serves(front_end: FrontEnd) -> None:
    async with pair_of(front_end) as pair:
        assert pair.ours.serves("montague.example")
        assert not pair.ours.serves(OURS) and not pair.ours.serves(ROOMS)
    async with pair_of(front_end, reaches=["montague.example"]) as pair:
        assert pair.ours.serves("montague.example") and not pair.ours.serves("other.example")


async def test_a_pool_of_connections_is_understood_and_complained_of_once(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """ejabberd gives what is for one of several components of a port to any of them, if it is told to."""
    await pair.up()
    for _ in range(3):
        pair.fake.say(ROOMS, f"<message from='{ZOE}' to='{ALICE}'/>")
    await pair.until(lambda: len(pair.heard.stanzas) == 3, "all")
    assert len([r for r in caplog.records if "change their order" in r.getMessage()]) == 1


# ---- losses


async def test_a_lost_host_is_told_and_found_again_for_all_it_led_to(pair: Pair) -> None:
    await pair.up()
    pair.fake.say(OURS, f"<presence from='{ZOE}' to='{ALICE}'/><presence from='x@third.example' to='{ALICE}'/>")
    await pair.until(lambda: len(pair.heard.stanzas) == 2, "both")
    pair.send(message(1))
    await pair.fake.close()
    await pair.down()
    assert sorted(pair.heard.ways) == ["lost montague.example", "lost third.example"]
    pair.heard.ways.clear()
    await pair.fake.open()
    await pair.up()
    assert sorted(pair.heard.ways) == ["found montague.example", "found third.example"]


async def test_nothing_is_lost_when_the_host_is_killed_and_comes_again(pair: Pair) -> None:
    await pair.up()
    pair.fake.echoes = False
    pair.send(message(1))
    await pair.arrives("<body>1</body>")
    await pair.fake.close()
    await pair.down()
    pair.fake.heard.clear()
    pair.send(message(2))
    pair.fake.echoes = True
    await pair.fake.open()
    heard = await pair.arrives("<body>2</body>")
    assert heard.index(b"<body>1</body>") < heard.index(b"<body>2</body>")
    await pair.until(lambda: pair.ours.links[OURS].outbox.unconfirmed == 0, "the confirmation")
    assert pair.told == []


async def test_what_was_handed_back_does_not_go_twice(pair: Pair) -> None:
    await pair.up()
    pair.send(message(1))
    await pair.arrives("<body>1</body>")
    await pair.until(lambda: pair.ours.links[OURS].outbox.unconfirmed == 0, "the confirmation")
    await pair.fake.close()
    await pair.down()
    pair.fake.heard.clear()
    await pair.fake.open()
    await pair.up()
    pair.send(message(2))
    assert b"<body>1</body>" not in await pair.arrives("<body>2</body>")


async def test_who_waits_too_long_is_told(front_end: FrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "WAIT_TIME", 0.4)
    monkeypatch.setattr(outbox, "WAIT_TIME", 0.4)
    async with pair_of(front_end, opened=False) as pair:
        pair.send(message(1))
        await pair.until(lambda: pair.told == ["remote-server-timeout"], "the news")


async def test_a_dead_host_is_noticed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "CONFIRM_TIME", 0.3)
    await pair.up()
    pair.fake.echoes = False
    pair.send(message(1))
    await pair.until(lambda: b"<connection-timeout " in pair.fake.heard[OURS], "the end of patience")


async def test_when_we_stop_what_is_queued_leaves_first(front_end: FrontEnd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with pair_of(front_end) as pair:
        await pair.up()
        for number in range(200):
            pair.send(message(number))
    heard = pair.fake.heard[OURS]
    assert b"<body>199</body>" in heard and heard.rstrip().endswith(b"</stream:stream>")
    assert pair.told == []
    assert "<body>" not in caplog.text and SECRET not in caplog.text, "neither texts nor secrets are logged"
