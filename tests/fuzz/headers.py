"""The value of a header, read as each kind of header: refused, or the same after it was printed."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.sign_in import digest
    from ...plugins.sip.syntax.grammar import MalformedSip, Params, split
    from ...plugins.sip.syntax.headers import Credentials, CSeq, NameAddr, Term, Via, media_type

READERS = (NameAddr.parse, Via.parse, CSeq.parse, Term.parse, media_type, Credentials.parse, Params.parse)


def target(data: bytes) -> None:
    """One input."""
    text = data.decode("utf-8", "surrogateescape")
    for read in READERS:
        try:
            value = read(text)
        except MalformedSip:
            continue
        assert read(str(value)) == value, read
    try:
        parts = split(text, ",")
    except MalformedSip:
        parts = []
    assert sum(map(len, parts)) <= len(text)
    credentials = digest.Credentials.parse(text)
    assert credentials is None or (credentials.nonce is not None and isinstance(digest.malformed(credentials), str))


if __name__ == "__main__":
    run(target, "headers")
