"""Where a domain's server is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.federation.options import PartnerOptions, host_and_port
from .....bridges.xmpp.federation.places import Place, Places, Unreached
from .....core.dns import Found, NameServers, Srv
from .....core.errors import Undeliverable
from ....name_server import NameServer

NOBODY = PartnerOptions()


def places(zone: Mapping[tuple[str, str], Sequence[object]]) -> Places:
    """A name server with these records; one that fails is a record, too."""

    async def lookup(kind: str, name: str) -> Found:
        records = zone.get((kind, name), ())
        if "fails" in records:
            raise Undeliverable("the DNS does not answer")
        return Found(tuple(records), 60)  # type: ignore[arg-type]

    return Places(lookup, chance=lambda: 0.0)  # type: ignore[arg-type]


async def test_both_services_are_one_list_by_priority() -> None:
    found = await places(
        {
            ("SRV", "_xmpps-server._tcp.x.example"): [Srv(10, 0, 5270, "a.example"), Srv(30, 0, 443, "c.example")],
            ("SRV", "_xmpp-server._tcp.x.example"): [Srv(20, 0, 5269, "b.example"), Srv(5, 0, 1, "nowhere.example")],
            ("ADDRESS", "a.example"): ["192.0.2.1", "2001:db8::1"],
            ("ADDRESS", "b.example"): ["192.0.2.2"],
            ("ADDRESS", "c.example"): ["192.0.2.3"],
        }
    ).of("x.example", NOBODY)
    assert found == [
        Place("192.0.2.1", 5270, True),
        Place("2001:db8::1", 5270, True),
        Place("192.0.2.2", 5269),
        Place("192.0.2.3", 443, True),
    ]
    assert str(found[1]) == "[2001:db8::1]:5270"


async def test_without_records_it_is_the_domain_itself() -> None:
    zone = {("ADDRESS", "x.example"): ["192.0.2.1"], ("SRV", "_xmpps-server._tcp.x.example"): ["fails"]}
    assert await places(zone).of("x.example", NOBODY) == [Place("192.0.2.1", 5269)]


async def test_letters_of_its_own_are_asked_for_as_the_dns_has_them() -> None:
    zone = {("ADDRESS", "xn--mller-kva.example"): ["192.0.2.1"]}
    assert await places(zone).of("müller.example", NOBODY) == [Place("192.0.2.1", 5269)]


@pytest.mark.parametrize(
    "zone",
    [
        {},
        {("ADDRESS", "x.example"): ["fails"]},
        {("SRV", "_xmpp-server._tcp.x.example"): [Srv(0, 0, 0, ".")], ("ADDRESS", "x.example"): ["192.0.2.1"]},
        {("SRV", "_xmpp-server._tcp.x.example"): [Srv(0, 0, 1, "nowhere.example")]},
    ],
)
async def test_there_is_none(zone: Mapping[tuple[str, str], Sequence[object]]) -> None:
    with pytest.raises(Unreached) as caught:
        await places(zone).of("x.example", NOBODY)
    assert caught.value.condition == "remote-server-not-found"


async def test_the_administrator_knows_better() -> None:
    zone = {("ADDRESS", "y.example"): ["192.0.2.9"]}
    found = await places(zone).of("x.example", PartnerOptions(next_hop="y.example:99", direct_tls=True))
    assert found == [Place("192.0.2.9", 99, True)]
    assert await places({}).of("x.example", PartnerOptions(next_hop="[::1]:99")) == [Place("::1", 99)]
    with pytest.raises(Unreached):
        await places({}).of("x.example", PartnerOptions(next_hop="z.example:99"))


async def test_with_a_name_server_of_flesh_and_blood() -> None:
    names = NameServer({})
    names.serves_xmpp(5269, "x.example")
    servers = NameServers([await names.open()])
    try:
        found = await Places(servers).of("x.example", NOBODY)
        assert Place("127.0.0.1", 5269) in found
        assert ("SRV", "_xmpps-server._tcp.x.example") in names.asked
    finally:
        await servers.close()
        names.close()


async def test_those_of_this_machine_are_asked_and_closed() -> None:
    own = Places()
    assert (await own.of("x.example", PartnerOptions(next_hop="127.0.0.1:1")))[0].port == 1
    await own.close()


@given(st.text(max_size=30), st.integers(-5, 70_000))
def test_any_text_is_a_place_or_none(text: str, port: int) -> None:
    found = host_and_port(f"{text}:{port}")
    if found is not None:
        assert found[1] == port and 0 < port < 65536
        assert text.strip("[]") == found[0] and "/" not in text and "@" not in text
    host_and_port(text)


@pytest.mark.parametrize("text", ["x", "x:", ":1", "x:0", "x:65536", "x:1000000001", "::1:5", "a b:1", "x:-1", "x:٣"])
def test_what_is_no_place(text: str) -> None:
    assert host_and_port(text) is None
    with pytest.raises(ValueError, match="next_hop"):
        PartnerOptions(next_hop=text)
