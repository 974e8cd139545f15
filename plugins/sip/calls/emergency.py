"""Emergency calls: which they are, and that they come first.

What is dialled decides, before anything else is looked at: no rule rewrites it, no block, presence, forwarding or
permission stands in its way.  Where the caller is (Geolocation, RFC 6442; a PIDF-LO body) passes untouched, as the
proxy passes everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax.uri import SipUri
from .dial_plan import dialled

SERVICE = "service:sos"
"""The service URN of emergencies: RFC 5031 section 4.2; ``sos.police`` and the like are below it."""


def emergency_number(uri: SipUri, numbers: Sequence[str]) -> str:
    """The emergency number that somebody called; for the service URN the first there is, nothing for other calls."""
    if uri.scheme == "urn":
        service = uri.opaque.lower()
        wanted = service == SERVICE or service.startswith(f"{SERVICE}.")
        return numbers[0] if wanted and numbers else ""
    number = dialled(uri)
    return number.number if number is not None and number.number in numbers else ""
