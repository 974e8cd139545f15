"""The named limits of streams with components and with a component's host."""

from __future__ import annotations

from ..stream.limits import KIB, LARGEST_STANZA, Limits

COMPONENT_STREAM = Limits(stanza=LARGEST_STANZA, depth=64, attributes=64, largest=4096 * KIB)
"""Many people share such a stream: what one of them sends too much of is refused, and the stream goes on."""

MAX_WAITING = 10_000
"""Stanzas that wait for a component's connection, or for it to take more; beyond, senders are told."""

MAX_WAITING_BYTES = 16 * 1024 * KIB
"""Bytes of such stanzas."""

MAX_UNCONFIRMED = 5_000
"""Stanzas sent over such a connection that the other side has not confirmed; beyond, the next ones wait."""

UNSENT = 64 * KIB
"""Bytes handed to the system that it has not taken; beyond, stanzas wait with us, where they are not lost."""

WAIT_TIME = 60.0
"""Seconds a stanza waits for a connection that is not there; then its sender is told."""

CONFIRM_AFTER = 0.1
"""Seconds after a stanza at which the other side is asked to confirm all that came so far."""

QUIET_TIME = 60.0
"""Seconds of silence after which the other side is asked whether it is there."""

CONFIRM_TIME = 30.0
"""Seconds it may take to answer that; then its connection is taken for dead."""

HANDSHAKE_TIME = 15.0
"""Seconds from the connection to the end of the handshake (XEP-0114 section 3)."""

GOODBYE_TIME = 1.0
"""Seconds the other side may take to close its stream when we close ours."""

BACK_OFF = (0.5, 60.0)
"""Seconds before a lost host is tried again: at first, and after many tries; half of it is left to chance."""

REFUSED_BACK_OFF = 60.0
"""Seconds before a host is tried again that does not know our domain or our secret: an administrator has to act."""

MAX_DOMAINS = 10_000
"""Domains behind a component's host that we remember having spoken with; beyond, the oldest are forgotten."""

OPEN_GATEWAYS = 20
"""Connections from one address that have not said whose gateway they are."""

NEW_GATEWAYS_PER_SECOND = 10
"""New connections in a second from one address to the port for gateways."""

MAX_GATEWAYS = 500
"""Connections to the port for gateways in all."""
