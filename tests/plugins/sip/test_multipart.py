"""Bodies of several parts."""

from __future__ import annotations

import pytest

from ....plugins.sip.multipart import CONTENT_TYPE, MAX_PARTS, parts
from ....plugins.sip.syntax.grammar import MalformedSip
from ....plugins.sip.syntax.headers import Term, media_type


def read(body: bytes, boundary: str = "b1") -> list[tuple[str, bytes]]:
    return [(kind.value, part) for kind, part in parts(media_type(f'{CONTENT_TYPE};boundary="{boundary}"'), body)]


def test_parts_in_order_with_a_word_before_and_after() -> None:
    body = b"hello\r\n--b1\r\ncontent-type: Application/SDP\r\n\r\nv=0\r\n--b1\r\n\r\njust text\r\n--b1--\r\nbye"
    assert read(body) == [("application/sdp", b"v=0"), ("text/plain", b"just text")]


def test_no_blank_lines_are_lost() -> None:
    assert read(b"--b1\r\nA: b\r\n\r\n\r\n\r\nx\r\n\r\n--b1--") == [("text/plain", b"\r\n\r\nx\r\n")]


@pytest.mark.parametrize(
    "body",
    [b"", b"no parts", b"--b1\r\n\r\nnever ends", b"--b1\r\nContent-Type: nothing\r\n\r\nx\r\n--b1--"],
)
def test_what_is_no_multipart_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedSip):
        read(body)


def test_without_a_boundary_nothing_is_read() -> None:
    with pytest.raises(MalformedSip):
        list(parts(Term(CONTENT_TYPE), b"--b1--"))


def test_parts_are_counted() -> None:
    assert len(read(b"--b1\r\n\r\nx\r\n" * MAX_PARTS + b"--b1--")) == MAX_PARTS
    with pytest.raises(MalformedSip):
        read(b"--b1\r\n\r\nx\r\n" * (MAX_PARTS + 1) + b"--b1--")
