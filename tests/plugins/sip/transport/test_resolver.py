"""RFC 3263, rule by rule; no question leaves this machine."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from .....core import dns
from .....core.dns import Found, Kind, NameServers, Naptr, Remembered, Srv
from .....core.errors import Undeliverable
from .....plugins.sip.syntax.uri import SipUri
from .....plugins.sip.transport.resolver import MAX_HOPS, NextHop, Resolver
from ....name_server import NameServer

NAPTR = [
    Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.org"),
    Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.org"),
    Naptr(100, 50, "S", "SIP+D2U", "_sip._udp.example.org"),
    Naptr(1, 1, "u", "E2U+sip", ""),
    Naptr(2, 1, "s", "SIP+D2S", "_sip._sctp.example.org"),
]


class Zone(dict[tuple[str, str], list[object]]):
    """A DNS of records in memory.  ``broken`` names give no answer."""

    def __init__(self, records: dict[tuple[str, str], list[object]], ttl: float = 60) -> None:
        super().__init__(records)
        self.ttl = ttl
        self.broken: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, kind: Kind, name: str) -> Found:
        self.asked.append((kind, name))
        await asyncio.sleep(0)
        if (kind, name) in self.broken:
            raise Undeliverable("no answer")
        return Found(self.get((kind, name), []), self.ttl)  # type: ignore[arg-type]


def whole() -> Zone:
    return Zone(
        {
            ("NAPTR", "example.org"): list(NAPTR),
            ("SRV", "_sips._tcp.example.org"): [Srv(10, 0, 5061, "tls.example.org")],
            ("SRV", "_sip._tcp.example.org"): [Srv(10, 0, 5060, "tcp.example.org")],
            ("SRV", "_sip._udp.example.org"): [Srv(10, 0, 5070, "udp.example.org")],
            ("ADDRESS", "tls.example.org"): ["192.0.2.1", "2001:db8::1"],
            ("ADDRESS", "tcp.example.org"): ["192.0.2.2"],
            ("ADDRESS", "udp.example.org"): ["192.0.2.3"],
            ("ADDRESS", "example.org"): ["192.0.2.9"],
        }
    )


async def found(uri: str, zone: Zone, secure: bool = False, **more: object) -> list[tuple[str, int, str]]:
    hops = await Resolver(zone, **more).hops(SipUri.parse(uri), secure=secure)  # type: ignore[arg-type]
    return [(hop.host, hop.port, hop.transport) for hop in hops]


# ---- numbers and ports


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:192.0.2.1", ("192.0.2.1", 5060, "UDP")),
        ("sips:192.0.2.1", ("192.0.2.1", 5061, "TLS")),
        ("sip:192.0.2.1:5080", ("192.0.2.1", 5080, "UDP")),
        ("sip:192.0.2.1;transport=tcp", ("192.0.2.1", 5060, "TCP")),
        ("sip:192.0.2.1;transport=TLS", ("192.0.2.1", 5061, "TLS")),
        ("sips:192.0.2.1;transport=tcp", ("192.0.2.1", 5061, "TLS")),
        ("sip:[2001:db8::1]:5090;transport=tcp", ("2001:db8::1", 5090, "TCP")),
        ("sip:example.org:5070", ("192.0.2.9", 5070, "UDP")),
        ("sip:example.org:5070;transport=tls", ("192.0.2.9", 5070, "TLS")),
        ("sip:alice@elsewhere.example;maddr=192.0.2.7", ("192.0.2.7", 5060, "UDP")),
    ],
)
async def test_what_needs_no_service_records(uri: str, hop: tuple[str, int, str]) -> None:
    zone = whole()
    assert await found(uri, zone) == [hop]
    assert all(kind == "ADDRESS" for kind, _ in zone.asked)


async def test_the_certificate_must_name_what_was_looked_for_not_what_was_found() -> None:
    hops = await Resolver(whole()).hops(SipUri.parse("sips:Example.ORG."))
    assert hops == [
        NextHop("192.0.2.1", 5061, "TLS", "example.org"),
        NextHop("2001:db8::1", 5061, "TLS", "example.org"),
    ]
    maddr = await Resolver(whole()).hops(SipUri.parse("sips:example.org;maddr=192.0.2.66"))
    assert [(hop.host, hop.name) for hop in maddr] == [("192.0.2.66", "example.org")]


# ---- services


async def test_naptr_says_the_order_of_the_transports() -> None:
    assert [transport for _, _, transport in await found("sip:example.org", whole())] == ["TLS", "TLS", "TCP", "UDP"]
    zone = whole()
    zone["NAPTR", "example.org"] = [record._replace(order=200 - record.order) for record in NAPTR]
    assert [transport for _, _, transport in await found("sip:example.org", zone)] == ["UDP", "TCP", "TLS", "TLS"]


async def test_sips_goes_by_tls_or_not_at_all() -> None:
    assert {transport for _, _, transport in await found("sips:example.org", whole())} == {"TLS"}
    assert {transport for _, _, transport in await found("sip:example.org", whole(), secure=True)} == {"TLS"}
    zone = whole()
    del zone["SRV", "_sips._tcp.example.org"]
    assert await found("sips:example.org", zone) == [("192.0.2.9", 5061, "TLS")]
    with pytest.raises(Undeliverable, match="UDP"):
        await found("sips:example.org;transport=udp", whole())


async def test_a_transport_in_the_uri_asks_for_its_service_alone() -> None:
    zone = whole()
    assert await found("sip:example.org;transport=udp", zone) == [("192.0.2.3", 5070, "UDP")]
    assert ("NAPTR", "example.org") not in zone.asked


async def test_without_naptr_every_transport_of_ours_is_asked_for() -> None:
    zone = whole()
    del zone["NAPTR", "example.org"]
    assert [hop[2] for hop in await found("sip:example.org", zone)] == ["TLS", "TLS", "TCP", "UDP"]
    assert [hop[2] for hop in await found("sip:example.org", zone, transports=("UDP", "TCP"))] == ["UDP", "TCP"]


async def test_without_services_there_are_addresses_and_default_ports() -> None:
    zone = Zone({("ADDRESS", "example.org"): ["192.0.2.9"]})
    assert await found("sip:example.org", zone) == [("192.0.2.9", 5060, "UDP")]
    assert await found("sip:example.org", zone, transports=("TLS", "TCP")) == [("192.0.2.9", 5060, "TCP")]
    assert await found("sips:example.org", zone) == [("192.0.2.9", 5061, "TLS")]


async def test_a_kind_of_record_that_gets_no_answer_is_done_without() -> None:
    zone = whole()
    zone.broken = {("NAPTR", "example.org"), ("SRV", "_sips._tcp.example.org")}
    assert [hop[2] for hop in await found("sip:example.org", zone)] == ["TCP", "UDP"]


async def test_a_service_that_is_said_not_to_exist() -> None:
    zone = whole()
    zone["SRV", "_sips._tcp.example.org"] = [Srv(0, 0, 0, ".")]
    assert [hop[2] for hop in await found("sip:example.org", zone)] == ["TCP", "UDP"]


@pytest.mark.parametrize(
    "uri", ["sip:nowhere.example", "tel:+4930", f"sip:{'a.' * 150}example", "sip:e.org;transport=ws"]
)
async def test_nowhere(uri: str) -> None:
    with pytest.raises(Undeliverable):
        await found(uri, whole())


async def test_priorities_go_before_weights_and_weights_are_chances() -> None:
    records = [Srv(20, 100, 3, "c"), Srv(10, 90, 1, "a"), Srv(10, 10, 2, "b"), Srv(10, 0, 4, "d")]
    zone = Zone({("SRV", "_sip._tcp.x.org"): list(records), **{("ADDRESS", n): ["192.0.2.1"] for n in "abcd"}})
    firsts = Counter[int]()
    for _ in range(400):
        ports = [port for _, port, _ in await found("sip:x.org;transport=tcp", zone)]
        assert sorted(ports[:3]) == [1, 2, 4] and ports[3] == 3
        firsts[ports[0]] += 1
    assert firsts[1] > 300 and 5 < firsts[2] < 100
    orders = [
        [port for _, port, _ in await found("sip:x.org;transport=tcp", zone, chance=lambda at=at: at)] for at in (0, 1)
    ]
    assert orders == [[4, 2, 1, 3], [1, 2, 4, 3]]


async def test_a_domain_of_a_thousand_hosts_is_not_tried_for_ever() -> None:
    zone = Zone(
        {
            ("SRV", "_sip._tcp.x.org"): [Srv(1, 1, 5060, f"h{n}") for n in range(1000)],
            **{("ADDRESS", f"h{n}"): [f"192.0.2.{n % 250}", f"198.51.100.{n % 250}"] for n in range(1000)},
        }
    )
    assert len(await found("sip:x.org;transport=tcp", zone)) == MAX_HOPS
    assert len(zone.asked) <= 1 + dns.MAX_RECORDS


# ---- remembering


class Ticking:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_answers_are_remembered_for_their_time_and_not_longer() -> None:
    zone, clock = Zone({("ADDRESS", "a"): ["192.0.2.1"], ("ADDRESS", "z"): ["192.0.2.2"]}, ttl=60), Ticking()
    known = Remembered(zone, clock)
    assert [await known.records("ADDRESS", name) for name in ("a", "A", "a.")] == [("192.0.2.1",)] * 3
    assert zone.asked == [("ADDRESS", "a")]
    clock.now += 61
    await known.records("ADDRESS", "a")
    assert len(zone.asked) == 2
    zone.ttl = 10 * 24 * 3600
    await known.records("ADDRESS", "z")
    clock.now += dns.MAX_TTL + 1
    await known.records("ADDRESS", "z")
    assert zone.asked.count(("ADDRESS", "z")) == 2, "no longer than MAX_TTL"
    zone.ttl = 0
    clock.now += dns.MAX_TTL + 1
    await known.records("ADDRESS", "z")
    await known.records("ADDRESS", "z")
    assert zone.asked.count(("ADDRESS", "z")) == 3, "no shorter than MIN_TTL"


async def test_that_there_is_nothing_is_remembered_too_but_not_that_nobody_answered() -> None:
    zone, clock = Zone({}), Ticking()
    known = Remembered(zone, clock)
    assert [await known.records("SRV", "a") for _ in range(3)] == [()] * 3 and len(zone.asked) == 1
    zone.broken = {("SRV", "b")}
    for _ in range(2):
        with pytest.raises(Undeliverable):
            await known.records("SRV", "b")
    assert len(zone.asked) == 3


async def test_who_asks_the_same_at_the_same_time_waits_for_one_answer() -> None:
    zone = Zone({("ADDRESS", "a"): ["192.0.2.1"]})
    known = Remembered(zone)
    answers = await asyncio.gather(*(known.records("ADDRESS", "a") for _ in range(50)))
    assert set(answers) == {("192.0.2.1",)} and len(zone.asked) == 1


async def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "MAX_REMEMBERED", 10)
    zone = Zone({})
    known = Remembered(zone)
    for number in range(30):
        await known.records("SRV", str(number))
    await known.records("SRV", "29")
    assert len(zone.asked) == 30 and len(known._known) == 10
    await known.records("SRV", "0")
    assert len(zone.asked) == 31


async def test_questions_under_way_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "MAX_LOOKUPS", 3)
    known = Remembered(Zone({}))
    answers = await asyncio.gather(*(known.records("SRV", str(n)) for n in range(5)), return_exceptions=True)
    assert [isinstance(answer, Undeliverable) for answer in answers] == [False] * 3 + [True] * 2
    assert await known.records("SRV", "again") == ()


# ---- a name server


async def test_a_real_question_over_the_loopback() -> None:
    zone: dict[tuple[str, str], list[object]] = {
        ("NAPTR", "sip.test"): [Naptr(10, 1, "s", "SIPS+D2T", "_sips._tcp.sip.test")],
        ("SRV", "_sips._tcp.sip.test"): [Srv(1, 1, 5071, "host.sip.test")],
        ("A", "host.sip.test"): ["192.0.2.44"],
        ("AAAA", "host.sip.test"): ["2001:db8::44"],
    }
    server = NameServer(zone)
    names = NameServers([await server.open()])
    resolver = Resolver(names)
    try:
        hops = await resolver.hops(SipUri.parse("sip:sip.test"))
        assert sorted(hops) == [
            NextHop("192.0.2.44", 5071, "TLS", "sip.test"),
            NextHop("2001:db8::44", 5071, "TLS", "sip.test"),
        ]
        assert (await names("SRV", "_sips._tcp.sip.test")).ttl == 60
        with pytest.raises(Undeliverable, match=r"nowhere\.test"):
            await resolver.hops(SipUri.parse("sip:nowhere.test"))
        with pytest.raises(Undeliverable):
            await names("SRV", "a..b")
    finally:
        await resolver.close()
        await names.close()
        server.transport.close()


async def test_at_the_end_nobody_waits_for_an_answer() -> None:
    async def silence(kind: Kind, name: str) -> Found:
        await asyncio.Event().wait()
        raise AssertionError

    resolver = Resolver(silence)
    waiting = asyncio.ensure_future(resolver.hops(SipUri.parse("sip:example.org:5060")))
    await asyncio.sleep(0.01)
    await resolver.close()
    with pytest.raises(Undeliverable, match="stopping"):
        await waiting
