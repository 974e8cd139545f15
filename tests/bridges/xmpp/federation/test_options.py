"""What an administrator writes, and what is wrong with it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from .....bridges.xmpp.federation.limits import MAX_STRANGERS
from .....bridges.xmpp.federation.neighbour import Neighbour, nearest
from .....bridges.xmpp.federation.neighbourhood import Neighbourhood
from .....bridges.xmpp.federation.options import FederationOptions, PartnerOptions
from .....core.errors import BadAddress, SettingsError
from ....people import Clock
from .houses import HERE, THERE, Town


def neighbourhood(**options: Any) -> Neighbourhood:
    return Neighbourhood(FederationOptions(**options), lambda domain: domain == HERE, Clock())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"direct_tls": True}, "direct_tls is for a next_hop"),
        ({"ca": "x.pem", "verify": "dialback"}, "do not go together"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        PartnerOptions(**options)


@pytest.mark.parametrize("options", [{"partners": {"a b": PartnerOptions()}}, {"blocked": ["@"]}])
def test_what_is_no_domain(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="which is no domain"):
        FederationOptions(**options)


def test_a_file_without_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(SettingsError) as caught:
        neighbourhood(partners={THERE: PartnerOptions(ca=str(tmp_path / "ca.pem"))})
    assert "holds no certificates that can be used" in caught.value.mistakes[0]


async def test_a_port_that_is_taken(town: Town) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError) as caught:
            await town.start(HERE, THERE, port=taken.getsockname()[1])
    assert "[xmpp.federation] cannot listen at 127.0.0.1" in caught.value.mistakes[0]


def test_the_nearest_one_counts() -> None:
    found = neighbourhood(
        partners={"x.example": PartnerOptions(), "b.x.example": PartnerOptions(kind="public-verified")}
    )
    for domain, name in (("x.example", "x.example"), ("a.x.example", "x.example"), ("c.b.x.example", "b.x.example")):
        neighbour = found.neighbour_of(domain)
        assert neighbour is not None and neighbour.domain == name
    for domain in ("example", "y.example", "xx.example", "", HERE):
        assert found.neighbour_of(domain) is None
    assert nearest({}, "a.b") is None


def test_strangers_come_and_are_forgotten() -> None:
    found = neighbourhood(open=True, blocked=["bad.example"])
    assert found.neighbour_of("a.bad.example") is None
    for number in range(MAX_STRANGERS + 10):
        assert found.neighbour_of(f"d{number}.example") is not None
    assert len(list(found.partners())) <= MAX_STRANGERS
    for neighbour in (found.neighbour_of(f"e{n}.example") for n in range(MAX_STRANGERS)):
        assert neighbour is not None
        neighbour.worked()
    assert found.neighbour_of("one.more.example") is None
    assert neighbourhood(open=True).neighbour_of("é" * 80) is None


def test_people_of_public_providers_may_say_less() -> None:
    house, public = (Neighbour(THERE, PartnerOptions(kind=kind), Clock()) for kind in ("federated", "public-verified"))
    said = [sum(neighbour.may_say("x", 0.0) for _ in range(1000)) for neighbour in (house, public)]
    assert said == [200, 50]
    assert public.may_say("y", 0.0) and not public.may_say("x", 0.1) and public.may_say("x", 0.3)


def test_a_neighbour_is_a_domain() -> None:
    with pytest.raises(BadAddress):
        Neighbour("é" * 80, PartnerOptions(), Clock())
