"""The named limits of SIP from outside: what is taken, how long is waited, how much is kept."""

from __future__ import annotations

MAX_HEAD = 64 * 1024
"""Start line and headers."""
MAX_HEADERS = 128
MAX_LINE = 8 * 1024
MAX_LENGTH = 2**31 - 1
"""What Content-Length can say at all; beyond it is no number for us."""
MAX_BODY = 256 * 1024
MAX_BEFORE_SIGN_IN = 10_000
"""A whole message, while nobody has signed in on the flow."""
