"""Addresses and times between SIP and the core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....core.errors import BadAddress
from ....core.identity import FORBIDDEN, Identity
from ....plugins.sip.syntax.headers import NameAddr
from ....plugins.sip.syntax.uri import SipUri
from ....plugins.sip.translate import identity_of, short, sip_date, sip_uri, time_of, xml_time

BOB = Identity("bob", "example.test")


@pytest.mark.parametrize(
    "text",
    [
        "sip:bob@example.test",
        "sips:BOB@Example.Test:5061;transport=tls",
        "pres:bob@example.test",
        "im:bob@example.test;x=y",
    ],
)
def test_one_person_has_many_spellings(text):
    assert identity_of(text) == BOB
    assert identity_of(SipUri.parse(text)) == BOB
    assert identity_of(NameAddr.parse(f'"Bob" <{text}>;tag=1')) == BOB


@pytest.mark.parametrize("text", ["", "bob", "tel:+4912", "sip:example.test", "sip:b%20b@example.test", "sip:b%FF@x.y"])
def test_what_names_nobody(text):
    with pytest.raises(BadAddress):
        identity_of(text)


LETTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters="".join(FORBIDDEN) + "\\")


@given(st.text(LETTERS, min_size=1, max_size=20))
def test_any_name_survives_the_way_to_a_uri_and_back(user):
    try:
        who = Identity.parse(f"{user}@example.test")
    except BadAddress:
        return
    assert identity_of(str(sip_uri(who))) == who


def test_domains_travel_in_ascii():
    who = Identity("bob", "bücher.test")
    assert str(sip_uri(who)) == "sip:bob@xn--bcher-kva.test"
    assert identity_of("sip:bob@xn--bcher-kva.test") == who
    with pytest.raises(BadAddress):
        identity_of("sip:bob@xn--\x7f.test".replace("\x7f", "99999999999"))


def test_times():
    at = datetime(2026, 11, 23, 18, 47, 10, tzinfo=timezone(timedelta(hours=1)))
    assert sip_date(at) == "Mon, 23 Nov 2026 17:47:10 GMT"
    assert xml_time(at) == "2026-11-23T17:47:10Z"
    assert time_of(" 2026-11-23T17:47:10Z ") == at.astimezone(UTC)
    assert time_of("2026-11-23T17:47:10") is None
    assert time_of("soon") is None


def test_short_names_are_stable_and_differ():
    assert short("a") == short("a") != short("b")
    assert short("a").isalnum()
