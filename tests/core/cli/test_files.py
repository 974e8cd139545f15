"""Commands about files: init, check, and plugins switched on and off."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ....core.cli import main
from ....core.cli.init import shipped
from ....core.options import options_of
from ....core.plugin_host import available
from ....core.settings import FrontEndSettings

SHIPPED = (Path(__file__).parents[3] / "plugins.toml").read_text()


@pytest.fixture
def type_(tmp_path, monkeypatch):
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def type_(*argv, exit=0):
        result = CliRunner().invoke(main, argv, env={"HEREABOUTS_CONFIG": None, "HEREABOUTS_STATE": None})
        assert result.exit_code == exit, f"{argv}: {result.output} {result.exc_info}"
        return result.output

    return type_


def write(text):
    Path("plugins.toml").write_text(text)


# ---- init


def test_init_prepares_a_folder(type_):
    said = type_("init", "site", "--domain", "example.org", "--domain", "example.com")
    assert "hereabouts user add alice" in said
    written = Path("site/plugins.toml").read_text()
    assert tomllib.loads(written)["front_end"] == {"domains": ["example.org", "example.com"]}
    assert written.splitlines()[:5] == SHIPPED.splitlines()[:5]
    assert {p.name for p in Path("site/var").iterdir()} >= {"hereabouts.db", "server.crt", "server.key", "ca.crt"}
    assert Path("site/var").stat().st_mode & 0o777 == 0o700
    assert "No mistakes." in type_("check", "--config", "site/plugins.toml")


def test_init_leaves_what_is_there(type_):
    write('[front_end]\nstate = "elsewhere"\n[admin]\n')
    before = Path("plugins.toml").read_text()
    assert "(as it was)" in type_("init")
    assert Path("plugins.toml").read_text() == before and Path("elsewhere/hereabouts.db").exists()
    assert json.loads(type_("init", "--json"))["written"] is False


def test_init_with_a_domain_that_is_none(type_):
    assert "which is no domain" in type_("init", "--domain", 'A"\\', exit=2)
    assert not Path("plugins.toml").exists()


def test_what_is_shipped_is_the_file_with_the_domains_in_it():
    assert shipped(("example.test",)) == SHIPPED


# ---- check


def test_check_prints_plugins_options_and_the_calling_order(type_):
    write('[cdr_csv]\npath = "x.csv"\n[admin]\n[irc]\nserver = "irc.test"\nchannel = "#a"\npassword = "hush"\n')
    said = type_("check")
    assert 'path = "x.csv"  set' in said and 'exporter = "cdr_csv"\n' in said
    assert "lifespan       cdr_csv → admin → irc" in said and "No mistakes." in said
    assert "hush" not in said and "(secret)" in said
    found = json.loads(type_("check", "--json"))
    assert [one["name"] for one in found["plugins"]] == ["cdr_csv", "admin", "irc"]
    assert found["hooks"]["route"] == ["irc"] and found["mistakes"] == []
    assert found["front_end"]["offline"] == "keep" and "hush" not in json.dumps(found)
    assert not Path("var").exists(), "nothing is opened"


def test_check_lists_every_mistake_and_ends_with_2(type_):
    write('[front_end]\noffline = "kept"\n[cdr_cvs]\n[irc]\nport = "x"\nchanel = "#a"\nx = \n')
    said = type_("check", exit=2)
    found = [line.partition("plugins.toml:")[2] for line in said.splitlines() if "plugins.toml:" in line]
    lines = [line.partition(":")[0] for line in found]
    assert lines == ["2", "3", "4", "4", "5", "6", "7"] and "7 mistakes" in said
    assert len(json.loads(type_("check", "--json", exit=2))["mistakes"]) == 7


CALLS = """\
[sip]
[sip.calls]
outside_calls = "people"
[[sip.calls.rules]]
dialled = "0Z."
remove = 1
add = "+49"
[[sip.calls.routes]]
numbers = ["+*"]
trunks = ["pbx"]
[sip.trunks.pbx]
hops = ["sip:pbx.test"]
username = "here"
password = "hush"
"""


def test_check_shows_tables_in_tables_hides_their_secrets_and_says_what_to_consider(type_):
    write(CALLS)
    said = type_("check")
    assert '[sip.calls]\n  outside_calls = "people"  set\n' in said and "[[sip.calls.rules]]\n" in said
    assert '[sip.trunks.pbx]\n  hops = ["sip:pbx.test"]  set\n' in said and 'password = "(secret)"  set' in said
    assert "hush" not in said and "No mistakes." in said
    assert "To be considered\n  [sip.calls] there are trunks and no emergency numbers" in said
    found = json.loads(type_("check", "--json"))
    assert len(found["doubts"]) == 1 and "hush" not in json.dumps(found)
    assert found["plugins"][0]["options"]["trunks"]["pbx"]["password"] == "(secret)"
    write(CALLS.replace('"people"\n', '"people"\nemergency = ["112"]\nemergency_trunks = ["pbx"]\n'))
    assert "To be considered" not in type_("check")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('trunks = ["pbx"]', 'trunks = ["pxb"]', 'routes lead to "pxb", which is no trunk; did you mean "pbx"?'),
        ('dialled = "0Z."', 'dialled = "0Z.1"', '5: [sip.calls.rules] dialled has "." in "0Z.1"'),
        ("remove = 1", "remove = 9", "6: [sip.calls.rules] remove is 9, which is more than 0Z. has for certain"),
        ('add = "+49"', 'add = "x"', '7: [sip.calls.rules] add has "x"'),
        ('numbers = ["+*"]', "numbers = []", "9: [sip.calls.routes] numbers must name at least one"),
        ('numbers = ["+*"]', 'numbers = ["+*"]\nallow = ["sales"]', 'allow "sales", which is no group'),
        ('"people"', '"people"\nemergency = ["112"]', "emergency needs emergency_trunks or emergency_answering"),
        ('"people"', '"people"\nemergency_trunks = ["pbx"]', "emergency is missing"),
        ('"sip:pbx.test"', '"pbx.test"', '12: [sip.trunks.pbx] hops has "pbx.test", which is no SIP URI'),
        ('password = "hush"', "", "password is missing: the two go together"),
        ('password = "hush"', 'password = "hush"\nsources = ["pbx"]', "is no address and no network"),
        ('password = "hush"', 'pasword = "hush"', 'there is no option "pasword"; did you mean "password"?'),
    ],
)
def test_mistakes_about_calls_are_found_by_line(type_, before, after, said):
    write(CALLS.replace(before, after, 1))
    assert said in type_("check", exit=2)


def test_tables_in_tables_are_shown_with_their_options(type_):
    said = type_("plugins", "show", "sip")
    for header in ("[sip.calls]", "[[sip.calls.rules]]", "[[sip.calls.routes]]", "[sip.trunks.NAME]"):
        assert f"\n{header}  " in said
    assert "max_calls = 30    (a whole number from 1 to 10000)" in said
    found = json.loads(type_("plugins", "show", "sip", "--json"))
    tables = {table["header"]: [option["name"] for option in table["options"]] for table in found["tables"]}
    assert "dialled" in tables["[[sip.calls.rules]]"] and "hops" in tables["[sip.trunks.NAME]"]


def test_check_without_a_file(type_):
    assert "plugins.toml is not there; `init` writes one to begin with" in type_("check", exit=2)
    assert "One mistake" in (write("[nothing]\n") or type_("check", exit=2))


def test_run_starts_nothing_when_there_are_mistakes(type_):
    write('[front_end]\nlgo = "json"\n[sipp]\n')
    said = type_("run", exit=2)
    assert said.count("error: ") == 2 and 'did you mean "log"?' in said and 'did you mean "sip"?' in said
    assert not Path("var").exists()


# ---- plugins


def test_plugins_are_listed(type_):
    write('[web]\n[second]\nuse = "cdr_csv"\n')
    found = {one["name"]: one for one in json.loads(type_("plugins", "list", "--json"))}
    assert {"admin", "cdr_csv", "cdr_jsonl", "commands", "irc", "sip", "web", "xmpp"} <= set(found)
    assert found["web"]["enabled"] and found["cdr_csv"]["enabled"] and not found["irc"]["enabled"]
    assert all(one["summary"] and not one["trouble"] for one in found.values())
    assert "no. 1" in type_("plugins", "list")


def test_a_plugin_is_shown_with_its_options(type_):
    said = type_("plugins", "show", "irc")
    assert "server = required    (text in quotes)" in said and "port = 6697    (a whole number from 1 to 65535)" in said
    assert "idle_minutes = 10" in type_("plugins", "show", "front_end")
    assert 'did you mean "irc"?' in type_("plugins", "show", "icr", exit=4)


def test_a_plugin_is_switched_on_and_off(type_):
    write(SHIPPED)
    assert "[cdr_jsonl] is on" in type_("plugins", "enable", "cdr_jsonl")
    assert "cdr_jsonl" in tomllib.loads(Path("plugins.toml").read_text())
    type_("plugins", "disable", "sip")
    assert "sip" not in tomllib.loads(Path("plugins.toml").read_text())
    type_("plugins", "enable", "sip")
    assert Path("plugins.toml").read_text() == SHIPPED.replace("# [cdr_jsonl]", "[cdr_jsonl]")


def test_what_a_plugin_still_needs_is_told(type_):
    write("[web]\n")
    said = type_("plugins", "enable", "irc")
    assert "plugins.toml:3: [irc] server is missing" in said and "channel is missing" in said


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["enable", "web"], 1, "[web] is switched on already"),
        (["enable", "wbe"], 4, 'did you mean "web"?'),
        (["disable", "irc"], 4, "no plugin irc is switched on"),
        (["disable", "front_end"], 4, "no plugin front_end"),
    ],
)
def test_what_cannot_be_switched(type_, argv, code, said):
    write("[web]\n")
    assert said in type_("plugins", *argv, exit=code)
    assert Path("plugins.toml").read_text() == "[web]\n"


def test_a_broken_file_is_not_touched(type_):
    write("[web]\nport = = 1\n")
    assert "plugins.toml:2: not TOML" in type_("plugins", "enable", "irc", exit=2)


def test_the_files_mode_and_a_link_to_it_stay(type_, tmp_path):
    (tmp_path / "etc").mkdir()
    Path("etc/real.toml").write_text("[web]\n")
    Path("etc/real.toml").chmod(0o640)
    Path("plugins.toml").symlink_to("etc/real.toml")
    type_("plugins", "enable", "cdr_csv")
    assert Path("plugins.toml").is_symlink() and "cdr_csv" in Path("etc/real.toml").read_text()
    assert Path("etc/real.toml").stat().st_mode & 0o777 == 0o640


# ---- the command line itself


def test_every_command_explains_itself_with_an_example(type_):
    def walk(group, path):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, [*path, name])
            else:
                said = type_(*path, name, "--help")
                assert f"hereabouts {' '.join([*path, name])}" in said, f"{path} {name} has no example"
                assert "--json" in said

    walk(main, [])
    assert "Exit codes" in type_("--help")


def test_a_near_miss_is_named(type_):
    assert 'there is no command "usr"; did you mean "user"?' in type_("usr", exit=2)
    assert 'did you mean "passwd"?' in type_("user", "paswd", exit=2)
    assert "No such command" in type_("xyzzy", exit=2)


def test_every_option_of_every_plugin_is_explained():
    for struct in (FrontEndSettings, *(one.factory.Options for one in available() if hasattr(one.factory, "Options"))):
        for option in options_of(struct):
            assert option.doc.endswith((".", "?")), f"{struct.__qualname__}.{option.name}"
