"""The open door: every domain whose certificate is publicly signed and to which the DNS leads, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from .....core.errors import Undeliverable
from .....core.federation import LinkState
from .....core.identity import Identity
from .....plugins.sip.federation import federation
from .....plugins.sip.federation.options import FederationOptions
from .....plugins.sip.syntax.uri import SipUri
from .....plugins.sip.transport.resolver import NextHop
from .houses import ALICE, BOB, HERE, THERE, Town
from .stranger import Stranger


class Map:
    """What the DNS knows: a port of this machine for each domain."""

    def __init__(self, **ports: int) -> None:
        self.ports = {name.replace("_", "."): port for name, port in ports.items()}

    async def hops(self, uri: SipUri, *, secure: bool = False) -> Sequence[NextHop]:
        assert secure, "other domains are reached by TLS alone"
        if uri.host not in self.ports:
            raise Undeliverable(f"the DNS does not know where {uri.host} is")
        return [NextHop("127.0.0.1", self.ports[uri.host], "TLS", uri.host)]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def open_town(village: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Both doors are open, and this machine trusts both authorities."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join(Path(house.authority).read_text() for house in (village.here, village.there)))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    known = Map(**{HERE.replace(".", "_"): village.here.port, THERE.replace(".", "_"): village.there.port})
    for house in (village.here, village.there):
        await village.start(house, federation=FederationOptions(port=house.port, open=True))
        monkeypatch.setattr(house.federation, "_resolver", known)
    return village


async def test_two_strangers_find_each_other(open_town: Town) -> None:
    alice, bob = await open_town.here.phone(ALICE), await open_town.there.phone(BOB)
    assert open_town.here.front_end.federation.partners() == []
    assert (await alice.say(f"sip:{BOB}", "we have not met")).status == 200
    await bob.text("we have not met")
    assert (await bob.say(f"sip:{ALICE}", "now we have")).status == 200
    await alice.text("now we have")
    assert open_town.here.partner(THERE)["state"] is LinkState.UP


async def test_a_domain_the_dns_does_not_know_is_refused(open_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_town.here.phone(ALICE)
    bob = await open_town.there.phone(BOB)
    monkeypatch.setattr(open_town.here.federation, "_resolver", Map())
    await bob.say(f"sip:{ALICE}", "you cannot call me back")
    notice = await bob.hears("MESSAGE", lambda m: b"did not get your message" in m.body)
    assert b"does not allow it" in notice.body
    assert open_town.here.front_end.immcu.of(ALICE) == []


async def test_a_certificate_nobody_signed_is_not_let_in(open_town: Town, tmp_path: Path) -> None:
    assert await Stranger(tmp_path / "own", "third.example").is_turned_away(open_town.here.port)


async def test_a_certificate_that_names_us_is_nobody(open_town: Town) -> None:
    """Somebody with a copy of our certificate is not another domain."""
    ours = Stranger(open_town.here.state, HERE)
    assert await ours.is_turned_away(open_town.here.port)


async def test_made_up_domains_do_not_shut_the_door_for_real_ones(
    open_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types addresses that lead nowhere is soon forgotten."""
    monkeypatch.setattr(federation, "MAX_OPEN", 5)
    alice, bob = await open_town.here.phone(ALICE), await open_town.there.phone(BOB)
    for number in range(12):
        assert open_town.here.federation.channel(Identity("x", f"made-up-{number}.example")) is not None
    assert len(open_town.here.front_end.federation.partners()) <= 5
    assert (await alice.say(f"sip:{BOB}", "still here")).status == 200
    await bob.text("still here")
