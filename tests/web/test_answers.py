"""Prebuilt answers and problems: validators, heads, the table of errors."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from ...core import errors
from ...core.errors import HereaboutsError
from ...web.answers import body_of, fields, head, matches
from ...web.languages import Language
from ...web.problems import KIND_OF, KINDS, Problem, encoded, problem_answer, problem_of
from .scripts import SCRIPTS


def test_a_validator_depends_on_the_bytes_alone():
    one = body_of(b"abc", "text/plain", {"X-One": "1"})
    assert one.etag == body_of(b"abc", "image/png", {}).etag
    assert one.etag != body_of(b"abd", "text/plain", {"X-One": "1"}).etag
    assert one.etag[0] == one.etag[-1] == '"' and len(one.etag) == 22


def test_a_304_has_the_headers_of_the_200_but_for_its_body():
    body = body_of(b"abc", "text/plain", {"X-One": "1"})
    whole, same = (set(part.split(b"\r\n")[1:-1]) for part in (body.whole, body.same))
    assert whole - same == {b"Content-Type: text/plain", b"Content-Length: 3"}
    assert same < whole


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_header_cannot_have_a_line_break(value: str):
    with pytest.raises(ValueError):
        head(200, {"X-Name": value})
    with pytest.raises(ValueError):
        fields({value: "x"})


@given(st.text(alphabet='W/"*, abc', max_size=80))
def test_any_validator_list_is_read(header: str):
    found = matches(header, '"abc"')
    assert found == (header == "*" or '"abc"' in [i.strip().removeprefix("W/") for i in header.split(",")])


# ---- problems


def test_every_error_of_the_core_is_a_problem():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HereaboutsError)]
    unmapped = {errors.HereaboutsError, errors.Answered, errors.Undeliverable, errors.SettingsError}
    for kind in set(kinds) - unmapped:
        assert any(issubclass(kind, mapped) for mapped, _ in KIND_OF), kind


def test_the_table_has_words_and_a_status_for_everything():
    assert {name for _, name in KIND_OF} <= set(KINDS)
    for name, kind in KINDS.items():
        assert 400 <= kind.status < 600 and kind.english and kind.german, name


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.NotFound("nobody"), "not-found"),
        (errors.NotAllowed("no"), "refused"),
        (errors.Busy("full", 7), "busy"),
        (errors.TooLarge("big"), "too-large"),
        (errors.BadAddress("?"), "bad-address"),
        (TimeoutError(), "too-slow"),
        (web.HTTPNotFound(), "not-found"),
        (web.HTTPRequestEntityTooLarge(1, 2), "too-large"),
    ],
)
def test_an_error_becomes_a_problem(error: Exception, kind: str):
    problem = problem_of(error)
    assert problem is not None and problem.kind == kind
    assert problem.retry_after == (7 if kind == "busy" else 0)


def test_a_mistake_of_ours_is_none():
    assert problem_of(ZeroDivisionError()) is None


@pytest.mark.parametrize("language", Language)
def test_a_problem_document(language: Language):
    problem = Problem("too-many", "slowly", retry_after=0.2, errors=[{"pointer": "#/ids/0", "detail": "x"}])
    answer = problem_answer(problem, language)
    document = json.loads(answer._content)
    assert document["status"] == answer.status == 429
    assert document["title"] == ("Zu viele Anfragen" if language is Language.GERMAN else "Too many requests")
    assert (document["detail"], document["errors"][0]["pointer"]) == ("slowly", "#/ids/0")
    assert b"Retry-After: 1\r\n" in answer._top and b"Cache-Control: no-store\r\n" in answer._top


@pytest.mark.parametrize("text", SCRIPTS)
def test_json_opens_no_tag(text: str):
    raw = encoded({"a": text})
    assert not set(b"<>&") & set(raw)
    assert json.loads(raw) == {"a": text}
