"""Deeds about the running server: who is signed in and why they look so, which plugins run, reload and stop."""

from __future__ import annotations

import os
from datetime import datetime

import msgspec

from ..errors import NotFound
from ..front_end import FrontEnd
from ..operator import Operator, Reloaded
from ..plugin_host import hook_names
from ..presence import PresenceDocument, Reason
from ..registrar import Binding
from .addresses import named


class Version(msgspec.Struct, frozen=True):
    """Which server this is."""

    version: str
    node: str
    domains: list[str]
    process: int
    started_at: datetime


class SignedIn(msgspec.Struct, frozen=True):
    """One endpoint that is signed in, and what it says about its person."""

    who: str
    instance: str
    client: str
    remote: str
    takes_messages: bool
    availability: str
    activity: str
    note: str


class Explanation(msgspec.Struct, frozen=True):
    """One person's presence and how it came about; with a watcher, also what the watcher sees of it."""

    who: str
    availability: str
    activity: str
    note: str
    since: datetime | None
    until: datetime | None
    last_seen: datetime | None
    reasons: list[Reason]
    endpoints: list[SignedIn]
    watcher: str = ""
    level: str = ""
    sees: str = ""


class Running(msgspec.Struct, frozen=True):
    """One plugin that runs, and the hooks it implements."""

    name: str
    kind: str
    hooks: list[str]


async def version(front_end: FrontEnd) -> Version:
    """Which server this is, and since when it runs."""
    domains = list(front_end.domains)
    return Version(front_end.version, front_end.node, domains, os.getpid(), front_end.started_at)


async def who(front_end: FrontEnd) -> list[SignedIn]:
    """Everybody who is signed in, each endpoint on its own."""
    return sorted(
        (_signed_in(front_end, b) for b in front_end.registrar.everybody()), key=lambda s: (s.who, s.instance)
    )


async def why(front_end: FrontEnd, who: str, watcher: str = "") -> Explanation:
    """Why somebody's presence is what it is, and what a watcher may see of it."""
    person = named(front_end, who)
    if front_end.ours(person.domain) and not await front_end.accounts.exists(person):
        raise NotFound(f"nobody is called {person}")
    document = front_end.presence.of(person)
    level = sees = ""
    if watcher:
        view = await front_end.presence.view(named(front_end, watcher), person)
        level, sees = view.level.name.lower(), _words(view.document)
    return Explanation(
        str(person),
        document.availability.word,
        document.activity.value,
        document.note,
        document.since,
        document.until,
        document.last_seen,
        front_end.presence.why(person),
        [_signed_in(front_end, binding) for binding in front_end.registrar.of(person)],
        str(named(front_end, watcher)) if watcher else "",
        level,
        sees,
    )


async def plugins(front_end: FrontEnd) -> list[Running]:
    """The plugins that run, in the order they are called."""
    hooks = front_end.hooks
    return [
        Running(name, type(plugin).__name__, [hook for hook in hook_names() if name in hooks.implemented_by(hook)])
        for name, plugin in front_end.plugins.items()
    ]


async def reload(front_end: FrontEnd) -> Reloaded:
    """Read plugins.toml and the certificate again, without dropping anybody."""
    return await _operator(front_end).reload()


async def stop(front_end: FrontEnd) -> None:
    """Stop: say goodbye to everybody, write what was promised, end."""
    _operator(front_end).stop()


def _operator(front_end: FrontEnd) -> Operator:
    if front_end.operator is None:
        raise NotFound("this server cannot be reloaded or stopped from here: whoever started it can")
    return front_end.operator


def _signed_in(front_end: FrontEnd, binding: Binding) -> SignedIn:
    endpoint = binding.endpoint
    devices = front_end.presence.of(endpoint.identity).devices
    device = next((d for d in devices if d.instance == endpoint.instance), None)
    return SignedIn(
        str(endpoint.identity),
        endpoint.instance,
        binding.client,
        binding.remote,
        binding.ready,
        device.availability.word if device else "",
        device.activity.value if device else "",
        device.note if device else "",
    )


def _words(document: PresenceDocument) -> str:
    return " ".join(filter(None, (document.availability.word, document.activity.value, document.note)))
