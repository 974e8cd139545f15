"""A datagram: refused, or a message that says the same after it was printed, and whose answer can be read."""

from __future__ import annotations

from .fuzzing import run, watched

with watched(__name__):
    from ...plugins.sip.syntax.checks import check
    from ...plugins.sip.syntax.grammar import MalformedSip
    from ...plugins.sip.syntax.message import Request, Response, parse


def target(data: bytes) -> None:
    """One input."""
    try:
        message = parse(data)
        check(message)
    except MalformedSip as malformed:
        if isinstance(malformed.request, Request):
            assert isinstance(parse(bytes(malformed.request.reply(400))), Response)
        return
    printed = bytes(message)
    again = parse(printed)
    assert (again.headers(), again.body, bytes(again)) == (message.headers(), message.body, printed)
    if isinstance(message, Request):
        message.came_from("192.0.2.1", 5060)
        answer = parse(bytes(message.reply(200)))
        assert isinstance(answer, Response) and answer.branch == message.via[0].branch
        assert answer.cseq == message.cseq and answer.to.uri == message.to.uri


if __name__ == "__main__":
    run(target, "message")
