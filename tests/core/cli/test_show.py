"""What commands print: columns that fit, no colours where none are wanted, and errors as sentences."""

import errno
import sqlite3
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from ....core.cli import show
from ....core.cli.banner import reachable
from ....core.cli.commands import Commands, sentence_of
from ....core.cli.user import LETTERS, new_password
from ....core.cli.words import WORDS, Language, say, spoken
from ....core.errors import Busy, HereaboutsError, NotFound, SettingsError


def printed(work, color=False, **environment):
    """What a command that does this prints, and its exit code."""

    @click.group(cls=Commands)
    def main():
        pass

    @main.command()
    @click.option("--json", "as_json", is_flag=True)
    @click.pass_context
    def deed(ctx, as_json):
        ctx.meta["json"] = as_json
        work()

    def type_(*argv):
        return CliRunner().invoke(main, ["deed", *argv], color=color, env={"NO_COLOR": None, **environment})

    return type_


# ---- tables


def test_columns_are_as_wide_as_they_need_to_be():
    rows = [("alice", "busy"), ("ŝu 漢字", "away lunch"), ("e\u0301", "")]
    result = printed(lambda: show.print_table(("WHO", "PRESENCE"), rows, "Nobody."))()
    assert result.output == "WHO      PRESENCE\nalice    busy\nŝu 漢字  away lunch\ne\u0301\n"


def test_nothing_to_show_is_a_sentence():
    assert printed(lambda: show.print_table(("A",), [], "Nobody."))().output == "Nobody.\n"


def test_presence_has_its_colour_on_a_terminal_and_nowhere_else():
    work = lambda: show.print_table(("WHO",), [("busy",), ("away",), ("offline",)], "")  # noqa: E731
    assert "\x1b[31mbusy" in printed(work, color=True)().output
    assert "\x1b" not in printed(work)().output
    assert "\x1b" not in printed(work, color=True, NO_COLOR="1")().output


def test_what_others_wrote_moves_no_cursor():
    output = printed(lambda: show.print_table(("NOTE",), [("\x1b[2J\nfake  row",)], ""), color=True)().output
    assert "\\x1b[2J\\nfake" in output and "\x1b[2J" not in output
    assert "\\x1b" in printed(lambda: show.print_facts([("note", "\x1b[2J")]))().output


def test_facts_without_a_value_are_left_out():
    assert printed(lambda: show.print_facts([("a", "1"), ("long name", ""), ("bb", "2")]))().output == "a   1\nbb  2\n"
    assert printed(lambda: show.print_facts([]))().output == ""


def test_a_moment_is_in_the_terminals_own_time_zone():
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert show.when(moment) == show.when("2024-05-06T07:08:09Z") == f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    assert show.when(None) == show.when("") == ""


def test_json_is_for_people_too():
    assert printed(lambda: show.print_json({"é": [1, 2]}))().output == '{\n  "é": [\n    1,\n    2\n  ]\n}\n'


# ---- errors


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SettingsError(["one", "two"]), 2, "error: one\nerror: two\n"),
        (NotFound("nobody"), 4, "error: nobody\n"),
        (Busy("later"), 1, "error: later\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            1,
            "error: no space left on device /x: the disk is",
        ),
        (OSError(errno.EADDRINUSE, "Address already in use"), 1, "error: address already in use: another program uses"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "error: permission denied /x: this user may not"),
        (OSError(errno.EIO, "Input/output error"), 1, "error: input/output error\n"),
        (
            sqlite3.OperationalError("database is locked"),
            1,
            "error: the database failed (database is locked)",
        ),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(error, code, said):
    result = printed(raising(error))()
    assert result.exit_code == code and result.output.startswith(said)
    result = printed(raising(error))("--json")
    assert result.exit_code == code and f'"exit": {code}' in result.output


def test_a_mistake_of_ours_is_not_hidden():
    assert isinstance(printed(raising(ZeroDivisionError()))().exception, ZeroDivisionError)


def test_sentences_for_other_errors():
    assert sentence_of(HereaboutsError("so it is")) == "so it is"
    assert sentence_of(OSError("odd")) == "odd"


# ---- words


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "de_AT.UTF-8"}, Language.GERMAN),
        ({"LANG": "de_DE", "LC_MESSAGES": "en_US"}, Language.ENGLISH),
        ({"LANG": "en_US", "LC_ALL": "de"}, Language.GERMAN),
        ({"LANG": "", "LC_ALL": ""}, Language.ENGLISH),
        ({"LANG": "fr_FR.UTF-8"}, Language.ENGLISH),
    ],
)
def test_the_terminals_language(environment, language):
    assert spoken(environment) is language


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_want_the_same_to_be_filled_in(key):
    import string

    wanted = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in WORDS[key]]
    assert wanted[0] == wanted[1]
    filled = dict.fromkeys(wanted[0], 1.0)
    assert say(key, Language.ENGLISH, **filled) and say(key, Language.GERMAN, **filled)


@pytest.mark.parametrize(("listen", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("192.0.2.1", "192.0.2.1")])
def test_how_others_reach_the_demo(listen, host):
    assert reachable(listen) == host
    assert reachable("0.0.0.0") == reachable("::") and "0.0.0.0" not in reachable("0.0.0.0")


def test_a_password_of_our_making_is_long_and_readable():
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(p) == 19 and set(p) <= set(LETTERS) | {"-"} for p in made) and len(LETTERS) == 32 - 1
