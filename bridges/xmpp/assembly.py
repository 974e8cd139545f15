"""What runs while XMPP is served, one after the other; the last that began ends first."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ...core.errors import SettingsError
from .components.features import component, gateways
from .external.services import ExternalServices
from .federation.features import federation
from .push.push import Push
from .queries import Place, Service
from .services import Services
from .stream.listener import Listener

UPLOAD = "upload."
"""What the service of shared files is called under, before the server's first domain."""
Feature = Callable[[Services], AbstractAsyncContextManager[None]]
"""Begins, and ends, something that runs."""


@asynccontextmanager
async def sessions(services: Services) -> AsyncIterator[None]:
    """What the registrar must tell the sessions of clients."""
    house, departed = services.house, services.front_end.registrar.departed
    departed.append(house.sessions.departed)
    try:
        yield
    finally:
        house.sessions.resumption.end_all("server stopping")
        departed.remove(house.sessions.departed)


@asynccontextmanager
async def pictures(services: Services) -> AsyncIterator[None]:
    """Everybody's picture is known by its hash before anybody signs in."""
    await services.router.prepare()
    yield


@asynccontextmanager
async def clients(services: Services) -> AsyncIterator[None]:
    """The ports for clients, STARTTLS and direct TLS."""
    options, ports, listener = services.options, services.ports, Listener(services.house)
    if options.component is not None and not options.component.clients:
        yield
        return
    try:
        for name, port, direct in (("starttls", options.port, False), ("tls", options.tls_port, True)):
            try:
                ports[name] = await listener.open(options.listen, port, direct=direct)
            except OSError as why:
                raise _cannot_listen(options.listen, port, why) from None
        yield
    finally:
        await listener.close()


@asynccontextmanager
async def on_the_web(services: Services) -> AsyncIterator[None]:
    """A port of XMPP's own for the web, and the end of what comes by the web server's."""
    async with services.web.listening(services.ports):
        yield


@asynccontextmanager
async def shared_files(services: Services) -> AsyncIterator[None]:
    """Room for files that people share."""
    uploads, router = services.web.uploads, services.router
    if uploads is None:
        yield
        return
    address = UPLOAD + services.front_end.domains[0]
    router.queries.add(uploads.queries())
    router.queries.services[address] = Service(Place.UPLOAD, uploads.offered)
    router.listed.append(lambda: [(address, "Shared files")] if uploads.offered() else [])
    async with uploads.kept():
        yield


@asynccontextmanager
async def external_services(services: Services) -> AsyncIterator[None]:
    """What clients use beside XMPP."""
    if found := services.options.services:
        external = ExternalServices(list(found.values()), services.front_end.clock)
        services.router.queries.add(external.queries())
    yield


@asynccontextmanager
async def phones(services: Services) -> AsyncIterator[None]:
    """Phones that are woken; where no other domain can be reached no service for that can."""
    options = services.options
    if not options.push.enabled or not (options.federation or options.gateways or options.component):
        yield
        return
    push = Push(services.front_end, services.router.resources, options.push)
    services.router.queries.add(push.queries())
    await push.open()
    try:
        yield
    finally:
        await push.close()


def _cannot_listen(host: str, port: int, why: OSError) -> SettingsError:
    place = f"{host or 'any address'}, port {port}"
    reason = os.strerror(why.errno) if why.errno else why
    return SettingsError([f"[xmpp] cannot listen at {place}: {reason}; choose another"])


FEATURES: tuple[Feature, ...] = (
    pictures,
    sessions,
    gateways,
    component,
    federation,
    external_services,
    phones,
    shared_files,
    on_the_web,
    clients,
)
"""A new feature that runs is a line here."""
