"""What a proxy makes of requests and responses, and which failure it chooses."""

from __future__ import annotations

import pytest

from .....plugins.sip.calls.best import best
from .....plugins.sip.calls.copies import acknowledging, beyond_us, cancelling, forwarded, parting, returned
from .....plugins.sip.syntax.message import Request, Response

DIGEST = 'Digest realm="example.test", username="a"'
OTHER = 'Digest realm="elsewhere.test", username="a"'


def invite(*headers: tuple[str, object]) -> Request:
    head = [
        ("Via", "SIP/2.0/TCP us.test:5060;branch=z9hG4bKours"),
        ("Via", "SIP/2.0/TCP a.test;branch=z9hG4bKtheirs"),
        ("Record-Route", "<sip:us.test;lr;call=TOKEN>"),
        ("From", "<sip:alice@example.test>;tag=a"),
        ("To", "<sip:bob@example.test>"),
        ("Call-ID", "c1"),
        ("CSeq", "7 INVITE"),
        ("Max-Forwards", "12"),
    ]
    return Request("INVITE", "sip:bob@192.0.2.1", [*head, *headers], b"body")


def answered(*routes: str) -> Response:
    head = [("Via", via) for via in invite().all("Via")] + [("Record-Route", route) for route in routes]
    head += [("From", "<sip:alice@example.test>;tag=a"), ("To", "<sip:bob@example.test>;tag=b")]
    return Response(200, None, [*head, ("Contact", "<sip:bob@192.0.2.7:9>"), ("X-Kept", "1")], b"sdp")


class TestGoingOn:
    def test_one_hop_less_and_all_the_rest(self) -> None:
        copy = forwarded(invite(("X-Kept", "1")), uri="sip:elsewhere@h")
        assert (copy.uri, copy.max_forwards, copy.first("X-Kept"), copy.body) == ("sip:elsewhere@h", 11, "1", b"body")
        assert copy.all("Via") == invite().all("Via")

    def test_who_counts_no_hops_is_counted_from_now(self) -> None:
        request = invite()
        request.drop("Max-Forwards")
        assert forwarded(request).max_forwards == 70

    def test_what_proves_somebody_to_us_goes_no_further(self) -> None:
        request = invite(("Authorization", DIGEST), ("Proxy-Authorization", DIGEST), ("Proxy-Authorization", OTHER))
        copy = forwarded(request, realms=["Example.TEST"])
        assert copy.all("Authorization") == [] and copy.all("Proxy-Authorization") == [OTHER]
        assert len(request.all("Proxy-Authorization")) == 2, "the original is as it was"

    def test_a_response_goes_the_way_the_request_came(self) -> None:
        came = invite()
        came.drop("Via")
        came.add("Via", "SIP/2.0/TCP a.test;branch=z9hG4bKtheirs;received=192.0.2.4")
        back = returned(answered("<sip:x;lr>"), came)
        assert back.all("Via") == came.all("Via") and back.all("Record-Route") == ["<sip:x;lr>"]
        assert (back.first("X-Kept"), back.body) == ("1", b"sdp")


class TestOurOwn:
    def test_a_cancel_has_the_numbers_of_its_invite(self) -> None:
        request = invite(("Route", "<sip:next.test;lr>"))
        cancel = cancelling(request, ['SIP;cause=200;text="elsewhere, somewhere"'])
        assert cancel.uri == request.uri and cancel.all("Via") == request.all("Via")[:1]
        assert str(cancel.cseq) == "7 CANCEL" and cancel.all("Route") == request.all("Route")
        assert cancel.first("To") == request.first("To") and len(cancel.all("Reason")) == 1

    def test_whoever_is_not_wanted_any_more_is_acknowledged_and_left(self) -> None:
        response = answered("<sip:far.test;lr>", "<sip:near.test;lr>", "<sip:us.test;lr;call=TOKEN>", "<sip:a.test;lr>")
        ack, bye = acknowledging(invite(), response, "TOKEN"), parting(invite(), response, "TOKEN")
        assert str(ack.cseq) == "7 ACK" and str(bye.cseq) == "8 BYE"
        for request in (ack, bye):
            assert request.uri == "sip:bob@192.0.2.7:9" and request.to.tag == "b"
            assert request.all("Route") == ["<sip:near.test;lr>", "<sip:far.test;lr>"], "nearest first, ours not at all"

    def test_what_stands_above_and_below_us(self) -> None:
        ours = ["<sip:us.test:5061;transport=tls;lr;call=T>", "<sip:us.test:5060;transport=udp;lr;call=T>"]
        assert beyond_us(["<sip:b;lr>", *ours, "<sip:a;lr>"], "T") == (["<sip:b;lr>"], ["<sip:a;lr>"])
        assert beyond_us(["<sip:b;lr>"], "T") == (["<sip:b;lr>"], [])


def failures(*statuses: int) -> list[Response]:
    return [Response(status, None, [("To", "<sip:b@h>;tag=b")]) for status in statuses]


class TestTheBest:
    @pytest.mark.parametrize(
        ("statuses", "chosen"),
        [
            ((486,), 486),
            ((500, 486), 486),
            ((404, 480, 500), 404),
            ((486, 603, 480), 603),
            ((302, 486), 302),
            ((486, 407), 407),
            ((404, 484), 484),
            ((503,), 500),
            ((503, 500), 500),
            ((487, 486), 486),
            ((408, 502), 502),
        ],
    )
    def test_of_several(self, statuses: tuple[int, ...], chosen: int) -> None:
        found = best(failures(*statuses))
        assert found is not None and found.status == chosen

    def test_silence_tells_nothing(self) -> None:
        assert best([]) is None and best(failures(487, 408)) is None

    def test_every_challenge_is_passed_on(self) -> None:
        one, other, third = failures(407, 401, 486)
        one.add("Proxy-Authenticate", "Digest realm=one")
        other.add("WWW-Authenticate", "Digest realm=two")
        found = best([one, other, third])
        assert found is not None and found.all("Proxy-Authenticate") == ["Digest realm=one"]
        assert found.all("WWW-Authenticate") == ["Digest realm=two"]

    def test_a_503_of_one_hop_says_nothing_of_when_to_come_back(self) -> None:
        (response,) = failures(503)
        response.add("Retry-After", 5)
        found = best([response])
        assert found is not None and found.first("Retry-After") is None
