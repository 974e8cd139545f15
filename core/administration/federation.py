"""A deed about other domains: how each of them is doing."""

from __future__ import annotations

from ..federation import Partner
from ..front_end import FrontEnd


async def federation(front_end: FrontEnd) -> list[Partner]:
    """Every domain this server speaks with, whatever the protocol, and how that goes."""
    return front_end.federation.partners()
