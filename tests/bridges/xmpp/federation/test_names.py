"""Whom a certificate names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.federation.names import ascii_of, names, names_in
from .....core.errors import BadAddress


def certificate(*found: str) -> dict[str, object]:
    return {"subject": ((("commonName", "cn.example"),),), "subjectAltName": tuple(("DNS", name) for name in found)}


@pytest.mark.parametrize(
    ("found", "domain", "named"),
    [
        ("a.example", "a.example", True),
        ("A.Example.", "a.example", True),
        ("a.example", "b.a.example", False),
        ("*.a.example", "b.a.example", True),
        ("*.a.example", "a.example", False),
        ("*.a.example", "c.b.a.example", False),
        ("*.example", "a.example", False),
        ("*", "example", False),
        ("b*.a.example", "bb.a.example", False),
        ("*.*.example", "b.a.example", False),
        ("xn--mller-kva.example", "müller.example", True),
        ("other.example", "cn.example", False),
    ],
)
def test_names(found: str, domain: str, named: bool) -> None:
    assert names(certificate(found), domain) is named


def test_the_common_name_and_other_kinds_are_no_names() -> None:
    assert names_in(None) == names_in({}) == names_in({"subjectAltName": "nonsense"}) == frozenset()
    assert names_in({"subjectAltName": (("URI", "a.example"), ("othername", "<unsupported>"))}) == frozenset()
    assert not names(certificate(), "cn.example")


def test_of_many_names_the_first_are_looked_at() -> None:
    many = [f"d{number}.example" for number in range(600)]
    assert names(certificate(*many), "d499.example") and not names(certificate(*many), "d500.example")


def test_what_no_certificate_can_name() -> None:
    with pytest.raises(BadAddress):
        ascii_of("é" * 80)


LABEL = st.from_regex(r"[a-z]{1,4}", fullmatch=True)


@given(st.lists(LABEL, min_size=1, max_size=4), st.lists(LABEL, min_size=1, max_size=4))
def test_a_name_names_itself_and_nothing_else(one: list[str], other: list[str]) -> None:
    assert names(certificate(".".join(one)), ".".join(other)) is (one == other)
    starred = len(other) >= 3 and other[1:] == one
    assert names(certificate("*." + ".".join(one)), ".".join(other)) is starred
