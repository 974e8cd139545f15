"""An XMPP stream, cut into portions by its first byte: the same stanzas as at once, and each is the same alone."""

from __future__ import annotations

from lxml import etree

from .fuzzing import run, watched

with watched(__name__):
    from ...bridges.xmpp.errors import StanzaError
    from ...bridges.xmpp.messages.payload import BODY, text_of
    from ...bridges.xmpp.syntax import xml
    from ...bridges.xmpp.syntax.framer import Framer
    from ...bridges.xmpp.syntax.stanza import Stanza

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"xmlns:p='u:p' to='example.test' version='1.0'>"
)


def target(data: bytes) -> None:
    """One input."""
    size, stream = data[0] % 64 + 1 if data else 1, HEADER + data[1:]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    stanzas, end = framed([stream])
    again, same_end = framed(pieces)
    assert [stanza.raw for stanza in stanzas] == [stanza.raw for stanza in again]
    # Of two things that are wrong, another one may be met first; what is refused is refused either way.
    assert (bool(end[0]), end[1]) == (bool(same_end[0]), same_end[1]), (end, same_end)
    for stanza in stanzas:
        alone(stanza)


def framed(pieces: list[bytes]) -> tuple[list[Stanza], tuple[str, bool]]:
    """The stanzas, and how the stream ended: with which error, or closed."""
    framer, found, now = Framer(), [], 0.0
    for piece in pieces:
        now += 1
        found += framer.receive(piece, now)
    return found, (framer.failure.condition if framer.failure else "", framer.closed)


def alone(stanza: Stanza) -> None:
    """What goes into other people's streams is that stanza, to another parser too, and nothing beside it."""
    try:
        whole = etree.fromstring(b"<c xmlns='jabber:client'>" + stanza.raw + b"</c>")
    except etree.XMLSyntaxError as why:
        assert "is not a valid URI" in str(why), (
            why
        )  # libxml2 looks into the names of namespaces; XML does not ask it to
        return
    assert len(whole) == 1 and not whole.text and not whole[0].tail
    assert b"<![CDATA[" not in stanza.raw and b"<!--" not in stanza.raw and b"<?" not in stanza.raw
    put_elsewhere = etree.fromstring(b"<message xmlns='jabber:client'>" + stanza.inner + b"</message>")
    assert [kid.tag for kid in put_elsewhere] == [kid.tag for kid in whole[0]] or stanza.ns != xml.CLIENT
    if BODY in stanza.kids:
        try:
            text = text_of(stanza)
        except StanzaError:
            return
        assert text == (stanza.tree.findtext(BODY) or "")


if __name__ == "__main__":
    run(target, "xmpp_stream")
