"""Plugins switched on and off in the text of plugins.toml: nothing else changes, and off and on again is as before."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.errors import Conflict, HereaboutsError, NotFound
from ...core.options import Option
from ...core.plugin_tables import switched_off, switched_on

SHIPPED = (Path(__file__).parents[2] / "plugins.toml").read_text()
TEXT = """\
# The head.
[front_end]
log = "text"

[sip]                # phones
listen = "::"        # everywhere
# tcp_port = 5060    # a suggestion
md5_only = [
    "baresip",
]
# About the web:
[web]
port = 8080

# [cdr_csv]          # records
# path = "x.csv"
"""


def on(text, name):
    return switched_on(text, name, "What it does.", [])


def test_the_lines_of_a_table_become_comments_and_what_follows_it_stays():
    after = switched_off(TEXT, "sip")
    assert "sip" not in tomllib.loads(after)
    assert after.replace("#- ", "") == TEXT
    assert "\n#- ]\n# About the web:\n[web]\n" in after and "\n#- # tcp_port = 5060" in after


def test_off_and_on_again_is_as_before():
    for name in ("sip", "web"):
        assert on(switched_off(TEXT, name), name) == TEXT
    both = switched_off(switched_off(TEXT, "sip"), "web")
    assert on(on(both, "web"), "sip") == TEXT


def test_a_table_with_tables_in_it_goes_as_a_whole():
    text = '[a]\nx = 1\n[irc]\nserver = "x"\n[irc.colours]\nred = 1\n[[irc.more]]\ny = """\n[b]\n"""\n[c]\nz = 2\n'
    after = switched_off(text, "irc")
    assert tomllib.loads(after) == {"a": {"x": 1}, "c": {"z": 2}}
    assert on(after, "irc") == text


def test_a_table_that_a_comment_has_is_switched_on_in_its_place():
    after = on(TEXT, "cdr_csv")
    assert after == TEXT.replace("# [cdr_csv]", "[cdr_csv]")


def test_a_table_that_nobody_mentions_comes_last_with_what_it_needs():
    needs = Option("server", "text in quotes", None, True, "Where it is.", False)
    after = switched_on(TEXT, "irc", "A channel.", [needs])
    assert after == f"{TEXT}\n[irc]  # A channel.\n# server =    # text in quotes: Where it is.\n"
    assert switched_on("", "irc", "A channel.", []) == "[irc]  # A channel.\n"
    assert switched_on("[a]\nx = 1", "irc", "A channel.", []) == "[a]\nx = 1\n\n[irc]  # A channel.\n"


@pytest.mark.parametrize("name", ["spi", "cdr_csv", "front_end", "nothing"])
def test_what_is_not_on_cannot_be_switched_off(name):
    with pytest.raises(NotFound, match="no plugin"):
        switched_off(TEXT, name)


def test_a_near_miss_is_named():
    with pytest.raises(NotFound, match='did you mean "sip"'):
        switched_off(TEXT, "sipp")


def test_what_is_on_cannot_be_switched_on():
    with pytest.raises(Conflict, match="on already"):
        on(TEXT, "sip")


def test_a_name_inside_a_long_text_is_no_table():
    text = '[a]\nx = """\n# [b]\n"""\n'
    with pytest.raises(HereaboutsError, match="by hand"):
        on(text, "b")


@given(st.lists(st.sampled_from(sorted(tomllib.loads(SHIPPED))), min_size=1, unique=True))
def test_the_shipped_file_survives_any_order_of_switching(names):
    text = SHIPPED
    off = [name for name in names if name != "front_end"]
    for name in off:
        text = switched_off(text, name)
    assert set(tomllib.loads(text)) == set(tomllib.loads(SHIPPED)) - set(off)
    for name in off:
        text = on(text, name)
    assert text == SHIPPED
