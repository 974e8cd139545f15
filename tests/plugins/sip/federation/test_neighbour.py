"""Another domain by itself: whom it speaks for, how often it may ask, when it is tried again; and its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from .....core.errors import SettingsError
from .....core.federation import LinkState
from .....core.identity import Identity
from .....plugins.sip.federation import neighbour as module
from .....plugins.sip.federation.neighbour import Neighbour, ProvenDomain, ascii_of, nearest
from .....plugins.sip.federation.options import FederationOptions, PartnerOptions
from .....plugins.sip.federation.trust import Trust
from ....people import Clock
from .houses import BOB, THERE


class Seconds:
    """A clock of seconds that stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def made(domain: str = THERE, seconds: Seconds | None = None, **options: str) -> Neighbour:
    return Neighbour(domain, PartnerOptions(**options), seconds or Seconds(), Clock())


@pytest.mark.parametrize(
    ("address", "speaks"),
    [
        ("bob@other.example", True),
        ("room@conference.other.example", True),
        ("bob@another.example", False),
        ("bob@xother.example", False),
        ("bob@example", False),
        ("bob@other.example.evil.test", False),
    ],
)
def test_a_domain_speaks_for_itself_and_what_is_below_it(address: str, speaks: bool) -> None:
    assert ProvenDomain([made()]).speaks_for(Identity.parse(address)) is speaks


def test_the_nearest_of_two_nested_domains_counts() -> None:
    upper, lower = made("example"), made("deep.example")
    both = {n.domain: n for n in (upper, lower)}
    assert nearest(both, "x.deep.example") is lower and nearest(both, "y.example") is upper
    assert nearest(both, "test") is None and nearest(both, "") is None


def test_names_of_other_scripts_are_spelled_as_the_dns_does() -> None:
    assert ascii_of("bücher.example") == "xn--bcher-kva.example"
    found = made("BÜCHER.example")
    assert (found.domain, found.ascii, found.certificate_name) == ("bücher.example",) + ("xn--bcher-kva.example",) * 2


def test_a_domain_and_each_of_its_people_have_a_budget(seconds: Seconds) -> None:
    domain = made(seconds=seconds)
    asked = sum(domain.may_ask(BOB) for _ in range(1000))
    assert asked == module.BURST_PER_SENDER and domain.status.refused == 1000 - asked
    assert domain.may_ask(Identity("dora", THERE)), "one noisy person is not the whole domain"
    seconds.now += 1
    assert sum(domain.may_ask(BOB) for _ in range(1000)) == module.RATE_PER_SENDER
    seconds.now += 1000
    crowd = [Identity(f"p{number}", THERE) for number in range(3000)]
    assert sum(domain.may_ask(who) for who in crowd) == module.BURST_PER_DOMAIN


def test_a_domain_that_fails_is_tried_ever_more_rarely_and_forgiven_at_once(seconds: Seconds) -> None:
    domain = made(seconds=seconds)
    assert domain.status.state is LinkState.IDLE and domain.rest() == 0
    pauses = []
    for _ in range(8):
        domain.failed("it does not answer")
        pauses.append(domain.rest())
        seconds.now += pauses[-1]
        assert domain.rest() == 0
    assert pauses == [*module.BACK_OFF, module.BACK_OFF[-1], module.BACK_OFF[-1]]
    assert (domain.status.state, domain.status.error) == (LinkState.FAILING, "it does not answer")
    domain.worked()
    assert (domain.status.state, domain.status.error, domain.rest()) == (LinkState.UP, "", 0)
    domain.failed("x" * 1000)
    assert domain.rest() == module.BACK_OFF[0] and len(domain.status.error) == module.MAX_ERROR


@pytest.mark.parametrize("hop", ["sip.other.example", "sip.other.example:5061", "192.0.2.1:5061", "[2001:db8::1]:5061"])
def test_next_hops_that_are_some(hop: str) -> None:
    assert PartnerOptions(next_hop=hop).next_hop == hop


@pytest.mark.parametrize("hop", ["a b", "host:port", "host:99999", "<x>"])
def test_next_hops_that_are_none(hop: str) -> None:
    with pytest.raises(ValueError, match="next_hop is none"):
        PartnerOptions(next_hop=hop)


def test_domains_that_are_none_are_named() -> None:
    with pytest.raises(ValueError, match="is no domain"):
        FederationOptions(partners={"a\x00b": PartnerOptions()})


@pytest.mark.parametrize(("text", "said"), [("nothing", "holds no certificates"), (None, "cannot be used")])
def test_a_file_without_authorities_stops_the_start(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        Trust([made(ca=str(path))], lambda context: context)
