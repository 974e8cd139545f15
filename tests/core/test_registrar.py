"""Who is signed in where: bindings, leases, and what happens to those who do not renew them."""

from __future__ import annotations

import asyncio

import pytest

from ...core.errors import NotFound, TooLarge
from ...core.hookspecs import Hooks
from ...core.message import Notice
from ...core.registrar import MAX_ENDPOINTS, Binding, Registrar
from ...core.standalone import StandaloneDirectory
from ..people import ALICE, BOB, Desk, at, who
from ..plugged import hooks_of


def registrar_with(*plugins: object) -> Registrar:
    hooks: Hooks = hooks_of(*plugins)
    return Registrar(hooks, StandaloneDirectory(), "node")


async def test_a_signed_in_endpoint_is_found():
    registrar = registrar_with()
    desk = Binding(at(ALICE), Desk(), "test client")
    registrar.bind(desk)
    assert registrar.of(ALICE) == registrar.ready(ALICE) == [desk]
    assert registrar.at(at(ALICE)) is desk
    assert list(registrar.everybody()) == [desk]
    assert registrar.of(BOB) == []


async def test_an_endpoint_that_is_not_ready_takes_no_messages():
    registrar = registrar_with()
    registrar.bind(Binding(at(ALICE), Desk(), ready=False))
    assert registrar.ready(ALICE) == []
    assert await registrar.anywhere(ALICE)


async def test_renewing_is_no_replacement_but_another_channel_is():
    registrar, channel = registrar_with(), Desk()
    assert registrar.bind(Binding(at(ALICE), channel)) is None
    assert registrar.bind(Binding(at(ALICE), channel)) is None
    replaced = registrar.bind(Binding(at(ALICE), Desk()))
    assert replaced is not None and replaced.channel is channel


async def test_what_leads_elsewhere_is_told_for_those_who_are_signed_in_nowhere():
    registrar, told, eve = registrar_with(), [], who("eve@elsewhere.test")
    registrar.elsewhere.append(lambda person, news: told.append((person, news)))
    desk, news = Desk(), Notice("hello")
    registrar.bind(Binding(at(ALICE), desk))
    registrar.tell(ALICE, news)
    registrar.tell(eve, news)
    assert desk.news == [news] and told == [(eve, news)]


async def test_only_its_own_channel_signs_an_endpoint_out():
    registrar, old, new = registrar_with(), Desk(), Desk()
    registrar.bind(Binding(at(ALICE), old))
    registrar.bind(Binding(at(ALICE), new))
    assert registrar.unbind(at(ALICE), old) is None
    assert registrar.unbind(at(ALICE), new) is not None
    assert registrar.unbind(at(ALICE)) is None


async def test_one_person_signs_in_at_a_limited_number_of_places():
    registrar = registrar_with()
    for n in range(MAX_ENDPOINTS):
        registrar.bind(Binding(at(ALICE, f"e{n}"), Desk()))
    with pytest.raises(TooLarge):
        registrar.bind(Binding(at(ALICE, "one more"), Desk()))
    registrar.bind(Binding(at(ALICE, "e0"), Desk()))


async def test_a_lease_that_ends_signs_out_and_one_renewed_does_not():
    registrar, gone = registrar_with(), []
    left = asyncio.Event()
    registrar.departed.append(lambda binding, reason: (gone.append((binding.endpoint, reason)), left.set()))
    now = asyncio.get_running_loop().time()
    registrar.bind(Binding(at(ALICE), Desk(), expires=now + 0.01))
    registrar.bind(Binding(at(BOB), Desk(), expires=now + 0.01))
    registrar.bind(Binding(at(BOB), Desk(), expires=now + 3600))
    await asyncio.wait_for(left.wait(), 30)
    await asyncio.sleep(0)
    assert gone == [(at(ALICE), "its registration expired")]
    assert registrar.of(BOB)
    registrar.close()


async def test_news_reach_every_endpoint_but_one():
    registrar, desks = registrar_with(), {name: Desk() for name in ("desk", "phone")}
    for name, desk in desks.items():
        registrar.bind(Binding(at(ALICE, name), desk))
    registrar.tell(ALICE, Notice("hello"), but="phone")
    assert [len(desk.news) for desk in desks.values()] == [1, 0]


async def test_plugins_hear_of_comings_and_goings():
    from ...core.hooks import hookimpl

    heard = []

    class Ear:
        @hookimpl
        def endpoint_signed_in(self, endpoint, client):
            heard.append(("in", endpoint, client))

        @hookimpl
        def endpoint_signed_out(self, endpoint, reason):
            heard.append(("out", endpoint, reason))

    hooks = hooks_of(Ear())
    registrar = Registrar(hooks, StandaloneDirectory(), "node")
    async with hooks.delivered():
        registrar.bind(Binding(at(ALICE), Desk(), "test client"))
        registrar.unbind(at(ALICE), reason="signed out")
    assert heard == [("in", at(ALICE), "test client"), ("out", at(ALICE), "signed out")]


async def test_nothing_routes_to_a_foreign_domain_unless_a_plugin_does():
    from ...core.hooks import hookimpl

    foreign, channel = who("eve@fabrikam.example"), Desk()

    class Federation:
        @hookimpl
        async def route(self, identity):
            return channel if identity == foreign else None

    registrar = registrar_with(Federation())
    assert await registrar.foreign(foreign) is channel
    with pytest.raises(NotFound):
        await registrar.foreign(who("mallory@elsewhere.example"))
