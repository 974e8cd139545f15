"""Federation while the server runs: the ports for other servers, and the way to theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .federation import Federation

if TYPE_CHECKING:
    from ..services import Services


@asynccontextmanager
async def federation(services: Services) -> AsyncIterator[None]:
    """Other domains' servers are the way to their people."""
    options, carriers = services.options.federation, services.router.abroad.carriers
    if options is None:
        yield
        return
    served = Federation(services.front_end, options, services.router.abroad)
    served.counts(services.router.abroad.sights.watched_at)
    services.ports.update(await served.open(services.options.listen))
    carriers.append(served)
    try:
        yield
    finally:
        carriers.remove(served)
        await served.close()
