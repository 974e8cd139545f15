"""The log: one line a fact, for people or for programs, and nothing from outside can forge another."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core import logs
from ...core.logs import MAX_LINE, MAX_VALUE, PER_SECOND, Lines, Repeats, begin_logging, cut, escaped


def record(message, *arguments, level=logging.INFO, trouble=None, created=1_700_000_000.0, line=1):
    made = logging.LogRecord("hereabouts.core.registrar", level, __file__, line, message, arguments, trouble)
    made.created, made.msecs = created, created % 1 * 1000
    return made


def trouble():
    try:
        raise ValueError("a\x1b[31m\nb")
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_line_for_people():
    assert Lines("text").format(record("%s signed in %d times", "alice", 3)) == (
        "2023-11-14T22:13:20.000Z info    core.registrar: alice signed in 3 times"
    )


def test_a_line_for_programs():
    assert json.loads(Lines("json").format(record("é %s", "alice", level=logging.ERROR))) == {
        "at": "2023-11-14T22:13:20.000Z",
        "level": "error",
        "from": "core.registrar",
        "message": "é alice",
    }


def test_a_traceback_follows_indented_or_as_a_field():
    text = Lines("text").format(record("failed", trouble=trouble()))
    assert text.splitlines()[1].startswith("    Traceback") and "\x1b" not in text
    assert json.loads(Lines("json").format(record("failed", trouble=trouble())))["traceback"].startswith("Traceback")


HOSTILE = st.text(alphabet=st.sampled_from([*"\r\n\x00\x1b\x85\u2028\u202e\u2066\udc80\x9b%s{}", "x"]), max_size=50)


@given(HOSTILE, st.sampled_from(["text", "json"]))
def test_whatever_a_value_holds_it_is_one_line_and_moves_no_cursor(value, shape):
    line = Lines(shape).format(record("%s said %s", value, value))
    assert len(line.splitlines()) == 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u202e\u2066" for c in line)
    line.encode()


@given(st.text())
def test_escaping_twice_changes_nothing_more(text):
    assert escaped(escaped(text)) == escaped(text)


def test_a_value_of_a_megabyte_is_cut():
    line = Lines("text").format(record("%s and %s", "x" * 1_000_000, "y"))
    assert len(line) < MAX_VALUE + 100 and line.endswith("… and y")
    assert len(Lines("text").format(record("z" * 1_000_000))) < MAX_LINE + 100
    assert cut("abc", 3) == "abc" and cut("abcd", 3) == "abc…"


def test_a_wrong_format_harms_nothing():
    assert "odd" in Lines("text").format(record("%d %d", "odd"))
    assert "100 %s" in Lines("text").format(record("100 %s"))


def test_names_of_arguments():
    made = record("%(who)s", {"who": "alice"})
    assert Lines("text").format(made).endswith(": alice")


def test_a_message_that_repeats_is_counted_instead():
    repeats, at = Repeats(), 100.0
    passed = [repeats.filter(record("again %s", n, created=at)) for n in range(PER_SECOND + 7)]
    assert sum(passed) == PER_SECOND
    assert repeats.filter(record("another", created=at, line=2))
    after = record("later", created=at + 1)
    assert repeats.filter(after)
    assert Lines("text").format(after).endswith("later (7 lines like earlier ones left out)")


def test_what_is_critical_is_never_left_out():
    repeats = Repeats()
    assert all(repeats.filter(record("fire", level=logging.CRITICAL, created=1.0)) for _ in range(100))


def test_malformed_http_is_one_line():
    class BadHttpMessage(Exception):
        pass

    BadHttpMessage.__module__ = "aiohttp.http_exceptions"
    wrong = BadHttpMessage("bad")
    line = Lines("text").format(record("Error handling request", trouble=(BadHttpMessage, wrong, None)))
    assert len(line.splitlines()) == 1


@pytest.fixture
def restored():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_beginning_sends_everything_there_once(restored):
    stream = io.StringIO()
    begin_logging("json", "warning", stream)
    begin_logging("json", "warning", stream)
    logging.getLogger("x.y").info("unheard")
    logging.getLogger("x.y").warning("heard")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["heard"]
    assert logging.getLogger("aiohttp").level == logging.WARNING
    assert logs.QUIET
