"""The named limits of the client side: what a stream may ask of us before and after sign-in."""

from __future__ import annotations

from typing import NamedTuple

KIB = 1024


class Limits(NamedTuple):
    """How large and how deep a first-level element may be."""

    stanza: int
    depth: int
    attributes: int
    largest: int = 0
    """Bytes beyond which a stream is ended that many people share; whatever else is too much in it is only refused."""


BEFORE_SIGN_IN = Limits(stanza=10_000, depth=16, attributes=32)
"""Bytes in RFC 6120 section 13.12's smallest allowed maximum; nobody needs more to sign in."""

AFTER_SIGN_IN = Limits(stanza=64 * KIB, depth=64, attributes=64)

LARGEST_STANZA = 256 * KIB
"""What the option ``max_stanza`` may be set to."""

MAX_HEADER = 4 * KIB
"""Bytes in the stream header, with everything before it."""

MAX_PREFIXES = 32
"""Namespace prefixes declared within one first-level element, or on the stream header."""

MAX_NAMESPACE = 256
"""Characters in a namespace: one that is declared once may have to be repeated on every element."""

PARSE_INTERVAL = 0.010
"""Seconds between two looks at the same unfinished tag: expat reads it from its start each time (CVE-2023-52425)."""

PARSER_LIFE = 1024 * KIB
"""Bytes read by one parser: it keeps every name it ever saw, so a stream gets a new one now and then."""

STEP_TIME = 15.0
"""Seconds a client may take for one step of the negotiation: a header, the TLS handshake, a response."""

SIGN_IN_TIME = 60.0
"""Seconds from the connection to the bound resource."""

FORM_TIME = 300.0
"""Seconds somebody who asks for an account may think about a name and a password."""

MAX_TRIES = 3
"""Failed sign-ins on one stream, after which it is closed."""

OPEN_PER_ADDRESS = 20
"""Client connections from one address that have not signed in."""

NEW_PER_SECOND = 10
"""Client connections one address may open in a second."""

NEW_BURST = 2
"""Seconds' worth of new connections that may come at once."""

SHARED_TIMES = 6
"""How many times as much an address may do that many people share."""

STANZAS_PER_SECOND = 50
"""Stanzas a client may send in a second; one that sends faster is read more slowly."""

STANZA_BURST = 200
"""Stanzas a client that was quiet may send at once."""

BYTES_PER_MINUTE = 2 * 1024 * KIB
"""Bytes a client may send in a minute; one that sends faster is read more slowly."""

BYTE_BURST = 256 * KIB
"""Bytes a client that was quiet may send at once."""

FAIR_SHARE = 50
"""Stanzas taken from one stream in one turn of the loop."""

MAX_IN_FLIGHT = 64
"""Stanzas of one stream whose work is not done; beyond, the stream is not read."""

MAX_UNSENT = 256 * KIB
"""Bytes kept for a client that does not read; beyond, its stream is closed and it finds the rest in the store."""

MAX_UNREAD = 10.0
"""Seconds a client may leave more than MAX_UNSENT unread, as it does after a long list."""

MAX_UNSENT_BURST = 2 * 1024 * KIB
"""Bytes kept for a client within MAX_UNREAD; beyond, its stream is closed at once."""

MAX_UNACKNOWLEDGED = 2000
"""Stanzas kept for a client that does not say that it has them (XEP-0198); beyond, its session is ended."""

MAX_UNACKNOWLEDGED_BYTES = 2 * 1024 * KIB
"""Bytes of such stanzas."""

RESUME_TIME = 300
"""Seconds a client whose connection broke is waited for."""

SETTLE_TIME = 10.0
"""Seconds a client that comes back waits for what it said before to be done."""

REST_TIME = 2.0
"""Seconds of silence after which a stream's parser is given back."""

IDLE_TIME = 300.0
"""Seconds of silence after which a client is asked whether it is there."""

ANSWER_TIME = 60.0
"""Seconds a client may take to answer that it is there."""

CLOSE_TIME = 5.0
"""Seconds a client may take to read our last words and to close its side (RFC 6120 section 4.4)."""

LINGER_TIME = 0.2
"""Seconds of silence after which a client is taken to have nothing more to say."""

STOP_TIME = 2.0
"""Seconds all clients together may take to close when the server stops."""

BACKLOG = 512
"""Connections that the system keeps until they are accepted."""

ACCEPT_REST = 1.0
"""Seconds without new connections when the system has no more sockets for us."""

MAX_CONNECTIONS = 20_000
"""Client connections in all."""
