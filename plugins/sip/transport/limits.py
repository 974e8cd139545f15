"""The named limits of SIP: what is taken from outside, how long is waited, how much is kept."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HEAD = 64 * 1024
"""Start line and headers."""
MAX_HEADERS = 128
MAX_LINE = 8 * 1024
"""One header, folded lines joined."""
MAX_LENGTH = 2**31 - 1
"""What Content-Length can say at all; what is beyond counts as no number."""
MAX_BODY = 64 * 1024
MAX_BEFORE_SIGN_IN = 10_000
"""A whole message, while nobody has signed in on the flow."""

MAX_FLOWS = 20_000
"""Connections, and UDP addresses remembered, at a time."""
OPEN_PER_ADDRESS = 20
NEW_PER_SECOND = 10
NEW_BURST = 20
"""Connections from one IPv4 address or IPv6 /64."""
MAX_NETWORKS = 10_000
"""Addresses and networks whose rates are remembered."""

FIRST_REQUEST_WITHIN = 15.0
"""Seconds from the connection to the first whole message; the TLS handshake has as long by itself."""
SIGN_IN_WITHIN = 60.0
"""Seconds after which a flow on which nobody signed in is closed."""
HEAD_WITHIN = 10.0
BODY_WITHIN = 20.0
"""Seconds from the first byte of a head or body to its last."""
CLOSE_WITHIN = 5.0
"""Seconds for a peer to take what is left when its connection is closed."""
STRANGER_FORGOTTEN_AFTER = 64.0
ADDRESS_FORGOTTEN_AFTER = 7200.0
"""Seconds of silence after which a UDP address is no flow any more, before and after sign-in."""

KEEP_ALIVES_PER_SECOND = 5
RATE_BEFORE_SIGN_IN = 5
BURST_BEFORE_SIGN_IN = 20
RATE = 50
BURST = 200
"""Messages per second on one flow.  Over a stream what is too fast waits, over UDP it is dropped."""
UDP_PER_NETWORK = 20
UDP_BURST_PER_NETWORK = 40
"""Datagrams per second from an IPv4 /24 or IPv6 /64, before sign-in."""
PER_TURN = 50
"""Messages of one connection before the others have their turn."""

MAX_UNSENT = 256 * 1024
MAX_UNSENT_BEFORE_SIGN_IN = 16 * 1024
"""Bytes kept for a peer that does not read; beyond, the flow is closed."""
MAX_DATAGRAM = 65_507
"""What IPv4 carries."""
UDP_CREDIT = 16 * 1024
"""Bytes that an address which has not signed in may be owed: it gets no more than it sent."""

MAX_TRANSACTIONS = 50_000
"""Transactions at a time, over all flows."""
BUSY_RETRY = 5
"""Seconds, in the Retry-After of a 503."""
MAX_UNACKNOWLEDGED = 10_000
"""2xx responses to INVITE waiting for their ACK."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Those limits that a trusted neighbour, a load generator or a test needs other values for."""

    max_body: int = MAX_BODY
    max_flows: int = MAX_FLOWS
    open_per_address: int = OPEN_PER_ADDRESS
    new_per_second: float = NEW_PER_SECOND
    new_burst: float = NEW_BURST
    first_request_within: float = FIRST_REQUEST_WITHIN
    sign_in_within: float = SIGN_IN_WITHIN
    head_within: float = HEAD_WITHIN
    body_within: float = BODY_WITHIN
    keep_alives_per_second: float = KEEP_ALIVES_PER_SECOND
    rate_before_sign_in: float = RATE_BEFORE_SIGN_IN
    burst_before_sign_in: float = BURST_BEFORE_SIGN_IN
    rate: float = RATE
    burst: float = BURST
    udp_per_network: float = UDP_PER_NETWORK
    udp_burst_per_network: float = UDP_BURST_PER_NETWORK
    stranger_forgotten_after: float = STRANGER_FORGOTTEN_AFTER
    max_unsent: int = MAX_UNSENT
    max_unsent_before_sign_in: int = MAX_UNSENT_BEFORE_SIGN_IN
    max_transactions: int = MAX_TRANSACTIONS
