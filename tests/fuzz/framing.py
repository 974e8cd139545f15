"""A stream, cut into portions by its first byte: it says the same as when it comes at once."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.syntax.framing import Broken, Framed, SipStream


def target(data: bytes) -> None:
    """One input."""
    size, stream = data[0] % 64 + 1 if data else 1, data[1:]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    for signed_in in (False, True):
        assert said([stream], signed_in) == said(pieces, signed_in)


def said(pieces: list[bytes], signed_in: bool) -> list[object]:
    """What a stream makes of what comes."""
    stream, found = SipStream(), []
    stream.signed_in = signed_in
    for piece in pieces:
        stream.receive_data(piece)
        while (framed := stream.next()) is not None:
            found.append(summary(framed))
    return found


def summary(framed: Framed) -> object:
    """Something to compare."""
    if isinstance(framed, Broken):
        return framed.why.reason, framed.why.status, framed.last
    return bytes(framed) if hasattr(framed, "headers") else type(framed)


if __name__ == "__main__":
    run(target, "framing")
