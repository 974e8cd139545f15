"""The tables [xmpp.component] and [xmpp.gateways]: what is wrong in them is said in one sentence."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.components.options import ComponentOptions, GatewayOptions, GatewaysOptions, SecretOptions
from .....bridges.xmpp.options import XmppOptions


def test_neither_is_on_unless_its_table_is_there() -> None:
    assert XmppOptions().component is None and XmppOptions().gateways is None


def test_a_domain_may_have_a_secret_of_its_own() -> None:
    options = ComponentOptions(secret="all", domains={"conference.im.example": SecretOptions("own")})
    assert options.secret_of("im.example") == "all" and options.secret_of("conference.im.example") == "own"
    assert ComponentOptions(domains={"im.example": SecretOptions("own")}).secret_of("im.example") == "own"


@pytest.mark.parametrize("domain", ["", "a@b", "irc.example/x", "IRC.example", "a b"])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        GatewaysOptions(domains={domain: GatewayOptions("x")})
    with pytest.raises(ValueError, match="domain"):
        ComponentOptions(secret="x", reaches=[domain])


def test_a_gateway_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="anybody could speak"):
        GatewayOptions("")


@pytest.mark.parametrize("listen", ["", "0.0.0.0", "::", "192.0.2.1", "gateway.example"])
def test_gateways_come_from_this_machine_unless_it_is_said_otherwise(listen: str) -> None:
    with pytest.raises(ValueError, match="in the clear"):
        GatewaysOptions(listen=listen)
    assert GatewaysOptions(listen=listen, remote=True).listen == listen
    assert GatewaysOptions(listen="::1").port == 5347
