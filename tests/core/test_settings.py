"""plugins.toml: what it may say, and that every mistake in it is listed at once, by line, with what was meant."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ...core.errors import SettingsError
from ...core.options import ReadableFile, Secret, checked, expected, nearest, options_of
from ...core.settings import MAX_SETTINGS, FrontEndSettings, parse, read
from ...core.toml_tables import Table, tables_of

PARTS = [*"[]{}=\"'#\\.,ab1 \n\x01", "\n[t]\n", "\na=", "\n[t.u]\n", "\n[[t.v]]\n", '"""']


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    """Where it is."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 6697
    """Its port,
    as a number."""
    channels: list[str] = []
    level: Literal["low", "high"] = "low"
    tls: bool = True
    wait: float = 1.5
    book: ReadableFile = ""
    password: Secret = ""

    def __post_init__(self):
        if self.server == "nowhere":
            raise ValueError("server must be somewhere")


def mistakes(text):
    found = parse(text, Path("/etc/here/plugins.toml"))
    return [f"{m.line}: {m.text}" for m in sorted(found.mistakes)]


def of_options(text, folder=Path("/")):
    (table,), wrong = tables_of(text)
    options, more = checked(Options, table, folder)
    return options, [f"{m.line}: {m.text}" for m in [*wrong, *more]]


# ---- what is right


def test_an_empty_file_is_the_defaults():
    found = parse("", Path("/etc/here/plugins.toml"))
    assert found.front_end == FrontEndSettings() and not found.tables and not found.mistakes
    assert found.state == Path("/etc/here/var")


def test_the_front_end_has_its_own_table_and_plugins_keep_the_order_of_the_file():
    found = parse('[web]\n[front_end]\ndomains = ["a.test", "b.test"]\n[sip]\n[cdr_csv]\n', Path("p.toml"))
    assert found.front_end.domains == ["a.test", "b.test"]
    assert [table.name for table in found.tables] == ["web", "sip", "cdr_csv"]


def test_an_absolute_state_folder_is_taken_as_it_is():
    assert parse('[front_end]\nstate = "/var/lib/x"\n', Path("/etc/p.toml")).state == Path("/var/lib/x")


def test_the_database_is_named_relative_to_the_file():
    assert parse('[front_end]\nstore = "x.db"\n', Path("/etc/p.toml")).front_end.store == "/etc/x.db"
    assert parse('[front_end]\nstore = "/srv/x.db"\n', Path("/etc/p.toml")).front_end.store == "/srv/x.db"


def test_a_byte_order_mark_and_windows_line_ends_make_no_difference(tmp_path):
    path = tmp_path / "plugins.toml"
    path.write_bytes(b'\xef\xbb\xbf[front_end]\r\nlog = "json"\r\n[sip]\r\n')
    found = read(path)
    assert found.front_end.log == "json" and not found.mistakes


def test_nested_tables_and_lists_of_tables_belong_to_their_plugin():
    text = '[irc]\nserver = "x"\n[irc.colours]\nred = 1\n[[irc.channel]]\nname = "a"\n[[irc.channel]]\nname = "b"\n'
    text += "[irc.channel.more]\ndeep = true\n"
    tables, wrong = tables_of(text)
    assert not wrong and tables[0].values == tomllib.loads(text)["irc"]
    assert tables[0].line_of("colours") == 3 and tables[0].line_of("channel") == 5


# ---- all mistakes at once


def test_every_mistake_is_listed_with_its_line_and_what_was_meant():
    text = """\
colour = "red"
[front_end]
domain = ["example.test"]
idle_minutes = "ten"
offline = "kept"
log_level = 3
certificate = "/nowhere/front-end.pem"
[sip]
port = = 5061
[web]
[sip]
"""
    assert mistakes(text) == [
        '1: "colour" stands before any table; put it under [front_end]',
        '3: [front_end] there is no option "domain"; did you mean "domains"?',
        '4: [front_end] idle_minutes must be a whole number from 1 to 1440, not "ten"',
        '5: [front_end] offline must be one of "keep", "refuse", not "kept"; did you mean "keep"?',
        '6: [front_end] log_level must be one of "debug", "info", "warning", "error", not 3',
        "7: [front_end] certificate names /nowhere/front-end.pem, which is not there",
        "9: not TOML (invalid value): port = = 5061",
        "11: [sip] is here twice, first in line 8; keep one of them",
    ]


def test_the_error_names_the_file_too():
    found = parse("[front_end]\nlgo = 1\n[sip]\nx = \n", Path("/etc/here/plugins.toml"))
    with pytest.raises(SettingsError) as caught:
        raise found.refused()
    assert caught.value.mistakes == [
        '/etc/here/plugins.toml:2: [front_end] there is no option "lgo"; did you mean "log"?',
        "/etc/here/plugins.toml:4: not TOML (invalid value): x =",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sip\nport = 1\n", ["1: not TOML (expected ']' at the end of a table declaration): [sip"]),
        ("[sip]\nport = 1\nport = 2\n", ['3: "port" is set twice, first in line 2; keep one of them']),
        (
            '[sip]\na = "x\nb = y\n',
            ["2: not TOML (illegal character '\\n'): a = \"x", "3: not TOML (invalid value): b = y"],
        ),
        ("[sip]\na = 5x\n[web]\nb = -\n", ["2: not TOML (expected newline", "4: not TOML (invalid value): b = -"]),
        ("[sip]\na = [1,\n[web]\nb = 1 2\n", ["2: not TOML", "4: not TOML (expected newline"]),
        ('[sip]\na = """x\nb\n', ["2: not TOML (unterminated string)"]),
        ("[[sip]]\na = 1\n", ['1: [[sip]]: write [sip]; a second one gets a name of its own and use = "sip"']),
        ("[sip]\nlisten = 1\n[sip.listen]\nx = 1\n", ['3: [sip.listen]: "listen" is a value already, not a table']),
        ("[sip]\nlisten = 1\n[sip.listen.deep]\n", ['3: [sip.listen.deep]: "listen" is a value already, not a table']),
        ("= 3\n[sip]\n", ['1: "= 3" stands before any table; put it under [front_end]']),
    ],
)
def test_broken_toml(text, said):
    found = mistakes(text)
    assert len(found) == len(said)
    for line, begins in zip(found, said, strict=True):
        assert line.startswith(begins), line


def test_brackets_and_table_names_inside_long_texts_and_arrays_begin_nothing():
    text = '[a]\nx = """\n[b]\ny = """\nz = [\n  [1, 2], # ]\n  ["]", \'[\'],\n]\n'
    text += "w = '''\n[c]\n'''\nv = \"\\\"[\"\n[d]\n"
    tables, wrong = tables_of(text)
    assert not wrong and [t.name for t in tables] == ["a", "d"]
    assert tables[0].values == tomllib.loads(text)["a"]
    assert tables[0].lines == {"x": 2, "z": 5, "w": 9, "v": 12}


def test_quoted_and_dotted_keys_are_found():
    (table,), wrong = tables_of('[a]\n"x y" = 1\nb.c = 2\nb.d = 3\n')
    assert not wrong and table.lines == {"x y": 2, "b": 3} and table.values == {"x y": 1, "b": {"c": 2, "d": 3}}


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
def test_whatever_the_text_it_is_read_right_or_its_mistakes_are_named(text):
    tables, wrong = tables_of(text)
    assert all(1 <= m.line <= text.count("\n") + 2 and m.text for m in wrong)
    if not wrong:
        assert {t.name: t.values for t in tables} == tomllib.loads(text)


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers() | st.booleans())))
def test_what_tomllib_reads_is_read_alike(tables):
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {str(value).lower()}\n" for key, value in values.items())
        for name, values in tables.items()
    )
    found, wrong = tables_of(text)
    assert not wrong and {t.name: t.values for t in found} == tables


# ---- options


def test_a_table_becomes_the_struct_its_plugin_declares():
    options, wrong = of_options('[irc]\nserver = "irc.test"\nchannels = ["a"]\nwait = 2\n')
    assert not wrong and options == Options("irc.test", channels=["a"], wait=2.0)


def test_everything_wrong_with_a_table_is_listed():
    text = '[irc]\nport = 70000\nchannels = ["a", 1]\nchanels = []\nlevel = "hihg"\ntls = "yes"\nwait = true\n'
    assert of_options(text)[1] == [
        "2: [irc] port must be a whole number from 0 to 65535, not 70000",
        "3: [irc] channels must be a list of texts in quotes, not ['a', 1]",
        '4: [irc] there is no option "chanels"; did you mean "channels"?',
        '5: [irc] level must be one of "low", "high", not "hihg"; did you mean "high"?',
        '6: [irc] tls must be true or false, not "yes"',
        "7: [irc] wait must be a number, not true",
        "1: [irc] server is missing: text in quotes",
    ]


def test_a_value_only_the_plugin_can_judge():
    assert of_options('[irc]\ntls = true\nserver = "nowhere"\n')[1] == ["3: [irc] server must be somewhere"]


def test_a_plugin_without_options_has_none():
    assert [m.text for m in checked(None, Table("x", 1, {"a": 1}, {"a": 2}), Path())[1]] == [
        '[x] there is no option "a"; it has none'
    ]


def test_a_name_like_no_other_gets_the_whole_list():
    assert nearest("qqq", ["one", "two"]) == "; it has one, two"


def test_a_file_is_looked_for_beside_plugins_toml_and_a_near_miss_is_named(tmp_path):
    (tmp_path / "people.csv").write_text("")
    options, wrong = of_options('[irc]\nserver = "x"\nbook = "people.csv"\n', tmp_path)
    assert not wrong and options.book == str(tmp_path / "people.csv")
    assert of_options('[irc]\nserver = "x"\nbook = "peopel.csv"\n', tmp_path)[1] == [
        f'3: [irc] book names {tmp_path}/peopel.csv, which is not there; did you mean "people.csv"?'
    ]
    (tmp_path / "folder").mkdir()
    assert (
        "which cannot be read: is a directory" in of_options('[irc]\nserver = "x"\nbook = "folder"\n', tmp_path)[1][0]
    )


def test_a_secret_comes_from_a_file_that_only_its_owner_may_read(tmp_path):
    secret = tmp_path / "irc.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    text = '[irc]\nserver = "x"\npassword = "file:irc.secret"\n'
    assert of_options(text, tmp_path)[0].password == "s3cret"
    secret.chmod(0o644)
    assert of_options(text, tmp_path)[1] == [
        f"3: [irc] password is in {secret}, which others may read: chmod 600 {secret}"
    ]
    secret.chmod(0o600)
    secret.write_text("x" * 5000)
    assert "longer than 4096 bytes" in of_options(text, tmp_path)[1][0]


def test_a_wrong_secret_is_not_printed():
    assert of_options('[irc]\nserver = "x"\npassword = 12345\n')[1] == [
        "3: [irc] password must be text in quotes, not what is there"
    ]


def test_options_tell_about_themselves():
    told = {option.name: option for option in options_of(Options)}
    assert told["server"].required and told["server"].doc == "Where it is."
    assert told["port"].default == 6697 and told["port"].doc == "Its port, as a number."
    assert told["channels"].default == [] and told["channels"].doc == ""
    assert told["password"].secret and not told["server"].secret


def test_types_in_words():
    assert expected(str | None) == "text in quotes"
    assert expected(dict[str, int]) == "a table"
    assert expected(list[int]) == "a list of whole numbers"
    assert expected(Annotated[int, msgspec.Meta(ge=1)]) == "a whole number of at least 1"
    assert expected(ReadableFile) == "the name of a file, in quotes"


# ---- the front end's own table


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("domains = []", "domains must name at least one domain"),
        ('domains = ["Example.test"]', 'domains has "Example.test", which is no domain in lower case'),
        ('domains = ["a@b"]', 'domains has "a@b", which is no domain'),
        ('domains = ["a\\u0000b"]', "domains: 'a\\x00b' has control characters"),
        ("idle_minutes = 0", "idle_minutes must be a whole number from 1 to 1440, not 0"),
        ('same_domain = "everybody"', 'did you mean "everyone"?'),
    ],
)
def test_values_the_front_end_cannot_use(line, said):
    (found,) = mistakes(f"[front_end]\n{line}\n")
    assert found.startswith("2: [front_end] ") and said in found


def test_a_certificate_needs_its_key(tmp_path):
    (tmp_path / "c.pem").write_text("")
    text = '[front_end]\ncertificate = "c.pem"\n'
    found = parse(text, tmp_path / "plugins.toml")
    assert [m.text for m in found.mistakes] == ["[front_end] key is missing: the two go together"]


# ---- files that cannot be read


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match=r"plugins\.toml is not there; `init` writes one"):
        read(tmp_path / "plugins.toml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: is a directory"):
        read(tmp_path)


def test_a_file_that_is_not_utf8_is_named_by_line(tmp_path):
    path = tmp_path / "plugins.toml"
    path.write_bytes(b"[front_end]\n# \xe4\n")
    with pytest.raises(SettingsError, match=r"plugins\.toml:2: the file is not UTF-8"):
        read(path)


def test_an_endless_file(tmp_path):
    path = tmp_path / "plugins.toml"
    path.write_bytes(b"#" * (MAX_SETTINGS + 1))
    with pytest.raises(SettingsError, match="is longer than"):
        read(path)
