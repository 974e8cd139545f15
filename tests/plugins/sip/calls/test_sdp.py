"""A glance at session descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.calls.sdp import Glance, glance
from .....plugins.sip.syntax.message import Request
from .handset import sdp

AUDIO, VIDEO = frozenset({"audio"}), frozenset({"video"})


def seen(body: bytes, kind: str = "application/sdp") -> Glance | None:
    return glance(Request("INVITE", "sip:b@h", [("Content-Type", kind)], body))


@pytest.mark.parametrize(
    ("media", "kinds"),
    [
        (("audio",), AUDIO),
        (("audio", "video"), AUDIO | VIDEO),
        (("audio", "video 0"), AUDIO),
        (("audio 4000/2",), AUDIO),
        (("audio 0/2",), frozenset()),
        (("message",), frozenset({"message"})),
        (("application", "audio"), AUDIO | {"application"}),
    ],
)
def test_the_media_that_are_on(media: tuple[str, ...], kinds: frozenset[str]) -> None:
    found = seen(sdp(*media))
    assert found is not None and found.kinds == kinds and found.media == kinds & (AUDIO | VIDEO)


@pytest.mark.parametrize(
    ("body", "held"),
    [
        (sdp(), False),
        (sdp(direction="sendonly"), True),
        (sdp(direction="inactive"), True),
        (sdp(direction="recvonly"), False),
        (sdp(address="0.0.0.0"), True),
        (sdp(address="0.0.0.0").replace(b"m=audio", b"m=video").replace(b"t=0 0", b"t=0 0\r\na=sendrecv"), True),
        (sdp("audio", "video", direction="sendonly").replace(b"sendonly", b"sendrecv", 1), False),
        (sdp("audio", "video 0", direction="sendonly"), True),
        (sdp().replace(b"t=0 0", b"t=0 0\r\na=sendonly"), True),
        (sdp(direction="sendrecv").replace(b"t=0 0", b"t=0 0\r\na=sendonly"), False),
        (sdp("message", direction="inactive"), False),
        (sdp(address="0.0.0.0") + b"c=IN IP4 192.0.2.1\r\n", False),
    ],
)
def test_who_keeps_the_other_waiting(body: bytes, held: bool) -> None:
    found = seen(body)
    assert found is not None and found.held is held


def test_a_description_among_other_parts() -> None:
    parts = [b"--b", b"Content-Type: application/sdp", b"", sdp("audio", "video"), b"--b", b"Content-Type: text/plain"]
    found = seen(b"\r\n".join([*parts, b"", b"hello", b"--b--"]), "multipart/mixed;boundary=b")
    assert found == Glance(AUDIO | VIDEO)
    assert seen(b"\r\n".join([*parts, b"", b"hello", b"--b--"]), "multipart/mixed") is None


def test_no_description() -> None:
    assert seen(b"") is None and seen(b"hello", "text/plain") is None
    assert glance(Request("INVITE", "sip:b@h")) is None


@given(st.binary(max_size=200))
def test_anything_can_be_looked_at(body: bytes) -> None:
    found = seen(b"v=0\r\n" + body)
    assert found is not None and (found.media or not found.held)
