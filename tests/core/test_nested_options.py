"""Tables in a plugin's table: structs, tables with names and tables in an order, with mistakes as good as anywhere."""

import textwrap
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.options import Secret, checked, options_of, plain, sections
from ...core.plugin_tables import switched_off, switched_on
from ...core.toml_tables import tables_of


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    to: str
    """Where it goes."""
    via: list[str] = []


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it looks."""

    red: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    routes: list[Route] = []
    """Ways, the first that fits."""
    mode: Literal["light", "dark"] = "light"

    def __post_init__(self):
        if self.red == 13:
            raise ValueError("red must not be 13")


class Trunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    """Its host."""
    password: Secret = ""
    colours: Colours = Colours()


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [irc]."""

    port: int = 1
    """Its port."""
    colours: Colours = Colours()
    """How it looks."""
    trunks: dict[str, Trunk] = {}
    """Lines out."""
    more: Colours | None = None


def read(text, folder=Path("/")):
    (table,), wrong = tables_of(textwrap.dedent(text).lstrip("\n"))
    options, more = checked(Options, table, folder)
    return options, [f"{m.line}: {m.text}" for m in [*wrong, *more]]


def test_tables_become_structs_at_every_depth():
    options, wrong = read("""
        [irc]
        port = 2
        [irc.colours]
        red = 5
        [[irc.colours.routes]]
        to = "a"
        [[irc.colours.routes]]
        to = "b"
        via = ["x", "y"]
        [irc.trunks.pbx]
        host = "pbx.test"
        [irc.trunks.other]
        host = "other.test"
        [irc.trunks.other.colours]
        mode = "dark"
        [irc.more]
        """)
    assert not wrong
    assert options == Options(
        2,
        Colours(5, [Route("a"), Route("b", ["x", "y"])]),
        {"pbx": Trunk("pbx.test"), "other": Trunk("other.test", colours=Colours(mode="dark"))},
        Colours(),
    )


def test_the_same_between_braces_and_with_dots():
    options, wrong = read("""
        [irc]
        colours = { red = 5, routes = [{ to = "a" }] }
        trunks.pbx.host = "pbx.test"
        trunks.pbx.colours.red = 1
        """)
    assert not wrong
    assert options == Options(1, Colours(5, [Route("a")]), {"pbx": Trunk("pbx.test", colours=Colours(1))})


def test_every_mistake_at_every_depth_is_listed_with_its_line_and_what_was_meant():
    assert read("""
        [irc]
        prot = 2
        [irc.colours]
        rde = 5
        red = 300
        mode = "drak"
        [[irc.colours.routes]]
        to = "a"
        [[irc.colours.routes]]
        ot = "b"
        [irc.trunks.pbx]
        hots = "pbx.test"
        [irc.trunks.other]
        host = 5
        [irc.trunks.other.colours]
        red = "no"
        [irc.tronks.third]
        host = "x"
        """)[1] == [
        '2: [irc] there is no option "prot"; did you mean "port"?',
        '4: [irc.colours] there is no option "rde"; did you mean "red"?',
        "5: [irc.colours] red must be a whole number from 0 to 255, not 300",
        '6: [irc.colours] mode must be one of "light", "dark", not "drak"; did you mean "dark"?',
        '10: [irc.colours.routes] there is no option "ot"; it has to, via',
        "9: [irc.colours.routes] to is missing: text in quotes",
        '12: [irc.trunks.pbx] there is no option "hots"; did you mean "host"?',
        "11: [irc.trunks.pbx] host is missing: text in quotes",
        "14: [irc.trunks.other] host must be text in quotes, not 5",
        '16: [irc.trunks.other.colours] red must be a whole number from 0 to 255, not "no"',
        '17: [irc] there is no option "tronks"; did you mean "trunks"?',
    ]


def test_between_braces_the_line_is_that_of_the_braces():
    assert read("[irc]\nport = 1\ncolours = { rde = 1 }\ntrunks.pbx = { host = 3 }\n")[1] == [
        '3: [irc.colours] there is no option "rde"; did you mean "red"?',
        "4: [irc.trunks.pbx] host must be text in quotes, not 3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colours = 5", "2: [irc] colours must be a table of its own, [irc.colours], not 5"),
        ("more = true", "2: [irc] more must be a table of its own, [irc.more], not true"),
        ("trunks = []", "2: [irc] trunks must be tables with names, as in [irc.trunks.one], not []"),
        ("trunks.pbx = 1", "2: [irc] trunks must be tables with names, as in [irc.trunks.one], not {'pbx': 1}"),
        ("[irc.trunks]\nhost = 'x'", "2: [irc] trunks must be tables with names, as in [irc.trunks.one]"),
        ("[[irc.trunks]]\nhost = 'x'", "2: [irc] trunks must be tables with names, as in [irc.trunks.one]"),
        ("[[irc.colours]]", "2: [irc] colours must be a table of its own, [irc.colours], not [{}]"),
        (
            "[irc.colours.routes]",
            "2: [irc.colours] routes must be tables of their own, each [[irc.colours.routes]], not {}",
        ),
        ("[irc.colours]\nred = 13", "3: [irc.colours] red must not be 13"),
    ],
)
def test_what_is_no_table_or_not_such_a_one(text, said):
    (wrong,) = read(f"[irc]\n{text}\n")[1]
    assert wrong.startswith(said), wrong


def test_a_secret_in_a_named_table_comes_from_its_file_and_is_never_shown(tmp_path):
    secret = tmp_path / "pbx.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    options, wrong = read('[irc.trunks.pbx]\nhost = "x"\npassword = "file:pbx.secret"\n', tmp_path)
    assert not wrong and options.trunks["pbx"].password == "s3cret"
    shown = plain(options, "(secret)")
    assert shown["trunks"]["pbx"]["password"] == "(secret)" and "s3cret" not in str(shown)
    assert plain(Options(trunks={"a": Trunk("h")}), "(secret)")["trunks"]["a"]["password"] == ""
    secret.chmod(0o644)
    assert "which others may read" in read('[irc.trunks.p]\nhost = "x"\npassword = "file:pbx.secret"\n', tmp_path)[1][0]


def test_options_tell_about_the_tables_in_them():
    told = {option.name: option for option in options_of(Options)}
    assert told["port"].inside is None and told["colours"].inside.struct is Colours
    assert told["trunks"].expected == "tables with names" and told["more"].expected == "a table"
    found = {section.header: [option.name for option in section.options] for section in sections(Options, "irc")}
    assert found == {
        "[irc]": ["port"],
        "[irc.colours]": ["red", "mode"],
        "[[irc.colours.routes]]": ["to", "via"],
        "[irc.trunks.NAME]": ["host", "password"],
        "[irc.trunks.NAME.colours]": ["red", "mode"],
        "[[irc.trunks.NAME.colours.routes]]": ["to", "via"],
        "[irc.more]": ["red", "mode"],
        "[[irc.more.routes]]": ["to", "via"],
    }
    assert {s.header: s.doc for s in sections(Options, "irc")}["[irc.trunks.NAME]"] == "Lines out."


def test_tables_in_tables_go_off_and_on_with_theirs():
    text = '[a]\nx = 1\n\n[irc]\nport = 1\n[irc.trunks.pbx]   # ours\nhost = "x"\n[[irc.colours.routes]]\nto = "y"\n'
    after = switched_off(text, "irc")
    assert "\n#- [irc.trunks.pbx]   # ours\n#- host" in after
    assert switched_on(after, "irc", "", []) == text


@given(
    st.lists(st.sampled_from(["irc.trunks.a", "irc.trunks.b", "irc.colours", "irc.trunks.a.colours"]), unique=True),
    st.randoms(use_true_random=False),
)
def test_the_line_of_a_wrong_name_is_the_line_it_stands_in(headers, chance):
    lines, wrong_at = [], []
    for header in headers:
        lines += ["# a comment"] * chance.randrange(3) + [f"[{header}]"]
        lines += ['host = "x"'] if header.count(".") == 2 else ["red = 1"]
        lines.append(f"wrong_{len(lines)} = 1")
        wrong_at.append(len(lines))
    found, mistakes = tables_of("\n".join(lines))
    assert not mistakes
    for table in found:
        (_, wrong) = checked(Options, table, Path("/"))
        assert sorted(m.line for m in wrong if "there is no option" in m.text) == sorted(wrong_at)
