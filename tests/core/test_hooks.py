"""Hooks: four disciplines, told by a hook's name, in which a plugin's trouble is its own."""

import asyncio
import inspect
import logging
import re
from contextlib import asynccontextmanager
from dataclasses import replace

import pluggy
import pytest

from ...core.errors import Answered, Refused, SettingsError
from ...core.hooks import PROJECT, Call, Hook, Mailbox, announcement, contribution, filtering, hookimpl, question
from ...core.hookspecs import Hooks
from ..people import ALICE, at, says
from ..plugged import hooks_of

HOOKS = {name: hook for name, hook in vars(Hooks).items() if isinstance(hook, Hook)}
PAST_TENSE = re.compile(r"_(signed_in|signed_out|\w+ed|began|left|said)$")
BY_NAME = {
    "lifespan": contribution,
    "routes": contribution,
    "addresses": contribution,
    "authenticate": question,
    "route": question,
    "access": question,
    "why_call": question,
    "trunks": contribution,
}
"""Nouns and verbs, which no pattern tells apart."""


# ---- the interface


@pytest.mark.parametrize("name", HOOKS)
def test_a_hooks_name_tells_its_discipline(name):
    expected = filtering if name.startswith("filter_") else announcement if PAST_TENSE.search(name) else BY_NAME[name]
    assert type(HOOKS[name]) is expected


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_what_it_is_for(name):
    assert inspect.getdoc(HOOKS[name].specification).endswith(".")


def test_the_specifications_are_what_pluggy_checks_against():
    specifications = Hooks.specifications()
    assert [name for name in vars(specifications) if name in HOOKS] == list(HOOKS)
    assert Hooks.authenticate is HOOKS["authenticate"].specification


def test_a_bare_hook_is_none():
    with pytest.raises(TypeError, match="one of the four disciplines"):
        Hook(lambda self, subject: None).caller([])


# ---- contribution


class Address:
    def __init__(self, *lines):
        self.lines = lines

    @hookimpl
    def addresses(self):
        return self.lines or None


def test_contributions_are_joined_in_order_and_nothing_is_left_out_but_none():
    hooks = hooks_of(Address(("a", "1")), type("Silent", (Address,), {})(), type("Other", (Address,), {})(("b", "2")))
    assert hooks.addresses(front_end=None) == [(("a", "1"),), (("b", "2"),)]


async def test_lifespans_are_context_managers():
    steps = []

    class Lives:
        @hookimpl
        @asynccontextmanager
        async def lifespan(self, front_end):
            steps.append(front_end)
            yield
            steps.append("end")

    (span,) = hooks_of(Lives()).lifespan(front_end="begin")
    async with span:
        assert steps == ["begin"]
    assert steps == ["begin", "end"]


# ---- question


def doorman(name, answer, asked):
    class Doorman:
        @hookimpl
        async def authenticate(self, identity, password):
            asked.append((name, password))
            if isinstance(answer, Exception):
                raise answer
            return answer

    Doorman.__name__ = name
    return Doorman()


async def test_the_first_answer_wins_and_false_is_one():
    asked = []
    hooks = hooks_of(doorman("a", None, asked), doorman("b", False, asked), doorman("c", True, asked))
    assert await hooks.authenticate(identity=ALICE, password="x") is False
    assert [name for name, _ in asked] == ["a", "b"]


async def test_nobody_asked_is_no_answer():
    assert await hooks_of().authenticate(identity=ALICE, password="x") is None


async def test_a_failing_plugin_has_no_answer_and_a_refusal_is_one(caplog):
    asked = []
    hooks = hooks_of(doorman("broken", RuntimeError("ldap is down"), asked), doorman("b", True, asked))
    assert await hooks.authenticate(identity=ALICE, password="x") is True
    assert "plugin broken failed in authenticate" in caplog.text
    hooks = hooks_of(doorman("strict", Refused("not on Sundays"), asked), doorman("b", True, asked))
    with pytest.raises(Refused, match="Sundays"):
        await hooks.authenticate(identity=ALICE, password="x")


async def test_a_plain_function_answers_too_and_takes_only_what_it_wants():
    class Plain:
        @hookimpl
        def authenticate(self, password):
            return password == "x"

    assert await hooks_of(Plain()).authenticate(identity=ALICE, password="x") is True


# ---- filter


def editor(name, change):
    class Editor:
        @hookimpl
        async def filter_message(self, message):
            return change(message)

    Editor.__name__ = name
    return Editor()


def louder(message):
    return replace(message, text=message.text + "!")


async def test_each_filter_gets_what_the_one_before_returned():
    seen = []
    hooks = hooks_of(editor("a", louder), editor("watch", lambda m: seen.append(m.text)), editor("b", louder))
    changed = await hooks.filter_message(message=says(ALICE, "hey"), conversation=None)
    assert changed.text == "hey!!" and seen == ["hey!"]


@pytest.mark.parametrize("error", [Refused("no links"), Answered("done")])
async def test_a_filter_may_stop_the_chain_with_an_error_of_ours(error):
    def stop(message):
        raise error

    seen = []
    hooks = hooks_of(editor("a", stop), editor("b", seen.append))
    with pytest.raises(type(error)):
        await hooks.filter_message(message=says(ALICE, "hey"), conversation=None)
    assert not seen


async def test_a_broken_filter_is_left_out(caplog):
    hooks = hooks_of(editor("broken", lambda message: 1 / 0), editor("b", louder))
    assert (await hooks.filter_message(message=says(ALICE, "hey"), conversation=None)).text == "hey!"
    assert "plugin broken failed in filter_message" in caplog.text


async def test_nobody_filters():
    message = says(ALICE, "hey")
    assert await hooks_of().filter_message(message=message, conversation=None) is message


# ---- announcement


class Listener:
    def __init__(self):
        self.heard = []

    @hookimpl
    async def endpoint_signed_in(self, endpoint, client):
        if client == "bomb":
            raise RuntimeError("boom")
        self.heard.append(client)

    @hookimpl
    def endpoint_signed_out(self, reason):
        self.heard.append(reason)


async def test_announcements_arrive_in_order_and_nobody_waits_for_them():
    listener = Listener()
    hooks = hooks_of(listener)
    async with hooks.delivered():
        hooks.endpoint_signed_in(endpoint=at(ALICE), client="one")
        hooks.endpoint_signed_out(endpoint=at(ALICE), reason="two")
        hooks.endpoint_signed_in(endpoint=at(ALICE), client="three")
        assert listener.heard == []
        await hooks.heard()
        assert listener.heard == ["one", "two", "three"]


async def test_a_failing_listener_harms_neither_the_others_nor_itself(caplog):
    first, second = Listener(), type("Second", (Listener,), {})()
    hooks = hooks_of(first, second)
    async with hooks.delivered():
        for client in ("bomb", "after"):
            hooks.endpoint_signed_in(endpoint=at(ALICE), client=client)
        await hooks.heard()
    assert first.heard == second.heard == ["after"]
    assert caplog.text.count("failed in endpoint_signed_in") == 2


async def test_what_is_left_is_delivered_at_the_end():
    listener = Listener()
    hooks = hooks_of(listener)
    async with hooks.delivered():
        hooks.endpoint_signed_in(endpoint=at(ALICE), client="late")
    assert listener.heard == ["late"]


async def test_a_listener_that_never_ends_is_not_waited_for_for_ever(caplog):
    class Endless:
        @hookimpl
        async def endpoint_signed_in(self):
            await asyncio.Event().wait()

    hooks = hooks_of(Endless())
    async with hooks.delivered(patience=0.01):
        hooks.endpoint_signed_in(endpoint=at(ALICE), client="x")
    assert "did not hear every announcement" in caplog.text


async def test_a_slow_listener_misses_what_does_not_fit(caplog):
    listener, box = Listener(), Mailbox("slow", limit=2)
    call = Call(listener.endpoint_signed_in, ("endpoint", "client"), True, box)
    for client in ("one", "two", "three"):
        box.post(call, {"endpoint": at(ALICE), "client": client})
    running = asyncio.create_task(box.run())
    await box.empty()
    running.cancel()
    assert listener.heard == ["one", "two"]
    assert "plugin slow is too slow: it missed endpoint_signed_in" in caplog.text


# ---- the rest


def test_who_implements_a_hook_is_known():
    hooks = hooks_of(Listener(), Address())
    assert hooks.implemented_by("endpoint_signed_in") == ["Listener"]
    assert hooks.implemented_by("addresses") == ["Address"]
    assert hooks.implemented_by("access") == []


@pytest.mark.parametrize("kind", [{"wrapper": True}, {"hookwrapper": True}])
def test_wrappers_are_refused(kind):
    class Wraps:
        @hookimpl(**kind)
        def authenticate(self, identity):
            yield

    host = pluggy.PluginManager(PROJECT)
    host.add_hookspecs(Hooks.specifications())
    host.register(Wraps(), name="wraps")
    with pytest.raises(SettingsError, match=r"\[wraps\] authenticate takes no wrapper"):
        Hooks(host)


def test_a_plugin_may_want_to_be_first():
    class Eager(Address):
        @hookimpl(tryfirst=True)
        def addresses(self):
            return "eager"

    class Reluctant(Address):
        @hookimpl(trylast=True)
        def addresses(self):
            return "reluctant"

    hooks = hooks_of(Reluctant(), Address(("a", "1")), Eager())
    assert hooks.addresses(front_end=None) == ["eager", (("a", "1"),), "reluctant"]


async def test_the_log_names_the_plugin_and_never_what_was_said(caplog):
    hooks = hooks_of(editor("broken", lambda message: 1 / 0))
    with caplog.at_level(logging.DEBUG):
        await hooks.filter_message(message=says(ALICE, "a secret"), conversation=None)
    assert "broken" in caplog.text and "a secret" not in caplog.text
