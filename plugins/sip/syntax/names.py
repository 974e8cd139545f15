"""The names of headers: compact forms, which are lists, which stand once; and the key each is found under."""

from __future__ import annotations

COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""The compact forms of the IANA registry."""

# fmt: off
LISTS = (
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Call-Info", "Contact", "Content-Encoding", "Content-Language", "Diversion", "Error-Info", "History-Info",
    "In-Reply-To", "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Proxy-Require", "Reason", "Record-Route",
    "Reject-Contact", "Request-Disposition", "Require", "Route", "Security-Client", "Security-Server",
    "Security-Verify", "Service-Route", "Supported", "Unsupported", "Via", "Warning",
)
"""A value of these is a comma-separated list: one line with a comma means the same as two lines."""

ONCE = (
    "Call-ID", "Content-Disposition", "Content-Length", "Content-Type", "CSeq", "Event", "Expires", "From",
    "Max-Forwards", "SIP-If-Match", "Subscription-State", "To",
)
"""Those of which a second, different one makes the message ambiguous (RFC 4475 section 3.3.8)."""

OTHERS = (
    "Authentication-Info", "Authorization", "Content-ID", "Date", "Flow-Timer", "MIME-Version", "Min-Expires",
    "Organization", "Priority", "Proxy-Authenticate", "Proxy-Authorization", "Refer-Sub", "Reply-To", "Retry-After",
    "SIP-ETag", "Server", "Subject", "Timestamp", "User-Agent", "WWW-Authenticate",
)
# fmt: on

KEYS = {name: name.lower() for name in (*LISTS, *ONCE, *OTHERS, *COMPACT.values())}
KEYS |= {name.lower(): name.lower() for name in KEYS}
KEYS |= {form: name.lower() for form, name in COMPACT.items()} | {f.upper(): n.lower() for f, n in COMPACT.items()}
SHORT = {name.lower(): form for form, name in COMPACT.items()}
LIST_KEYS = frozenset(name.lower() for name in LISTS)


def key_of(name: str) -> str:
    """The one spelling under which a header is found: lower case, compact forms resolved."""
    return KEYS.get(name) or KEYS.get(name.lower()) or name.lower()
