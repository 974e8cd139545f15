"""Components while the server runs: the port for gateways, and the connections to the host that we are a part of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .gateways import Gateways

if TYPE_CHECKING:
    from ..services import Services


@asynccontextmanager
async def gateways(services: Services) -> AsyncIterator[None]:
    """Other people's gateways are the way to their domains."""
    options, router = services.options.gateways, services.router
    if options is None:
        yield
        return
    served = Gateways(services.front_end, options, router.abroad)
    services.ports["gateways"] = await served.open()
    router.abroad.carriers.append(served)
    router.listed.append(served.there)
    try:
        yield
    finally:
        await served.close()
        router.listed.remove(served.there)
        router.abroad.carriers.remove(served)


@asynccontextmanager
async def component(services: Services) -> AsyncIterator[None]:
    """Somebody's server is the way to everybody who is not ours."""
    options, router = services.options.component, services.router
    if options is None:
        yield
        return
    from .host import Host  # slixmpp is not loaded for nothing: it takes time and memory

    host = Host(services.front_end, options, router.abroad)
    router.abroad.carriers.append(host)
    host.start()
    try:
        yield
    finally:
        await host.close()
        router.abroad.carriers.remove(host)
