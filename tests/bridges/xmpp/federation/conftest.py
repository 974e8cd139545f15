"""A town of servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .houses import Town, town_in


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Nobody lives there yet."""
    async with town_in(tmp_path) as town:
        yield town
