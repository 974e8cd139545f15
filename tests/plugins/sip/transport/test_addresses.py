"""Which Route means us: by name, by where the peer reached us, and not a PBX's on the same machine."""

import pytest

from .....plugins.sip.calls.tokens import PARAM
from .....plugins.sip.syntax.uri import SipUri
from .....plugins.sip.transport.addresses import OwnAddresses
from .....plugins.sip.transport.flow import Address, Flow

FLOW = Flow("tcp1", None, "TCP", Address("192.0.2.9", 4000), Address("192.0.2.1", 5060))  # type: ignore[arg-type]
OURS = OwnAddresses(["example.test"], "sip.example.test", {"tcp": 5060, "tls": 5061})


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        ("sip:example.test;lr", True),
        ("sip:SIP.example.test:443;lr", True),
        ("sip:192.0.2.1;lr", True),
        ("sip:192.0.2.1:5061;transport=tls;lr", True),
        ("sip:192.0.2.1:5080;lr", False),
        (f"sip:192.0.2.1:49152;lr;{PARAM}=x", True),
        ("sip:192.0.2.2;lr", False),
        ("sip:elsewhere.test;lr", False),
        ("tel:112", False),
    ],
)
def test_which_route_is_ours(uri, ours):
    assert OURS.is_ours(SipUri.parse(uri), FLOW) is ours


def test_without_knowing_our_ports_every_port_is():
    assert OwnAddresses(["example.test"]).is_ours(SipUri.parse("sip:192.0.2.1:5080;lr"), FLOW)
