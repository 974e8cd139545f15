"""Every error of the core has its SIP code, and a refusal gives nothing away."""

from __future__ import annotations

import pytest

from ....core import errors
from ....core.errors import Absent, Busy, HereaboutsError, NotAllowed, NotFound, Refused, SettingsError, TooLarge
from ....plugins.sip.errors import MAX_REASON, STATUS, Refusal, phrase, refusal_of
from ....plugins.sip.messages.bodies import UnknownBody
from ....plugins.sip.syntax.grammar import MalformedSip
from ....plugins.sip.syntax.message import Request, Response
from ....plugins.sip.xml import MalformedXml


def request() -> Request:
    return Request(
        "MESSAGE",
        "sip:bob@example.test",
        [
            ("Via", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1"),
            ("From", "<sip:alice@example.test>;tag=a"),
            ("To", "<sip:bob@example.test>"),
            ("Call-ID", "c"),
            ("CSeq", "1 MESSAGE"),
        ],
    )


def refused(why: HereaboutsError) -> Response:
    return refusal_of(request(), why)


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (NotFound("x"), 404),
        (Refused("x"), 403),
        (NotAllowed("x"), 403),
        (Absent("x"), 480),
        (TooLarge("x"), 413),
        (Busy("x"), 503),
        (UnknownBody("x"), 415),
        (MalformedSip("x"), 400),
        (MalformedSip("x", status=416), 416),
        (MalformedXml("x"), 400),
        (errors.Gone("x"), 410),
        (errors.BadAddress("x"), 404),
        (errors.BadRequest("x"), 400),
        (errors.Answered("x"), 200),
        (Refusal(423, "", ("Min-Expires", 60)), 423),
        (HereaboutsError("x"), 500),
    ],
)
def test_each_error_has_its_code(why, status):
    assert refused(why).status == status


def test_no_error_of_the_core_is_without_a_code():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, HereaboutsError)]
    missing = [k for k in kinds if k not in STATUS and k is not SettingsError]
    assert kinds and not missing


def test_only_errors_meant_for_the_sender_speak():
    assert refused(NotFound("nobody is bob@example.test")).reason == "Not Found"
    assert refused(Busy("the disk is full")).reason == "Service Unavailable"
    assert refused(Refused("no links here")).reason == "no links here"
    assert refused(MalformedSip("no Contact")).reason == "no Contact"


def test_what_goes_with_a_code_goes_along():
    assert refused(Busy("x", retry_after=30)).first("Retry-After") == "30"
    assert "text/plain" in refused(UnknownBody("x")).all("Accept")
    assert "deflate" in refused(UnknownBody("x")).all("Accept-Encoding")
    assert refused(Refusal(423, "", ("Min-Expires", 60))).first("Min-Expires") == "60"
    assert refused(Refusal(423)).reason == "Interval Too Brief"


def test_a_reason_is_one_short_line():
    nasty = "a\r\nVia: evil\x00" + "x" * 500
    assert len(phrase(nasty)) <= MAX_REASON and "\r" not in phrase(nasty)
    assert bytes(refused(Refused(nasty))).count(b"\r\nVia") == 1
