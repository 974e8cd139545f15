"""The server as a process: ready, reloaded and stopped, and one sentence when it cannot start."""

import asyncio
import json
import os
import signal
import socket
import stat

import pytest

from ...people import DOMAIN
from ...ports import free_offset
from .program import started, until

QUIET = f'[front_end]\ndomains = ["{DOMAIN}"]\n[admin]\n[commands]\n'


def write(folder, text):
    (folder / "plugins.toml").write_text(text)


async def typed(folder, *argv):
    """A command's exit code, output and errors."""
    async with started(folder, *argv) as program:
        code = await program.end()
        return code, program.out, program.log


# ---- start and stop


async def test_it_is_ready_and_stops_when_told(tmp_path):
    write(tmp_path, f"{QUIET}[web]\nport = 0\n")
    async with started(tmp_path, "run") as program:
        ready = await program.ready()
        assert ready["domains"] == [DOMAIN] and ready["ports"]["web"] == ready["ports"]["web_http"] > 0
        assert stat.S_IMODE((tmp_path / "var" / "ready.json").stat().st_mode) == 0o600
        await until(lambda: "is ready for example.test" in program.out)
        assert f"http://127.0.0.1:{ready['ports']['web']}/" in program.out
        program.signal(signal.SIGTERM)
        assert await program.end() == 0
    assert program.log.rstrip().endswith("stopped")
    assert not (tmp_path / "var" / "ready.json").exists() and not (tmp_path / "var" / "admin.sock").exists()


async def test_one_line_of_json_for_programs(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run", "--json") as program:
        ready = await program.ready()
        await until(lambda: program.out.endswith("\n"))
        assert json.loads(program.out) == ready
        program.signal(signal.SIGINT)
        assert await program.end() == 0


async def test_the_command_stop(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        assert (await typed(tmp_path, "stop"))[1] == "The server is stopping.\n"
        assert await program.end() == 0


async def test_after_kill_9_the_next_start_is_as_usual(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        program.signal(signal.SIGKILL)
        await program.end()
        killed = json.loads((tmp_path / "var" / "ready.json").read_text())["process"]
    code, _, log = await typed(tmp_path, "who")
    assert code == 3 and "no server answers" in log
    async with started(tmp_path, "run") as program:
        await until(lambda: "is ready" in program.out)
        assert (await program.ready())["process"] != killed
        assert (await typed(tmp_path, "who"))[0] == 0


# ---- what keeps it from starting


async def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write(tmp_path, f'{QUIET}[web]\nport = {port}\n[sip]\nlisten = "127.0.0.1"\ntls_port = 0\n')
        code, out, log = await typed(tmp_path, "run")
    assert code in (1, 2) and not out
    errors = [line for line in log.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and str(port) in errors[0] and "in use" in errors[0] and "port" in errors[0]
    assert "Traceback" not in log and not (tmp_path / "var" / "admin.sock").exists()


async def test_a_second_server_on_the_same_database(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        code, _, log = await typed(tmp_path, "run")
        assert code == 1 and "stop that process" in log and "Traceback" not in log
        assert (tmp_path / "var" / "ready.json").exists()
        assert (await typed(tmp_path, "version"))[0] == 0, "the first one still serves"


async def test_a_database_that_is_none(tmp_path):
    write(tmp_path, QUIET)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "hereabouts.db").write_text("this is a shopping list, not a database" * 100)
    code, _, log = await typed(tmp_path, "run")
    assert code == 1 and "is damaged or no database" in log and "Traceback" not in log


async def test_a_certificate_that_cannot_be_read(tmp_path):
    (tmp_path / "c.pem").write_text("nonsense")
    (tmp_path / "k.pem").write_text("nonsense")
    write(tmp_path, '[front_end]\ncertificate = "c.pem"\nkey = "k.pem"\n[admin]\n')
    code, _, log = await typed(tmp_path, "run")
    assert code == 2 and f"error: the certificate {tmp_path}/c.pem is no PEM file with a certificate" in log
    assert "Traceback" not in log


async def test_a_state_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "var").write_text("")
    write(tmp_path, QUIET)
    code, _, log = await typed(tmp_path, "run")
    assert code == 1 and log.startswith("error: ") and log.count("\n") == 1


# ---- reload


async def test_reload_by_command_and_by_signal(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        write(tmp_path, QUIET.replace("[commands]", "[commands]\nwho = false") + "[cdr_csv]\n")
        code, out, _ = await typed(tmp_path, "reload", "--json")
        assert code == 0 and json.loads(out) == {
            "changed": ["certificate", "[commands]"],
            "restart_needed": ["which plugins there are, and their order"],
        }
        write(tmp_path, QUIET.replace("[admin]", 'idle_minutes = 3\nlog = "json"\n[admin]\nsocket = "other.sock"'))
        program.signal(signal.SIGHUP)
        await program.until_logged('"message": "reloaded: certificate, [front_end] log, [commands]"')
        await program.until_logged("a restart is needed for: [front_end] idle_minutes, [admin]")


async def test_a_reload_with_mistakes_changes_nothing(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        write(tmp_path, QUIET + "[sipp]\n[cdr_csv]\npaht = 1\n")
        code, _, log = await typed(tmp_path, "reload")
        assert code == 2 and log.count("error: ") == 2 and "plugins.toml:5: [sipp]" in log
        program.signal(signal.SIGHUP)
        await program.until_logged("not reloaded: ")
        assert (await typed(tmp_path, "version"))[0] == 0


async def test_reload_renews_the_certificate(tmp_path):
    write(tmp_path, QUIET)
    async with started(tmp_path, "run") as program:
        await program.ready()
        before = (tmp_path / "var" / "server.crt").read_bytes()
        (tmp_path / "var" / "server.crt").unlink()
        await typed(tmp_path, "reload")
        assert (tmp_path / "var" / "server.crt").read_bytes() != before


# ---- demo


@pytest.fixture
def offset():
    """Where the demo's ports are free."""
    return free_offset()


async def test_the_demo_serves_four_people_who_know_each_other(tmp_path, offset):
    async with started(tmp_path, "demo", "--port-offset", str(offset)) as program:
        ready = await program.ready()
        assert set(ready["accounts"]) == {f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dave")}
        assert ready["ports"]["sip_tls"] == 5061 + offset and ready["ports"]["web"] == 8080 + offset
        assert ready["ports"]["xmpp_starttls"] == 5222 + offset and ready["ports"]["sip_udp"] == 5060 + offset
        await until(lambda: "Ctrl-C stops it." in program.out)
        for said in (
            ready["accounts"][f"alice@{DOMAIN}"],
            str(5061 + offset),
            str(5222 + offset),
            ready["ca"],
            "http://",
        ):
            assert said in program.out
        _, out, _ = await typed(tmp_path, "contacts", "list", "carol", "--json")
        assert [(c["address"], c["sees"], c["seen"]) for c in json.loads(out)] == [
            (f"{name}@{DOMAIN}", True, True) for name in ("alice", "bob", "dave")
        ]
        program.signal(signal.SIGINT)
        assert await program.end() == 0
    assert program.out.endswith("Stopped.\n")
    async with started(tmp_path, "demo", "--port-offset", str(offset), "--lang", "de", "--json") as program:
        again = await program.ready()
        assert again["accounts"] == ready["accounts"]


async def test_the_demo_speaks_german_and_takes_another_domain(tmp_path, offset):
    more = ["--domain", "beispiel.test", "--port-offset", str(offset)]
    async with started(tmp_path, "demo", *more, LC_ALL="de_DE.UTF-8") as program:
        ready = await program.ready()
        await until(lambda: "Strg-C beendet es." in program.out)
        assert "alice@beispiel.test" in ready["accounts"] and "ist bereit für beispiel.test" in program.out


async def test_plain_sip_is_off_where_others_can_read_along(tmp_path, offset):
    async with started(tmp_path, "demo", "--listen", "0.0.0.0", "--port-offset", str(offset)) as program:
        assert "sip_tcp" not in (await program.ready())["ports"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--listen", "nowhere"], '--listen must be an address such as 127.0.0.1, not "nowhere"'),
        (["--domain", "No Domain"], "which is no domain in lower case"),
        (["--port-offset", "60000"], "60000 is not in the range"),
    ],
)
async def test_wishes_that_cannot_be_fulfilled(tmp_path, argv, said):
    code, _, log = await typed(tmp_path, "demo", *argv)
    assert code == 2 and said in log and not (tmp_path / "var").exists()


async def test_a_demo_whose_password_was_lost(tmp_path, offset):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo.json").write_text("[]")
    code, _, log = await typed(tmp_path, "demo", "--port-offset", str(offset))
    assert code == 1 and "demo.json does not hold the demo's password" in log and "Traceback" not in log


async def test_asked_twice_to_stop_it_does_not_wait(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import asyncio\nfrom contextlib import asynccontextmanager\nimport pluggy\n"
        "hookimpl = pluggy.HookimplMarker('hereabouts')\n"
        "class Slow:\n    @hookimpl\n    @asynccontextmanager\n    async def lifespan(self, front_end):\n"
        "        yield\n        print('stopping slowly', flush=True)\n        await asyncio.sleep(1000)\n"
    )
    write(tmp_path, QUIET + '[slow]\nuse = "slow:Slow"\n')
    async with started(tmp_path, "run", PYTHONPATH=os.pathsep.join((str(tmp_path), _parent()))) as program:
        await program.ready()
        program.signal(signal.SIGINT)
        await until(lambda: "stopping slowly" in program.out)
        program.signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await program.end() == 1


def _parent():
    from .program import ROOT

    return str(ROOT.parent)
