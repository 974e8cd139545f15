"""What INVITEs to conferences bring, and how long their sessions last."""

from __future__ import annotations

import pytest

from .....plugins.sip.conferences import offers, session_timer
from .....plugins.sip.conferences.session_timer import INTERVAL, MAX_SE, MIN_SE, Agreed
from .....plugins.sip.errors import Refusal
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.message import Request, Response

HEAD = "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x\r\nt=0 0\r\n"


def invite(*headers: tuple[str, str], body: bytes = b"") -> Request:
    return Request("INVITE", "sip:r@conference.example.test", headers, body)


def offer(media: str) -> offers.Offer:
    return offers.read(invite(("Content-Type", "application/sdp"), body=(HEAD + media).encode()))


def test_nothing_is_an_offer_too() -> None:
    assert offers.read(invite()) == offers.Offer([], [])


@pytest.mark.parametrize(
    "media", ["m=audio 4000 RTP/AVP 0", "m=video 1 RTP/AVP 0", "m=message 2855 TCP/MSRP *", "m=text 1 RTP/AVP 98"]
)
def test_other_media_are_refused_with_the_reason(media: str) -> None:
    with pytest.raises(Refusal) as refused:
        offer(media)
    assert refused.value.status == 488 and refused.value.headers[0][0] == "Warning"


def test_a_line_that_is_switched_off_harms_nobody() -> None:
    found = offer("m=audio 0 RTP/AVP 0\r\nm=message 5060 sip null\r\n")
    answer = offers.answer(found, "::1").decode()
    assert "m=audio 0 rtp/avp 0\r\nm=message 5060 sip null\r\n" in answer and "IN IP6 ::1" in answer


@pytest.mark.parametrize("body", [b"hello", b"v=0\r\nm=audio\r\n", b"v=0\r\n" + b"m=audio 0 RTP/AVP 0\r\n" * 17])
def test_what_is_no_session_description_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedSip):
        offers.read(invite(("Content-Type", "application/sdp"), body=body))


TIMER = ("Supported", "timer, replaces")


@pytest.mark.parametrize(
    ("headers", "agreed"),
    [
        ([], Agreed()),
        ([TIMER], Agreed(INTERVAL, "uac")),
        ([TIMER, ("Session-Expires", "120;refresher=uas")], Agreed(120, "uac")),
        ([("Session-Expires", "120")], Agreed()),
        ([("Session-Expires", "20")], Agreed()),
        ([("x", str(MAX_SE * 9)), ("x", "Session-Expires")], Agreed(MAX_SE, "uac")),
        ([("Require", "timer"), ("Session-Expires", str(MIN_SE))], Agreed(MIN_SE, "uac")),
    ],
)
def test_who_knows_timers_refreshes(headers: list[tuple[str, str]], agreed: Agreed) -> None:
    given = [TIMER, ("Session-Expires", str(MAX_SE * 9))] if headers and headers[0][0] == "x" else headers
    assert session_timer.agree(invite(*given)) == agreed


@pytest.mark.parametrize(("value", "status"), [("20", 422), ("soon", 400), ("-1", 400), ("", 400)])
def test_intervals_that_are_too_short_or_none(value: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        session_timer.agree(invite(TIMER, ("Session-Expires", value)))
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("value", "agreed"),
    [(None, Agreed()), ("600;refresher=uas", Agreed(600, "uas")), ("5", Agreed()), ("never", Agreed())],
)
def test_what_an_answer_to_our_own_invite_agrees_to(value: str | None, agreed: Agreed) -> None:
    headers = [("Session-Expires", value)] if value else []
    assert session_timer.accepted(Response(200, None, headers)) == agreed
