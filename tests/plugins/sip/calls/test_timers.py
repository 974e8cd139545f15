"""Session timers as RFC 4028 section 8 has proxies keep them."""

from __future__ import annotations

import pytest

from .....plugins.sip.calls.timers import MIN_SE, SESSION_EXPIRES, agree, ask, supports
from .....plugins.sip.errors import Refusal
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.message import Request, Response


def invite(**headers: object) -> Request:
    return Request("INVITE", "sip:b@h", [(name.replace("_", "-"), value) for name, value in headers.items()])


class TestAsking:
    def test_who_asks_for_none_is_given_ours(self) -> None:
        request = invite()
        assert ask(request) == SESSION_EXPIRES and request.first("Session-Expires") == str(SESSION_EXPIRES)

    def test_it_is_not_below_what_a_proxy_before_us_wants(self) -> None:
        request = invite(Min_SE=SESSION_EXPIRES + 1)
        assert ask(request) == SESSION_EXPIRES + 1

    def test_what_is_asked_for_stays_as_it_is(self) -> None:
        request = invite(Session_Expires="600;refresher=uac", Supported="timer")
        assert ask(request) == 600 and request.first("Session-Expires") == "600;refresher=uac"

    def test_too_short_an_interval(self) -> None:
        with pytest.raises(Refusal) as refused:
            ask(invite(Session_Expires=30, Supported="100rel, timer"))
        assert refused.value.status == 422 and refused.value.headers == (("Min-SE", MIN_SE),)

    def test_too_short_and_nobody_to_tell(self) -> None:
        request = invite(Session_Expires="30;refresher=uas")
        assert ask(request) == MIN_SE
        assert (request.first("Session-Expires"), request.first("Min-SE")) == ("90;refresher=uas", "90")

    def test_no_number(self) -> None:
        with pytest.raises(MalformedSip):
            ask(invite(Session_Expires="soon"))

    def test_the_short_form(self) -> None:
        assert ask(invite(x=700)) == 700


class TestAgreeing:
    def test_what_the_callee_grants_holds(self) -> None:
        response = Response(200, None, [("Session-Expires", "120;refresher=uas"), ("Require", "timer")])
        assert agree(response, 1800, True) == 120 and response.all("Require") == ["timer"]

    def test_the_caller_refreshes_for_a_callee_that_knows_no_timers(self) -> None:
        response = Response(200)
        assert agree(response, 1800, True) == 1800
        assert (response.first("Session-Expires"), response.first("Require")) == ("1800;refresher=uac", "timer")

    def test_nobody_knows_timers(self) -> None:
        response = Response(200)
        assert agree(response, 1800, False) is None and response.first("Session-Expires") is None

    def test_a_callee_cannot_make_the_interval_tiny(self) -> None:
        assert agree(Response(200, None, [("Session-Expires", "1")]), 1800, True) == MIN_SE


def test_who_knows_timers() -> None:
    assert supports(invite(Supported="100rel, Timer")) and supports(invite(Require="timer"))
    assert not supports(invite(Supported="100rel"))
