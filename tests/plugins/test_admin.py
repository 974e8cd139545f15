"""The admin socket: every deed over HTTP, problems as problem+json, and nobody else gets in."""

import json
import stat

import aiohttp
import pytest

from ...core.administration import DEEDS
from ...core.errors import BadRequest, HereaboutsError, SettingsError
from ...core.operator import Reloaded
from ...plugins.admin import AdminSocket
from ..people import ALICE, BOB, CAROL
from ..stage import front_end_in, say


class Operator:
    """Remembers what it was asked for."""

    def __init__(self):
        self.stopped = 0
        self.trouble = None

    async def reload(self):
        if self.trouble:
            raise self.trouble
        return Reloaded(["certificate"])

    def stop(self):
        self.stopped += 1


@pytest.fixture
async def server(tmp_path):
    async with front_end_in(tmp_path, AdminSocket(AdminSocket.Options())) as front_end:
        front_end.operator = Operator()
        yield front_end


@pytest.fixture
async def ask(server):
    """Ask for something: status, content type and document."""
    connector = aiohttp.UnixConnector(str(server.state / "admin.sock"))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:

        async def ask(method, path, **more):
            async with session.request(method, path, **more) as answer:
                raw = await answer.read()
                return answer.status, answer.content_type, json.loads(raw) if raw else None

        yield ask


# ---- the socket


async def test_it_is_for_the_servers_own_user_and_goes_with_the_server(tmp_path):
    async with front_end_in(tmp_path, AdminSocket(AdminSocket.Options(socket="door.sock"))) as front_end:
        path = tmp_path / "door.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        ((line,),) = front_end.hooks.addresses(front_end=front_end)
        assert line == ("Administration", str(path))
    assert not path.exists()


async def test_a_second_server_does_not_push_the_first_aside(server, tmp_path):
    second = AdminSocket(AdminSocket.Options(socket=str(server.state / "admin.sock")))
    with pytest.raises(HereaboutsError, match="another server listens on"):
        async with front_end_in(tmp_path / "second", second):
            pass
    assert (server.state / "admin.sock").is_socket()


# ---- deeds


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_every_deed_says_what_it_does_and_what_it_takes(deed):
    assert deed.function.__doc__.strip().split("\n")[0].endswith(".")
    assert set(deed.in_path) <= set(deed.arguments.__struct_fields__)
    assert deed.method in ("GET", "POST", "PUT", "PATCH", "DELETE")


async def test_a_person_from_beginning_to_end(ask):
    status, kind, erin = await ask(
        "POST", "/people", json={"address": "erin", "password": "open sesame", "name": "Erin"}
    )
    assert (status, kind, erin["address"]) == (200, "application/json", "erin@example.test")
    assert (await ask("GET", "/people?query=ERIN"))[2] == [erin]
    assert (await ask("PATCH", "/people/erin", json={"title": "Boss"}))[2]["title"] == "Boss"
    assert (await ask("PUT", "/people/erin/password", json={"password": "another one"}))[0] == 204
    assert (await ask("DELETE", "/people/erin@example.test"))[0] == 204
    assert (await ask("GET", "/people/erin"))[0] == 404


async def test_a_third_person_over_http(server, ask):
    await say(server, ALICE, BOB, "hello")
    ((conversation),) = (await ask("GET", "/conversations"))[2]
    body = {"who": "carol", "history": "all", "by": str(BOB)}
    status, _, after = await ask("POST", f"/conversations/{conversation['id']}/participants", json=body)
    assert status == 200 and after["participants"][-1] == str(CAROL) and after["shape"] == "conference"


async def test_numbers_and_truths_in_an_address(server, ask):
    for reason in ("a", "b", "c"):
        await say(server, ALICE, BOB, "hello")
        await server.immcu.end(server.immcu.of(ALICE)[0], reason)
    assert [r["reason"] for r in (await ask("GET", "/records?limit=2&last=true"))[2]] == ["b", "c"]
    assert [r["reason"] for r in (await ask("GET", "/records?after=1&limit=1"))[2]] == ["b"]


async def test_plugins_reload_and_stop(server, ask):
    (plugin,) = (await ask("GET", "/plugins"))[2]
    assert plugin == {"name": "AdminSocket", "kind": "AdminSocket", "hooks": ["lifespan", "addresses"]}
    assert (await ask("POST", "/reload"))[2] == {"changed": ["certificate"], "restart_needed": []}
    assert (await ask("POST", "/stop"))[0] == 204 and server.operator.stopped == 1


async def test_everything_as_lines(server):
    connector = aiohttp.UnixConnector(str(server.state / "admin.sock"))
    session = aiohttp.ClientSession("http://localhost", connector=connector)
    async with session, session.get("/export") as answer:
        assert answer.content_type == "application/x-ndjson"
        lines = (await answer.read()).splitlines()
    assert len(lines) >= 5 and all(isinstance(json.loads(line), (dict, list)) for line in lines)


# ---- problems


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "said"),
    [
        ("GET", "/people/nobody", {}, 404, "nobody is called nobody@example.test"),
        ("GET", "/people/a%20b", {}, 400, "is not an address"),
        ("POST", "/people", {"json": {"address": "alice", "password": "open sesame"}}, 409, "exists already"),
        ("POST", "/people", {"json": {"adress": "erin"}}, 400, "unknown field"),
        ("POST", "/people", {"json": {}}, 400, "missing required field"),
        ("POST", "/people", {"json": {"address": 3}}, 400, "Expected"),
        ("POST", "/people", {"json": ["erin"]}, 400, "no JSON object"),
        ("POST", "/people", {"data": b"{"}, 400, "no JSON"),
        ("POST", "/people", {"data": b"\xff"}, 400, "no JSON"),
        ("POST", "/people", {"json": {"address": "x@other.test"}}, 403, "not served here"),
        ("GET", "/records?limit=0", {}, 400, ">= 1"),
        ("GET", "/records?limit=many", {}, 400, "Expected"),
        ("GET", "/records?frm=1", {}, 400, "unknown field"),
        ("POST", "/conversations/x/participants", {"json": {"who": "bob", "history": "some"}}, 400, "Invalid enum"),
        ("GET", "/nothing", {}, 404, None),
        ("DELETE", "/people", {}, 405, None),
    ],
)
async def test_a_problem_says_what_is_wrong(ask, method, path, more, status, said):
    found, kind, problem = await ask(method, path, **more)
    assert (found, kind, problem["status"]) == (status, "application/problem+json", status)
    assert problem["title"] and (said is None or said in problem["detail"])


async def test_every_mistake_of_the_configuration(server, ask):
    server.operator.trouble = SettingsError(["plugins.toml:1: one", "plugins.toml:2: two"])
    status, _, problem = await ask("POST", "/reload")
    assert status == 422 and problem["mistakes"] == ["plugins.toml:1: one", "plugins.toml:2: two"]


async def test_every_mistake_of_a_table(ask):
    status, _, problem = await ask("POST", "/people/import", json={"table": "address\nx@other.test\ny\n"})
    assert status == 400 and len(problem["mistakes"]) == 2


async def test_a_server_that_nobody_operates(server, ask):
    server.operator = None
    assert (await ask("POST", "/stop"))[0] == 404


async def test_a_mistake_of_ours_is_a_500_without_details(server, ask, caplog):
    server.operator.trouble = RuntimeError("a secret")
    connector = aiohttp.UnixConnector(str(server.state / "admin.sock"))
    session = aiohttp.ClientSession("http://localhost", connector=connector)
    async with session, session.post("/reload") as answer:
        assert answer.status == 500 and "a secret" not in await answer.text()
    assert "a secret" in caplog.text


def test_arguments_are_checked_where_they_are_named():
    with pytest.raises(BadRequest, match='missing required field "who"'):
        DEEDS["person"].checked({})
    assert DEEDS["records"].checked({"last": "true", "limit": "5"}, texts=True) == {
        "after": 0,
        "limit": 5,
        "last": True,
    }
