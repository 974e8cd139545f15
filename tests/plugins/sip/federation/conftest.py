"""Two domains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .houses import Town, town_in


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Both run, and federate."""
    async with town_in(tmp_path) as town:
        yield await town.start_both()


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[Town]:
    """Neither runs yet."""
    async with town_in(tmp_path) as town:
        yield town
