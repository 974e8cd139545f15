"""The named limits between servers: what another domain may ask of us, and what we keep for it."""

from __future__ import annotations

from ..stream.limits import KIB, Limits

UNPROVEN = Limits(stanza=10_000, depth=64, attributes=64)
"""The largest element before a domain is proven: RFC 6120 section 13.12's smallest allowed maximum."""

PROVEN = Limits(stanza=512 * KIB, depth=64, attributes=64)
"""The largest element after: a whole stanza of somebody else's client, whatever that server allows."""

STEP_TIME = 15.0
"""Seconds another server may take for one step: a connection, the TLS handshake, an answer."""

PROVE_TIME = 30.0
"""Seconds from the connection until the first domain is proven, in either direction."""

CALL_BACK_TIME = 20.0
"""Seconds to ask a domain's own server whether a dialback key is its own."""

OPEN_PER_ADDRESS = 20
"""Connections from one address by which no domain is proven."""

NEW_PER_SECOND = 20
"""Connections one address may open in a second."""

MAX_CONNECTIONS = 2_000
"""Connections of other servers in all."""

CONNECTIONS_PER_DOMAIN = 20
"""Connections of one domain that are proven; each pair of domains has one of its own."""

MAX_PAIRS = 50
"""Pairs of domains proven on one connection."""

MAX_PENDING = 10
"""Pairs of one connection that are being proven."""

MAX_CALL_BACKS = 100
"""Call-backs under way at a time."""

STANZAS_PER_SECOND = 500
"""Stanzas one connection may bring in a second, for long; faster ones are read more slowly."""

STANZA_BURST = 1000
"""Stanzas a connection that was quiet may bring at once."""

BYTES_PER_SECOND = 1024 * KIB
"""Bytes one connection may bring in a second, for long."""

BYTE_BURST = 4 * 1024 * KIB
"""Bytes a connection that was quiet may bring at once."""

SENDER_RATE = 50
SENDER_BURST = 200
"""Stanzas in a second, and at once, of one person of another house; beyond, they are refused."""

PUBLIC_SENDER_RATE = 5
PUBLIC_SENDER_BURST = 50
"""The same for one person of a public provider."""

MAX_SENDERS = 5_000
"""People of one domain whose pace is remembered."""

FAIR_SHARE = 50
"""Elements taken from one connection in one turn of the loop."""

MAX_IN_FLIGHT = 256
"""Stanzas of one connection whose work is not done; beyond, it is not read."""

MAX_QUEUED = 100
"""Stanzas that wait for the way to a domain to open."""

MAX_UNTAKEN = 1_000
"""Stanzas that wait for a domain that is reached and does not read."""

MAX_QUEUED_BYTES = 2 * 1024 * KIB
"""Bytes that wait for a domain, however many stanzas they are."""

MAX_UNCONFIRMED = 1_000
"""Stanzas kept because the other server has not said that it has them."""

MAX_UNCONFIRMED_BYTES = 2 * 1024 * KIB
"""Bytes of such stanzas."""

QUEUE_TIME = 30.0
"""Seconds a stanza waits for the way to its domain to open; then its sender is told."""

CONFIRM_TIME = 60.0
"""Seconds another server may take to say that it has what was sent; then the connection is taken for dead."""

IDLE_TIME = 600.0
"""Seconds without a stanza after which a connection of ours is closed."""

KEEP_ALIVE = 120.0
"""Seconds of silence after which white space is sent (RFC 6120 section 4.6.1)."""

MAX_SILENCE = 3600.0
"""Seconds without a byte after which a connection of theirs is closed."""

BACK_OFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds until the next try to reach a domain; the last is repeated."""

MAX_PLACES = 8
"""Places of one domain that are tried."""

MAX_STRANGERS = 1_000
"""Domains that nobody wrote down and that are spoken with all the same."""

MAX_WAYS = 2_000
"""Ways from domains of ours to domains of theirs."""

MAX_CERTIFICATE_NAMES = 500
"""Names of one certificate that are looked at."""

MAX_WRITTEN_TO = 20_000
"""Pairs of one of ours who wrote to one of theirs that are remembered, for those who are heard only then."""

UNSHOWABLE_TIME = 24 * 3600.0
"""Seconds for which a server whose certificate did not do at a handshake is not asked for one again."""

MAX_UNSHOWABLE = 1_000
"""Domains of which that is remembered."""

STOP_TIME = 2.0
"""Seconds all other servers together may take to close when ours stops."""
