"""A URI: refused, or equal to itself after it was printed, and printed the same."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...core.errors import BadAddress
    from ...plugins.sip.syntax.grammar import MalformedSip
    from ...plugins.sip.syntax.uri import SipUri
    from ...plugins.sip.translate import identity_of


def target(data: bytes) -> None:
    """One input."""
    try:
        uri = SipUri.parse(data.decode("utf-8", "surrogateescape"))
    except MalformedSip:
        return
    again = SipUri.parse(str(uri))
    assert again == uri and hash(again) == hash(uri) and str(again) == str(uri)
    try:
        identity_of(uri)
    except BadAddress:
        pass


if __name__ == "__main__":
    run(target, "uri")
